#!/usr/bin/env bash
# The demo: a real Odoo under tenantd, from nothing. `make demo`, `demo-stop` and `demo-clean` call start, stop and clean.
set -euo pipefail
cd "$(dirname "$0")/.."

demo=$PWD/var/demo
data=$demo/data
config=$demo/tenantd.yaml
kubeconfig=$demo/admin.kubeconfig
log=$demo/tenantd.log
chosen=$demo/image # the image that ODOO_IMAGE named at the first start
image=${ODOO_IMAGE:-$(cat "$chosen" 2>/dev/null || true)}
version=14.0
bold='' plain=''
if [ -t 1 ]; then bold=$'\033[1m' plain=$'\033[0m'; fi
say() { printf '%s\n' "$bold==> $*$plain"; }
ctl() { build/tenantctl --kubeconfig "$kubeconfig" "$@"; }

# A checkout has its own prefix, network pool and port, so that two demos stand side by side.
number=$((16#$(printf '%s' "$PWD" | sha256sum | cut -c1-4) % 200))

# A file that is there stays as it is: it may have been edited, to try something.
write_config() {
    mkdir -p "$demo"
    [ -z "$image" ] || echo "$image" >"$chosen"
    [ -s "$config" ] || cat >"$config" <<EOT
data: $data
prefix: demo$number
listen: {address: "127.0.0.1:$((7500 + number))"}
network: {pool: 10.$((20 + number)).0.0/16}
EOT
}

running() { [ -s "$data/tenantd.pid" ] && kill -0 "$(cat "$data/tenantd.pid")" 2>/dev/null && ctl get apps >/dev/null 2>&1; }

start_daemon() {
    local daemon
    if running; then
        return
    fi
    say "starting tenantd (log: ${log#"$PWD"/})"
    ln -sf data/admin.kubeconfig "$kubeconfig"
    # In a session of its own: neither a closed terminal nor Ctrl-C ends it. A background job of a script leads no process
    # group, so setsid does not fork, and $! is the daemon.
    setsid build/tenantd run --config="$config" >>"$log" 2>&1 </dev/null &
    daemon=$!
    for _ in $(seq 300); do
        if running; then return; fi
        kill -0 "$daemon" 2>/dev/null || break
        sleep 0.2
    done
    tail -20 "$log" >&2
    echo "tenantd did not start" >&2
    exit 1
}

provide_image() {
    local name=${image##*/}
    if [ -s "$config" ] && [ "$image" != "$(cat "$chosen" 2>/dev/null || true)" ]; then
        echo "this demo was begun with another image; for $image: make demo-clean, then make demo again" >&2
        exit 1
    fi
    if [ -z "$image" ]; then
        tests/images/odoo.sh
    elif [[ $name == *:* ]]; then # a registry's port is no version
        version=${name##*:}
    fi
}

# The examples as they are, but for an image named by ODOO_IMAGE.
apply_examples() {
    mkdir -p "$demo/specs"
    cp examples/apps/odoo.yaml examples/tenants/acme.yaml "$demo/specs"/
    if [ -n "$image" ]; then
        sed -i "s,tenantd/odoo:14,$image,; s,\"14.0\",\"$version\"," "$demo/specs"/*.yaml
    fi
    ctl apply -f "$demo/specs" --wait --timeout=30m
}

# The first string of that name in the instance's record.
shown() { ctl get instance erp -n acme -o json | sed -nE "/\"$1\":/{s/^ *\"$1\": \"([^\"]*)\".*/\1/p;q}"; }

# Prints the status that the login page answers; Odoo may need a moment after a start.
login_page() {
    local code
    for _ in $(seq 120); do
        code=$(curl -s -o /dev/null -m 30 -w '%{http_code}' "$1" || true)
        [ "$code" != 200 ] || break
        sleep 0.5
    done
    echo "$code"
}

start() {
    local url code
    tools/dockerd.sh start "$demo/dockerd"
    provide_image
    write_config
    start_daemon
    say "applying examples/apps/odoo.yaml and examples/tenants/acme.yaml"
    apply_examples
    url=$(shown url)/web/login
    code=$(login_page "$url")
    if [ "$code" != 200 ]; then
        say "Odoo's login page answers $code on $url"
        ctl why acme/erp || true
        exit 1
    fi
    cat <<EOT

${bold}Odoo answers 200 on $url (ready $SECONDS s after the start)$plain

What to try next:
  export KUBECONFIG=var/demo/admin.kubeconfig  for tenantctl and for kubectl
  build/tenantctl get instances -A             what there is
  build/tenantctl secret acme/erp              its passwords; the login is admin@acme.example
  build/tenantctl why acme/erp                 whether it is ready, and if not, why
  docker rm -f demo$number-acme.erp$(printf '%*s' $((20 - ${#number} - 1)) '')it comes back: build/tenantctl get instances -A -w
  make demo-stop                               ends the demo and keeps its data; make demo goes on with it
  make demo-clean                              removes every trace
EOT
}

# ours KIND [OPTION]: ids of this installation's Docker objects, by its label.
ours() {
    local kind=$1
    shift
    docker "$kind" ls -q "$@" --filter "label=tenantd.installation=$(cat "$data/installation")"
}

# First tenantd, which would start them again, then the containers, then the database that they use.
stop() {
    [ -f "$config" ] || return 0
    if [ -x build/tenantd ]; then build/tenantd stop --config="$config"; fi
    if [ -s "$data/installation" ] && docker version >/dev/null 2>&1; then
        ours container | xargs -r docker stop >/dev/null
        if [ "$1" = clean ]; then
            ours container -a | xargs -r docker rm -f >/dev/null
            ours volume | xargs -r docker volume rm >/dev/null
            ours network | xargs -r docker network rm >/dev/null
        fi
    fi
    if [ -x build/tenantd ]; then build/tenantd stop --with-database --config="$config"; fi
}

clean() {
    local cluster
    cluster=$(cat "$data/postgres.location" 2>/dev/null || true)
    case $cluster in /var/lib/tenantd*/?*)
        rm -rf -- "$cluster"
        rmdir --ignore-fail-on-non-empty "${cluster%/*}"
        ;;
    esac
    rm -rf "$demo"
}

case ${1:-} in
start) start ;;
stop)
    say "stopping the demo; its data stays in var/demo and in Docker's volumes"
    stop stop
    tools/dockerd.sh stop "$demo/dockerd"
    ;;
clean)
    say "removing the demo with all its data"
    if [ ! -f "$demo/dockerd/dockerd.pid" ] && ! docker version >/dev/null 2>&1 && [ -s "$data/installation" ]; then
        # Stopped before: its volumes are in the engine's keeping, and only an engine can remove them.
        tools/dockerd.sh start "$demo/dockerd"
    fi
    stop clean
    tools/dockerd.sh stop "$demo/dockerd"
    clean
    ;;
*)
    echo "usage: demo.sh start|stop|clean" >&2
    exit 2
    ;;
esac
