# What every end-to-end test sources: a daemon of its own (data directory, prefix, network pool, port), its end on whatever way out, and
# checks of the world's state. Each check prints "ok - what" or "not ok - what" with what was seen; tests/run.sh counts them.
# shellcheck shell=bash
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1

suite=$(basename "$0" _test.sh)
build=$PWD/${BUILD:-build}
home=$PWD/var/test/e2e/$suite
data=$home/data
log=$home/tenantd.log
out=$home/out
# Of all suites on this machine, in whatever checkout, none shares a port, prefix or network pool: each takes a number and keeps it
# by a lock, which its daemon and its database server hold, too, should they outlive it. So what carries a number that is free
# belongs to nobody any more: a run that was killed left it.
take_number() {
    for number in $(seq 30 250); do
        exec 8>>"/run/lock/tenantd-test.$number"
        if flock -n 8; then return 0; fi
    done
    echo "no number is free in /run/lock/tenantd-test.*"
    exit 1
}
take_number
prefix=t$number
pool=10.$number.0.0/16
port=$((7700 + number))
# KUBECTL=PROGRAM takes another one than Debian's.
kubectl_program=${KUBECTL:-$PWD/var/tools/kubectl}
[ -n "${KUBECTL:-}" ] || [ -x "$kubectl_program" ] || kubectl_program=kubectl
export KUBECONFIG=$data/admin.kubeconfig
failures=0

ctl() { "$build/tenantctl" "$@"; }
kctl() { HOME=$home "$kubectl_program" --cache-dir="$home/kube-cache" "$@"; }

# ---- the daemon ----

daemon_start() {
    "$build/tenantd" run --config="$home/tenantd.yaml" >>"$log" 2>&1 </dev/null &
    daemon=$!
    local i
    for i in $(seq 300); do
        if [ -s "$KUBECONFIG" ] && ctl get apps >/dev/null 2>&1; then return 0; fi
        kill -0 "$daemon" 2>/dev/null || break
        sleep 0.2
    done
    echo "tenantd did not start (after $i looks):"
    tail -30 "$log"
    return 1
}

daemon_kill() {
    kill -9 "$daemon" 2>/dev/null
    wait "$daemon" 2>/dev/null
}

daemon_stop() {
    kill -TERM "$daemon" 2>/dev/null
    wait "$daemon" 2>/dev/null
}

remove_objects() { # remove_objects PREFIX
    docker ps -aq --filter "name=^$1-" | xargs -r docker rm -f >/dev/null 2>&1
    docker volume ls -q --filter "name=^$1-" | xargs -r docker volume rm >/dev/null 2>&1
    docker network ls -q --filter "name=^$1-" | xargs -r docker network rm >/dev/null 2>&1
}

# The cluster's own directory, where it is not below the data directory.
remove_cluster() {
    [ -s "$data/postgres.location" ] || return 0
    case $(cat "$data/postgres.location") in /var/lib/tenantd*/?*) rm -rf -- "$(cat "$data/postgres.location")" ;; esac
}

tear_down() {
    local status=$?
    trap - EXIT INT TERM
    [ -z "${daemon:-}" ] || daemon_kill
    ! declare -F clean_up >/dev/null || clean_up
    [ ! -f "$home/tenantd.yaml" ] || "$build/tenantd" stop --with-database --config="$home/tenantd.yaml" >/dev/null 2>&1
    remove_objects "$prefix"
    remove_cluster
    [ $status -eq 0 ] && [ "$failures" -eq 0 ] && rm -rf "$data"
    [ $status -ne 0 ] || [ "$failures" -eq 0 ] || status=1
    exit $status
}

# A suite may say in `controller` and `configuration` (more lines) what its daemon is configured with, and in a function clean_up what it
# has to end besides the daemon.
set_up() {
    # What a killed run left.
    [ ! -f "$home/tenantd.yaml" ] || "$build/tenantd" stop --with-database --config="$home/tenantd.yaml" >/dev/null 2>&1
    remove_objects "$prefix"
    remove_cluster
    rm -rf "$home"
    mkdir -p "$home" "$out"
    cat >"$home/tenantd.yaml" <<EOF
data: $data
prefix: $prefix
listen: {address: "127.0.0.1:$port"}
network: {pool: $pool}
controller: ${controller:-{resync: 5s, backoffFirst: 500ms\}}
${configuration:-}
EOF
    trap tear_down EXIT
    trap 'exit 130' INT TERM
    if declare -F prepare >/dev/null; then prepare || exit 1; fi # a suite's own
    daemon_start || exit 1
}

# ---- checks ----

pass() { echo "ok - $1"; }
fail() {
    echo "not ok - $1"
    shift
    printf '    %s\n' "$@"
    failures=$((failures + 1))
}

# check WHAT COMMAND...: the command succeeds. It runs in this very shell, so that daemon_start tells it the daemon's pid.
check() {
    local what=$1 said=$home/said.$BASHPID
    shift
    if "$@" >"$said" 2>&1; then pass "$what"; else fail "$what" "$* (exit $?)" "$(cat "$said")"; fi
}

# refuse WHAT PATTERN COMMAND...: the command fails and says PATTERN (an extended regular expression).
refuse() {
    local what=$1 pattern=$2 said
    shift 2
    if said=$("$@" 2>&1); then
        fail "$what" "$* succeeded" "$said"
    elif grep -qE -- "$pattern" <<<"$said"; then
        pass "$what"
    else
        fail "$what" "$* said:" "$said" "instead of: $pattern"
    fi
}

# equal WHAT EXPECTED ACTUAL
equal() { if [ "$2" = "$3" ]; then pass "$1"; else fail "$1" "expected: $2" "seen:     $3"; fi; }
# contain WHAT PATTERN TEXT
contain() { if grep -qE -- "$2" <<<"$3"; then pass "$1"; else fail "$1" "expected: $2" "seen:     $3"; fi; }
absent() { if grep -qE -- "$2" <<<"$3"; then fail "$1" "not expected: $2" "seen:     $3"; else pass "$1"; fi; }

# eventually WHAT SECONDS COMMAND...: the command succeeds before the time is over.
eventually() {
    local what=$1 until=$((SECONDS + $2)) said
    shift 2
    while ! said=$("$@" 2>&1); do
        if [ $SECONDS -ge $until ]; then
            fail "$what" "$*" "$said"
            return
        fi
        sleep 0.2
    done
    pass "$what"
}

# shows EXPECTED COMMAND...: for eventually, which must look anew each time.
shows() { [ "$1" = "$("${@:2}" 2>/dev/null)" ]; }

# ---- the world ----

# psql as the cluster's superuser: sql DATABASE STATEMENT
sql() {
    local directory=$data/postgres sockets
    [ ! -s "$data/postgres.location" ] || directory=$(cat "$data/postgres.location")
    sockets=$(sed -n 5p "$directory/postmaster.pid")
    psql -X -q -A -t -v ON_ERROR_STOP=1 -h "$sockets" -p "$(cat "$data/postgres.port")" -U postgres -d "$1" -c "$2"
}

inspect() { docker inspect -f "$2" "$1"; }
field() { ctl get "$1" "$2" ${4:+-n "$4"} -o json | jq -r "$3"; }                  # field KIND NAME JQ [NAMESPACE]
instance() { ctl get instance "${1#*/}" -n "${1%/*}" -o json | jq -r "$2"; }       # instance acme/erp JQ
ready() { # says why not
    local seen
    seen=$(instance "$1" '.status | [(.conditions[] | select(.type=="Ready") | .status, .reason), .phase, .message] | join(" ")')
    [[ $seen == True* ]] || { echo "$seen"; return 1; }
}
reason() { instance "$1" '.status.conditions[] | select(.type=="Ready") | .reason'; }
has_reason() { [ "$(reason "$1")" = "$2" ]; }
point_files() { find "$1" -path "$1/_installation" -prune -o -type f -print; } # what recovery points are made of; the copy of all records is none
gone() { ! docker inspect "$1" >/dev/null 2>&1; }
address() { docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$1"; }
http_status() { curl -s -o /dev/null -m 5 -w '%{http_code}' "$1"; }
