#!/usr/bin/env bash
# kill -9 of tenantd at every boundary of every step: before the effect, while a one-shot runs, before each thing that is recorded,
# after the effect.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
victim=self
# shellcheck source=tests/e2e/lib_crash.sh
source tests/e2e/lib_crash.sh
