#!/usr/bin/env bash
# Two daemons on the same records: one acts, the other one stands by, serves its API, and takes over. Who was stopped and goes on
# does nothing more.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/lib_server.sh
source tests/e2e/lib_server.sh

configure() { # configure DIRECTORY PORT
    mkdir -p "$1"
    cat >"$1/tenantd.yaml" <<END
data: $1/data
prefix: $prefix
listen: {address: "127.0.0.1:$2"}
network: {pool: $pool}
controller: {resync: 5s, backoffFirst: 500ms}
leader: {hold: 1s, takeOver: 3s}
postgres: {url: "postgresql://tenantd:$server_password@127.0.0.1:$server_port/tenantd"}
END
}
one=$home/one two=$home/two
declare -A pid port_of=([one]=$port [two]=$((port + 250)))
start() { # start one|two
    "$build/tenantd" run --config="$home/$1/tenantd.yaml" >>"$home/$1.log" 2>&1 </dev/null &
    pid[$1]=$!
}
tear_down() {
    local status=$?
    trap - EXIT INT TERM
    for each in "${pid[@]}"; do
        kill -CONT "$each" 2>/dev/null
        kill -9 "$each" 2>/dev/null
    done
    remove_objects "$prefix"
    server_remove
    [ $status -ne 0 ] || [ "$failures" -eq 0 ] || status=1
    exit $status
}
trap tear_down EXIT
trap 'exit 130' INT TERM
remove_objects "$prefix"
rm -rf "$home"
mkdir -p "$home"
configure "$one" "${port_of[one]}"
configure "$two" "${port_of[two]}"
server_make "$one/tenantd.yaml" || { echo "no database server"; exit 1; }
mkdir -p "$two/data"
cp -p "$one"/data/{secrets.key,installation,admin.token} "$two/data/"
installation=$(cat "$one/data/installation")
token=$(cat "$one/data/admin.token")

via() { KUBECONFIG=$home/$1/data/admin.kubeconfig "$build/tenantctl" "${@:2}"; }
ask() { curl -sk -m 10 -H "Authorization: Bearer $token" "https://127.0.0.1:${port_of[$1]}$2"; }
leads() { [ "$(ask "$1" /metrics | sed -n 's/^tenantd_leader \([01]\).*/\1/p')" = 1 ]; }
stands_by() { [ "$(ask "$1" /metrics | sed -n 's/^tenantd_leader \([01]\).*/\1/p')" = 0 ]; }
epoch() { sql tenantd "select epoch from store.leader"; }
is_ready() { [ "$(via "$1" get instance "$2" -n acme -o json | jq -r '.status.conditions[] | select(.type=="Ready") | .status')" = True ]; }
initialised() { sql "acme_$1" "select v from tiny where k = 'initialised'"; }
spec() { # spec NAME EXTRA...
    printf 'apiVersion: tenantd/v1\nkind: Instance\nmetadata: {name: %s, namespace: acme}\nspec:\n  app: tiny\n  version: "1"\n  deletionPolicy: Delete\n  resources: {cpu: "0.5", memory: 64Mi, storage: 1Gi}\n' "$1"
    shift
    [ $# -eq 0 ] || printf '  %s\n' "$@"
}

start one
eventually "the first daemon leads" 60 leads one
start two
eventually "the second one stands by" 60 stands_by two
absent "nobody was waited for" "takes over" "$(cat "$home/one.log")"
contain "the leader is ready and says who leads" "\[\+\]leader ok: .*\(${pid[one]}\) leads in epoch 1" "$(ask one '/readyz?verbose')"
contain "so does the standby" "\[\+\]leader ok: .*\(${pid[one]}\) leads in epoch 1" "$(ask two '/readyz?verbose')"

# ---- the standby serves its API; the leader acts ----
check "an app by the leader's API" via one apply -f tests/e2e/apps/tiny.yaml
check "a tenant by the standby's API" via two apply -f - <<<$'apiVersion: tenantd/v1\nkind: Tenant\nmetadata: {name: acme}\nspec: {displayName: Test, owner: a@b.example}'
check "an instance by the standby's API" via two apply -f - <<<"$(spec erp)"
eventually "the leader makes it" 60 is_ready two erp
absent "the standby ran no step" "step done" "$(cat "$home/two.log")"

# ---- a leader that stops in the middle of a long step ----
check "an instance that takes long to initialise" via one apply -f - <<<"$(spec slow 'env: {TINY_INIT_DELAY: "8"}')"
job_runs() { [ "$(inspect "$prefix-acme.slow.job" '{{.State.Running}}')" = true ]; }
eventually "its initialisation runs" 60 job_runs
first_job=$(inspect "$prefix-acme.slow.job" '{{.Id}}')
kill -STOP "${pid[one]}"
eventually "the standby takes over" 120 leads two
equal "in the next epoch" 2 "$(epoch)"
contain "after a wait" "takes over.* wait_ms=3000" "$(cat "$home/two.log")"
eventually "and makes the instance" 120 is_ready two slow
equal "which was initialised once, afresh" 1 "$(initialised slow)"
absent "by a job of its own" "$first_job" "$(docker ps -aq --no-trunc)"
check "meanwhile another one is stopped" via two stop acme/erp --wait --timeout=60s

before=$(docker ps -aq --no-trunc --filter "label=tenantd.installation=$installation" | sort | tr '\n' ' ')
since=$(date +%s.%N)
kill -CONT "${pid[one]}"
eventually "the first one notices and stands by" 60 stands_by one
contain "by itself" "leadership lost" "$(cat "$home/one.log")"
sleep 6
equal "and did nothing more" "" "$(docker events --since "$since" --until "$(date +%s)" --filter "label=tenantd.installation=$installation")"
equal "all is as it was" "$before" "$(docker ps -aq --no-trunc --filter "label=tenantd.installation=$installation" | sort | tr '\n' ' ')"
equal "the epoch, too" 2 "$(epoch)"
check "what is stopped stays stopped" shows exited inspect "$prefix-acme.erp" '{{.State.Status}}'

# ---- a leader that dies ----
check "an instance by the new standby's API" via one apply -f - <<<"$(spec third)"
eventually "is made by the new leader" 60 is_ready one third
kill -9 "${pid[two]}"
eventually "the first one leads again" 120 leads one
check "another instance" via one apply -f - <<<"$(spec fourth)"
eventually "is made" 60 is_ready one fourth
equal "in the third epoch" 3 "$(epoch)"

# ---- a leader that leaves in order ----
start two
eventually "the second one is back as standby" 60 stands_by two
waits=$(grep -c "takes over" "$home/two.log")
kill -TERM "${pid[one]}"
wait "${pid[one]}"
eventually "the second one leads" 60 leads two
equal "and had to wait for nobody" "$waits" "$(grep -c "takes over" "$home/two.log")"

# ---- the records' server is killed under the leader ----
server_kill
eventually "the server is gone" 30 bash -c "! pg_isready -q -h $server -p $server_port"
contain "health is told" ok "$(ask two /healthz)"
contain "readyz says what is missing" "\[-\]records failed" "$(ask two /readyz)"
server_start
eventually "the leader leads again" 60 leads two
check "an instance after that" via two apply -f - <<<"$(spec fifth)"
eventually "is made" 90 is_ready two fifth
for name in erp slow third fourth fifth; do
    equal "$name: one container" 1 "$(docker ps -aq --filter "name=^$prefix-acme.$name" | wc -l)"
    equal "$name: initialised once" 1 "$(initialised $name)"
done
equal "one role for each" 5 "$(sql postgres "select count(*) from pg_roles where rolname like 'td\_${installation}\_%' and rolcanlogin")"
