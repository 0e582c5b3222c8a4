#!/usr/bin/env bash
# From apply to Ready, beside a script that makes the same calls to Docker and PostgreSQL at its best concurrency, and beside docker compose
# and swarm, which make no databases: their figures are of containers alone.
# INSTANCES=30, ROUNDS=3: the median counts.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/../e2e/lib.sh"
# shellcheck source=tests/e2e/lib_engine.sh
source tests/e2e/lib_engine.sh
count=${INSTANCES:-30}
rounds=${ROUNDS:-3}
# shellcheck disable=SC2034 # lib.sh reads it
configuration="log: {level: warning}"
tests/images/tiny.sh >/dev/null || exit 1
set_up >/dev/null || exit 1
now() { date +%s%N; }
took() { echo $((($(now) - $1) / 1000000)); }
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

# ---- tenantd ----
ctl apply -f tests/e2e/apps/tiny.yaml >/dev/null
ctl apply -f - >/dev/null <<<$'apiVersion: tenantd/v1\nkind: Tenant\nmetadata: {name: acme}\nspec: {displayName: Bench, owner: a@b.example}'
until [ "$(field tenant acme .status.phase)" = Active ]; do sleep 0.1; done
for i in $(seq "$count"); do
    printf -- '---\napiVersion: tenantd/v1\nkind: Instance\nmetadata: {name: i%s, namespace: acme}\nspec:\n  app: tiny\n  version: "1"\n  deletionPolicy: Delete\n  resources: {cpu: "0.5", memory: 64Mi, storage: 1Gi}\n' "$i"
done >"$out/instances.yaml"
all_gone() { [ "$(ctl get instances -n acme -o json | jq '.items | length')" = 0 ]; }
run_tenantd() {
    local start
    start=$(now)
    ctl apply --wait --timeout=600s -f "$out/instances.yaml" >/dev/null || echo "not all are Ready" >&2
    took "$start"
    ctl delete -f "$out/instances.yaml" --wait=false >/dev/null
    until all_gone; do sleep 0.3; done
}

# ---- the same calls, bare: role, database, volume, init, container, start, and the first good health. Each container is given its password
# in a file and is asked whose the data directory is, as tenantd does. ----
directory=$data/postgres
[ ! -s "$data/postgres.location" ] || directory=$(cat "$data/postgres.location")
sockets=$(sed -n 5p "$directory/postmaster.pid")
pg_port=$(cat "$data/postgres.port")
socket=${DOCKER_HOST:-unix:///var/run/docker.sock}
socket=${socket#unix://}
bare_sql() { psql -X -q -v ON_ERROR_STOP=1 -h "$sockets" -p "$pg_port" -U postgres -d "${2:-postgres}" -c "$1"; }
archive() { curl -sS --fail --unix-socket "$socket" "http://docker/v1.41/containers/$1/archive?path=$2" "${@:3}"; }
bare_container() { # bare_container NAME COMMAND: prints its id
    local id
    id=$(docker create --name "$1" "${common[@]}" tenantd/tiny:1 "$2")
    archive "$id" / -T "$out/bare.$name.tar" >/dev/null
    archive "$id" /data | tar -t >/dev/null
    docker start "$id" >/dev/null
    echo "$id"
}
bare_one() { # bare_one NUMBER
    local name=bare$1 id
    bare_sql "create role $name login password '$name' connection limit 32"
    bare_sql "create database $name owner $name template template0"
    bare_sql "revoke all on database $name from public"
    docker volume create "$prefix-$name" >/dev/null
    mkdir -p "$out/bare.$name/run/app"
    echo "tenantd-database:$pg_port:$name:$name:$name" >"$out/bare.$name/run/app/pgpass"
    chmod 600 "$out/bare.$name/run/app/pgpass"
    tar -C "$out/bare.$name" --owner=1000 --group=1000 -cf "$out/bare.$name.tar" run
    common=(--network "$prefix-acme" --add-host tenantd-database:host-gateway --user 1000:1000 --cap-drop ALL
        --security-opt no-new-privileges --memory 64m --memory-swap 64m --cpus 0.5 --pids-limit 512 -v "$prefix-$name:/data")
    id=$(bare_container "$prefix-$name.job" /app/init)
    [ "$(docker wait "$id")" = 0 ] || echo "init of $name failed"
    docker rm "$id" >/dev/null
    id=$(bare_container "$prefix-$name" /app/serve)
    until [ "$(http_status "http://$(address "$id"):8080/health")" = 200 ]; do sleep 0.05; done
}
bare_clean() {
    docker ps -aq --filter "name=^$prefix-bare" | xargs -r docker rm -f >/dev/null
    docker volume ls -q --filter "name=^$prefix-bare" | xargs -r docker volume rm >/dev/null
    for i in $(seq "$count"); do bare_sql "drop database if exists \"bare$i\"" && bare_sql "drop role if exists \"bare$i\""; done 2>/dev/null
}
run_bare() { # run_bare CONCURRENCY
    local start
    start=$(now)
    export -f archive bare_container bare_one bare_sql http_status address
    export prefix sockets pg_port socket out
    seq "$count" | xargs -P "$1" -I{} bash -c 'bare_one {}' >&2
    took "$start"
    bare_clean
}

# ---- compose and swarm ----
run_compose() {
    local start
    {
        echo 'services:'
        for i in $(seq "$count"); do
            printf '  i%s: {image: "tenantd/tiny:1", network_mode: bridge, container_name: %s-compose-%s, volumes: ["v%s:/data"]}\n' "$i" "$prefix" "$i" "$i"
        done
        echo 'volumes:'
        for i in $(seq "$count"); do echo "  v$i: {}"; done
    } >"$out/compose.yaml"
    start=$(now)
    "$@" -p "$prefix-compose" -f "$out/compose.yaml" up -d >/dev/null 2>&1 || { echo "compose failed" >&2; return 1; }
    for i in $(seq "$count"); do
        until [ "$(http_status "http://$(address "$prefix-compose-$i"):8080/health")" = 200 ]; do sleep 0.05; done
    done
    took "$start"
    "$@" -p "$prefix-compose" -f "$out/compose.yaml" down -v >/dev/null 2>&1
}

# On an engine of its own, as this one may be part of no swarm.
run_swarm() {
    local start i id
    engine_start >&2 && docker swarm init --advertise-addr 127.0.0.1 >/dev/null || return 1
    start=$(now)
    for i in $(seq "$count"); do
        docker service create --quiet --detach --no-resolve-image --name "i$i" --mount "type=volume,source=v$i,target=/data" tenantd/tiny:1 >/dev/null || return 1
    done
    for i in $(seq "$count"); do
        until id=$(docker ps -q --filter "label=com.docker.swarm.service.name=i$i") && [ -n "$id" ] &&
            docker exec "$id" wget -q -O /dev/null http://127.0.0.1:8080/health 2>/dev/null; do sleep 0.05; done
    done
    took "$start"
}

tenantd=()
declare -A bare
concurrencies=${CONCURRENCIES:-4 8}
for round in $(seq "$rounds"); do
    tenantd+=("$(run_tenantd)")
    for c in $concurrencies; do bare[$c]="${bare[$c]:-} $(run_bare "$c")"; done
    echo "# round $round: tenantd ${tenantd[*]} ms; bare:$(for c in $concurrencies; do printf ' P%s %s' "$c" "${bare[$c]}"; done)" >&2
done
ours=$(printf '%s\n' "${tenantd[@]}" | median)
best=$(for c in $concurrencies; do tr ' ' '\n' <<<"${bare[$c]}" | grep . | median; done | sort -n | head -1)
printf '%-52s %9s  %s\n' "$count instances, apply to Ready" "ms" "ratio"
printf '%-52s %9d\n' "bare script, best of $concurrencies at a time" "$best"
printf '%-52s %9d  %s (bound: 1.10)\n' "tenantd" "$ours" "$(awk "BEGIN { printf \"%.2f\", $ours / $best }")"
row() { [ -n "$2" ] && printf '%-52s %9d  %s\n' "$1" "$2" "$(awk "BEGIN { printf \"%.2f\", $2 / $best }")" || echo "$1: no answer"; }
row "docker compose, without databases and init" "$(run_compose docker-compose)"
row "swarm, likewise" "$( (run_swarm; engine_stop >&2) | tail -1)"
