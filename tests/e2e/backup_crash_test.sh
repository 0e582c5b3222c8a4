#!/usr/bin/env bash
# kill -9 of tenantd at every boundary of every step that has to do with recovery points. Whatever was going on, the attempt finishes by
# itself afterwards, and what is published is whole.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/lib_supervised.sh
source tests/e2e/lib_supervised.sh
configuration="backup: {keepDeleted: 1s}"
set_up
daemon=

document() { cat >"$out/document.yaml"; again ctl apply -f "$out/document.yaml" >/dev/null; }
change() { again kctl patch instance erp -n acme --type merge -p "{\"spec\":$1}" >/dev/null; }
backup() { printf 'apiVersion: tenantd/v1\nkind: Backup\nmetadata: {name: %s, namespace: acme}\nspec: {instance: erp}\n' "$1" | document; }
of() { again ctl get backup "$1" -n acme -o json | jq -r "$2"; }
phase_is() { [ "$(of "$1" .status.phase)" = "$2" ]; }
place=$data/backups
key=$data/backup.identity

check "the app" again ctl apply -f tests/e2e/apps/tiny.yaml
check "the tenant" document <<<'{apiVersion: tenantd/v1, kind: Tenant, metadata: {name: acme}, spec: {owner: a@b.example}}'
check "the instance" document <<<'{apiVersion: tenantd/v1, kind: Instance, metadata: {name: erp, namespace: acme}, spec: {app: tiny, version: "1", resources: {cpu: "0.5", memory: 64Mi, storage: 1Gi}}}'
eventually "is Ready" 300 ready acme/erp
uid=$(instance acme/erp .metadata.uid)

# ---- taken, through all its steps ----
check "a backup" backup b1
eventually "completes" 300 phase_is b1 Completed
opens() { age -d -i "$key" "$1/database.dump.zst.age" | zstd -d | pg_restore --list >/dev/null && age -d -i "$key" "$1/data.tar.zst.age" | zstd -d | tar -t >/dev/null; }
check "it is whole" opens "$place/acme/$uid/b1"
equal "nothing else is there" "database.dump.zst.age data.tar.zst.age manifest.json" "$(point_files "$place" | sed 's,.*/,,' | sort | tr '\n' ' ' | sed 's/ $//; s/^data.tar.zst.age database.dump.zst.age/database.dump.zst.age data.tar.zst.age/')"
equal "no container is left" "" "$(docker ps -aq --filter "name=^$prefix-acme.erp.backup")"
check "another verification" again kctl annotate backup b1 -n acme tenantd/verify=1
eventually "is answered" 300 shows 1 of b1 .status.verifyAnswered
equal "well" true "$(of b1 '.status.verified != null')"

# ---- one that fails ----
check "a database that cannot be read" again sql acme_erp "create table theirs (x int)"
check "a backup of it" backup b2
eventually "fails" 300 phase_is b2 Failed
swept() { [ ! -e "$place/acme/$uid/b2" ]; }
eventually "and leaves nothing" 120 swept
check "it can be read again" again sql acme_erp "drop table theirs"

# ---- by the clock, and by rule ----
check "every minute, one is kept" change '{"backup":{"schedule":"* * * * *","retention":{"last":1}}}'
scheduled() { ctl get backups -n acme -o json | jq -e '[.items[] | select(.spec.reason == "Schedule" and .status.phase == "Completed")] | length > 0' >/dev/null; }
eventually "one is made" 300 scheduled
gone_by_rule() { [ "$(ctl get backups -n acme -o json | jq '[.items[] | select(.metadata.name == "b1")] | length')" = 0 ] && [ ! -e "$place/acme/$uid/b1" ]; }
eventually "the older one goes" 300 gone_by_rule
# Killed with the record made, the next minute's runs to its end.
eventually "the schedule's step was met to its end" 200 grep -q Instance/schedule-backup/end "$points"
check "no more of them" change '{"backup":{"schedule":null}}'

# ---- the last one, and the end of all ----
check "the deletion" again kctl delete instance erp -n acme --wait=false
no_instance() { [ "$(ctl get instances -n acme -o json | jq '.items | length')" = 0 ]; } # no answer is no "gone"
eventually "ends" 400 no_instance
equal "the database is gone" 0 "$(sql postgres "select count(*) from pg_database where datname = 'acme_erp'")"
contain "one was made for it" 'Backup/take/end' "$(cat "$points")"
nothing() { [ "$(ctl get backups -n acme -o json | jq '.items | length')" = 0 ] && [ -z "$(point_files "$place")" ]; }
# A failed one tells of itself for days.
check "the failed one is deleted" again kctl delete backup b2 -n acme --wait=false
eventually "and all expire" 400 nothing

# ---- every boundary was met ----
"$build/tests/e2e/crashing_tenantd" print-points | grep -E '^Backup/|/(note-schedule|schedule-backup|last-backup)/' | grep -vE '/(drop-local-copy|fail|note-instance-back)/' | sort >"$out/all"
sort -u "$points" >"$out/met"
echo "# $(grep -c "" "$points") crashes"
equal "every step was crashed before and after" "" "$(comm -23 "$out/all" "$out/met")"
