#!/usr/bin/env bash
# From apply to Ready, beside a script that makes the same calls to Docker and PostgreSQL at its best concurrency, and beside docker compose
# where it is installed (which makes no databases: its figure is containers alone). Swarm: one service for each, its own scheduler.
# INSTANCES=30, ROUNDS=3: the median counts.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/../e2e/lib.sh"
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

# ---- the same calls, bare: role, database, volume, init, container, start, and the first good health ----
directory=$data/postgres
[ ! -s "$data/postgres.location" ] || directory=$(cat "$data/postgres.location")
sockets=$(sed -n 5p "$directory/postmaster.pid")
pg_port=$(cat "$data/postgres.port")
bare_sql() { psql -X -q -v ON_ERROR_STOP=1 -h "$sockets" -p "$pg_port" -U postgres -d "${2:-postgres}" -c "$1"; }
bare_one() { # bare_one NUMBER
    local name=$prefix-bare-$1 id
    bare_sql "create role \"bare$1\" login password 'bare$1' connection limit 32"
    bare_sql "create database \"bare$1\" owner \"bare$1\" template template0"
    bare_sql "revoke all on database \"bare$1\" from public"
    docker volume create "$name" >/dev/null
    common=(--network "$prefix-acme" --add-host tenantd-database:host-gateway --user 1000:1000 --cap-drop ALL
        --security-opt no-new-privileges --memory 64m --memory-swap 64m --cpus 0.5 --pids-limit 512 -v "$name:/data"
        -e PGHOST=tenantd-database -e PGPORT="$pg_port" -e PGDATABASE="bare$1" -e PGUSER="bare$1" -e PGPASSWORD="bare$1")
    docker run --rm --name "$name.job" "${common[@]}" tenantd/tiny:1 /app/init >/dev/null
    id=$(docker create --name "$name" "${common[@]}" tenantd/tiny:1 /app/serve)
    docker start "$id" >/dev/null
    until [ "$(http_status "http://$(address "$id"):8080/health")" = 200 ]; do sleep 0.05; done
}
bare_clean() {
    docker ps -aq --filter "name=^$prefix-bare-" | xargs -r docker rm -f >/dev/null
    docker volume ls -q --filter "name=^$prefix-bare-" | xargs -r docker volume rm >/dev/null
    for i in $(seq "$count"); do bare_sql "drop database if exists \"bare$i\"" && bare_sql "drop role if exists \"bare$i\""; done 2>/dev/null
}
run_bare() { # run_bare CONCURRENCY
    local start
    start=$(now)
    export -f bare_one bare_sql http_status address
    export prefix sockets pg_port
    seq "$count" | xargs -P "$1" -I{} bash -c 'bare_one {}' >&2
    took "$start"
    bare_clean
}

# ---- compose and swarm, where they are ----
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
if command -v docker-compose >/dev/null; then
    compose=$(run_compose docker-compose) && printf '%-52s %9d  %s\n' "docker compose, without databases and init" "$compose" "$(awk "BEGIN { printf \"%.2f\", $compose / $best }")"
else
    echo "docker compose is not installed"
fi
