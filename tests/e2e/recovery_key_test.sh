#!/usr/bin/env bash
# The recovery key: asked for until somebody has it elsewhere; given to an empty data directory, and to no other.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
. tests/e2e/lib.sh
export TENANTD_BACKUP_RECORDS='* * * * *'
set_up

server=$(sed -n 's/^ *server: //p' "$KUBECONFIG" | tr -d '"' | head -1)
token=$(cat "$data/admin.token")
fetch() { curl -sk -H "Authorization: Bearer $token" "$server$1"; }
readyz() { curl -sk "$server/readyz?verbose"; }
gauge() { fetch /metrics | sed -n 's/^tenantd_recovery_key_exported //p'; }
ctl apply -f - >"$out/apply" 2>&1 <<'YAML'
apiVersion: tenantd/v1
kind: Tenant
metadata: {name: acme}
spec: {displayName: Acme, owner: admin@acme.example}
YAML

contain "readyz asks for the export" "RecoveryKeyNotExported: tenantctl key export" "$(readyz)"
contain "and is ready all the same" "readyz check passed" "$(readyz)"
equal "so does the metric" 0 "$(gauge)"
contain "so does why" "Besides, RecoveryKeyNotExported: tenantctl key export" "$(ctl why tenant acme 2>&1)"

check "the key is exported" ctl key export "$home/recovery.key"
equal "for its owner alone" 600 "$(stat -c %a "$home/recovery.key")"
equal "age opens with it what is encrypted for this installation" hello \
    "$(echo hello | age -r "$(age-keygen -y "$data/backup.identity")" | age -d -i "$home/recovery.key")"
contain "the audit tells of it" "export +RecoveryKey" "$(ctl audit)"
refuse "a file that is there is not replaced" "is there already" ctl key export "$home/recovery.key"
equal "nobody is asked any more: metric" 1 "$(gauge)"
is_quiet() { ! readyz | grep -q RecoveryKeyNotExported; }
eventually "nobody is asked any more: readyz" 30 is_quiet
absent "nobody is asked any more: why" RecoveryKeyNotExported "$(ctl why tenant acme 2>&1)"
absent "the key is in no log" AGE-SECRET-KEY "$(cat "$log")"

# All records are in the place of recovery points, for who has the key.
copy=$data/backups/_installation/$(cat "$data/installation")/records.json.zst.age
open_copy() { age -d -i "$home/recovery.key" "$copy" | zstd -dqc; }
copied() { open_copy | jq -r '.records[].record | select(.kind == "Tenant") | .metadata.uid'; }
eventually "the records are copied, as the API shows them" 240 shows "$(field tenant acme .metadata.uid)" copied
equal "under the installation's name" "$(cat "$data/installation")" "$(open_copy | jq -r .installation)"
contain "and a metric says when" "^tenantd_records_copied_timestamp_seconds [1-9]" "$(fetch /metrics)"

new_host() { "$build/tenantd" import-key --config="$home/new.yaml" --from="$1"; }
sed "s,^data: .*,data: $home/new," "$home/tenantd.yaml" >"$home/new.yaml"
sed 's/^# secrets key: ./# secrets key: x/' "$home/recovery.key" >"$home/altered.key"
refuse "an altered key is refused" "no recovery key|altered" new_host "$home/altered.key"
check "an empty data directory takes it" new_host "$home/recovery.key"
check "the key of secrets is the same" cmp "$data/secrets.key" "$home/new/secrets.key"
equal "the installation is the same" "$(cat "$data/installation")" "$(cat "$home/new/installation")"
equal "the identity is the same" "$(age-keygen -y "$data/backup.identity")" "$(age-keygen -y "$home/new/backup.identity")"
equal "all of it for the owner alone" 600 "$(stat -c %a "$home/new/secrets.key" "$home/new/backup.identity" | sort -u)"
refuse "a data directory that has a key keeps it" "is there" new_host "$home/recovery.key"
