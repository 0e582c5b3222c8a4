#!/usr/bin/env bash
# A killed container until it runs again, by Docker's own clock (from its event "die" to its event "start"): tenantd, Docker's restart policy
# and swarm, beside the time that Docker itself takes for a start. ROUNDS=20.
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

# ---- Docker's own start ----
id=$(docker create --name "$prefix-own" --label "bench=$prefix-own" tenantd/tiny:1)
for i in $(seq "$rounds"); do
    curl -s --unix-socket "${socket#unix://}" -o /dev/null -w '%{time_total}\n' -X POST "http://docker/v1.41/containers/$id/start" | awk '{ print $1 * 1000 }'
    docker kill "$id" >/dev/null
done >"$out/own"
own=$(median <"$out/own")

# ---- Docker's restart policy ----
policy_id=$(docker run -d --name "$prefix-policy" --label "bench=$prefix-policy" --restart always tenantd/tiny:1 sh -c 'exec sleep 100000')
# A kill by hand ends a policy; the process is killed from within instead.
kill_inside() { kill -9 "$(inspect "$policy_id" '{{.State.Pid}}')"; }
docker events --filter "label=bench=$prefix-policy" --filter event=die --filter event=start --format '{{.TimeNano}} {{.Action}}' >"$out/policy" &
events=$!
for i in $(seq "$rounds"); do
    sleep 11 # what has run for ten seconds is started again without a growing delay
    kill_inside
done
sleep 2
kill $events
policy=$(awk '$2 == "die" { died = $1 } $2 == "start" && died { print ($1 - died) / 1e6; died = 0 }' "$out/policy" | median)

# ---- tenantd ----
ctl apply -f tests/e2e/apps/tiny.yaml >/dev/null
ctl apply -f - >/dev/null <<<$'apiVersion: tenantd/v1\nkind: Tenant\nmetadata: {name: acme}\nspec: {displayName: Bench, owner: a@b.example}'
for i in $(seq "$rounds"); do
    printf -- '---\napiVersion: tenantd/v1\nkind: Instance\nmetadata: {name: i%s, namespace: acme}\nspec: {app: tiny, version: "1", deletionPolicy: Delete, resources: {cpu: "0.5", memory: 64Mi, storage: 1Gi}}\n' "$i"
done | ctl apply --wait --timeout=600s -f - >/dev/null
# Each its own: a second end of one waits on purpose.
find_next() { echo "$prefix-acme.i$((++next))"; }
docker events --filter label=tenantd.purpose=app --filter event=die --filter event=start --format '{{.TimeNano}} {{.Action}} {{.Actor.Attributes.name}}' >"$out/tenantd" &
events=$!
sleep 1
for i in $(seq "$rounds"); do
    docker kill "$prefix-acme.i$i" >/dev/null
    sleep 1.5
done
kill $events
ours=$(grep " $prefix-" "$out/tenantd" | awk '$2 == "die" { died[$3] = $1 } $2 == "start" && died[$3] { print ($1 - died[$3]) / 1e6 }' | median)

# ---- swarm, on an engine of its own ----
swarm() {
    mkdir -p "$home"
    engine_start
    docker swarm init --advertise-addr 127.0.0.1 >/dev/null || return 1
    docker service create --quiet --detach=false --no-resolve-image --name bench --restart-condition any --restart-delay 0s tenantd/tiny:1 sh -c 'exec sleep 100000' >/dev/null || return 1
    measure com.docker.swarm.service.name=bench docker ps -q --no-trunc --filter label=com.docker.swarm.service.name=bench | median
}
swarmed=$( (swarm; engine_stop) 2>"$out/swarm.log" | tail -1)

printf '%-44s %10s  %s\n' "killed, until it runs again (median of $rounds)" "ms" "on top of a start"
row() { printf '%-44s %10s  %s\n' "$1" "$2" "$(awk "BEGIN { printf \"%+.1f\", $2 - $own }")"; }
printf '%-44s %10s\n' "Docker's own start, by its API" "$own"
row "Docker's restart policy" "$policy"
[ -n "$swarmed" ] && row "swarm" "$swarmed" || echo "swarm did not answer: $(tail -1 "$out/swarm.log")"
row "tenantd (bound: +20)" "$ours"
