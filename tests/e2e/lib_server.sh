# Sourced after lib.sh by suites whose daemon does not run its own database server: a PostgreSQL of the suite's own on
# $server_port, which it may stop, kill and start again.
# shellcheck shell=bash disable=SC2154
server_port=$((15000 + number))
server=/tmp/tenantd-e2e-$suite-$number
server_password=pw$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')
server_programs=$(find /usr/lib/postgresql -maxdepth 2 -name bin | sort -V | tail -1)

as_postgres() { (cd / && setpriv --reuid=postgres --regid=postgres --init-groups "$@"); }

# A killed one leaves processes that hold its memory a moment longer.
server_start() {
    local i
    for i in $(seq 60); do
        as_postgres "$server_programs/pg_ctl" -D "$server/data" -l "$server/log" -w -t 120 start >/dev/null 2>&1 8>&- && return 0
        sleep 0.5
    done
    echo "the database server does not start (after $i tries):"
    tail -5 "$server/log"
    return 1
}

# Without any chance to write: as when the power fails.
server_kill() { kill -9 "$(head -1 "$server/data/postmaster.pid")" 2>/dev/null; }
server_stop() { as_postgres "$server_programs/pg_ctl" -D "$server/data" -m "${1:-fast}" -w stop >/dev/null; }
server_answers() { pg_isready -q -h "$server" -p "$server_port"; }

server_remove() {
    [ ! -d "$server" ] || server_stop immediate 2>/dev/null
    rm -rf "$server"
}

# Makes and starts it, reachable for containers as the embedded one would be; records, role and functions come by
# bootstrap-database with the configuration given.
server_make() { # server_make CONFIG
    local bridge
    bridge=$(ip -4 -o addr show docker0 | sed -nE "s/.*inet ([0-9.]+).*/\1/p")
    server_remove
    mkdir -p "$server"
    chown postgres "$server"
    as_postgres "$server_programs/initdb" -D "$server/data" -A trust -U postgres -E UTF8 --locale=C.UTF-8 --no-sync >"$home/initdb.log" || return 1
    cat >>"$server/data/postgresql.conf" <<END
port = $server_port
listen_addresses = '127.0.0.1,$bridge'
unix_socket_directories = '$server'
max_connections = 300
password_encryption = scram-sha-256
log_statement = all
END
    cat >"$server/data/pg_hba.conf" <<END
local all postgres trust
host all postgres 127.0.0.1/32 trust
host all all 127.0.0.1/32 scram-sha-256
host all tenantd $pool reject
host all all $pool scram-sha-256
END
    server_start || return 1
    TENANTD_POSTGRES_PASSWORD=$server_password "$build/tenantd" bootstrap-database --config="$1" \
        --admin-url="postgresql://postgres@127.0.0.1:$server_port/postgres" >/dev/null
}

sql() { psql -X -q -A -t -v ON_ERROR_STOP=1 -h "$server" -p "$server_port" -U postgres -d "$1" -c "$2"; }
