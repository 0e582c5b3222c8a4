#!/usr/bin/env bash
# The embedded PostgreSQL: a first start with Docker away, a kill -9 under the daemon, and a power cut: what was answered is there.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2034 # lib.sh reads it
configuration="docker: {host: \"unix://$home/late.sock\"}"
set_up
pass "the first start does without Docker: records are served"
spec() { # spec NAME
    printf 'apiVersion: tenantd/v1\nkind: Instance\nmetadata: {name: %s, namespace: acme}\nspec:\n  app: tiny\n  version: "1"\n  deletionPolicy: Delete\n  resources: {cpu: "0.3", memory: 64Mi, storage: 1Gi}\n' "$1"
}
check "and written" ctl apply -f tests/e2e/apps/tiny.yaml
check "a tenant" ctl apply -f - <<<$'apiVersion: tenantd/v1\nkind: Tenant\nmetadata: {name: acme}\nspec: {displayName: Test, owner: a@b.example}'
check "an instance" ctl apply -f - <<<"$(spec erp)"
socket=${DOCKER_HOST:-unix:///var/run/docker.sock}
ln -s "${socket#unix://}" "$home/late.sock"
eventually "Ready once Docker is there: its container reaches the database" 120 ready acme/erp

# ---- the cluster is killed under the daemon ----
directory=$data/postgres
[ ! -s "$data/postgres.location" ] || directory=$(cat "$data/postgres.location")
postmaster() { head -1 "$directory/postmaster.pid"; }
old=$(postmaster)
kill -9 "$old"
back() { ctl get apps >/dev/null 2>&1 && [ "$(postmaster)" != "$old" ]; }
eventually "killed, it is started again" 90 back
eventually "and the instance is Ready" 60 ready acme/erp
equal "initialised once" 1 "$(sql acme_erp "select v from tiny where k = 'initialised'")"

# ---- the power fails ----
token=$(cat "$data/admin.token")
write_tenants() {
    local i
    for i in $(seq 400); do
        curl -sk -m 5 -o /dev/null -w "%{http_code} t$1x$i\n" -X POST -H "Authorization: Bearer $token" -H 'Content-Type: application/json' \
            -d "{\"apiVersion\":\"tenantd/v1\",\"kind\":\"Tenant\",\"metadata\":{\"name\":\"t$1x$i\"},\"spec\":{\"displayName\":\"x\",\"owner\":\"a@b.example\"}}" \
            "https://127.0.0.1:$port/apis/tenantd/v1/tenants" || break
    done
}
for writer in 1 2 3; do write_tenants $writer >"$out/written.$writer" 2>/dev/null & writers[writer]=$!; done
enough() { [ "$(cat "$out"/written.* | grep -c '^201')" -ge 20 ]; }
eventually "writing is under way" 60 enough
old=$(postmaster)
kill -9 "$daemon" "$old"
wait "${writers[@]}" "$daemon" 2>/dev/null
answered=$(cat "$out"/written.* | sed -n 's/^201 //p' | sort)
daemon_start
ctl get tenants -o json | jq -r '.items[].metadata.name' | sort >"$out/there"
equal "what was answered 201 is there" "" "$(comm -23 <(echo "$answered") "$out/there")"
echo "# $(wc -l <<<"$answered") were answered"
eventually "the instance is Ready" 90 ready acme/erp
