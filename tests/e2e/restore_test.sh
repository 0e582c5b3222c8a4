#!/usr/bin/env bash
# Restores on the tiny image: in place and into a clone; each damage of a recovery point leaves what lives alone; data that does not prove
# healthy goes back; a daemon that is killed after any step ends with the old or the new, whole.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
configuration="restore: {grace: 10s}"
set_up

container=$prefix-acme.erp
places=$data/backups
tiny() { sql acme_erp "select v from tiny where k = '$1'"; }
data_file() { docker exec "$container" cat "/data/$1"; }
phase() { ctl get restore "$1" -n acme -o json 2>/dev/null | jq -r '.status.phase // "Pending"'; }
message() { ctl get restore "$1" -n acme -o json | jq -r .status.message; }
is_over() { case $(phase "$1") in Completed | Failed | RolledBack) return 0 ;; *) return 1 ;; esac }
restore() { # restore NAME BACKUP MORE...: a Restore of erp by that name
    printf 'apiVersion: tenantd/v1\nkind: Restore\nmetadata: {name: %s, namespace: acme}\nspec: {backup: %s, %s}\n' "$1" "$2" "${3:-instance: erp}" | ctl apply -f - >/dev/null
}
backup() { # backup NAME: a recovery point of erp
    printf 'apiVersion: tenantd/v1\nkind: Backup\nmetadata: {name: %s, namespace: acme}\nspec: {instance: erp}\n' "$1" | ctl apply -f - >/dev/null
    eventually "recovery point $1 is made" 90 shows Completed field backup "$1" .status.phase acme
}
databases() { sql postgres "select string_agg(datname, ' ' order by datname) from pg_database where datname like 'acme%'"; }
volumes() { docker volume ls -q --filter "name=^$prefix-acme" | sort | tr '\n' ' '; }
helpers() { docker ps -aq --filter "name=^$prefix-acme.*(job|drill)" | wc -l; }
image=$(docker image inspect -f '{{.Id}}' tenantd/tiny:1 2>/dev/null)
[ -n "$image" ] || tests/images/tiny.sh || exit 1

check "the app is applied" ctl apply -f tests/e2e/apps/tiny-restore.yaml
printf 'apiVersion: tenantd/v1\nkind: Tenant\nmetadata: {name: acme}\nspec: {displayName: Acme, owner: a@b.example}\n' | ctl apply -f - >/dev/null
cat >"$home/erp.yaml" <<'EOF'
apiVersion: tenantd/v1
kind: Instance
metadata: {name: erp, namespace: acme}
spec: {app: tiny, version: "1", deletionPolicy: Delete, publish: auto, resources: {cpu: "0.5", memory: 64Mi, storage: 1Gi}}
EOF
check "the instance becomes Ready" ctl apply -f "$home/erp.yaml" --wait --timeout=90s
docker exec "$container" sh -c 'mkdir -p /data/in && echo original >/data/in/file && chmod 640 /data/in/file && head -c 300000 /dev/urandom >/data/random'
hash_before=$(docker exec "$container" sha256sum /data/random)
sql acme_erp "insert into tiny values ('payload', 'original')"
first=first
backup first

# ---- in place ----
wreck() {
    docker exec "$container" sh -c 'rm -f /data/random; echo wrecked >/data/in/file; echo new >/data/extra'
    sql acme_erp "update tiny set v = 'wrecked' where k = 'payload'"
}
wreck
check "restore, and wait" ctl restore acme/erp --from "$first" --wait --timeout=120s
equal "the row is as it was" original "$(tiny payload)"
equal "the file is as it was" original "$(data_file in/file)"
equal "the large file, too" "$hash_before" "$(docker exec "$container" sha256sum /data/random)"
equal "its owner and mode" "1000:1000 640" "$(docker exec "$container" stat -c '%u:%g %a' /data/in/file)"
refuse "what came later is gone" "No such file" data_file extra
eventually "Ready" 60 ready acme/erp
role=$(instance acme/erp .status.database.role)
equal "all belongs to its role" "$role" "$(sql acme_erp "select distinct pg_get_userbyid(relowner) from pg_class where relname = 'tiny'")"
equal "the database's name stays" acme_erp "$(instance acme/erp .status.database.name)"
contain "the old database is kept aside" "acme_erp acme_erp_replaced_[0-9a-f]{12}" "$(databases)"
equal "closed" f "$(sql postgres "select datallowconn from pg_database where datname like 'acme_erp_replaced%'")"
equal "two volumes" 2 "$(volumes | wc -w)"
equal "no restore.after for the same data" "" "$(tiny restored)"
equal "nothing else is left" 0 "$(helpers)"
eventually "both go after the grace period" 60 shows acme_erp databases
eventually "the volume, too" 20 shows 1 eval 'volumes | wc -w'
contain "the restore says so" "has the data of $first" "$(ctl get restores -n acme -o json | jq -r '.items[0].status.message')"

# ---- an edit waits; one at a time ----
restore one "$first"
restore two "$first"
eventually "both come to their end, one after the other" 120 eval 'is_over one && is_over two'
equal "each is completed" "Completed Completed" "$(phase one) $(phase two)"

# ---- into a new instance ----
check "a clone" ctl restore acme/erp --from "$first" --to acme/copy --neutralize --wait --timeout=120s
eventually "it is Ready" 60 ready acme/copy
equal "its rows" original "$(sql acme_copy "select v from tiny where k = 'payload'")"
equal "its restore.after knew source and purpose" "acme_erp yes" "$(sql acme_copy "select v from tiny where k = 'restored'")"
equal "its files" original "$(docker exec "$prefix-acme.copy" cat /data/in/file)"
equal "no published port" none "$(instance acme/copy .spec.publish)"
refuse "a clone does not take a name that is there" "exists; choose another" ctl restore acme/erp --from "$first" --to acme/copy --wait --timeout=60s
equal "the clone was left alone" original "$(sql acme_copy "select v from tiny where k = 'payload'")"
ctl delete instance copy -n acme >/dev/null
eventually "the clone goes" 60 gone "$prefix-acme.copy"

# ---- data that does not prove healthy ----
docker exec "$container" sh -c 'echo sick >/data/unhealthy'
sql acme_erp "update tiny set v = 'sick' where k = 'payload'"
sick=sick
backup sick
docker exec "$container" rm -f /data/unhealthy
sql acme_erp "update tiny set v = 'well' where k = 'payload'"
eventually "well again" 60 ready acme/erp
refuse "it does not become healthy" "did not become healthy" ctl restore acme/erp --from "$sick" --wait --timeout=180s
eventually "the old one serves again" 60 ready acme/erp
equal "the row of before" well "$(tiny payload)"
refuse "and the file of before" "No such file" data_file unhealthy
contain "it says RolledBack" RolledBack "$(ctl get restores -n acme -o json | jq -r '.items[].status.phase')"
eventually "what was built is dropped" 60 shows acme_erp databases
eventually "with its volume" 20 shows 1 eval 'volumes | wc -w'

# ---- damage: what lives is untouched, and the error names the object ----
point=$(find "$places" -type d -path "*/$first" | head -1)
contain "the recovery point is in the local tier" "/$first" "$point"
cp -a "$point" "$home/good"
id_before=$(inspect "$container" '{{.Id}} {{.State.StartedAt}}')
damage() { # damage NAME PATTERN COMMAND
    (cd "$point" && eval "$3")
    restore "$1" "$first"
    eventually "$1: it fails" 60 is_over "$1"
    equal "$1: Failed" Failed "$(phase "$1")"
    contain "$1: the error names it" "$2" "$(message "$1")"
    equal "$1: untouched" "$id_before well" "$(inspect "$container" '{{.Id}} {{.State.StartedAt}}') $(tiny payload)"
    equal "$1: nothing is left" "acme_erp 1 0" "$(databases) $(volumes | wc -w) $(helpers)"
    rm -rf "$point" && cp -a "$home/good" "$point"
}
damage missing 'database\.dump\.zst\.age' 'rm database.dump.zst.age'
damage truncated 'data\.tar\.zst\.age' 'truncate -s -100 data.tar.zst.age'
damage flipped 'database\.dump\.zst\.age' 'printf "\\377" | dd of=database.dump.zst.age bs=1 seek=700 conv=notrunc 2>/dev/null'
damage swapped 'database\.dump\.zst\.age|data\.tar\.zst\.age' 'mv database.dump.zst.age x && mv data.tar.zst.age database.dump.zst.age && mv x data.tar.zst.age'
damage future 'manifest|format' 'jq ".format = 99" manifest.json >m && mv m manifest.json'
damage forged 'manifest' 'jq ".database.name = \"other\"" manifest.json >m && mv m manifest.json'
refuse "a backup that is not there" "no recovery point nosuch" ctl restore acme/erp --from nosuch --wait --timeout=60s

# ---- kill -9 after each step ----
walk=0
sql acme_erp "update tiny set v = 'well' where k = 'payload'"
for step in resolve claim-instance verify build-database build-data offer switch-data accept-restore finish; do
    walk=$((walk + 1))
    name=walk-$walk
    lines=$(wc -l <"$log")
    restore "$name" "$first"
    until_done=$((SECONDS + 60))
    until tail -n +$((lines + 1)) "$log" | grep -q "step done.*step=$step" || [ $SECONDS -ge $until_done ]; do sleep 0.02; done
    daemon_kill
    daemon_start || exit 1
    eventually "killed after $step: it comes to its end" 120 is_over "$name"
    equal "killed after $step: completed" Completed "$(phase "$name")"
    eventually "killed after $step: Ready" 60 ready acme/erp
    equal "killed after $step: the new state, whole" "original original" "$(tiny payload) $(data_file in/file)"
    eventually "killed after $step: nothing is left in the end" 60 shows "acme_erp 1 0" eval 'echo "$(databases) $(volumes | wc -w) $(helpers)"'
    sql acme_erp "update tiny set v = 'well' where k = 'payload'"
done

# ---- deleted in the midst ----
restore late "$first"
ctl delete instance erp -n acme --wait=false >/dev/null
eventually "the instance goes" 90 gone "$container"
eventually "with all databases" 60 shows "" databases
eventually "and volumes" 30 shows 0 eval 'volumes | wc -w'
eventually "the restore is over" 30 is_over late
