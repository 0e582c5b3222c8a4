#!/usr/bin/env bash
# The recovery key: asked for until somebody has it elsewhere; given to an empty data directory, and to no other.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
. tests/e2e/lib.sh
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
refuse "a file that is there is not replaced" "is there already" ctl key export "$home/recovery.key"
equal "nobody is asked any more: metric" 1 "$(gauge)"
is_quiet() { ! readyz | grep -q RecoveryKeyNotExported; }
eventually "nobody is asked any more: readyz" 30 is_quiet
absent "nobody is asked any more: why" RecoveryKeyNotExported "$(ctl why tenant acme 2>&1)"
absent "the key is in no log" AGE-SECRET-KEY "$(cat "$log")"

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
