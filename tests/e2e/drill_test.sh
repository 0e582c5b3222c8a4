#!/usr/bin/env bash
# The restore drill on the tiny image: it proves a recovery point without touching the instance, leaves nothing, says what is wrong with a
# bad one, and is run by schedule.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
set_up

container=$prefix-acme.erp
drill() { # drill NAME MORE: a drill of erp by that name
    printf 'apiVersion: tenantd/v1\nkind: Restore\nmetadata: {name: %s, namespace: acme}\nspec: {drill: true, instance: erp%s}\n' "$1" "${2:-}" | ctl apply -f - >/dev/null
}
of() { ctl get restore "$1" -n acme -o json | jq -r "$2"; }
is_over() { [[ $(of "$1" .status.phase) =~ ^(Completed|Failed)$ ]]; }
backup() {
    printf 'apiVersion: tenantd/v1\nkind: Backup\nmetadata: {name: %s, namespace: acme}\nspec: {instance: erp}\n' "$1" | ctl apply -f - >/dev/null
    eventually "recovery point $1 is made" 90 shows Completed field backup "$1" .status.phase acme
}
current() { instance acme/erp '.status.conditions[] | select(.type=="BackupCurrent") | "\(.status) \(.reason)"'; }
leftovers() { # containers, volumes, networks and databases beside the instance's own
    docker ps -a --filter "name=^$prefix-acme" --format '{{.Names}}' | grep -v "^$container$"
    docker volume ls -q --filter "name=^$prefix-acme" | grep -v "^$(instance acme/erp .status.storage.volume)$"
    docker network ls --filter "name=^$prefix-acme" --format '{{.Name}}' | grep -v "^$prefix-acme$"
    sql postgres "select datname from pg_database where datname like 'acme%' and datname <> 'acme_erp'"
    sql tenantd "select scope || ' ' || value from store.claim where scope in ('drill', 'restore', 'point-in-use')"
}

check "the app is applied" ctl apply -f tests/e2e/apps/tiny-restore.yaml
ctl apply -f - >/dev/null <<<'{apiVersion: tenantd/v1, kind: Tenant, metadata: {name: acme}, spec: {owner: a@b.example}}'
erp() { # erp MORE-OF-SPEC
    printf 'apiVersion: tenantd/v1\nkind: Instance\nmetadata: {name: erp, namespace: acme}\nspec: {app: tiny, version: "1", deletionPolicy: Delete, resources: {cpu: "0.5", memory: 64Mi, storage: 1Gi}%s}\n' "${1:-}" | ctl apply -f - "${@:2}"
}
check "the instance becomes Ready" erp "" --wait --timeout=90s
docker exec "$container" sh -c 'mkdir -p /data/in && echo one >/data/in/file && ln -s file /data/in/link && head -c 200000 /dev/urandom >/data/random'
drill nothing
eventually "a drill without a recovery point is over" 60 is_over nothing
contain "it says that there is none" "no recovery point yet" "$(of nothing .status.message)"
backup b1
id_before=$(inspect "$container" '{{.Id}} {{.State.StartedAt}}')

# ---- a good one ----
drill good
eventually "the drill is over" 120 is_over good
equal "it passes" Completed "$(of good .status.phase)"
contain "it compared tables and files" "^1 [3-9]" "$(of good '"\(.status.checked.tables) \(.status.checked.files)"')"
contain "it measured" "^[0-9]+$" "$(of good .status.seconds)"
equal "the newest recovery point" "acme/$(instance acme/erp .metadata.uid)/b1" "$(of good .status.point)"
eventually "the instance shows it" 30 shows "Passed" instance acme/erp .status.backup.lastDrill.result
equal "the instance was not touched" "$id_before" "$(inspect "$container" '{{.Id}} {{.State.StartedAt}}')"
equal "its data neither" "" "$(sql acme_erp "select v from tiny where k = 'restored'")"
equal "nothing is left" "" "$(leftovers)"
contain "an event" DrillCompleted "$(ctl events acme/erp)"
contain "a metric" 'tenantd_drills_total\{result="Completed"\} [1-9]' "$(curl -sk -H "Authorization: Bearer $(cat "$data/admin.token")" "https://127.0.0.1:$port/metrics")"

check "by the command line, too" ctl backup drill acme/erp --wait --timeout=120s
refuse "with its reason where it fails" "not found" ctl backup drill acme/nosuch --wait --timeout=60s

# ---- an application that does not start there ----
docker exec "$container" sh -c 'echo sick >/data/unhealthy'
backup b2
docker exec "$container" rm /data/unhealthy
drill sick
eventually "a drill of a sick one is over" 120 is_over sick
equal "it fails" Failed "$(of sick .status.phase)"
contain "because it is not healthy" "did not become healthy in the scratch" "$(of sick .status.message)"
eventually "BackupCurrent is False" 30 shows "False DrillFailed" current
equal "nothing is left of it" "" "$(leftovers)"
contain "a warning" DrillFailed "$(ctl events acme/erp)"

# ---- a damaged one ----
point=$(find "$data/backups" -type d -path "*/b1")
printf '\377' | dd of="$point/data.tar.zst.age" bs=1 seek=500 conv=notrunc 2>/dev/null
drill damaged ', backup: b1'
eventually "a drill of a damaged one is over" 120 is_over damaged
contain "it names the object" "data.tar.zst.age" "$(of damaged .status.message)"
equal "nothing is left of that" "" "$(leftovers)"

# ---- kill -9 in its midst ----
backup b3
for step in build-database build-data compare start-scratch; do
    lines=$(wc -l <"$log")
    drill "killed-$step"
    until_done=$((SECONDS + 60))
    until tail -n +$((lines + 1)) "$log" | grep -q "step done.*step=$step" || [ $SECONDS -ge $until_done ]; do sleep 0.02; done
    daemon_kill
    daemon_start || exit 1
    eventually "killed after $step: it comes to its end" 120 is_over "killed-$step"
    equal "killed after $step: passed" Completed "$(of "killed-$step" .status.phase)"
    eventually "killed after $step: nothing is left" 30 shows "" leftovers
done
eventually "a drill that passes ends the complaint" 30 test -z "$(current)"

# ---- by schedule ----
check "a schedule" erp ', backup: {drill: {schedule: "* * * * *"}}'
scheduled() { ctl get restores -n acme -o json | jq -r '[.items[] | select(.metadata.name | test("^erp-drill-[0-9]{8}-[0-9]{4}")) | select(.status.phase == "Completed")] | length'; }
is_scheduled() { [ "$(scheduled)" -ge 1 ]; }
eventually "a drill is made when it is due, and passes" 200 is_scheduled
check "no more" erp ""

# ---- deleted in its midst ----
drill late
ctl delete instance erp -n acme --wait=false >/dev/null
eventually "the instance goes" 90 gone "$container"
eventually "the drill is over" 60 is_over late
eventually "and nothing is left" 60 shows "" eval 'docker ps -aq --filter "name=^$prefix-acme"; docker volume ls -q --filter "name=^$prefix-acme"; sql postgres "select datname from pg_database where datname like '"'acme%'"'"'
check "the tenant goes, with its restores" ctl delete tenant acme --timeout=90s
