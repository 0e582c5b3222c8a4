#!/usr/bin/env bash
# Runs the tests against real neighbours and sums up: run.sh [unit] [e2e] [fuzz] (none named: all). Starts what is missing (dockerd,
# images) and stops what it started, also when it fails. Each suite's output is in var/test/logs. Ends in "N passed, N failed".
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

build=${BUILD:-build}
work=$PWD/var/test
logs=$work/logs
passed=0
failed=0
mkdir -p "$logs"
rm -f "$logs"/*.log

want() {
    [ ${#wanted[@]} -eq 0 ] && return 0
    printf '%s\n' "${wanted[@]}" | grep -qx "$1"
}
wanted=("$@")

finish() {
    tools/dockerd.sh stop "$work/dockerd" >>"$logs/dockerd.log" 2>&1
}
trap finish EXIT
trap 'exit 130' INT TERM

# count NAME PASSED FAILED SECONDS
count() {
    passed=$((passed + $2))
    failed=$((failed + $3))
    printf '%-52s %5d passed %3d failed %5d s\n' "$1" "$2" "$3" "$4"
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

if ! tools/dockerd.sh start "$work/dockerd" >>"$logs/dockerd.log" 2>&1; then
    echo "dockerd does not start:"
    tail -20 "$logs/dockerd.log"
    failed=1
elif ! tests/images/tiny.sh >>"$logs/images.log" 2>&1; then
    echo "the tiny image cannot be made:"
    tail -20 "$logs/images.log"
    failed=1
else
    if want unit; then
        for program in $(find "$build/tests" -name '*_test' -type f | sort); do
            run_unit "$program"
        done
    fi
    if want fuzz; then
        for program in $(find "$build/fuzz" -name '*_fuzz' -type f 2>/dev/null | sort); do
            name=$(basename "$program" _fuzz)
            start=$SECONDS
            mkdir -p "$work/corpus/$name"
            if timeout -k 10 120 "$program" -max_total_time="${FUZZ_SECONDS:-5}" -timeout=10 -rss_limit_mb=2048 \
                -artifact_prefix="$work/corpus/$name-" "$work/corpus/$name" "tests/fuzz/seeds/$name" >"$logs/fuzz.$name.log" 2>&1; then
                count "fuzz/$name" 1 0 $((SECONDS - start))
            else
                count "fuzz/$name" 0 1 $((SECONDS - start))
                tail -30 "$logs/fuzz.$name.log"
            fi
        done
    fi
    if want e2e; then
        for script in tests/e2e/*_test.sh; do
            run_script "$script"
        done
    fi
fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
