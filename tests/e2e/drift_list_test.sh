#!/usr/bin/env bash
# Every event of Docker's is lost here: the list on its timer finds what it shows, the rolling inspect the rest, and one query a pass what
# somebody changed on the database server. A fleet with nothing to do costs one list and one query a pass, and writes nothing.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/fleet.sh
source tests/e2e/fleet.sh
requests=$home.requests
silence=$home.silence
mkdir -p "${home%/*}"
: >"$requests"
: >"$silence"
engine=${DOCKER_HOST:-unix:///var/run/docker.sock}
python3 tests/tools/engine_proxy.py "$home.sock" "${engine#unix://}" "$requests" "$silence" &
proxy=$!
# shellcheck disable=SC2329 # tear_down calls it
clean_up() {
    kill "$proxy" 2>/dev/null
    rm -f "$requests" "$silence" "$home.sock"
}
controller="{resync: 2s, inspect: 6s, backoffFirst: 500ms, backoffMax: 4s}"
configuration="docker: {host: \"unix://$home.sock\"}"
set_up
c=$prefix-acme.erp

check "the app" ctl apply -f tests/e2e/apps/tiny.yaml
check "the tenant" apply <<<"$(tenant acme)"
check "instances" apply --wait --timeout=90s <<<"$(spec erp; echo ---; spec gone; echo ---; spec other)"
role=$(instance acme/erp .status.database.role)
other_role=$(instance acme/other .status.database.role)

# ---- by the list ----
docker pause "$c" >/dev/null
eventually "a paused container goes on" 40 serves "$c" acme/erp
docker kill "$c" >/dev/null
eventually "a killed container runs again" 40 serves "$c" acme/erp
docker rm -f "$c" >/dev/null
eventually "a removed container is there again" 40 serves "$c" acme/erp
id=$(inspect "$c" '{{.Id}}')
docker rename "$c" "$prefix-else"
eventually "a renamed container has its name again" 40 shows "$id" inspect "$c" '{{.Id}}'
docker network disconnect "$prefix-acme" "$c"
on_network() { [ -n "$(inspect "$c" "{{(index .NetworkSettings.Networks \"$prefix-acme\").IPAddress}}" 2>/dev/null)" ]; }
eventually "a disconnected container is on its network again" 40 on_network
eventually "ready on it" 40 serves "$c" acme/erp

# ---- by the rolling inspect ----
docker update --memory 128m --memory-swap 128m --pids-limit 9 --restart always "$c" >/dev/null
limits() { inspect "$c" '{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}} {{.HostConfig.RestartPolicy.Name}}'; }
eventually "limits changed by hand are put right" 40 shows "67108864 512 no" limits
started=$(inspect "$c" '{{.State.StartedAt}}')
docker exec "$c" sh -c 'chmod 600 /run/app/tiny.conf && echo "size = 99" >/run/app/tiny.conf && chmod 400 /run/app/tiny.conf'
right_file() { docker exec "$c" cat /run/app/tiny.conf | grep -q '^size = 3'; }
eventually "a file of the app that was changed is put right" 60 right_file
restarted() { [ "$(inspect "$c" '{{.State.StartedAt}}')" != "$started" ] && serves "$c" acme/erp; }
eventually "and the container was restarted with it" 40 restarted
equal "with its owner and mode" "1000:1000 400" "$(docker exec "$c" stat -c '%u:%g %a' /run/app/tiny.conf)"
docker exec -u 0 "$c" rm /run/app/hook
has_hook() { docker exec "$c" test -x /run/app/hook; }
eventually "a file that was removed is there again" 60 has_hook

# ---- by the query ----
login() { docker exec "$prefix-acme.erp" /app/database 'select 1' 2>/dev/null; }
eventually "the application reaches its database" 40 shows 1 login
role_is() { sql postgres "select rolcanlogin, rolconnlimit, rolcreatedb from pg_roles where rolname = '$role'"; }
right=$(role_is)
equal "the role as it is made" "t|32|f" "$right"
kill -STOP "$daemon" # it would be quicker than the look
sql postgres "alter role $role password 'stolen'"
absent "a password changed by hand locks the application out" '^1$' "$(login)"
kill -CONT "$daemon"
eventually "the password is the old one again" 30 shows 1 login
sql postgres "alter role $role nologin"
eventually "LOGIN is given back" 30 shows "$right" role_is
sql postgres "alter role $role connection limit 1"
eventually "the role's connection limit is put right" 30 shows "$right" role_is
sql postgres "alter role $role createdb"
eventually "a right that was given is taken" 30 shows "$right" role_is
sql postgres "grant $other_role to $role"
members() { sql postgres "select count(*) from pg_auth_members where member = '$role'::regrole"; }
eventually "a membership that was given is taken" 30 shows 0 members
database_is() { sql postgres "select pg_get_userbyid(datdba) = '$role', datallowconn, datconnlimit, has_database_privilege('public', oid, 'connect'), has_database_privilege('$other_role', oid, 'connect'), has_database_privilege('$role', oid, 'connect') from pg_database where datname = 'acme_erp'"; }
right=$(database_is)
equal "the database as it is made" "t|t|-1|f|f|t" "$right"
sql postgres "alter database acme_erp owner to postgres"
eventually "the database's owner is put right" 30 shows "$right" database_is
sql postgres "grant connect on database acme_erp to public"
eventually "CONNECT for everybody is taken" 30 shows "$right" database_is
sql postgres "grant connect on database acme_erp to $other_role"
eventually "CONNECT for another tenant's role is taken" 30 shows "$right" database_is
sql postgres "revoke connect on database acme_erp from $role"
eventually "the owner's CONNECT is given back" 30 shows "$right" database_is
sql postgres "alter database acme_erp connection limit 0"
eventually "the database's connection limit is put right" 30 shows "$right" database_is
sql postgres "alter database acme_erp allow_connections false"
eventually "a closed database is opened" 30 shows "$right" database_is
sql acme_erp "reassign owned by $role to postgres; drop owned by $role" && sql postgres "drop role $role"
role_is_back() { [ "$(role_is)" = "t|32|f" ] && [ "$(login)" = 1 ]; }
eventually "a dropped role is there again, with the same password" 40 role_is_back
eventually "and owns its database" 30 shows "$right" database_is

# ---- a database that is gone ----
sql postgres "drop database acme_gone with (force)"
eventually "a database that is gone is told" 30 has_reason acme/gone DataMissing
equal "phase" Degraded "$(instance acme/gone .status.phase)"
contain "an event says what to do" "DataMissing.*accept-data-loss" "$(ctl events -n acme)"
sleep 3
equal "it is not replaced" 0 "$(sql postgres "select count(*) from pg_database where datname = 'acme_gone'")"
contain "why says what to do" "accept-data-loss" "$(ctl why acme/gone)"
check "the loss is accepted" annotate acme/gone "tenantd/accept-data-loss=$(instance acme/gone .metadata.uid)"
eventually "it begins anew" 40 ready acme/gone
equal "with one init" 1 "$(row acme_gone initialised)"

# ---- with nothing to do ----
daemon_stop
rm "$silence"
sed -i 's/inspect: 6s/inspect: 24h/' "$home/tenantd.yaml"
sql postgres "alter system set log_statement = 'all'" && sql postgres "alter system set log_line_prefix = '%m %a '" && sql postgres "select pg_reload_conf()" >/dev/null
asked_before=$(wc -l <"$requests")
check "tenantd starts with a long inspect" daemon_start
all_ready() { ready acme/erp && ready acme/gone && ready acme/other; }
eventually "all are Ready" 60 all_ready
metric() { curl -sk -H "Authorization: Bearer $(cat "$data/admin.token")" "https://127.0.0.1:$port/metrics" | awk -v name="$1" 'index($0, name) == 1 { sum += $2 } END { print sum + 0 }'; }
settled() { local before; before=$(metric tenantd_reconciles_total) && sleep 5 && [ "$(metric 'tenantd_reconciles_total{kind="Instance"')" -gt 0 ] && [ "$before" = "$(metric tenantd_reconciles_total)" ]; }
# Sizes are measured once, 20 s after the start, and each record is looked at with them.
measured() { tail -n "+$((asked_before + 1))" "$requests" | grep -q /system/df; }
eventually "volumes are measured" 60 measured
eventually "the fleet settles" 60 settled
directory=$data/postgres
[ ! -s "$data/postgres.location" ] || directory=$(cat "$data/postgres.location")
statements() { cat "$directory"/log/* 2>/dev/null; }
passes() { metric 'tenantd_pass_duration_seconds_count{neighbour="engine"'; }
versions() { { ctl get instances -A -o json; ctl get tenants -o json; ctl get apps -o json; } | jq -r '.items[] | .metadata.name + " " + .metadata.resourceVersion'; }
marked=$(versions)
reconciles=$(metric 'tenantd_reconciles_total{kind="Instance"')
log_before=$(statements | wc -l)
requests_before=$(wc -l <"$requests")
passes_before=$(passes)
sleep 11
passes_after=$(passes)
made=$((passes_after - passes_before))
asked=$(tail -n "+$((requests_before + 1))" "$requests")
[ "$made" -ge 2 ] && pass "passes were made: $made" || fail "passes were made" "$made"
equal "one list a pass" "$made" "$(grep -c '^GET [^ ]*/containers/json' <<<"$asked")"
equal "and nothing else is asked of the engine" "" "$(grep -v '^GET [^ ]*/containers/json' <<<"$asked")"
# Behind a prepared statement's name the log shows the whole script that prepared it and all others, as it does for a new session.
said=$(statements | tail -n "+$((log_before + 1))" | sed -E 's/(execute [a-z_]+): .*/\1/; s/(statement: set search_path to store).*/\1/')
listed=$(grep -c 'tenantd.list_roles' <<<"$said")
[ "$listed" -ge $((made - 1)) ] && [ "$listed" -le $((made + 1)) ] && pass "one query a pass: $listed" || fail "one query a pass" "passes: $made" "queries: $listed"
equal "nothing else is asked about databases and roles" "" "$(grep -E 'pg_database|pg_authid|pg_roles|look_role' <<<"$said" | grep -v 'tenantd.list_roles')"
absent "nothing is written" 'execute (record_(insert|update|delete)|state_put|event_insert|claim_(add|drop)|secret_(add|put))|statement: (insert|update|delete)' "$said"
equal "no record has changed" "$marked" "$(versions)"
equal "no instance was reconciled" "$reconciles" "$(metric 'tenantd_reconciles_total{kind="Instance"')"
