# Sourced after lib.sh and lib_server.sh: a fault proxy between the daemon and Docker's socket, PostgreSQL's port. The daemon is started and
# ended by proxied_start and daemon_kill.
# shellcheck shell=bash disable=SC2154
proxy_port=$((15300 + number))
program=$build/tests/e2e/crashing_tenantd # the daemon; it prints its calls, too
bridge=$(ip -4 -o addr show docker0 | sed -nE 's/.*inet ([0-9.]+).*/\1/p')
docker_socket=${DOCKER_HOST:-unix:///var/run/docker.sock}

proxy_start() {
    "$program" print-calls >"$home/calls"
    python3 tests/tools/faultproxy.py --calls "$home/calls" --control "$home/control" --bridge "$bridge" \
        --docker-listen "$home/docker.sock" --docker-target "${docker_socket#unix://}" \
        --postgres-listen "$proxy_port" --postgres-target "$server_port" >>"$home/proxy.log" 2>&1 8>&- &
    proxy=$!
    local i
    for i in $(seq 100); do
        [ -S "$home/control" ] && return 0
        sleep 0.1
    done
    echo "the proxy does not start (after $i looks)"
    cat "$home/proxy.log"
    return 1
}
tell() { # tell COMMAND: the proxy's answer; several commands are lines
    python3 - "$home/control" "$*" <<'END'
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(sys.argv[2].encode() + b"\n")
s.shutdown(socket.SHUT_WR)
data = b""
while part := s.recv(65536):
    data += part
print(data.decode().rstrip("\n"))
END
}
count_of() { tell counts | jq -r --arg name "$1" '.[$name] // 0'; }

proxied_config() { # proxied_config EXTRA...
    cat >"$home/tenantd.yaml" <<END
data: $data
prefix: $prefix
listen: {address: "127.0.0.1:$port"}
network: {pool: $pool}
controller: {resync: 5s, backoffFirst: 500ms, backoffMax: 4s}
docker: {host: "unix://$home/docker.sock", timeout: 15s}
postgres: {url: "postgresql://tenantd:$server_password@127.0.0.1:$proxy_port/tenantd"}
END
    [ $# -eq 0 ] || printf '%s\n' "$@" >>"$home/tenantd.yaml"
}
proxied_end() {
    local status=$?
    trap - EXIT INT TERM
    [ -z "${daemon:-}" ] || daemon_kill
    [ -z "${proxy:-}" ] || kill "$proxy" 2>/dev/null
    remove_objects "$prefix"
    server_remove
    [ $status -ne 0 ] || [ "$failures" -eq 0 ] || status=1
    exit $status
}
proxied_begin() {
    trap proxied_end EXIT
    trap 'exit 130' INT TERM
    remove_objects "$prefix"
    rm -rf "$home"
    mkdir -p "$home" "$out"
    proxied_config "$@"
}
daemon_run() {
    "$program" run --config="$home/tenantd.yaml" >>"$log" 2>&1 </dev/null &
    daemon=$!
}
again() { # again COMMAND...: until it succeeds
    local i
    for i in $(seq 60); do
        "$@" >/dev/null 2>"$out/again.$BASHPID" && return 0
        sleep 0.5
    done
    echo "in vain ($i times): $*"
    cat "$out/again.$BASHPID"
    return 1
}
