# A Docker Engine of a suite's own: engine_start, engine_stop; killed, it is started again. Sourced after lib.sh.
# shellcheck shell=bash disable=SC2154
# An engine of this suite's own, which may be killed: the machine's is others', too. It has a bridge of its own and writes no rules for
# the firewall. (Without a bridge it would remove docker0, which is the other engine's.)
engine=/tmp/tenantd-engine-$number
engine_bridge=tdeng$number
# engine_clear SHIM...: those of the engine before, once this one answers. On a host containerd outlives dockerd and knows them; here it dies, too,
# and they stand for minutes as nobody's.
engine_clear() {
    local each
    until docker --host "unix://$engine/docker.sock" version >/dev/null 2>&1; do
        [ ! -e "$home/engine.stop" ] || return
        sleep 0.2
    done
    for each; do
        grep -q -- "$engine/exec" "/proc/$each/cmdline" || continue
        pkill -9 -P "$each"
        kill -9 "$each"
    done
}
engine_run() {
    local shims
    while [ ! -e "$home/engine.stop" ]; do
        mapfile -t shims < <(pgrep -f -- "containerd-shim.*$engine/exec")
        dockerd --host "unix://$engine/docker.sock" --data-root "$engine/data" --exec-root "$engine/exec" --pidfile "$home/engine.pid" \
            --bridge "$engine_bridge" --iptables=false --ip-masq=false >>"$home/engine.log" 2>&1 8>&- &
        echo $! >"$home/engine.process"
        engine_clear "${shims[@]}" 8>&- &
        wait "$(cat "$home/engine.process")"
        rm -f "$home/engine.pid"
        # Its containerd dies with it, but as long as the number is somebody's the next dockerd waits 15 s for that one to answer.
        kill -9 "$(cat "$engine/exec/containerd/containerd.pid")"
        rm -f "$engine/exec/containerd/containerd.pid"
        sleep 0.2
    done
}
engine_start() {
    mkdir -p "$engine"
    ip link del "$engine_bridge" 2>/dev/null
    ip link add "$engine_bridge" type bridge && ip addr add "192.168.$number.1/24" dev "$engine_bridge" && ip link set "$engine_bridge" up || exit 1
    engine_run 2>/dev/null &
    engine_loop=$!
    local shared=${DOCKER_HOST:-unix:///var/run/docker.sock} i
    export DOCKER_HOST=unix://$engine/docker.sock
    for i in $(seq 150); do
        docker version >/dev/null 2>&1 && break
        sleep 0.2
    done
    docker --host "$shared" save tenantd/tiny:1 tenantd/tiny:2 | docker load >/dev/null || { tail -5 "$home/engine.log"; echo "no engine (after $i looks)"; exit 1; }
}
engine_stop() {
    touch "$home/engine.stop"
    docker ps -aq | xargs -r docker rm -f >/dev/null 2>&1
    kill "$(cat "$home/engine.process")" 2>/dev/null
    wait "$engine_loop" 2>/dev/null
    # What of a killed engine is left: processes that stand in its own directory.
    for each in $(pgrep -f -- "$engine/exec"); do kill -9 "$each" 2>/dev/null; done
    awk -v at="$engine" 'index($2, at) == 1 { print $2 }' /proc/mounts | sort -r | xargs -r -n1 umount -l 2>/dev/null
    rm -rf "$engine"
    # A killed engine knows its networks no more when it comes back: their bridges stay, and their addresses with them.
    ip -o -4 addr show | awk -v pool="10.$number." 'index($4, pool) == 1 { print $2 }' | sort -u | xargs -r -n1 ip link del
    ip link del "$engine_bridge" 2>/dev/null
}
