#!/usr/bin/env bash
# The host is lost: data directory, database cluster, containers, volumes. From the bucket and the recovery key alone an empty daemon gets back every
# instance as its last backup had it, and lists what was deleted before.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
rgw=$home/rgw
rm -rf "$home"
mkdir -p "$home"
clean_up() { tests/tools/rgw.sh stop "$rgw" >/dev/null 2>&1; }
trap clean_up EXIT
started=$(tests/tools/rgw.sh start "$rgw" $$) || { echo "not ok - the S3 server starts"; exit 1; }
eval "$(sed 's/^/export /' <<<"$started")"
# set_up() begins with an empty directory, which must not be the server's.
home=$home/suite
data=$home/data
log=$home/tenantd.log
out=$home/out
export KUBECONFIG=$data/admin.kubeconfig
# shellcheck source=tests/e2e/lib_source.sh
source tests/e2e/lib_source.sh
configuration="backup: {records: \"* * * * *\", s3: {endpoint: \"$S3_ENDPOINT\", bucket: points, prefix: one, accessKey: \"$S3_ACCESS_KEY\", secretKey: \"$S3_SECRET_KEY\"}}"
set_up

look() { python3 tests/tools/s3_look.py "$@"; }
apply() { ctl apply -f - "$@"; }
owned_tenant() { printf 'apiVersion: tenantd/v1\nkind: Tenant\nmetadata: {name: %s}\nspec: {owner: a@b.example%s}\n' "$1" "${2:-}" | apply; }
make_instance() { # make_instance TENANT/NAME
    printf 'apiVersion: tenantd/v1\nkind: Instance\nmetadata: {name: %s, namespace: %s}\nspec: {app: tiny, version: "1", deletionPolicy: Backup, resources: {cpu: "0.2", memory: 64Mi, storage: 1Gi}}\n' "${1#*/}" "${1%/*}" | apply
}
database() { echo "${1%/*}_${1#*/}"; }
container() { echo "$prefix-${1%/*}.${1#*/}"; }
put() { # put TENANT/NAME TEXT: as a row and as a file
    docker exec "$(container "$1")" sh -c "echo $2 >/data/note" && sql "$(database "$1")" "insert into tiny values ('note', '$2') on conflict (k) do update set v = '$2'"
}
row() { sql "$(database "$1")" "select v from tiny where k = 'note'"; }
file() { docker exec "$(container "$1")" cat /data/note; }
serves() { [ "$(row "$1") $(file "$1")" = "$2 $2" ] && ready "$1"; }
backup() { ctl backup "$1" --wait >/dev/null; }
points() { ctl get backups -n "$1" -o json | jq -r '[.items[] | .spec.instance + " " + .status.phase] | sort | unique | join(", ")'; }
all=(acme/erp acme/crm globex/shop)

check "the app is applied" ctl apply -f tests/e2e/apps/tiny.yaml
check "a tenant" owned_tenant acme ', quota: {instances: 4}'
check "one with a bucket of its own" owned_tenant globex ', backup: {bucket: globex-points}'
check "one that will go" owned_tenant initech
for it in "${all[@]}" acme/bare initech/old; do check "instance $it" make_instance "$it"; done
for it in "${all[@]}" acme/bare initech/old; do eventually "$it becomes Ready" 300 ready "$it"; done
for it in "${all[@]}" initech/old; do check "$it has data" put "$it" "early-${it#*/}"; done
check "a first backup" backup acme/erp
for it in "${all[@]}"; do check "$it has more data" put "$it" "late-${it#*/}"; done
for it in "${all[@]}"; do check "the last backup of $it" backup "$it"; done
check "an instance is deleted, with its tenant" ctl delete tenant initech
eventually "which waits for its last backup" 180 shows "" ctl get tenant initech -o name
check "what comes after the last backup is lost" put acme/erp lost
password=$(ctl secret acme/erp adminPassword)
declare -A uid
for it in "${all[@]}"; do uid[$it]=$(instance "$it" .metadata.uid); done

# What a repository states, which is not lost with the host.
git init -q -b main "$repo"
tenant umbrella >"$repo/umbrella.yaml"
revision=$(commit) # first: a branch that is not there yet is looked for again an hour later
check "a Source" apply <<<"$(source_of fleet "git: {url: 'file://$repo'}" 'interval: 1h' 'prune: true')"
eventually "syncs" 60 synced fleet "$revision"
source_uid=$(src fleet .metadata.uid)

# An edit that no recovery point has, but the copy of the records.
check "a late edit" kctl patch instance crm -n acme --type merge -p '{"spec":{"description":"edited late"}}'
check "the key goes elsewhere" ctl key export "$home/../recovery.key"
installation=$(cat "$data/installation")
copy=one/_installation/$installation/records.json.zst.age
open_copy() { look get points "$copy" | age -d -i "$home/../recovery.key" | zstd -dqc; }
copied() { open_copy | jq -r '.records[].record | select(.metadata.name == "crm") | .spec.description'; }
eventually "the records are copied" 240 shows "edited late" copied

# ---- all of the host goes ----
lose_host() {
    daemon_kill
    "$build/tenantd" stop --with-database --config="$home/tenantd.yaml" >/dev/null
    remove_objects "$prefix"
    remove_cluster
    rm -rf "$data"
}
new_host() { "$build/tenantd" import-key --config="$home/tenantd.yaml" --from="$home/../recovery.key" && daemon_start; }
lose_host
equal "nothing is left" "" "$(docker ps -aq --filter "name=^$prefix-")$(docker volume ls -q --filter "name=^$prefix-")$(docker network ls -q --filter "name=^$prefix-")"
check "an empty daemon with the key" new_host
equal "it knows nothing" "" "$(ctl get instances -A -o name 2>/dev/null)"
eventually "and does not write over what it does not know" 60 grep -q 'is there, and these records were not made of it' "$log"
equal "the copy of the records is as it was" "edited late" "$(copied)"
said=$(ctl catalog rebuild 2>&1)
equal "the catalogue is rebuilt" 0 $?
printf "%s\n" "$said" >"$out/rebuild"
for it in "${all[@]}"; do contain "it tells that $it comes back" "is being restored: $it from" "$said"; done
contain "and what does not: no recovery point" "not made: acme/bare: there is no recovery point" "$said"
contain "and what does not: deleted" "not made: initech/old: it was deleted" "$said"
for it in "${all[@]}"; do eventually "$it serves its last backup" 300 serves "$it" "late-${it#*/}"; done
for it in "${all[@]}"; do equal "$it is the same one" "${uid[$it]}" "$(instance "$it" .metadata.uid)"; done
equal "with the passwords that it had" "$password" "$(ctl secret acme/erp adminPassword)"
equal "and edits that came after its last backup" "edited late" "$(instance acme/crm .spec.description)"
newly_copied() { open_copy | jq -r '[.records[].record | select(.kind == "Restore")] | length > 0'; }
eventually "the records are copied again" 240 shows true newly_copied
equal "the tenant's quota, too" 4 "$(field tenant acme .spec.quota.instances)"
equal "backups are listed" "crm Completed, erp Completed" "$(points acme)"
equal "those of another bucket, too" "shop Completed" "$(points globex)"
equal "and of a tenant that was deleted before" "old Completed" "$(points initech)"
equal "which come to their end" true "$(ctl get backups -n initech -o json | jq -r '.items[0].status.expires != null')"
eventually "the Source syncs" 60 synced fleet "$(git -C "$repo" rev-parse HEAD)"
equal "is the same one" "$source_uid" "$(src fleet .metadata.uid)"
equal "and owns what it owned" "fleet/$source_uid" "$(field tenant umbrella '.metadata.annotations["tenantd/source"]')"
tenant umbrella "After the loss" >"$repo/umbrella.yaml"
commit >/dev/null
sync_now fleet
eventually "which follows it again" 60 shows "After the loss" field tenant umbrella .spec.displayName
equal "nothing else was pruned" "acme globex umbrella" "$(ctl get tenants -o name | sed 's,.*/,,' | sort | tr '\n' ' ' | sed 's/ $//')"
older=$(ctl get backups -n acme -o json | jq -r '[.items[] | select(.spec.instance == "erp")] | sort_by(.status.started) | .[0].metadata.name')
check "an old one can be restored" ctl restore acme/erp --from "$older" --wait --timeout=300s
check "it has what it had then" serves acme/erp early-erp
gone=$(ctl get backups -n initech -o json | jq -r '.items[0] | "initech/" + .spec.instanceUid + "/" + .metadata.name')
check "one whose tenant is gone, too" ctl restore acme/old --from "$gone" --to acme/old --wait --timeout=300s
check "with its data" serves acme/old early-old
check "and new ones are made" backup globex/shop
check "repeated, it makes nothing" ctl catalog rebuild
said=$(ctl catalog rebuild)
absent "repeated, it makes nothing" "^made|is being restored" "$said"
contain "all are listed" " 0 of them newly listed" "$said"

# ---- once more, and the copy of the records is gone with the host ----
keep=$(ctl get backups -n acme -o json | jq -r '[.items[] | select(.spec.instance == "crm")][0] | .spec.instanceUid + "/" + .metadata.name')
check "a backup of what was made since" backup acme/old
lose_host
look destroy points "$copy"
look put points "one/acme/$keep/manifest.json" "$(look get points "one/acme/$keep/manifest.json" | sed 's/"version":"1"/"version":"2"/')"
check "an empty daemon with the key, again" new_host
check "a tenant whose own bucket nothing else tells of is made first" owned_tenant globex ', backup: {bucket: globex-points}'
ctl catalog rebuild --records >/dev/null 2>&1 &
rebuilding=$!
begun() { ctl get instances -A -o name | grep -q .; }
eventually "a rebuilding begins" 120 begun
daemon_kill
wait $rebuilding
check "the daemon comes back, killed in its midst" daemon_start
said=$(ctl catalog rebuild --records 2>&1)
equal "rebuilding ends with a problem" 1 $?
contain "an altered manifest is told" "problem: .*${keep#*/}.*altered" "$said"
eventually "what manifests tell comes back: acme/erp" 300 serves acme/erp late-erp
eventually "what manifests tell comes back: acme/old" 300 serves acme/old early-old
eventually "what the tenant's bucket tells: globex/shop" 300 serves globex/shop late-shop
refuse "what was altered does not" "not found" ctl get instance crm -n acme
