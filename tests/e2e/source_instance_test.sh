#!/usr/bin/env bash
# Instances from Git: waited for, not stopped behind the repository's back, backed up before they are pruned, exported and taken over
# unchanged; and a thousand records.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/lib_source.sh
source tests/e2e/lib_source.sh
late_image=tenantd/tiny:late-$number
clean_up() { docker rmi "$late_image" >/dev/null 2>&1; } # called by tear_down
set_up
docker rmi "$late_image" >/dev/null 2>&1 # left by a run that was killed

instance_of() { # instance_of NAME VERSION EXTRA...
    printf 'apiVersion: tenantd/v1\nkind: Instance\nmetadata: {name: %s, namespace: acme}\nspec:\n  app: tiny\n  version: "%s"\n  resources: {cpu: "0.5", memory: 64Mi, storage: 1Gi}\n' "$1" "$2"
    shift 2
    [ $# -eq 0 ] || printf '  %s\n' "$@"
}

# ---- applied in order, and waited for ----
git init -q -b main "$repo"
mkdir -p "$repo/a" "$repo/b"
instance_of erp 3 'state: Running' >"$repo/a/erp.yaml" # before its App and its Tenant, as files go
tenant acme >"$repo/b/acme.yaml"
sed "s,{name: \"2\".*,&\n    - {name: \"3\"\, image: \"$late_image\"}," tests/e2e/apps/tiny.yaml >"$repo/b/tiny.yaml"
commit >/dev/null
check "a Source that waits" apply <<<"$(source_of fleet "git: {url: 'file://$repo'}" 'interval: 1h' 'prune: true' 'wait: true' 'waitTimeout: 10s')"
eventually "makes the instance" 60 ctl get instance erp -n acme
eventually "waits for it" 30 shows Waiting src fleet .status.phase
eventually "and names it" 30 says fleet 'Instance/acme/erp: '
equal "it is not Ready" False "$(src fleet '.status.conditions[] | select(.type == "Ready").status')"
equal "but synced" Synced "$(condition fleet Synced)"
eventually "when that takes too long, it is told" 60 shows TimedOut condition fleet Healthy
equal "as a failure" "Failed HealthTimedOut" "$(src fleet .status.phase) $(condition fleet Ready)"
check "its image comes" docker tag tenantd/tiny:1 "$late_image"
eventually "it becomes Ready" 180 ready acme/erp
eventually "and the Source with it" 90 shows Healthy condition fleet Healthy
equal "Ready" True "$(src fleet '.status.conditions[] | select(.type == "Ready").status')"

# ---- refused beforehand ----
refuse "tenantctl stop names the Source" 'spec.state is stated by Source fleet' ctl stop acme/erp
refuse "tenantctl delete" 'Source fleet' ctl delete instance erp -n acme --wait=false
refuse "and apply" 'spec.version is stated by Source fleet' apply <<<"$(instance_of erp 2)"
token=$(kctl config view --raw -o jsonpath='{.users[0].user.token}')
api() { curl -sk -H "Authorization: Bearer $token" -H 'Content-Type: application/json' "$@"; }
platform=https://127.0.0.1:$port/api/v1/instances/$(instance acme/erp .metadata.uid)
contain "the platform's stop" 'spec.state is stated by Source fleet' "$(api -d '{"action":"stop"}' "$platform/actions")"
contain "and deletion, too" 'stated by Source fleet' "$(api -X DELETE "$platform")"
equal "it runs" Running "$(instance acme/erp .spec.state)"
check "what is not stated may be changed" kctl patch instance erp -n acme --type merge -p '{"spec":{"env":{"TINY_GREETING":"hej"}}}'
check "a restart states nothing" ctl restart acme/erp

# ---- made again, with an event that says who deleted it ----
uid=$(field tenant acme .metadata.uid)
check "kubectl may delete" kctl delete tenant acme --wait=false
is_another() { kctl get tenant acme >/dev/null 2>&1 && [ "$(field tenant acme .metadata.uid)" != "$uid" ]; }
eventually "the tenant goes, and is made again" 180 is_another
eventually "with all it had" 180 ready acme/erp
made_again() { kctl get events -A -o json | jq -r '.items[] | select(.reason=="MadeAgain") | .message' | grep -q 'Tenant/acme was deleted by admin'; }
eventually "an event says who deleted it" 20 made_again

# ---- pruned as its deletionPolicy says ----
instance_of other 1 'deletionPolicy: Backup' >"$repo/a/other.yaml"
second=$(commit)
sync_now fleet
eventually "another instance" 60 synced fleet "$second"
eventually "runs" 180 ready acme/other
git -C "$repo" rm -q a/other.yaml
third=$(commit)
sync_now fleet
eventually "is pruned" 180 is_missing instance other -n acme
equal "after a last backup" Completed "$(ctl get backups -n acme -o json | jq -r '.items[] | select(.spec.instance == "other") | .status.phase')"
eventually "the Source is done" 60 synced fleet "$third"
equal "one was pruned" 1 "$(src fleet .status.counts.pruned)"

# ---- export, commit, follow ----
check "the Source goes" ctl delete source fleet
generations() { kctl get apps,tenants,instances -A -o json | jq -r '.items[] | "\(.kind)/\(.metadata.name) \(.metadata.uid) \(.metadata.generation)"' | sort; }
before=$(generations)
check "export" ctl export -A -o "$home/exported" --adopt=mine
git init -q -b main "$home/exported"
exported=$(commit "$home/exported")
check "a Source of what was exported" apply <<<"$(source_of mine "git: {url: 'file://$home/exported'}" 'interval: 1h' 'prune: true')"
eventually "takes all over" 60 synced mine "$exported"
equal "three records" 3 "$(src mine .status.counts.adopted)"
equal "and changes none" "$before" "$(generations)"
sync_now mine
again() { [ "$(src mine .status.counts.unchanged)" = 3 ]; }
eventually "nor does the next sync" 30 again
equal "really" "$before" "$(generations)"
code() { "$@" >/dev/null 2>&1; echo $?; }
equal "diff has nothing to show" 0 "$(code ctl source diff mine)"
sed -i 's/displayName: .*/displayName: Another/' "$home/exported/tenants/acme.yaml"
commit "$home/exported" >/dev/null
contain "then it shows what a sync would do" 'Tenant/acme: spec.displayName' "$(ctl source diff mine)"
equal "by its exit code, too" 1 "$(code ctl source diff mine)"
equal "and does nothing" "Of Git" "$(field tenant acme .spec.displayName)"

# ---- a thousand records ----
git init -q -b main "$home/many"
for i in $(seq 1000); do
    printf 'apiVersion: tenantd/v1\nkind: App\nmetadata: {name: many-%s}\nspec:\n  description: number %s\n  versions: [{name: "1", image: "example/many:1"}]\n  ports: [{name: http, port: 8080}]\n  dataPath: /data\n  health: {path: /}\n' "$i" "$i" >"$home/many/$i.yaml"
done
commit "$home/many" >/dev/null
many_apps() { ctl get apps -o json | jq '[.items[] | select(.metadata.name | startswith("many-"))] | length'; }
some_are_made() { [ "$(many_apps)" -ge 20 ]; }
check "a Source of a thousand" apply <<<"$(source_of many "git: {url: 'file://$home/many'}" 'interval: 1h' 'prune: true')"
eventually "begins" 120 some_are_made
git -C "$home/many" rm -q 999.yaml # the last one, as names go
many=$(commit "$home/many")
sync_now many
eventually "a newer commit comes in between" 240 synced many "$many"
equal "all are made" 999 "$(many_apps)"
equal "but the last one never was" 0 "$(src many .status.counts.pruned)"
contain "the sync before it was ended" Superseded "$(kctl get events -A -o json | jq -r '.items[] | select(.involvedObject.name == "many").reason')"
sed -i 's/description: .*/description: changed/' "$home/many/500.yaml"
git -C "$home/many" rm -q 7.yaml
changed=$(commit "$home/many")
sync_now many
eventually "one is changed, one pruned" 60 synced many "$changed"
equal "and no other touched" "1 1 997" "$(src many '.status.counts | "\(.changed) \(.pruned) \(.unchanged)"')"
git -C "$home/many" rm -q -- '[1-4]??.yaml'
commit "$home/many" >/dev/null
sync_now many
eventually "forty percent are too many to prune" 60 says many '400 of 998 records would be pruned, and pruneLimit allows 199'
equal "none is" 998 "$(many_apps)"
