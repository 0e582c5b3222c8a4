#!/usr/bin/env bash
# A restore that has no room beside what lives is refused before anything is built; with room again it runs.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
cluster_of() { [ -s "$data/postgres.location" ] && cat "$data/postgres.location" || echo "$data/postgres"; }
clean_up() {
    [ -n "${small:-}" ] || return 0
    "$build/tenantd" stop --with-database --config="$home/tenantd.yaml" >/dev/null 2>&1
    local i
    for i in $(seq 100); do
        if umount "$small" 2>/dev/null; then return; fi
        sleep 0.2
    done
    echo "not ok - $small is let go of ($i looks)"
}
set_up

apply() { ctl apply -f - "$@"; }
note() { sql acme_erp "select v from tiny where k = 'note'"; }
check "the app is applied" ctl apply -f tests/e2e/apps/tiny.yaml
check "the tenant is applied" apply <<<'{apiVersion: tenantd/v1, kind: Tenant, metadata: {name: acme}, spec: {owner: a@b.example}}'
check "the instance becomes Ready" apply --wait --timeout=300s <<<'{apiVersion: tenantd/v1, kind: Instance, metadata: {name: erp, namespace: acme}, spec: {app: tiny, version: "1", deletionPolicy: Delete, resources: {cpu: "0.5", memory: 64Mi, storage: 1Gi}}}'
container=$prefix-acme.erp
role=$(instance acme/erp .status.database.role)
sql acme_erp "insert into tiny values ('note', 'then'); set role $role; create table big as select repeat(md5(i::text), 30) as t from generate_series(1, 20000) i"
check "a backup" ctl backup acme/erp --wait
name=$(ctl get backups -n acme -o json | jq -r '.items[0].metadata.name')
sql acme_erp "update tiny set v = 'now' where k = 'note'"

# The database server's directory moves to a disk of its own, which is filled.
small=$(cluster_of)
daemon_stop
"$build/tenantd" stop --with-database --config="$home/tenantd.yaml" >/dev/null
mv "$small" "$small.moved"
mkdir "$small"
mount -t tmpfs -o size=600m none "$small"
cp -a "$small.moved/." "$small/"
chown --reference="$small.moved" "$small"
chmod --reference="$small.moved" "$small"
rm -rf "$small.moved"
check "the daemon is back" daemon_start
eventually "Ready" 120 ready acme/erp
free() { df --output=avail -B1 "$small" | tail -1; }
fallocate -l $(($(free) - 12000000)) "$small/filler"
id_before=$(inspect "$container" '{{.Id}} {{.State.StartedAt}}')
refuse "without room it is refused, and says where" "$small" ctl restore acme/erp --from "$name" --wait --timeout=180s
equal "the instance is untouched" "$id_before now" "$(inspect "$container" '{{.Id}} {{.State.StartedAt}}') $(note)"
equal "nothing was built" acme_erp "$(sql postgres "select string_agg(datname, ' ') from pg_database where datname like 'acme%'")"
rm "$small/filler"
check "with room it runs" ctl restore acme/erp --from "$name" --wait --timeout=300s
equal "the row of then" "then" "$(note)"
