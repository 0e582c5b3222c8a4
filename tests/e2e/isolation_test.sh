#!/usr/bin/env bash
# A tenant's container reaches neither another tenant's container, database nor published port, nor opens a template; a hundred tenants have a
# hundred networks; and the embedded PostgreSQL outlives tenantd, whatever ends that one.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/fleet.sh
source tests/e2e/fleet.sh
set_up

check "the app, and one with a warm database" apply <<<"$(cat tests/e2e/apps/tiny.yaml; echo ---; app warm 's/^  warmDatabase: false/  warmDatabase: true/')"
check "two tenants" apply <<<"$(tenant acme; echo ---; tenant evil)"
of_evil() { spec "$@" | sed 's/namespace: acme/namespace: evil/'; }
check "an instance of each, and two of one" apply --wait --timeout=120s <<<"$(spec erp 'publish: auto'; echo ---; spec crm; echo ---; of_evil spy 'publish: auto')"
erp=$prefix-acme.erp
crm=$prefix-acme.crm
spy=$prefix-evil.spy

# ---- containers ----
# fetch CONTAINER ADDRESS PORT: what the application there says of its health, asked from within CONTAINER.
fetch() { docker exec "$1" sh -c 'printf "GET /health HTTP/1.0\r\n\r\n" | timeout 6 nc -w 4 "$0" "$1" | grep "200 OK"' "$2" "$3"; }
check "a container reaches another one of its tenant" fetch "$crm" "$(address "$erp")" 8080
refuse "but not another tenant's" '' fetch "$spy" "$(address "$erp")" 8080
refuse "nor knows its name" 'could not translate host name' docker exec "$spy" psql -h "$erp" -c "select 1"
published=$(instance acme/erp .status.url | sed 's/.*://')
equal "a published port answers on the host" 200 "$(http_status "http://127.0.0.1:$published/health")"
for gateway in "$(docker network inspect -f '{{(index .IPAM.Config 0).Gateway}}' "$prefix-evil" | sed 's,/.*,,')" "$(docker network inspect -f '{{(index .IPAM.Config 0).Subnet}}' "$prefix-evil" | sed 's,\.[0-9]*/.*,.1,')" 172.17.0.1 127.0.0.1; do
    [ -n "$gateway" ] || continue
    refuse "not in another tenant's container, by $gateway" '' fetch "$spy" "$gateway" "$published"
done

# ---- databases ----
# As its own role from within its container, in another database: enter NAME
enter() { docker exec "$spy" sh -c 'IFS=: read -r h p d u w </run/app/pgpass; PGPASSWORD=$w psql -X -A -t -h "$h" -p "$p" -U "$u" -d "'"$1"'" -c "select 1"'; }
check "a container reaches its own database" enter evil_spy
refuse "but not another tenant's" 'permission denied for database' enter acme_erp
refuse "nor the records" 'permission denied for database|rejects connection' enter tenantd
refuse "nor template1" 'permission denied for database|rejects connection' enter template1
refuse "nor template0" 'not currently accepting connections|rejects connection' enter template0
warm() { field app warm '.status.warm[0] | select(.state == "Ready") | .database'; }
has_warm() { [ -n "$(warm)" ] && [ "$(warm)" != null ]; }
eventually "a warm template is made" 120 has_warm
refuse "nor a warm template" 'not currently accepting connections|permission denied' enter "$(warm)"
guess() { docker exec "$spy" sh -c 'IFS=: read -r h p d u w </run/app/pgpass; PGPASSWORD=$w psql -X -A -t -h "$h" -p "$p" -U "'"$1"'" -d acme_erp -c "select 1"'; }
refuse "nor comes in as another tenant's role" 'password authentication failed' guess "$(instance acme/erp .status.database.role)"
refuse "nor as the administrator" 'no pg_hba.conf entry|authentication failed|rejects connection' guess postgres

# ---- the embedded PostgreSQL outlives tenantd ----
exec 5> >(psql -X -q -A -t -h "$(sed -n 5p "$(cat "$data/postgres.location" 2>/dev/null || echo "$data/postgres")/postmaster.pid")" -p "$(cat "$data/postgres.port")" -U postgres -d acme_erp >"$out/session" 2>&1)
echo "select 'pid ' || pg_backend_pid();" >&5
opened() { grep -q '^pid' "$out/session"; }
eventually "a session is open in an instance's database" 20 opened
pid=$(sed -n 's/^pid //p' "$out/session")
daemon_kill
check "tenantd starts again after kill -9" daemon_start
echo "select 'after kill ' || pg_backend_pid();" >&5
after_kill() { grep -q "^after kill $pid$" "$out/session"; }
eventually "the session is still open" 20 after_kill
# As a service manager ends it: a signal to its whole process group, here one of its own.
daemon_stop
set -m # a background job gets a process group of its own
"$build/tenantd" run --config="$home/tenantd.yaml" >>"$log" 2>&1 </dev/null &
daemon=$!
set +m
serving() { ctl get apps >/dev/null 2>&1; }
eventually "tenantd runs in a process group of its own" 60 serving
equal "whose leader it is" "$daemon" "$(ps -o pgid= -p "$daemon" | tr -d ' ')"
kill -TERM -- "-$daemon"
ended() { ! kill -0 "$daemon" 2>/dev/null; }
eventually "it ends with its group" 60 ended
wait "$daemon" 2>/dev/null
echo "select 'after stop ' || pg_backend_pid();" >&5
after_stop() { grep -q "^after stop $pid$" "$out/session"; }
eventually "the session is still open" 20 after_stop
exec 5>&-
equal "the applications ran on" "running running" "$(inspect "$erp" '{{.State.Status}}') $(inspect "$spy" '{{.State.Status}}')"
check "tenantd starts again" daemon_start
eventually "and finds all as it was" 60 ready acme/erp

# ---- a hundred tenants ----
check "a hundred tenants" apply <<<"$(for i in $(seq 100); do tenant "t$i"; echo ---; done)"
networks() { docker network ls -q --filter "name=^$prefix-t[0-9]+$" | wc -l; }
eventually "have a hundred networks" 400 shows 100 networks
subnets=$(docker network ls -q --filter "name=^$prefix-t[0-9]+$" | xargs docker network inspect -f '{{(index .IPAM.Config 0).Subnet}}')
equal "each its own subnet" 100 "$(sort -u <<<"$subnets" | wc -l)"
equal "all of the pool" 0 "$(grep -vc "^10\.$number\." <<<"$subnets")"
