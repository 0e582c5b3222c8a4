#!/usr/bin/env bash
# kill -9 of the Docker Engine at a boundary of every step: before the effect of one, after that of the next.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
victim=engine
# shellcheck source=tests/e2e/lib_crash.sh
source tests/e2e/lib_crash.sh
