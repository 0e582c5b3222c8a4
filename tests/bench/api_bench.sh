#!/usr/bin/env bash
# The API under as many requests as it takes: requests a second, p50 and p99 of GET one, LIST 1,000, create and patch, beside pgbench with the
# statements that each comes to on the same server; and one write to 1,000 watchers until the last has it. SECONDS_EACH=10.
# "per core": the requests that one second of the daemon's own CPU is enough for; the load and PostgreSQL use the machine, too.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/../e2e/lib.sh"
seconds=${SECONDS_EACH:-10}
records=${RECORDS:-1000}
watchers=${WATCHERS:-1000}
connections=${CONNECTIONS:-16}
plain=$((port + 250))
# shellcheck disable=SC2034 # lib.sh reads it
configuration="log: {level: warning}"
prepare() { sed -i "s|^listen: .*|listen: {address: \"127.0.0.1:$port\", plain: \"127.0.0.1:$plain\"}|" "$home/tenantd.yaml"; }
set_up >/dev/null || exit 1
ulimit -n "$(ulimit -Hn)"
token=$(cat "$data/admin.token")
root=/apis/tenantd/v1
app() { sed "s/name: tiny$/name: $1/" tests/e2e/apps/tiny.yaml; }

# Apps: records that nothing outside is made for.
for i in $(seq "$records"); do echo "---"; app "a$i"; done | ctl apply -f - >/dev/null

# ---- ours, over plain HTTP and over TLS ----
cat >"$out/each.lua" <<END
wrk.headers["Authorization"] = "Bearer $token"
local count = 0
local body = [[$(app NAME | python3 -c 'import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.stdin)))')]]
local prefix
function init(args) prefix = args[1]; math.randomseed(os.time()) ; run = args[2] end
function request()
    count = count + 1
    if prefix == "get" then return wrk.format("GET", "$root/apps/a" .. (count % $records + 1)) end
    if prefix == "list" then return wrk.format("GET", "$root/apps") end
    if prefix == "create" then
        local name = "n" .. run .. "-" .. count
        return wrk.format("POST", "$root/apps", { ["Content-Type"] = "application/json", ["Authorization"] = "Bearer $token" }, (body:gsub('"NAME"', '"' .. name .. '"')))
    end
    return wrk.format("PATCH", "$root/apps/a" .. (count % $records + 1), { ["Content-Type"] = "application/merge-patch+json", ["Authorization"] = "Bearer $token" },
        '{"metadata":{"labels":{"count":"' .. run .. "-" .. count .. '"}}}')
end
END
cpu_ticks() { awk '{ print $14 + $15 }' "/proc/$daemon/stat"; }
ours() { # ours WHAT URL: "rps p50 p99 per-core"
    local some=$connections before
    [ "$1" != list ] || some=4 # each is some MB
    # What an earlier one left behind is worked off first.
    curl -s -m 60 -o /dev/null -H "Authorization: Bearer $token" "http://127.0.0.1:$plain$root/apps?limit=1"
    before=$(cpu_ticks)
    wrk -t 1 -c "$some" -d "${seconds}s" --timeout 30s --latency -s "$out/each.lua" "$2" "$1" "$(date +%s)" >"$out/wrk.$1"
    ! grep -q 'Non-2xx' "$out/wrk.$1" || echo "# $1: $(grep Non-2xx "$out/wrk.$1")" >&2
    awk -v seconds="$(awk -v ticks=$(($(cpu_ticks) - before)) -v hz="$(getconf CLK_TCK)" 'BEGIN { print ticks / hz }')" \
        '/ 50%/ { p50 = $2 } / 99%/ { p99 = $2 } / requests in / { all = $1 } /^Requests\/sec/ { rps = $2 } END { print rps, p50, p99, int(all / seconds) }' "$out/wrk.$1"
}

# ---- the floor: what the statements cost alone ----
directory=$data/postgres
[ ! -s "$data/postgres.location" ] || directory=$(cat "$data/postgres.location")
sockets=$(sed -n 5p "$directory/postmaster.pid")
database=$(sql postgres "select datname from pg_database where datname = 'tenantd'")
# On a copy: what is written here is no record.
for table in record change counter token; do
    echo "create table floor.$table (like store.$table including all); insert into floor.$table select * from store.$table;"
done | { echo "create schema floor; create table floor.audit (like tenantd.audit including all);"; cat; } >"$out/floor.sql"
sql "$database" "$(cat "$out/floor.sql") analyze" >/dev/null || exit 1
columns="kind, namespace, name, uid, generation, version, created_ms, deletion_ms, finalizers, labels, annotations, spec, status, managed"
cat >"$out/floor.get.sql" <<END
\set i random(1, $records)
select role from floor.token where digest = 'none';
select $columns from floor.record where kind = 'App' and namespace = '' and name = 'a' || :i;
END
cat >"$out/floor.list.sql" <<END
select role from floor.token where digest = 'none';
select counter.version, page.* from floor.counter left join (select $columns from floor.record where kind = 'App' and namespace = '' order by namespace, name) page on true;
END
cat >"$out/floor.patch.sql" <<END
\set i random(1, $records)
select role from floor.token where digest = 'none';
select $columns from floor.record where kind = 'App' and namespace = '' and name = 'a' || :i;
begin;
select $columns from floor.record where kind = 'App' and namespace = '' and name = 'a' || :i for no key update;
insert into floor.audit (at_ms, who, address, verb, kind, namespace, name, uid, fields) values (0, 'bench', '', 'patch', 'App', '', 'a' || :i, '', '');
with next as (update floor.counter set version = version + 1 returning version),
 stored as (update floor.record set version = next.version from next where kind = 'App' and namespace = '' and name = 'a' || :i returning record.*)
insert into floor.change (version, kind, namespace, name, uid, generation, operation, object, spec_changed, is_event, who, at_ms)
 select next.version, stored.kind, '', stored.name, stored.uid, 1, 'MODIFIED', stored.spec, true, false, 'bench', 0 from next, stored;
commit;
END
cat >"$out/floor.create.sql" <<END
\set i random(1, 2000000000)
select role from floor.token where digest = 'none';
begin;
select 1 from floor.record where kind = 'App' and namespace = '' and name = 'f' || :i;
insert into floor.audit (at_ms, who, address, verb, kind, namespace, name, uid, fields) values (0, 'bench', '', 'create', 'App', '', 'f' || :i, '', '');
with next as (update floor.counter set version = version + 1 returning version),
 stored as (insert into floor.record ($columns) select 'App', '', 'f' || :i, gen_random_uuid()::text, 1, next.version, 0, 0, '[]', '{}', '{}', old.spec, '{}', '[]'
  from next, floor.record old where old.kind = 'App' and old.namespace = '' and old.name = 'a1' returning *)
insert into floor.change (version, kind, namespace, name, uid, generation, operation, object, spec_changed, is_event, who, at_ms)
 select version, kind, '', name, uid, 1, 'ADDED', spec, true, false, 'bench', 0 from stored;
commit;
END
# A pgbench without -r tells the mean; the log has each transaction's microseconds in its third column.
floor() { # floor WHAT
    local some=$connections
    [ "$1" != list ] || some=4
    rm -f "$out/pgbench_log".*
    (cd "$out" && PGUSER=postgres pgbench -n -M prepared -c "$some" -j 1 -T "$seconds" -l -h "$sockets" -p "$(cat "$data/postgres.port")" -f "floor.$1.sql" "$database") >"$out/floor.$1" 2>&1
    local rps
    rps=$(awk '/^tps/ { print $3 }' "$out/floor.$1")
    cat "$out"/pgbench_log.* | awk '{ print $3 }' | sort -n | awk -v rps="$rps" '{ v[NR] = $1 } END { printf "%.1f %.2fms %.2fms\n", rps, v[int(NR / 2) + 1] / 1000, v[int(NR * 0.99) + 1] / 1000 }'
}

printf '%-36s %12s %10s %10s %10s\n' "$connections connections (LIST: 4), $seconds s each" "requests/s" p50 p99 "per core"
row() { printf '%-36s %12s %10s %10s %10s\n' "$1" $2; }
for what in get list patch create; do
    case $what in get) title="GET one" ;; list) title="LIST $records" ;; *) title=$what ;; esac
    row "$title" "$(ours $what "http://127.0.0.1:$plain")"
    row "$title, TLS" "$(ours $what "https://127.0.0.1:$port")"
    row "  the statements alone (pgbench)" "$(floor $what)"
done

# ---- one write, many watchers ----
python3 tests/tools/watchers.py 127.0.0.1 "$plain" "$token" "$root/apps?watch=true&fieldSelector=metadata.name%3Da1" "$watchers" 120 '"fan":"out"' >"$out/watchers" &
watching=$!
until grep -q '^open' "$out/watchers"; do sleep 0.2; done
sleep 1
# Sent at a moment of the same clock that the watchers read.
python3 - "$plain" "$token" "$root/apps/a1" >"$out/sent" <<'END'
import http.client, sys, time
port, token, path = sys.argv[1:]
connection = http.client.HTTPConnection("127.0.0.1", int(port))
connection.connect()
begin = time.monotonic()
connection.request("PATCH", path, '{"metadata":{"labels":{"fan":"out"}}}', {"Authorization": "Bearer " + token, "Content-Type": "application/merge-patch+json"})
status = connection.getresponse().status
print(begin, time.monotonic() - begin, status)
END
wait $watching
read -r begin answered _ <"$out/sent"
tail -1 "$out/watchers" | jq -r --argjson begin "$begin" --argjson answered "$answered" \
    '"one write to \(.seen) watchers: answered after \($answered * 1000 | floor) ms, the last has it after \((.last - $begin) * 1000 | floor) ms (\(.spread_ms) ms after the first)"'
