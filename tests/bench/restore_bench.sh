#!/usr/bin/env bash
# A restore in place beside `age -d | zstd -d | pg_restore` in a shell, of the same recovery point on the same disk and server. MB=... sets the size.
export BUILD=${BUILD:-build}
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/../e2e/lib.sh"
mb=${MB:-100}
set_up >/dev/null

ctl apply -f tests/e2e/apps/tiny.yaml >/dev/null
ctl apply -f - >/dev/null <<<'{apiVersion: tenantd/v1, kind: Tenant, metadata: {name: acme}, spec: {owner: a@b.example}}'
ctl apply --wait --timeout=120s -f - >/dev/null 2>&1 <<'EOF' || exit 1
apiVersion: tenantd/v1
kind: Instance
metadata: {name: erp, namespace: acme}
spec: {app: tiny, version: "1", deletionPolicy: Delete, resources: {cpu: "1", memory: 64Mi, storage: 10Gi}}
EOF
role=$(instance acme/erp .status.database.role)
# A row is about 500 bytes, half of which can be packed.
sql acme_erp "set role $role; create table big as select i, md5(i::text) || md5((i + 1)::text) || repeat('x', 200) || md5((i + 2)::text) || repeat(md5((i % 1000)::text), 5) as t from generate_series(1, $mb * 2000) i; create index on big (i)"
printf 'apiVersion: tenantd/v1\nkind: Backup\nmetadata: {name: b1, namespace: acme}\nspec: {instance: erp}\n' | ctl apply -f - >/dev/null
until [ "$(field backup b1 .status.phase acme)" = Completed ]; do sleep 0.5; done
point=$(dirname "$(find "$data/backups" -name manifest.json)")
bytes=$(jq -r '[.objects[] | select(.name | startswith("database")) | .plainBytes] | add' "$point/manifest.json")

now() { date +%s%N; }
began=$(now)
ctl restore acme/erp --from b1 --wait >/dev/null 2>&1 || { echo "the restore failed"; exit 1; }
whole=$((($(now) - began) / 1000000))
took() { grep -hoE "step=$1 .*took_ms=[0-9]+" "$log" | tail -1 | grep -oE '[0-9]+$'; }
peak=$(($(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$daemon/status") / 1024))

sql postgres "create database shell_restore" >/dev/null
pg_restore=$(ls -d /usr/lib/postgresql/*/bin/pg_restore | tail -1)
server=$(sed -n 5p "$(dirname "$(sql postgres "show config_file")")/postmaster.pid")
began=$(now)
age -d -i "$data/backup.identity" "$point/database.dump.zst.age" | zstd -d -q | "$pg_restore" --no-owner -h "$server" -p "$(cat "$data/postgres.port")" -U postgres -d shell_restore || echo "the shell failed"
shell=$((($(now) - began) / 1000000))

mbps() { echo "$(($1 / 1048576 * 1000 / ($2 > 0 ? $2 : 1)))"; }
printf '%-44s %10s %10s\n' "restore of a dump of $((bytes / 1048576)) MiB" ms MiB/s
printf '%-44s %10s %10s\n' "age -d | zstd -d | pg_restore" "$shell" "$(mbps "$bytes" "$shell")"
printf '%-44s %10s %10s\n' "tenantd: database built beside" "$(took build-database)" "$(mbps "$bytes" "$(took build-database)")"
printf '%-44s %10s %10s\n' "tenantd: read through and verified before" "$(took verify)" "$(mbps "$bytes" "$(took verify)")"
printf '%-44s %10s\n' "tenantd: the whole, until it is healthy" "$whole"
printf '%-44s %10s\n' "tenantd: largest memory (MiB)" "$peak"
