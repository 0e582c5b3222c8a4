#!/usr/bin/env bash
# What somebody changes on the Docker host is put right. The list pass comes every ten minutes here, so it is Docker's events that tell;
# drift_list_test.sh does without them.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/fleet.sh
source tests/e2e/fleet.sh
controller="{resync: 10m, backoffFirst: 500ms, backoffMax: 4s}"
set_up
c=$prefix-acme.erp

check "the app" ctl apply -f tests/e2e/apps/tiny.yaml
check "the tenant" apply <<<"$(tenant acme)"
check "instances" apply --wait --timeout=90s <<<"$(spec erp 'publish: auto'; echo ---; spec other)"
# ---- the container's state ----
id=$(inspect "$c" '{{.Id}}')
docker pause "$c" >/dev/null
eventually "a paused container goes on" 90 serves "$c" acme/erp
equal "it is the same one" "$id" "$(inspect "$c" '{{.Id}}')"
started=$(inspect "$c" '{{.State.StartedAt}}')
docker rename "$c" "$prefix-else"
eventually "a renamed container has its name again" 90 shows "$id $started" inspect "$c" '{{.Id}} {{.State.StartedAt}}'
eventually "ready under it" 90 serves "$c" acme/erp
docker stop -t 1 "$c" >/dev/null
eventually "a stopped container runs again" 90 serves "$c" acme/erp
docker kill "$c" >/dev/null
eventually "a killed container runs again" 90 serves "$c" acme/erp
docker rm -f "$c" >/dev/null
eventually "a removed container is there again" 90 serves "$c" acme/erp
equal "once" 1 "$(docker ps -aq --filter "label=tenantd.uid=$(instance acme/erp .metadata.uid)" | wc -l)"
equal "with its data" 1 "$(row acme_erp initialised)"
check "it is to be stopped" ctl stop acme/erp
eventually "it is" 90 shows exited inspect "$c" '{{.State.Status}}'
stopped() { [ "$(inspect "$c" '{{.State.Status}}')" = exited ] && [ "$(inspect "$c" '{{.State.StartedAt}}')" != "$started" ]; }
started=$(inspect "$c" '{{.State.StartedAt}}')
docker start "$c" >/dev/null
eventually "one that somebody started is stopped again" 90 stopped
check "started again" ctl start acme/erp
eventually "it runs" 90 serves "$c" acme/erp

# ---- limits ----
id=$(inspect "$c" '{{.Id}} {{.State.StartedAt}}')
limits() { inspect "$c" '{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.NanoCpus}} {{.HostConfig.PidsLimit}} {{.HostConfig.RestartPolicy.Name}}'; }
right=$(limits)
equal "limits as asked for" "67108864 67108864 500000000 512 no" "$right"
docker update --memory 128m --memory-swap 256m "$c" >/dev/null
eventually "memory changed by hand is put right" 90 shows "$right" limits
docker update --cpus 2 "$c" >/dev/null
eventually "cpu changed by hand is put right" 90 shows "$right" limits
docker update --pids-limit 9 "$c" >/dev/null
eventually "the pid limit changed by hand is put right" 90 shows "$right" limits
docker update --restart always "$c" >/dev/null
eventually "a restart policy given by hand is taken back" 90 shows "$right" limits
equal "without a restart" "$id" "$(inspect "$c" '{{.Id}} {{.State.StartedAt}}')"

# ---- the network ----
docker network disconnect "$prefix-acme" "$c"
on_network() { [ -n "$(inspect "$c" "{{(index .NetworkSettings.Networks \"$prefix-acme\").IPAddress}}" 2>/dev/null)" ]; }
eventually "a disconnected container is on its network again" 90 on_network
eventually "ready on it" 90 serves "$c" acme/erp
port=$(instance acme/erp .status.url | sed 's/.*://')
eventually "its published port answers" 90 shows 200 http_status "http://127.0.0.1:$port/health"
network=$(docker network inspect -f '{{.Id}}' "$prefix-acme")
for one in $(docker network inspect "$prefix-acme" | jq -r '.[0].Containers | keys[]'); do docker network disconnect -f "$prefix-acme" "$one"; done
docker network rm "$prefix-acme" >/dev/null 2>&1
another() { local now; now=$(docker network inspect -f '{{.Id}}' "$prefix-acme" 2>/dev/null) && [ "$now" != "$network" ]; }
# Whoever is quicker: one that is connected again at once holds the network, and then it was not removed.
if ! docker network inspect "$prefix-acme" 2>/dev/null | grep -q "$network"; then eventually "a removed network is there again" 90 another; fi
eventually "the container is on it" 90 on_network
pause acme/erp
docker stop -t 1 "$c" >/dev/null
pause acme/other
for one in $(docker network inspect "$prefix-acme" | jq -r '.[0].Containers | keys[]'); do docker network disconnect -f "$prefix-acme" "$one"; done
network=$(docker network inspect -f '{{.Id}}' "$prefix-acme")
removed_network() { docker network rm "$prefix-acme" >/dev/null 2>&1 || ! docker network inspect "$prefix-acme" >/dev/null 2>&1 || another; }
eventually "the network is removed under a stopped container" 90 removed_network
resume acme/erp
resume acme/other
eventually "the tenant makes a new network" 90 another
eventually "a container that was stopped meanwhile starts on the new one" 60 serves "$c" acme/erp

# ---- paused ----
check "pause" pause acme/erp
docker stop -t 1 "$c" >/dev/null
eventually "of a paused one is shown what is so" 90 shows False condition acme/erp ContainerReady status
equal "with the reason" Paused "$(reason acme/erp)"
sleep 3
equal "and nothing is done" exited "$(inspect "$c" '{{.State.Status}}')"
check "resume" resume acme/erp
eventually "it runs" 90 serves "$c" acme/erp
