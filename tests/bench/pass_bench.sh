#!/usr/bin/env bash
# A pass of a fleet with nothing to do, over 1,000, 10,000 and 100,000 simulated instances. Design's bound: 200 ms of CPU for 10,000.
set -euo pipefail
cd "$(dirname "$0")/../.." || exit 1

make --no-print-directory -s build/tests/bench/pass_bench
build/tests/bench/pass_bench "$@"
