#!/usr/bin/env bash
# A real Odoo 14 with attachments: backed up, wrecked, restored, and the same rows and files are found by logging in; a clone has an
# identity of its own and sends nothing; a drill proves the recovery point.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
tests/images/odoo.sh || exit 1
set_up

container=$prefix-acme.erp
# odoo.py ADDRESS DATABASE LOGIN ACT: the password in PASSWORD. attach: adds three attachments; read: prints "name sha256" of each.
cat >"$home/odoo.py" <<'PYTHON'
import base64, hashlib, json, os, sys, urllib.request

address, database, login, act = sys.argv[1:5]
password = os.environ["PASSWORD"]


def call(service, method, *arguments):
    body = {"jsonrpc": "2.0", "method": "call", "id": 1,
            "params": {"service": service, "method": method, "args": arguments}}
    request = urllib.request.Request(f"http://{address}:8069/jsonrpc", json.dumps(body).encode(),
                                     {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        reply = json.load(answer)
    if "error" in reply:
        sys.exit(json.dumps(reply["error"]))
    return reply["result"]


user = call("common", "authenticate", database, login, password, {})
if not user:
    sys.exit("refused")
model = lambda name, method, *arguments: call("object", "execute_kw", database, user, password, name, method, *arguments)
if act == "attach":
    for number in range(3):
        content = hashlib.sha512(str(number).encode()).digest() * (2000 + number)
        model("ir.attachment", "create", [{"name": f"invoice-{number}", "datas": base64.b64encode(content).decode()}])
    model("res.partner", "create", [{"name": "Customer of before"}])
elif act == "read":
    for row in model("ir.attachment", "search_read", [[["name", "like", "invoice-"]]], {"fields": ["name", "datas"], "order": "name"}):
        print(row["name"], hashlib.sha256(base64.b64decode(row["datas"] or "")).hexdigest())
    print(model("res.partner", "search_count", [[["name", "=", "Customer of before"]]]))
PYTHON
odoo() { # odoo INSTANCE ACT
    PASSWORD=$(ctl secret "acme/$1" adminPassword) python3 "$home/odoo.py" "$(address "$prefix-acme.$1")" "acme_$1" admin "$2"
}
config() { sql "acme_$1" "select value from ir_config_parameter where key = '$2'"; }

check "the app is applied" ctl apply -f examples/apps/odoo.yaml
check "the tenant is applied" ctl apply -f - <<<'{apiVersion: tenantd/v1, kind: Tenant, metadata: {name: acme}, spec: {displayName: ACME, owner: a@acme.example}}'
check "an Odoo becomes Ready" ctl apply --wait --timeout=600s -f - <<'EOF'
apiVersion: tenantd/v1
kind: Instance
metadata: {name: erp, namespace: acme}
spec: {app: odoo, version: "14.0", deletionPolicy: Delete, resources: {cpu: "1", memory: 1Gi, storage: 1Gi}}
EOF
check "attachments and a customer" odoo erp attach
before=$(odoo erp read)
contain "they are there" "invoice-2 [0-9a-f]{64}" "$before"
filestore() { docker exec "$container" sh -c "cd /var/lib/odoo/filestore/acme_erp && find . -type f | sort | xargs sha1sum"; }
files_before=$(filestore)
check "a backup" ctl apply -f - <<<'{apiVersion: tenantd/v1, kind: Backup, metadata: {name: b1, namespace: acme}, spec: {instance: erp}}'
eventually "it completes" 180 shows Completed field backup b1 .status.phase acme
uuid=$(config erp database.uuid)

# ---- wrecked, and back ----
sql acme_erp "delete from ir_attachment where name like 'invoice-%'; delete from res_partner where name = 'Customer of before'; update ir_config_parameter set value = 'wrecked' where key = 'database.uuid'"
docker exec "$container" sh -c 'rm -rf /var/lib/odoo/filestore/acme_erp/*'
check "restore, and wait" ctl restore acme/erp --from b1 --wait --timeout=300s
eventually "Ready" 60 ready acme/erp
equal "logged in, the same rows and contents" "$before" "$(odoo erp read)"
# Odoo adds some of its own when it is used: generated style sheets.
equal "the same files" "" "$(comm -23 <(sort <<<"$files_before") <(filestore | sort))"
equal "files are named after their content" "" "$(docker exec "$container" sh -c 'cd /var/lib/odoo/filestore/acme_erp && find . -path "./checklist" -prune -o -type f -print | while read -r f; do [ "$(sha1sum <"$f" | cut -d" " -f1)" = "$(basename "$f")" ] || echo "$f"; done')"
equal "its identity is its own" "$uuid" "$(config erp database.uuid)"

# ---- a clone, neutralised ----
secret=$(config erp database.secret)
check "a clone" ctl restore acme/erp --from b1 --to acme/copy --neutralize --wait --timeout=300s
eventually "it is Ready" 120 ready acme/copy
equal "logged in with its own password, the same rows and contents" "$before" "$(odoo copy read)"
check "another uuid" test "$uuid" != "$(config copy database.uuid)"
check "another secret" test "$secret" != "$(config copy database.secret)"
equal "no scheduled action" 0 "$(sql acme_copy 'select count(*) from ir_cron where active')"
equal "mail goes nowhere" neutralised.invalid "$(sql acme_copy 'select string_agg(smtp_host, $$,$$) from ir_mail_server where active')"
equal "the original's scheduled actions go on" t "$(sql acme_erp 'select count(*) > 0 from ir_cron where active')"

# ---- the drill ----
check "a drill" ctl apply -f - <<<'{apiVersion: tenantd/v1, kind: Restore, metadata: {name: drill, namespace: acme}, spec: {drill: true, instance: erp}}'
eventually "it completes" 300 shows Completed field restore drill .status.phase acme
contain "it says what it compared" "[0-9]{2,} tables and [0-9]+ files are as they were" "$(field restore drill .status.message acme)"
eventually "the instance shows it" 30 shows Passed instance acme/erp .status.backup.lastDrill.result
equal "nothing is left" "" "$(docker ps -a --format '{{.Names}}' | grep "^$prefix-.*drill")"
equal "nor a database" "acme_copy acme_erp acme_erp_replaced" "$(sql postgres "select string_agg(regexp_replace(datname, '_[0-9a-f]{12}$', ''), ' ' order by datname) from pg_database where datname like 'acme%'")"
