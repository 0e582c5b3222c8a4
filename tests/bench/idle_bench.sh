#!/usr/bin/env bash
# What tenantd costs while nothing changes, health probes included: CPU over SECONDS_IDLE, memory at the end. INSTANCES=1000 is what the bound is
# about; each is a container of a few MB.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/../e2e/lib.sh"
count=${INSTANCES:-1000}
idle=${SECONDS_IDLE:-120}
# shellcheck disable=SC2034 # lib.sh reads it
configuration="log: {level: warning}"
# shellcheck disable=SC2034 # the default resync
controller='{longWorkers: 8}'
tests/images/tiny.sh >/dev/null || exit 1
set_up >/dev/null || exit 1
ctl apply -f tests/e2e/apps/tiny.yaml >/dev/null
tenants=$(((count + 19) / 20)) # twenty in each: a tenant's subnet holds some sixty
for t in $(seq "$tenants"); do
    printf -- '---\napiVersion: tenantd/v1\nkind: Tenant\nmetadata: {name: t%s}\nspec: {displayName: Bench, owner: a@b.example}\n' "$t"
done | ctl apply -f - >/dev/null
for i in $(seq "$count"); do
    printf -- '---\napiVersion: tenantd/v1\nkind: Instance\nmetadata: {name: i%s, namespace: t%s}\nspec: {app: tiny, version: "1", deletionPolicy: Delete, resources: {cpu: "0.1", memory: 32Mi, storage: 1Gi}}\n' "$i" $((i % tenants + 1))
done | ctl apply -f - >/dev/null
ready_count() { ctl get instances -A -o json | jq '[.items[] | select(.status.conditions[]? | .type == "Ready" and .status == "True")] | length'; }
until [ "$(ready_count)" -ge "$count" ]; do
    [ $SECONDS -lt "${CREATE_LIMIT:-3600}" ] || { echo "only $(ready_count) of $count are Ready"; exit 1; }
    sleep 5
done
sleep 60 # what was changed last has settled
ticks() { awk '{ print $14 + $15 }' "/proc/$daemon/stat"; }
before=$(ticks)
sleep "$idle"
spent=$(($(ticks) - before))
rss_kb=$(awk '/^VmRSS/ { print $2 }' "/proc/$daemon/status")
printf '%-44s %10s  %s\n' "$count instances, $idle s in which nothing changes" "" "bound for 1,000"
printf '%-44s %9s%%  %s\n' "CPU of one core" "$(awk "BEGIN { printf \"%.2f\", $spent / $(getconf CLK_TCK) / $idle * 100 }")" "< 0.5 %"
printf '%-44s %7s MB  %s\n' "resident memory" "$(awk "BEGIN { printf \"%.1f\", $rss_kb / 1024 }")" "< 40 MB"
