#!/usr/bin/env bash
# A killed container until it runs again, by Docker's own clock (from its event "die" to its event "start"), one after the other of ROUNDS=20
# instances: by tenantd, by a listener that starts what died without a look at anything (which is what Docker itself takes: it ends one run,
# and begins another), by Docker's restart policy; and by swarm, its own service.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/../e2e/lib.sh"
# shellcheck source=tests/e2e/lib_engine.sh
source tests/e2e/lib_engine.sh
rounds=${ROUNDS:-20}
# shellcheck disable=SC2034 # lib.sh reads it
configuration="log: {level: warning}"
tests/images/tiny.sh >/dev/null || exit 1
set_up >/dev/null || exit 1
median() { sort -n | awk '{ v[NR] = $1 } END { printf "%.1f", v[int((NR + 1) / 2)] }'; }
socket=${DOCKER_HOST:-unix:///var/run/docker.sock}

# From "die" to the next "start" of what has the label, in ms, after each of `rounds` kills.
measure() { # measure LABEL FIND...: FIND prints the container's id
    local label=$1 id i
    shift
    docker events --filter "label=$label" --filter event=die --filter event=start --format '{{.TimeNano}} {{.Action}}' >"$out/events" &
    local events=$!
    sleep 0.5
    for i in $(seq "$rounds"); do
        id=$("$@")
        until [ -n "$id" ] && [ "$(inspect "$id" '{{.State.Running}}' 2>/dev/null)" = true ]; do sleep 0.1; id=$("$@"); done
        sleep "${SETTLE:-1}"
        starts=$(grep -c start "$out/events")
        docker kill "$id" >/dev/null
        for _ in $(seq 600); do [ "$(grep -c start "$out/events")" -gt "$starts" ] && break; sleep 0.05; done
    done
    kill $events 2>/dev/null
    wait $events 2>/dev/null
    awk '$2 == "die" { died = $1 } $2 == "start" && died { printf "%.1f\n", ($1 - died) / 1e6; died = 0 }' "$out/events"
}

# ---- instances, each with its network, volume and limits ----
ctl apply -f tests/e2e/apps/tiny.yaml >/dev/null
ctl apply -f - >/dev/null <<<$'apiVersion: tenantd/v1\nkind: Tenant\nmetadata: {name: acme}\nspec: {displayName: Bench, owner: a@b.example}'
for i in $(seq "$rounds"); do
    printf -- '---\napiVersion: tenantd/v1\nkind: Instance\nmetadata: {name: i%s, namespace: acme}\nspec: {app: tiny, version: "1", deletionPolicy: Delete, resources: {cpu: "0.5", memory: 64Mi, storage: 1Gi}}\n' "$i"
done | ctl apply --wait --timeout=600s -f - >/dev/null
# kill_each KILL: of each instance once (a second end of one waits on purpose), the median
kill_each() {
    local events i
    docker events --filter label=tenantd.purpose=app --filter event=die --filter event=start --format '{{.TimeNano}} {{.Action}} {{.Actor.Attributes.name}}' >"$out/events" &
    events=$!
    sleep 1
    for i in $(seq "$rounds"); do
        "$1" "$prefix-acme.i$i" >/dev/null
        sleep 1.5
    done
    kill $events
    grep " $prefix-" "$out/events" | awk '$2 == "die" { died[$3] = $1 } $2 == "start" && died[$3] { print ($1 - died[$3]) / 1e6 }' | median
}
by_hand() { docker kill "$1"; }
# A kill by hand ends Docker's restart policy; from within it is a failure.
from_within() { kill -9 "$(inspect "$1" '{{.State.Pid}}')"; }
ours=$(kill_each by_hand)
daemon_stop
python3 tests/tools/starter.py "${socket#unix://}" "$prefix-" >"$out/starter" &
starter=$!
until grep -q listening "$out/starter"; do sleep 0.1; done
own=$(kill_each by_hand)
kill $starter
seq "$rounds" | sed "s/^/$prefix-acme.i/" | xargs docker update --restart always >/dev/null
policy=$(kill_each from_within)

# ---- swarm, on an engine of its own ----
swarm() {
    mkdir -p "$home"
    engine_start
    docker swarm init --advertise-addr 127.0.0.1 >/dev/null || return 1
    docker service create --quiet --detach=false --no-resolve-image --name bench --restart-condition any --restart-delay 0s tenantd/tiny:1 sh -c 'exec sleep 100000' >/dev/null || return 1
    measure com.docker.swarm.service.name=bench docker ps -q --no-trunc --filter label=com.docker.swarm.service.name=bench | median
}
swarmed=$( (swarm; engine_stop) 2>"$out/swarm.log" | tail -1)

printf '%-44s %10s  %s\n' "killed, until it runs again (median of $rounds)" "ms" "on top of Docker's own"
row() { printf '%-44s %10s  %s\n' "$1" "$2" "$(awk "BEGIN { printf \"%+.1f\", $2 - $own }")"; }
printf '%-44s %10s\n' "started at once, without a look" "$own"
row "Docker's restart policy" "$policy"
[ -n "$swarmed" ] && row "swarm" "$swarmed" || echo "swarm did not answer: $(tail -1 "$out/swarm.log")"
row "tenantd (bound: +20)" "$ours"
