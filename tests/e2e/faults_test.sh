#!/usr/bin/env bash
# Each call to the outside that the code lists, with each fault: cut, stalled, delayed, its answer dropped after the act was done,
# answered with an error. Instances live through all of it side by side, and end as they do without.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/lib_server.sh
source tests/e2e/lib_server.sh
# shellcheck source=tests/e2e/lib_faults.sh
source tests/e2e/lib_faults.sh
faults="cut stall delay drop error"
lives=6
rounds=4

# Not part of an instance's life: asked once at a start, every ten minutes, by bootstrap, for people (accounts and what they may do once
# only), for Sources, or by nobody who is asked here.
elsewhere='^(docker:(sizes|info|events|version|image-pull|network-disconnect|volume-list|network-list|container-logs|archive-read|container-stats)|server:(session|given-up-query-end|server-version|database-size|role-in-use|database-limit|database-users|database-end-session|take-over.*)|store:(ping|fact_.*|leader_(silence|lock|unlock|gate|begin|leave)|change_prune|event_prune|claim_values|secret_names|secret_put|claim_of|change_read|record_find_by_uid|event_list|event_trim|namespace_is_used|record_list|record_list_at|record_count|change_writers|secret_drop|(account|attempt|session|idempotency|token|applied)_.*|audit_list))$'

proxied_begin
server_make "$home/tenantd.yaml" || { echo "no database server"; exit 1; }
proxy_start || exit 1
daemon_run
eventually "tenantd answers" 60 ctl get apps
check "an app" again ctl apply -f tests/e2e/apps/tiny.yaml
installation=$(cat "$data/installation")

spec() { # spec TENANT VERSION EXTRA...
    printf 'apiVersion: tenantd/v1\nkind: Tenant\nmetadata: {name: %s}\nspec: {displayName: Test, owner: a@b.example}\n---\n' "$1"
    printf 'apiVersion: tenantd/v1\nkind: Instance\nmetadata: {name: erp, namespace: %s}\nspec:\n  app: tiny\n  version: "%s"\n  deletionPolicy: Delete\n  resources: {cpu: "0.3", memory: 64Mi, storage: 1Gi}\n' "$1" "$2"
    shift 2
    [ $# -eq 0 ] || printf '  %s\n' "$@"
}
apply_spec() { # apply_spec NAME VERSION EXTRA...
    spec "$@" >"$out/$1.yaml"
    again ctl apply -f "$out/$1.yaml"
}
row() { sql "${1}_erp" "select v from tiny where k = '$2'"; }
row_is() { [ "$(row "$1" "$2")" = "$3" ]; }
is() { [ "$(docker inspect -f "$2" "$prefix-$1.erp" 2>/dev/null)" = "$3" ]; }
is_no_more() { [ -n "$3" ] && is "$1" '{{.State.Status}}' running && ! is "$1" "$2" "$3"; }
no_record() { ctl get apps >/dev/null 2>&1 && ! ctl get tenant "$1" >/dev/null 2>&1; }
settled() { # settled NAME: Ready for the newest generation
    ctl get instance erp -n "$1" -o json 2>/dev/null |
        jq -e '.metadata.generation as $g | .status.conditions[] | select(.type=="Ready") | .status == "True" and .observedGeneration == $g' >/dev/null
}

# One life of a tenant with its instance, from apply to gone.
live() { # live NAME
    local name=$1 uid started
    check "$name: applied" apply_spec "$name" 1
    eventually "$name: Ready" 900 settled "$name"
    uid=$(instance "$name/erp" .metadata.uid)
    until [ -n "$uid" ]; do uid=$(instance "$name/erp" .metadata.uid); done
    check "$name: other environment and more memory" apply_spec "$name" 1 'env: {TINY_GREETING: "hej"}' 'addons: [sale]' 'publish: auto'
    eventually "$name: the addon" 400 row_is "$name" change.addons sale
    eventually "$name: Ready with it" 400 settled "$name"
    docker pause "$prefix-$name.erp" >/dev/null 2>&1
    eventually "$name: unpaused" 300 is "$name" '{{.State.Status}}' running
    check "$name: more memory" again kctl patch instance erp -n "$name" --type merge -p '{"spec":{"resources":{"memory":"80Mi"}}}'
    eventually "$name: resized" 300 is "$name" '{{.HostConfig.Memory}}' 83886080
    docker network disconnect "$prefix-$name" "$prefix-$name.erp" >/dev/null 2>&1
    eventually "$name: on its network again" 300 is "$name" "{{if index .NetworkSettings.Networks \"$prefix-$name\"}}yes{{end}}" yes
    sql postgres "grant connect on database ${name}_erp to public"
    eventually "$name: closed to strangers again" 300 shows f sql postgres "select has_database_privilege('public', '${name}_erp', 'connect')"
    started=$(docker inspect -f '{{.State.StartedAt}}' "$prefix-$name.erp")
    check "$name: restart" again ctl restart "$name/erp"
    eventually "$name: restarted" 300 is_no_more "$name" '{{.State.StartedAt}}' "$started"
    check "$name: a newer version" again kctl patch instance erp -n "$name" --type merge -p '{"spec":{"version":"2"}}'
    eventually "$name: upgraded" 400 row_is "$name" version 2
    eventually "$name: Ready on it" 400 settled "$name"
    equal "$name: one init" 1 "$(row "$name" initialised)"
    equal "$name: one container" 1 "$(docker ps -aq --filter "label=tenantd.uid=$uid" | wc -l)"
    equal "$name: one volume" 1 "$(docker volume ls -q --filter "label=tenantd.uid=$uid" | wc -l)"
    equal "$name: one database" 1 "$(sql postgres "select count(*) from pg_database where shobj_description(oid, 'pg_database') like '%$uid'")"
    check "$name: its password is good" docker exec "$prefix-$name.erp" /app/database "select 1"
    check "$name: deleted" again ctl delete tenant "$name" --wait=false --ignore-not-found
    eventually "$name: gone" 400 no_record "$name"
    equal "$name: no container" "" "$(docker ps -aq --filter "label=tenantd.uid=$uid")"
    equal "$name: no volume" "" "$(docker volume ls -q --filter "label=tenantd.uid=$uid")"
    equal "$name: no database" "" "$(sql postgres "select datname from pg_database where datname = '${name}_erp'")"
}

# ---- a life without faults: which calls does it make? ----
tell clear >/dev/null
live first >"$out/first"
absent "a life without faults" "^not ok" "$(cat "$out/first")"
tell counts >"$out/counts"
equal "every call is in the code's lists" "" "$(tell strangers)"
cut -f1,2 "$home/calls" | sed 's/\t/:/' | sort >"$out/listed"
jq -r 'keys[]' "$out/counts" | sort >"$out/made"
grep -vE "$elsewhere" "$out/listed" | comm -23 - "$out/made" >"$out/unmade"
equal "every listed call of a life was made" "" "$(cat "$out/unmade")"

# ---- with all faults of all calls ----
tell clear >/dev/null
comm -12 "$out/listed" "$out/made" | grep -vE '^(docker:(sizes|version|network-list|volume-list)|server:database-size|store:(prepare|begin|commit|rollback|fact_.*))$' >"$out/walked" # most are too seldom
for name in $(cat "$out/walked") store:begin store:commit; do
    for fault in $faults; do echo "arm $name $fault"; done
done >"$out/arms"
tell "$(cat "$out/arms")" >/dev/null
echo "# $(wc -l <"$out/arms") faults of $(wc -l <"$out/walked") calls"
for round in $(seq $rounds); do
    for i in $(seq $lives); do
        live "r${round}x$i" >"$out/life.$round.$i" 2>&1 &
        pids[i]=$!
    done
    wait "${pids[@]}"
    left=$(tell armed)
    echo "# round $round: $(wc -w <<<"$left") faults are left"
    [ -n "$left" ] || break
done
equal "every fault of every call has happened" "" "$(tell armed)"
cat "$out"/life.* | grep -c '^ok' | sed 's/^/# checks of lives: /'
for file in "$out"/life.*; do
    absent "life ${file##*life.} is as without faults" "^not ok" "$(grep -A3 '^not ok' "$file")"
done

# ---- nothing is left ----
equal "no container" "" "$(docker ps -aq --filter "label=tenantd.installation=$installation")"
equal "no volume" "" "$(docker volume ls -q --filter "label=tenantd.installation=$installation")"
equal "no network" "" "$(docker network ls -q --filter "label=tenantd.installation=$installation")"
equal "no database" 0 "$(sql postgres "select count(*) from pg_database where shobj_description(oid, 'pg_database') like 'tenantd %'")"
equal "no role" 0 "$(sql postgres "select count(*) from pg_roles where rolname like 'td\_%'")"
equal "every call is in the code's lists" "" "$(tell strangers)"
