#!/usr/bin/env bash
# The demo: a real Odoo under tenantd, from nothing. `make demo`, `demo-stop` and `demo-clean` call start, stop and clean.
set -euo pipefail
cd "$(dirname "$0")/.."

data=$PWD/var/demo/data
dockerd=$PWD/var/demo/dockerd
config=$PWD/var/demo/tenantd.yaml
kubeconfig=$PWD/var/demo/admin.kubeconfig
log=$PWD/var/demo/tenantd.log
image=${ODOO_IMAGE:-}
version=14.0
say() { printf '\033[1m==> %s\033[0m\n' "$*"; }
ctl() { build/tenantctl --kubeconfig "$kubeconfig" "$@"; }

# A checkout has its own prefix, network pool and port, so that two demos stand side by side.
number=$((16#$(printf '%s' "$PWD" | sha256sum | cut -c1-4) % 200))

write_config() {
    mkdir -p "$data"
    cat >"$config" <<EOF
data: $data
prefix: demo$number
listen: {address: "127.0.0.1:$((7500 + number))"}
network: {pool: 10.$((20 + number)).0.0/16}
EOF
}

running() { [ -s "$data/tenantd.pid" ] && kill -0 "$(cat "$data/tenantd.pid")" 2>/dev/null && ctl get apps >/dev/null 2>&1; }

start_daemon() {
    if running; then
        return
    fi
    say "starting tenantd (log: ${log#"$PWD"/})"
    setsid build/tenantd run --config="$config" >>"$log" 2>&1 </dev/null &
    for _ in $(seq 300); do
        [ -s "$data/admin.kubeconfig" ] && ln -sf "$data/admin.kubeconfig" "$kubeconfig" && running && return
        sleep 0.2
    done
    tail -20 "$log"
    echo "tenantd did not start" >&2
    exit 1
}

provide_image() {
    if [ -n "$image" ]; then
        case $image in *:*) version=${image##*:} ;; esac
        return
    fi
    tests/images/odoo.sh
}

# The examples as they are, but for an image named by ODOO_IMAGE.
apply_examples() {
    local work=$PWD/var/demo/specs
    mkdir -p "$work"
    cp examples/apps/odoo.yaml examples/tenants/acme.yaml "$work"/
    if [ -n "$image" ]; then
        sed -i "s,tenantd/odoo:14,$image,; s,\"14.0\",\"$version\"," "$work"/*.yaml
    fi
    ctl apply -f "$work" --wait --timeout=30m
}

case ${1:-} in
start)
    tools/dockerd.sh start "$dockerd"
    provide_image
    write_config
    start_daemon
    say "applying examples/apps/odoo.yaml and examples/tenants/acme.yaml"
    apply_examples
    url=$(ctl get instance erp -n acme -o json | sed -nE 's/^ *"url": "([^"]*)".*/\1/p')
    code=$(curl -sS -o /dev/null -w '%{http_code}' "$url/web/login")
    say "Odoo's login page answers $code on $url/web/login"
    [ "$code" = 200 ]
    cat <<EOF

What to try next:
  export KUBECONFIG=var/demo/admin.kubeconfig
  build/tenantctl get instances -A             kubectl get instances -A
  build/tenantctl secret acme/erp              the admin's password (login: admin, or spec.adminEmail)
  docker rm -f $(ctl get instance erp -n acme -o json | sed -nE 's/^ *"name": "(demo[^"]*)".*/\1/p' | head -1)    and watch it come back: build/tenantctl get instances -A -w
  build/tenantctl why acme/erp
  make demo-stop                               ends it and keeps the data; make demo-clean removes every trace
EOF
    ;;
stop | clean)
    if [ -f "$config" ]; then
        if [ "$1" = clean ] && running; then
            ctl get instances -A -o name >/dev/null && say "deleting what the demo made"
            ctl delete tenants --all --timeout=5m || true
            ctl delete apps --all --timeout=5m || true
        fi
        say "stopping tenantd and its PostgreSQL"
        build/tenantd stop --with-database --config="$config"
    fi
    if docker version >/dev/null 2>&1; then
        # Containers stop with the demo; volumes and networks stay for the next start.
        mapfile -t containers < <(docker ps -aq --filter "name=^demo$number-")
        if [ ${#containers[@]} -gt 0 ] && [ "$1" = stop ]; then docker stop "${containers[@]}" >/dev/null; fi
        if [ ${#containers[@]} -gt 0 ] && [ "$1" = clean ]; then docker rm -f "${containers[@]}" >/dev/null; fi
        if [ "$1" = clean ]; then
            docker volume ls -q --filter "name=^demo$number-" | xargs -r docker volume rm >/dev/null
            docker network ls -q --filter "name=^demo$number-" | xargs -r docker network rm >/dev/null
        fi
    fi
    tools/dockerd.sh stop "$dockerd"
    if [ "$1" = clean ]; then
        location=$data/postgres.location
        if [ -s "$location" ]; then
            case $(cat "$location") in /var/lib/tenantd*/?*) rm -rf -- "$(cat "$location")" ;; esac
        fi
        rm -rf var/demo
    fi
    ;;
*)
    echo "usage: demo.sh start|stop|clean" >&2
    exit 2
    ;;
esac
