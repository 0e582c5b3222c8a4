#!/usr/bin/env bash
# Applications that hang, crash, start slowly, or fill a disk: restarted after growing waits, and told with the end of their output.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/fleet.sh
source tests/e2e/fleet.sh
controller="{resync: 10m, backoffFirst: 500ms, backoffMax: 4s}"
set_up

fill='"dd if=\/dev\/zero of=\/dev\/shm\/x bs=1M count=100"' # more than a container's /dev/shm has
check "the apps" apply <<<"$(cat tests/e2e/apps/tiny.yaml; echo ---; app full "/^  init:/s/.*/  init: {command: [sh, -c, $fill], timeout: 1m}/"; echo ---
    app overflow "/^  command:/s/.*/  command: [sh, -c, $fill]/")"
check "the tenant" apply <<<"$(tenant acme)"
check "one that will hang" apply --wait --timeout=90s <<<"$(spec hung)"
# Its process answers nobody any more; what comes of it is looked at below.
docker top "$prefix-acme.hung" -eo pid,comm | awk '$2 != "docker-init" && $2 != "COMMAND" {print $1}' | xargs kill -STOP
check "some that cannot be" apply <<<"$(spec crash 'env: {TINY_CRASH_AFTER: "0"}'; echo ---; spec slow 'env: {TINY_START_DELAY: "8"}'
    echo ---; spec full | sed 's/app: tiny/app: full/; s/64Mi/256Mi/'; echo ---; spec overflow | sed 's/app: tiny/app: overflow/; s/64Mi/256Mi/')"

# ---- health, crashes, full disks ----
eventually "one that starts slowly becomes Ready" 60 ready acme/slow
equal "without a restart" 0 "$(instance acme/slow '.status.container.restarts // 0')"
eventually "a crash loop is told" 40 has_reason acme/crash CrashLoop
contain "with the end of its output" "crashing because TINY_CRASH_AFTER=0" "$(ctl describe instance crash -n acme)"
restarts() { [ "$(instance acme/crash '.status.container.restarts // 0')" -ge 3 ]; }
eventually "it is started again and again" 60 restarts
waits() { [ "$(condition acme/crash Ready message | sed -nE 's/.*again in ([0-9]+) s.*/\1/p')" -ge 3 ]; }
eventually "after growing waits" 60 waits
eventually "a full disk in an init is told" 40 has_reason acme/full DiskFull
contain "with its output" "No space left on device" "$(ctl describe instance full -n acme)"
eventually "a full disk in a container is told" 60 has_reason acme/overflow DiskFull
was_restarted() { [ "$(instance acme/hung '.status.container.restarts // 0')" -ge 1 ] && ready acme/hung; }
eventually "a process that hangs is restarted" 120 was_restarted
