# Sourced after lib.sh: a daemon that dies at its steps' boundaries and is started again at once, for as long as it dies of a signal: what systemd
# does with Restart=always. tests/e2e/programs/crashing_tenantd.c tells of the boundaries and of what `crashing` may hold.
# shellcheck shell=bash disable=SC2154
points=$home/points
crashing=()        # more for its environment
answers_within=180 # seconds until it does
tries=200          # of again

supervise() {
    while true; do
        env CRASHING_LOG="$points" "${crashing[@]}" "$build/tests/e2e/crashing_tenantd" run --config="$home/tenantd.yaml" >>"$log" 2>&1 </dev/null &
        echo $! >"$home/pid"
        wait $!
        [ $? -eq 137 ] || break
    done
}
supervised_start() {
    supervise 2>/dev/null &
    supervisor=$!
    eventually "tenantd answers" "$answers_within" ctl get apps
}
daemon_start() { supervised_start; }
daemon_kill() {
    [ -n "${supervisor:-}" ] && kill -9 "$supervisor" 2>/dev/null
    kill -9 "$(cat "$home/pid")" 2>/dev/null
}
clean_up() { daemon_kill; } # called by tear_down

again() { # again COMMAND...: through crashes of the API's server
    local i
    for i in $(seq "$tries"); do
        "$@" 2>"$out/again" && return 0
        sleep 0.3
    done
    echo "in vain ($i times): $*"
    cat "$out/again"
    return 1
}
# A question to a server that dies while it is asked has no answer, which is not the answer "no".
instance() { again ctl get instance "${1#*/}" -n "${1%/*}" -o json | jq -r "$2"; }
