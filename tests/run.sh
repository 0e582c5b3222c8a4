#!/usr/bin/env bash
# Runs the tests against real neighbours and sums up: run.sh [unit] [e2e] [fuzz] (none named: all). Starts what is missing (dockerd,
# images) and stops what it started, also when it fails. Each suite's output is in var/test/logs. Suites share nothing, and mostly
# wait: TEST_JOBS of them (default 2) run at a time. Ends in "N passed, N failed".
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

build=${BUILD:-build}
work=$PWD/var/test
logs=$work/logs
counts=$logs/counts # of each suite that has ended: passed failed
mkdir -p "$logs"
rm -f "$logs"/*.log
: >"$counts"

want() {
    [ ${#wanted[@]} -eq 0 ] && return 0
    printf '%s\n' "${wanted[@]}" | grep -qx "$1"
}
wanted=("$@")

finish() {
    wait # for suites that were told to end, too
    tools/dockerd.sh stop "$work/dockerd" >>"$logs/dockerd.log" 2>&1
}
trap finish EXIT
trap 'exit 130' INT TERM

# count NAME PASSED FAILED SECONDS
count() {
    echo "$2 $3" >>"$counts"
    printf '%-52s %5d passed %3d failed %5d s\n' "$1" "$2" "$3" "$4"
}

# together RUN SUITE...: each with "RUN SUITE", several at a time; what one of them says is not mixed with another's.
together() {
    local run=$1 suite running=0
    shift
    for suite in "$@"; do
        if [ $running -ge "${TEST_JOBS:-2}" ]; then
            wait -n
            running=$((running - 1))
        fi
        { said=$("$run" "$suite") && printf '%s\n' "$said"; } &
        running=$((running + 1))
    done
    while [ $running -gt 0 ]; do
        wait -n
        running=$((running - 1))
    done
}

# A cmocka program ends with its counts; one that died before says nothing, and is one failure.
run_unit() {
    local program=$1 name log start ok bad status
    name=${program#"$build"/tests/}
    log=$logs/${name//\//.}.log
    start=$SECONDS
    timeout -k 10 "${UNIT_TIMEOUT:-600}" "$program" >"$log" 2>&1
    status=$?
    ok=$(sed -nE 's/^\[  PASSED  \] ([0-9]+) test.*/\1/p' "$log" | tail -1)
    bad=$(sed -nE 's/^\[  FAILED  \] ([0-9]+) test.*/\1/p' "$log" | tail -1)
    if [ $status -ne 0 ] && [ "${bad:-0}" -eq 0 ]; then
        bad=1
    fi
    count "$name" "${ok:-0}" "${bad:-0}" $((SECONDS - start))
    if [ "${bad:-0}" -ne 0 ]; then
        echo "---- $name (exit $status)"
        grep -vE '^\[ (RUN     |      OK)' "$log" | tail -40
        echo "----"
    fi
}

# A script of end-to-end tests prints "ok - what" and "not ok - what".
run_script() {
    local script=$1 name log start ok bad status
    name=${script#tests/}
    log=$logs/${name//\//.}.log
    start=$SECONDS
    timeout -k 30 "${SCRIPT_TIMEOUT:-1800}" "$script" >"$log" 2>&1
    status=$?
    ok=$(grep -c '^ok - ' "$log")
    bad=$(grep -c '^not ok - ' "$log")
    if [ $status -ne 0 ] && [ "$bad" -eq 0 ]; then
        bad=1
    fi
    count "$name" "$ok" "$bad" $((SECONDS - start))
    if [ "$bad" -ne 0 ]; then
        echo "---- $name (exit $status)"
        grep -A15 '^not ok - ' "$log" | head -80
        tail -25 "$log"
        echo "----"
    fi
}

run_fuzzer() {
    local program=$1 name log start=$SECONDS
    name=$(basename "$program" _fuzz)
    log=$logs/fuzz.$name.log
    mkdir -p "$work/corpus/$name"
    if timeout -k 10 $((${FUZZ_SECONDS:-5} + 120)) "$program" -max_total_time="${FUZZ_SECONDS:-5}" -timeout=10 -rss_limit_mb=2048 \
        -artifact_prefix="$work/corpus/$name-" "$work/corpus/$name" "tests/fuzz/seeds/$name" >"$log" 2>&1; then
        count "fuzz/$name" 1 0 $((SECONDS - start))
    else
        count "fuzz/$name" 0 1 $((SECONDS - start))
        tail -30 "$log"
    fi
}

not_made() { # not_made WHAT LOG
    echo "$1:"
    tail -20 "$logs/$2"
    echo "0 1" >>"$counts"
}

if ! tools/dockerd.sh start "$work/dockerd" >>"$logs/dockerd.log" 2>&1; then
    not_made "dockerd does not start" dockerd.log
elif ! tests/images/tiny.sh >>"$logs/images.log" 2>&1; then
    not_made "the tiny image cannot be made" images.log
elif want e2e && ! { tests/images/odoo.sh && tests/images/tryton.sh; } >>"$logs/images.log" 2>&1; then
    not_made "an application's image cannot be made" images.log
else
    mapfile -t programs < <(find "$build/tests" -name '*_test' -type f | sort)
    mapfile -t fuzzers < <(find "$build/fuzz" -name '*_fuzz' -type f 2>/dev/null | sort)
    ! want unit || together run_unit "${programs[@]}"
    ! want fuzz || together run_fuzzer "${fuzzers[@]}"
    ! want e2e || together run_script tests/e2e/*_test.sh
fi

awk '{ passed += $1; failed += $2 } END { printf "%d passed, %d failed\n", passed, failed; exit failed > 0 || passed == 0 }' "$counts"
