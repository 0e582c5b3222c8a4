#!/usr/bin/env bash
# A real S3 server for tests: Ceph's object gateway with one monitor and one store, all of it in memory, on free ports of loopback.
#
#   rgw.sh start DIR [PID]     starts one; with PID it ends by itself once that process is gone. Prints lines NAME=value:
#                              S3_ENDPOINT, S3_ACCESS_KEY, S3_SECRET_KEY
#   rgw.sh gateway DIR KIND    one more gateway to the same store; prints its S3_ENDPOINT and, for tls, S3_CA_FILE. KIND:
#                              throttled (one request at a time, 503 SlowDown to others), tls (buckets before the host's name, too)
#   rgw.sh pause|resume DIR    the first gateway goes away (killed), and comes back at the same port
#   rgw.sh admin DIR ARGS...   radosgw-admin
#   rgw.sh stop DIR            ends all of it and removes DIR
set -euo pipefail

say() { printf '%s\n' "rgw.sh: $*" >&2; }
[ $# -ge 2 ] || { say "usage: rgw.sh start|gateway|pause|resume|admin|stop DIR ..."; exit 2; }
command=$1
mkdir -p "$2"
dir=$(cd "$2" && pwd)
shift 2
export CEPH_CONF=$dir/ceph.conf
user=tenantd-test

ours() { # the pids in our pid files that are still Ceph's
    local file pid
    for file in "$dir"/run/*.pid; do
        [ -e "$file" ] && pid=$(tr -d " \n" <"$file") || continue
        [[ $pid =~ ^[0-9]+$ ]] || continue
        case $(cat "/proc/$pid/comm" 2>/dev/null) in ceph-mon | ceph-osd | radosgw) printf '%s\n' "$pid" ;; esac
    done
}

end_all() {
    local pid
    for pid in $(ours); do kill -9 "$pid" 2>/dev/null || true; done
    for pid in $(ours); do while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done; done
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

fail_with_logs() {
    say "$*; the ends of its logs:"
    tail -n 8 "$dir"/log/*.log >&2 || true
    end_all
    exit 1
}

# answers PORT [SCHEME]
answers() { [ "$(curl -sk -o "$dir/run/answer" -w '%{http_code}' --max-time 5 "${2:-http}://127.0.0.1:$1/")" = 200 ]; }

write_conf() { # write_conf MON_PORT RGW_PORT
    cat >"$CEPH_CONF" <<END
[global]
fsid = $fsid
mon_initial_members = a
mon_host = v1:127.0.0.1:$1
ms_bind_msgr2 = false
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
auth_allow_insecure_global_id_reclaim = false
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 8
osd_pool_default_pgp_num = 8
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_data_avail_warn = 1
mon_data_avail_crit = 1
paxos_propose_interval = 0.05
paxos_min_wait = 0.02
mon_tick_interval = 1
osd_heartbeat_interval = 1
run_dir = $dir/run
crash_dir = $dir/run
log_file = $dir/log/\$name.log
admin_socket =
pid_file = $dir/run/\$name.pid
mon_data = $dir/mon
osd_data = $dir/osd
osd_objectstore = memstore
memstore_device_bytes = 6G
rgw_data = $dir/rgw
rgw_gc_obj_min_wait = 30
rgw_gc_processor_period = 30
rgw_lc_debug_interval = 10
[client.rgw.a]
rgw_frontends = beast endpoint=127.0.0.1:$2
END
}

start_gateway() { # start_gateway NAME PORT SCHEME ARGS...
    local name=$1 port=$2 scheme=$3 i
    shift 3
    radosgw -n "client.rgw.$name" "$@" >>"$dir/log/start.log" 2>&1 9>&- || return 1
    for i in $(seq 400); do
        if answers "$port" "$scheme"; then return 0; fi
        # A gateway whose port was taken meanwhile is gone by now.
        [ "$i" -lt 40 ] || kill -0 "$(tr -d ' \n' <"$dir/run/client.rgw.$name.pid")" 2>/dev/null || return 1
        sleep 0.05
    done
    return 1
}

# Now and then it asks the monitor before that one has told it which cluster this is, and gives up ("wrong fsid").
start_osd() {
    local i
    for i in $(seq 20); do
        if ceph-osd -i 0 9>&-; then return 0; fi
        sleep 0.3
    done
    echo "ceph-osd does not start (after $i tries)"
    return 1
}

start_store() {
    local mon_port=$1 osd
    osd=$(python3 -c 'import uuid; print(uuid.uuid4())')
    {
        monmaptool --create --addv a "[v1:127.0.0.1:$mon_port]" --fsid "$fsid" "$dir/monmap"
        ceph-mon --mkfs -i a --monmap "$dir/monmap"
        ceph-mon -i a 9>&-
        timeout 60 ceph osd new "$osd" 0
        ceph-osd -i 0 --mkfs --osd-uuid "$osd"
        start_osd
    } >>"$dir/log/start.log" 2>&1
}

# Whoever started us may be killed and then stops nothing.
watch_over() {
    (
        exec >/dev/null 2>&1 </dev/null
        while kill -0 "$1"; do sleep 1; done
        [ -e "$CEPH_CONF" ] && [ "$(cat "$dir/run/watched")" = "$1" ] && "$0" stop "$dir"
    ) 9>&- &
    printf '%s\n' "$1" >"$dir/run/watched"
}

start() {
    local try port secret
    end_all
    rm -rf "${dir:?}"/*
    mkdir -p "$dir"/{run,log,mon,osd,rgw}
    fsid=$(python3 -c 'import uuid; print(uuid.uuid4())')
    for try in 1 2 3; do
        port=$(free_port)
        rm -rf "$dir"/mon/* "$dir"/osd/* "$dir/monmap"
        write_conf "$(free_port)" "$port"
        if start_store "$(sed -n 's/^mon_host = v1:127.0.0.1://p' "$CEPH_CONF")" && start_gateway a "$port" http; then break; fi
        [ "$try" -lt 3 ] || fail_with_logs "no gateway"
        end_all
    done
    secret=$(python3 -c 'import secrets; print(secrets.token_urlsafe(30))')
    radosgw-admin user create --uid="$user" --display-name="$user" --access-key=TESTACCESS --secret-key="$secret" \
        >>"$dir/log/start.log" 2>&1 || fail_with_logs "no user"
    printf '%s\n' "$port" >"$dir/run/port"
    [ -z "${1:-}" ] || watch_over "$1"
    printf 'S3_ENDPOINT=http://127.0.0.1:%s\nS3_ACCESS_KEY=TESTACCESS\nS3_SECRET_KEY=%s\n' "$port" "$secret"
}

make_certificate() {
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=tenantd-test-ca -keyout "$dir/ca.key" -out "$dir/ca.crt"
    openssl req -newkey rsa:2048 -nodes -subj /CN=s3.localhost -keyout "$dir/tls.key" -out "$dir/tls.csr"
    openssl x509 -req -in "$dir/tls.csr" -CA "$dir/ca.crt" -CAkey "$dir/ca.key" -CAcreateserial -days 2 -out "$dir/tls.crt" \
        -extfile <(echo 'subjectAltName=DNS:s3.localhost,DNS:*.s3.localhost')
}

gateway() {
    local kind=$1 port
    port=$(free_port)
    case $kind in
    throttled)
        start_gateway throttled "$port" http --rgw-frontends="beast endpoint=127.0.0.1:$port" \
            --rgw-scheduler-type=throttler --rgw-max-concurrent-requests=1 || fail_with_logs "no throttled gateway"
        echo "S3_ENDPOINT=http://127.0.0.1:$port"
        ;;
    tls)
        make_certificate >>"$dir/log/start.log" 2>&1
        start_gateway tls "$port" https --rgw-dns-name=s3.localhost \
            --rgw-frontends="beast ssl_endpoint=127.0.0.1:$port ssl_certificate=$dir/tls.crt ssl_private_key=$dir/tls.key" ||
            fail_with_logs "no gateway with TLS"
        printf 'S3_ENDPOINT=https://s3.localhost:%s\nS3_CA_FILE=%s\n' "$port" "$dir/ca.crt"
        ;;
    *)
        say "unknown kind '$kind'; there are throttled and tls"
        exit 2
        ;;
    esac
}

case $command in
start) start "$@" ;;
gateway) gateway "$@" ;;
pause)
    pid=$(tr -d ' \n' <"$dir/run/client.rgw.a.pid")
    kill -9 "$pid"
    while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
    ;;
resume) start_gateway a "$(cat "$dir/run/port")" http || fail_with_logs "the gateway does not come back" ;;
admin) radosgw-admin "$@" ;;
stop)
    end_all
    rm -rf "$dir"
    ;;
*)
    say "unknown command '$command'"
    exit 2
    ;;
esac
