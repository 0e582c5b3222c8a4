#!/usr/bin/env bash
# A backup of a database beside `pg_dump -Fc -Z0 | zstd | age` in a shell and beside restic's, of the same data to the same disk; and tenantd's largest
# memory, which must not depend on the size. MB="100 4096" are the sizes. CPU is that of both ends of the pipes; where others use the machine, too, it
# tells more than the time: tenantd's stream is one thread, a shell's is three.
export BUILD=${BUILD:-build}
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/../e2e/lib.sh"
controller='{resync: 5s}'
set_up >/dev/null

ctl apply -f tests/e2e/apps/tiny.yaml >/dev/null
ctl apply -f - >/dev/null <<<'{apiVersion: tenantd/v1, kind: Tenant, metadata: {name: acme}, spec: {owner: a@b.example}}'
ctl apply --wait --timeout=300s -f - >/dev/null 2>&1 <<'EOF' || exit 1
apiVersion: tenantd/v1
kind: Instance
metadata: {name: erp, namespace: acme}
spec: {app: tiny, version: "1", deletionPolicy: Delete, resources: {cpu: "1", memory: 64Mi, storage: 20Gi}}
EOF
role=$(instance acme/erp .status.database.role)
server=$(sed -n 5p "$(dirname "$(sql postgres "show config_file")")/postmaster.pid")
server_port=$(cat "$data/postgres.port")
pg_dump=$(ls -d /usr/lib/postgresql/*/bin/pg_dump | tail -1)
age-keygen -o "$home/key" 2>/dev/null
recipient=$(age-keygen -y "$home/key")
export RESTIC_PASSWORD=bench
restic init -q -r "$home/restic"

now() { date +%s%N; }
mbps() { echo "$(($1 / 1048576 * 1000 / ($2 > 0 ? $2 : 1)))"; }
dump() { "$pg_dump" -Fc -Z0 -h "$server" -p "$server_port" -U postgres acme_erp; }
timed() { # timed COMMAND...: sets ms, and cpu, of what this shell started
    local began used
    began=$(now)
    used=$(children)
    "$@" || echo "$* failed"
    ms=$((($(now) - began) / 1000000))
    cpu=$((($(children) - used) * 10))
}
children() { awk '{print $16 + $17}' "/proc/$$/stat"; }          # in hundredths of a second
of_daemon() { awk '{print $14 + $15 + $16 + $17}' "/proc/$daemon/stat"; } # with the pg_dump that it ran
in_shell() { dump | zstd -q -3 -c | age -r "$recipient" >"$home/shell.age" && sync -f "$home/shell.age"; }
with_restic() { dump | restic backup -q -r "$home/restic" --stdin --stdin-filename dump; }
with_tenantd() { ctl backup acme/erp --wait >/dev/null 2>&1; }
memory() { sed -n "s/^$1:[^0-9]*\([0-9]*\).*/\1/p" "/proc/$daemon/status"; }
row() { printf '%-58s %10s %10s %10s\n' "$1" "$2" "$3" "${4:-}"; }

for mb in ${MB:-100 4096}; do
    # A row is about 500 bytes, half of which can be packed.
    sql acme_erp "set role $role; drop table if exists big; create table big as select i, md5(i::text) || md5((i + 1)::text) || repeat('x', 200) || md5((i + 2)::text) || repeat(md5((i % 1000)::text), 5) as t from generate_series(1, $mb * 2000) i" 2>/dev/null
    dump >/dev/null # the server's memory is as warm for each
    daemon_kill
    daemon_start || exit 1
    before=$(memory VmRSS)
    used=$(of_daemon)
    timed with_tenantd
    whole=$ms
    whole_cpu=$((($(of_daemon) - used) * 10))
    peak=$(memory VmHWM)
    point=$(dirname "$(find "$data/backups" -name manifest.json -printf '%T@ %p\n' | sort -n | tail -1 | cut -d' ' -f2-)")
    bytes=$(jq -r '[.objects[] | select(.name | startswith("database")) | .plainBytes] | add' "$point/manifest.json")
    dumped=$(($(date -r "$point/database.dump.zst.age" +%s%3N) - $(date -d "$(jq -r .started "$point/manifest.json")" +%s%3N)))
    timed in_shell
    shell=$ms
    shell_cpu=$cpu
    timed with_restic
    restic=$ms
    restic_cpu=$cpu
    row "backup of a dump of $((bytes / 1048576)) MiB" ms MiB/s "CPU ms"
    row "pg_dump -Fc -Z0 | zstd -3 | age, and to the disk" "$shell" "$(mbps "$bytes" "$shell")" "$shell_cpu"
    row "pg_dump -Fc -Z0 | restic backup --stdin" "$restic" "$(mbps "$bytes" "$restic")" "$restic_cpu"
    row "tenantd: the dump, stored and on the disk (to a second)" "$dumped" "$(mbps "$bytes" "$dumped")"
    row "tenantd: the whole, read back and published" "$whole" "$(mbps "$bytes" "$whole")" "$whole_cpu"
    row "tenantd: memory before, and at most (MiB)" "$((before / 1024))" "$((peak / 1024))"
    rm -rf "$data/backups/acme" "$home/shell.age"
done
