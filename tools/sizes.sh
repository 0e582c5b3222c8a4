#!/usr/bin/env bash
# A room fits in the head: warns above 500 lines a file, fails above 800.
set -euo pipefail
cd "$(dirname "$0")/.."
git ls-files '*.c' '*.h' | xargs wc -l | awk '
    $2 == "total" { next }
    $1 > 800 { print $2 ": " $1 " lines, more than 800"; bad = 1; next }
    $1 > 500 { print $2 ": " $1 " lines, more than 500 (a warning)" }
    END { exit bad }'
