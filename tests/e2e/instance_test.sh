#!/usr/bin/env bash
# The life of an instance on the tiny image: every field of the record has its effect in the real world.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
set_up

# shellcheck disable=SC2120 # called through check, too
apply() { ctl apply -f - "$@"; }
spec() { # spec NAME EXTRA...: an instance of tenant acme
    printf 'apiVersion: tenantd/v1\nkind: Instance\nmetadata: {name: %s, namespace: acme}\nspec:\n  app: tiny\n  version: "1"\n  deletionPolicy: Delete\n  resources: {cpu: "0.5", memory: 64Mi, storage: 1Gi}\n' "$1"
    shift
    [ $# -eq 0 ] || printf '  %s\n' "$@"
}
tenant() { printf 'apiVersion: tenantd/v1\nkind: Tenant\nmetadata: {name: %s}\nspec: {displayName: Test, owner: a@b.example%s}\n' "$1" "${2:+, $2}"; }
container=$prefix-acme.erp

check "the app is applied" ctl apply -f tests/e2e/apps/tiny.yaml
check "the tenant is applied" apply <<<"$(tenant acme)"
check "the instance becomes Ready" apply --wait --timeout=60s <<<"$(spec erp 'env: {TINY_GREETING: "hej = du", FREE: "a b\"c"}' 'publish: auto' 'domains: [erp.acme.example]')"

# ---- as asked for ----
equal "one container" 1 "$(docker ps -q --filter "name=^$container$" | wc -l)"
equal "it runs" running "$(inspect "$container" '{{.State.Status}}')"
equal "memory and swap" "67108864 67108864" "$(inspect "$container" '{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}}')"
equal "cpu" 500000000 "$(inspect "$container" '{{.HostConfig.NanoCpus}}')"
equal "pid limit" 512 "$(inspect "$container" '{{.HostConfig.PidsLimit}}')"
equal "no capability" "[ALL]" "$(inspect "$container" '{{.HostConfig.CapDrop}}')"
equal "no new privileges" "[no-new-privileges]" "$(inspect "$container" '{{.HostConfig.SecurityOpt}}')"
equal "restart policy" no "$(inspect "$container" '{{.HostConfig.RestartPolicy.Name}}')"
equal "user" 1000:1000 "$(inspect "$container" '{{.Config.User}}')"
equal "a parameter arrives" "hej = du" "$(docker exec "$container" sh -c 'echo "$TINY_GREETING"')"
equal "free env arrives exactly" 'a b"c' "$(docker exec "$container" sh -c 'echo "$FREE"')"
equal "a template in env" acme/erp "$(docker exec "$container" sh -c 'echo "$TINY_INSTANCE"')"
equal "files by numeric owner, closed to others" "1000:1000 400" "$(docker exec "$container" stat -c '%u:%g %a' /run/app/pgpass)"
equal "an executable file" "1000:1000 500" "$(docker exec "$container" stat -c '%u:%g %a' /run/app/hook)"
contain "a parameter in a file" "^size = 3" "$(docker exec "$container" cat /run/app/tiny.conf)"
absent "a section that is false" "^loud" "$(docker exec "$container" cat /run/app/tiny.conf)"
equal "Traefik's rule" 'Host(`erp.acme.example`)' "$(docker inspect "$container" | jq -r '.[0].Config.Labels | to_entries[] | select(.key|endswith(".rule")).value')"
equal "on the tenant's network alone" "$prefix-acme" "$(docker inspect "$container" | jq -r '.[0].NetworkSettings.Networks | keys | join(",")')"
url=$(instance acme/erp .status.url)
published=$(inspect "$container" '{{(index (index .HostConfig.PortBindings "8080/tcp") 0).HostIp}}')
equal "published on loopback" 127.0.0.1 "$published"
host_port=$(inspect "$container" '{{(index (index .HostConfig.PortBindings "8080/tcp") 0).HostPort}}')
equal "the published port answers" 200 "$(http_status "http://127.0.0.1:$host_port/health")"
contain "status has a url" "^http" "$url"

# ---- database ----
role=$(instance acme/erp .status.database.role)
equal "the database belongs to its role" "$role" "$(sql postgres "select pg_get_userbyid(datdba) from pg_database where datname = 'acme_erp'")"
equal "nobody else may connect" f "$(sql postgres "select has_database_privilege('public', 'acme_erp', 'connect')")"
equal "the role's connection limit" 32 "$(sql postgres "select rolconnlimit from pg_roles where rolname = '$role'")"
equal "the role may nothing more" "f f f f" "$(sql postgres "select rolsuper::text::char(1), rolcreatedb::text::char(1), rolcreaterole::text::char(1), rolreplication::text::char(1) from pg_roles where rolname = '$role'" | tr '|' ' ')"
equal "one init" 1 "$(sql acme_erp "select v from tiny where k = 'initialised'")"
contain "the password is stored as SCRAM" '^SCRAM-SHA-256' "$(sql postgres "select rolpassword from pg_authid where rolname = '$role'")"

# ---- applying again changes nothing ----
version_before=$(instance acme/erp .metadata.resourceVersion)
id_before=$(inspect "$container" '{{.Id}}')
contain "the same again is unchanged" unchanged "$(apply <<<"$(spec erp 'env: {TINY_GREETING: "hej = du", FREE: "a b\"c"}' 'publish: auto' 'domains: [erp.acme.example]')")"
sleep 1
equal "no version is burnt" "$version_before" "$(instance acme/erp .metadata.resourceVersion)"

# ---- resources in place ----
started=$(inspect "$container" '{{.State.StartedAt}}')
check "more memory and cpu" apply <<<"$(spec erp 'env: {TINY_GREETING: "hej = du", FREE: "a b\"c"}' 'publish: auto' 'domains: [erp.acme.example]' | sed 's/0.5/1/; s/64Mi/96Mi/')"
eventually "memory is raised" 10 shows 100663296 inspect "$container" '{{.HostConfig.Memory}}'
equal "swap with it" 100663296 "$(inspect "$container" '{{.HostConfig.MemorySwap}}')"
equal "cpu is raised" 1000000000 "$(inspect "$container" '{{.HostConfig.NanoCpus}}')"
equal "without a restart" "$started $id_before" "$(inspect "$container" '{{.State.StartedAt}} {{.Id}}')"
refuse_host() { kctl patch instance erp -n acme --type merge -p '{"spec":{"resources":{"cpu":"64"}}}' >/dev/null; }
check "more cpu than the host has is stored" refuse_host
eventually "and said" 10 has_reason acme/erp ExceedsHost
equal "and the container keeps running" running "$(inspect "$container" '{{.State.Status}}')"
check "back to what fits" kctl patch instance erp -n acme --type merge -p '{"spec":{"resources":{"cpu":"0.5"}}}'
eventually "Ready again" 20 ready acme/erp

# Less memory than is in use: not sent, and said with both figures, until it fits.
docker exec -d "$container" sh -c '(head -c 50000000 /dev/zero; until [ -e /data/enough ]; do sleep 1; done) | tail >/dev/null'
used_mib() { docker stats --no-stream --format '{{.MemUsage}}' "$container" | awk '{ print int($1 * ($1 ~ /GiB/ ? 1024 : $1 ~ /MiB/ ? 1 : 0)) }'; }
uses_much() { [ "$(used_mib)" -ge 45 ]; }
eventually "it uses 48 MiB" 20 uses_much
check "less memory than that is stored" kctl patch instance erp -n acme --type merge -p '{"spec":{"resources":{"memory":"32Mi"}}}'
resize_pending() { instance acme/erp '.status.conditions[] | select(.type=="ResizePending") | select(.status=="True").message'; }
says_both_figures() { resize_pending | grep -qE 'limited to 32 MiB, and (4[5-9]|[5-9][0-9]) MiB are in use'; }
eventually "ResizePending has both figures" 20 says_both_figures
equal "the limit is as it was" 100663296 "$(inspect "$container" '{{.HostConfig.Memory}}')"
equal "and it runs on" running "$(inspect "$container" '{{.State.Status}}')"
docker exec "$container" touch /data/enough
uses_little() { [ "$(used_mib)" -lt 30 ]; }
eventually "it uses less again" 30 uses_little
check "something else is changed" kctl patch instance erp -n acme --type merge -p '{"spec":{"description":"smaller"}}'
eventually "the limit is lowered" 90 shows 33554432 inspect "$container" '{{.HostConfig.Memory}}'
eventually "nothing is pending any more" 20 shows "" resize_pending
equal "all without a restart" "$started $id_before" "$(inspect "$container" '{{.State.StartedAt}} {{.Id}}')"

# ---- stop, start, restart, suspend ----
check "stop" ctl stop acme/erp
eventually "the container stops" 20 shows exited inspect "$container" '{{.State.Status}}'
eventually "phase Stopped" 10 shows Stopped instance acme/erp .status.phase
check "start" ctl start acme/erp
eventually "Ready after start" 20 ready acme/erp
started=$(inspect "$container" '{{.State.StartedAt}}')
check "restart" ctl restart acme/erp
restarted() { [ "$(inspect "$container" '{{.State.StartedAt}}')" != "$started" ] && ready acme/erp; }
eventually "restarted once" 20 restarted
check "suspend the tenant" apply <<<"$(tenant acme 'suspended: true')"
eventually "phase Suspended" 20 shows Suspended instance acme/erp .status.phase
equal "the container is stopped" exited "$(inspect "$container" '{{.State.Status}}')"
equal "the data stays" 1 "$(sql acme_erp "select v from tiny where k = 'initialised'")"
check "lift the suspension" apply <<<"$(tenant acme 'suspended: false')"
eventually "Ready by itself" 20 ready acme/erp

# ---- fields that the application takes over ----
patch() { kctl patch instance "$1" -n acme --type merge -p "{\"spec\":$2}" >/dev/null; }
row() { sql "acme_$1" "select v from tiny where k = '$2'"; }
row_is() { [ "$(row "$1" "$2")" = "$3" ]; }
check "an addon" patch erp '{"addons":["sale"]}'
eventually "is taken over by the app's command" 30 row_is erp change.addons sale
eventually "Ready with it" 20 ready acme/erp
check "an e-mail" patch erp '{"adminEmail":"new@acme.example"}'
eventually "old and new are known" 30 row_is erp change.adminEmail ">new@acme.example"
refuse "an immutable field" 'spec.demoData' patch erp '{"demoData":true}'

# ---- versions ----
check "a new version" patch erp '{"version":"2"}'
eventually "the upgrade ran" 30 row_is erp version 2
eventually "Ready on it" 30 ready acme/erp
equal "the new image" tenantd/tiny:2 "$(inspect "$container" '{{.Config.Image}}')"
equal "still one init" 1 "$(row erp initialised)"

check "a second instance" apply --wait --timeout=60s <<<"$(spec two)"
check "an upgrade that will be unhealthy" patch two '{"version":"2","env":{"TINY_UNHEALTHY":"1"}}'
back() { [ "$(inspect "$prefix-acme.two" '{{.Config.Image}}')" = tenantd/tiny:1 ] && [ "$(inspect "$prefix-acme.two" '{{.State.Status}}')" = running ]; }
eventually "goes back to the old image" 60 back
eventually "and says so" 30 has_reason acme/two UpgradeFailed
check "an upgrade whose command fails" apply <<<"$(spec three)"
eventually "three is Ready" 40 ready acme/three
check "to 2" patch three '{"version":"2","env":{"TINY_FAIL_UPGRADE":"1"}}'
eventually "the failure is told" 40 has_reason acme/three UpgradeFailed
contain "with its output" "upgrade fails because" "$(ctl describe instance three -n acme)"
eventually "the old version runs on" 20 shows "tenantd/tiny:1 running" inspect "$prefix-acme.three" '{{.Config.Image}} {{.State.Status}}'

# ---- failing init ----
check "an init that fails" apply <<<"$(spec bad 'env: {TINY_FAIL_INIT: "1"}')"
eventually "is told" 40 has_reason acme/bad InitFailed
contain "with its output" "init fails because" "$(ctl describe instance bad -n acme)"
contain "why says it, too" "init" "$(ctl why acme/bad)"
check "mended" patch bad '{"env":{"TINY_FAIL_INIT":null}}'
eventually "Ready" 60 ready acme/bad
equal "of one whole init" 1 "$(row bad initialised)"

# ---- two that want one name; quota ----
refuse "a database name that is taken" "acme_erp is already" apply <<<"$(spec thief 'database: {name: acme_erp}')"
equal "the first one is untouched" 1 "$(row erp initialised)"
check "a quota" apply <<<"$(tenant small 'quota: {instances: 1, memory: 100Mi}')"
small() { spec "$1" | sed "s/namespace: acme/namespace: small/; s/64Mi/$2/"; }
refuse "past the memory quota" "exceeded quota.*memory.*100Mi" apply <<<"$(small one 128Mi)"
equal "leaves nothing" 0 "$(sql postgres "select count(*) from pg_database where datname = 'small_one'")"
check "within the quota" apply --wait --timeout=60s <<<"$(small one 64Mi)"
refuse "past the number of instances" "exceeded quota.*instances" apply <<<"$(small two 16Mi)"

# ---- it comes back ----
docker kill "$container" >/dev/null
eventually "a killed container runs again" 20 ready acme/erp
docker rm -f "$container" >/dev/null
again() { [ "$(inspect "$container" '{{.State.Status}}' 2>/dev/null)" = running ] && ready acme/erp; }
eventually "a removed container runs again" 20 again
equal "with its data" 1 "$(row erp initialised)"

# ---- the daemon's own end ----
daemon_kill
check "it starts again after kill -9" daemon_start
eventually "and finds all as it was" 20 ready acme/erp

# ---- deletion ----
check "delete" ctl delete instance erp -n acme --timeout=60s
check "the container is gone" gone "$container"
equal "the database is gone" 0 "$(sql postgres "select count(*) from pg_database where datname = 'acme_erp'")"
equal "the role is gone" 0 "$(sql postgres "select count(*) from pg_roles where rolname = '$role'")"
equal "the volume is gone" "" "$(docker volume ls -q --filter "name=^$container-")"
check "a retained one" apply --wait --timeout=60s <<<"$(spec kept | sed 's/deletionPolicy: Delete/deletionPolicy: Retain/')"
kept_volume=$(instance acme/kept .status.storage.volume)
check "is deleted" ctl delete instance kept -n acme --timeout=60s
equal "its database is kept under another name" 1 "$(sql postgres "select count(*) from pg_database where datname like 'acme_kept_retained_%'")"
equal "its volume is kept" "$kept_volume" "$(docker volume ls -q --filter "name=^$kept_volume$")"
check "the name is free again" apply --wait --timeout=60s <<<"$(spec kept)"
equal "and its data is new" 1 "$(row kept initialised)"
check "the tenant goes with all it has" ctl delete tenant acme --timeout=120s
equal "no container stays" "" "$(docker ps -aq --filter "name=^$prefix-acme")"
equal "no network stays" "" "$(docker network ls -q --filter "name=^$prefix-acme$")"
equal "no role stays but the retained one's" 2 "$(sql postgres "select count(*) from pg_roles where rolname like 'td_%'")"

absent "no password in the log" "$(cut -c1-12 "$data/postgres.password" 2>/dev/null || echo none)" "$(cat "$log")"
