#!/bin/bash
# A Docker Engine on a machine without systemd.
#
#   dockerd.sh start DIR    uses the engine that answers; starts one only where none does
#   dockerd.sh stop DIR     ends the engine that "start DIR" started, and no other
#
# DIR keeps dockerd.pid and dockerd.log. DOCKER_HOST is honoured. Both commands may be repeated.
set -euo pipefail

say() { printf '%s\n' "dockerd.sh: $*" >&2; }

if [ $# -ne 2 ] || [[ $1 != start && $1 != stop ]]; then
    say "usage: dockerd.sh start|stop DIR"
    exit 2
fi
mkdir -p "$2"
dir=$(cd "$2" && pwd)
pid_file=$dir/dockerd.pid
log=$dir/dockerd.log
host=${DOCKER_HOST:-unix:///var/run/docker.sock}

# Only the daemon counts here: a client alone says nothing, and a hanging engine is no engine.
answers() { timeout 20 docker version --format '{{.Server.Version}}' 2>/dev/null; }

# Prints the pid of the dockerd that we started and that still runs. The number alone proves nothing, it
# may have been given to somebody else since; a dockerd that writes to our log is ours.
our_pid() {
    local pid
    pid=$(cat "$pid_file" 2>/dev/null) || return 1
    [[ $pid =~ ^[0-9]+$ ]] || return 1
    [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = dockerd ] && [ "/proc/$pid/fd/1" -ef "$log" ] || return 1
    printf '%s\n' "$pid"
}

fail_with_log() {
    say "$*; the end of $log:"
    tail -n 20 "$log" >&2
    exit 1
}

start() {
    local version pid began=$SECONDS
    if version=$(answers); then
        say "using Docker Engine $version at $host"
        return
    fi
    [[ $host == unix://* ]] || { say "no Docker Engine answers at $host, and that is not a socket here"; exit 1; }
    [ "$(id -u)" = 0 ] || { say "no Docker Engine answers at $host, and only root can start one"; exit 1; }
    command -v dockerd >/dev/null || { say "dockerd is not installed: tools/packages.sh run"; exit 1; }

    if ! pid=$(our_pid); then
        # In its own session, so that neither a closed terminal nor Ctrl-C ends it. A script's background job leads no
        # process group, so setsid does not fork, and $! is dockerd itself.
        (cd / && exec setsid dockerd --host "$host") >"$log" 2>&1 </dev/null 9>&- &
        pid=$!
        printf '%s\n' "$pid" >"$pid_file"
    fi
    until version=$(answers); do
        if ! kill -0 "$pid" 2>/dev/null; then
            rm -f "$pid_file"
            fail_with_log "dockerd did not start"
        fi
        [ $((SECONDS - began)) -lt 60 ] || fail_with_log "dockerd (pid $pid) runs, but does not answer at $host after 60 s"
        sleep 0.2
    done
    say "started Docker Engine $version (pid $pid) in $((SECONDS - began)) s"
}

stop() {
    local pid began=$SECONDS
    if ! pid=$(our_pid); then
        rm -f "$pid_file"
        return
    fi
    kill -TERM "$pid"
    # It stops its containers first, each within that one's own time limit. A dockerd killed harder than this
    # would leave them and containerd without a parent.
    while our_pid >/dev/null; do # not kill -0: that also finds a dead one that nobody has reaped
        [ $((SECONDS - began)) -lt 120 ] || fail_with_log "dockerd (pid $pid) does not end"
        sleep 0.2
    done
    rm -f "$pid_file"
    say "stopped Docker Engine (pid $pid)"
}

# Two starts at once would give two daemons that fight over one data directory.
exec 9>"$dir/dockerd.lock"
flock 9
"$1"
