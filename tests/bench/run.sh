#!/usr/bin/env bash
# Runs the benchmarks, each tests/bench/<name>_bench.sh, or those named: each prints a table of its own, with the peers it ran beside.
# Figures are of this machine and this minute; only ratios within one run mean something.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1

failed=0
work=$PWD/var/bench
mkdir -p "$work"
tools/dockerd.sh start "$work/dockerd" || exit 1
trap 'tools/dockerd.sh stop "$work/dockerd"' EXIT
trap 'exit 130' INT TERM
for script in tests/bench/*_bench.sh; do
    name=$(basename "$script" _bench.sh)
    [ $# -eq 0 ] || printf '%s\n' "$@" | grep -qx "$name" || continue
    echo "== $name"
    "$script" || failed=1
done
exit $failed
