#!/usr/bin/env bash
# The records API by plain HTTP: who may ask, what it tells of itself, and what a restart keeps.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
set_up

url=https://127.0.0.1:$port
records=/apis/tenantd/v1
token=$(awk '/token:/ {print $2}' "$KUBECONFIG")
awk '/certificate-authority-data:/ {print $2}' "$KUBECONFIG" | base64 -d >"$out/ca.pem"
plain() { curl -sS -m 20 --cacert "$out/ca.pem" "$@"; }
api() { # api PATH CURL-ARGUMENTS...
    local path=$1
    shift
    plain -H "Authorization: Bearer $token" "$@" "$url$path"
}
status_of() { plain -o /dev/null -w '%{http_code}' "$@"; }

# ---- who may ask ----
equal "the kubeconfig is for its owner alone" 600 "$(stat -c %a "$KUBECONFIG")"
check "the certificate verifies by the CA in it" plain -f -o /dev/null "$url/healthz"
refuse "and by no other" 'certificate' curl -sS "$url/healthz"
contain "it names addresses, not a common name alone" 'IP Address:127\.0\.0\.1' "$(openssl s_client -connect "127.0.0.1:$port" </dev/null 2>/dev/null | openssl x509 -noout -ext subjectAltName 2>/dev/null)"
refuse "no TLS 1.1" . curl -sS --cacert "$out/ca.pem" --tls-max 1.1 --tlsv1.0 "$url/healthz"
for path in /healthz /livez /readyz '/readyz?verbose'; do equal "anybody may ask $path" 200 "$(status_of "$url$path")"; done
for path in / /metrics /version /api /apis /api/v1 $records /openapi/v2 /api/v1/namespaces /api/v1/events $records/tenants $records/instances \
    $records/namespaces/acme/instances/erp $records/namespaces/acme/instances/erp/secrets $records/namespaces/acme/instances/erp/log /nothing; do
    equal "nobody without a token: $path" 401 "$(status_of "$url$path")"
done
for method in POST PUT PATCH DELETE; do
    equal "nor to $method" 401 "$(status_of -X $method "$url$records/tenants/acme" -H 'Content-Type: application/json' -d '{}')"
done
equal "a wrong token" 401 "$(status_of -H "Authorization: Bearer ${token}x" "$url$records/tenants")"
equal "an empty token" 401 "$(status_of -H 'Authorization: Bearer ' "$url$records/tenants")"
equal "half a token" 401 "$(status_of -H "Authorization: Bearer ${token:0:20}" "$url$records/tenants")"
equal "a token in the address is none" 401 "$(status_of "$url$records/tenants?token=$token&access_token=$token")"
equal "the token" 200 "$(status_of -H "Authorization: Bearer $token" "$url$records/tenants")"
equal "as somebody else" 403 "$(status_of -H "Authorization: Bearer $token" -H 'Impersonate-User: x' "$url$records/tenants")"
absent "the token is in no log" "$token" "$(cat "$log")"
absent "and in no argument" "$token" "$(tr '\0' ' ' <"/proc/$daemon/cmdline")"
equal "it listens on loopback alone" "127.0.0.1:$port" "$(ss -Hltn "sport = :$port" | awk '{print $4}')"

# ---- a tenant with an instance, for what follows ----
check "the app" ctl apply -f tests/e2e/apps/tiny.yaml
check "a tenant and an instance" ctl apply --wait --timeout=60s -f - <<END
apiVersion: tenantd/v1
kind: Tenant
metadata: {name: acme}
spec: {displayName: Test, owner: a@b.example}
---
apiVersion: tenantd/v1
kind: Instance
metadata: {name: erp, namespace: acme}
spec: {app: tiny, version: "1", deletionPolicy: Delete, resources: {cpu: "0.5", memory: 64Mi, storage: 1Gi}}
END

check "an instance that fails" ctl apply -f - <<END
apiVersion: tenantd/v1
kind: Instance
metadata: {name: bad, namespace: acme}
spec: {app: tiny, version: "1", deletionPolicy: Delete, env: {TINY_FAIL_INIT: "1"}, resources: {cpu: "0.5", memory: 64Mi, storage: 1Gi}}
END
is_retried() { [ "$(instance acme/bad .status.retry)" != null ]; }
eventually "and is tried again" 30 is_retried

# ---- what it tells of itself ----
verbose=$(plain "$url/readyz?verbose")
for what in 'Docker Engine [0-9]' 'API 1\.[0-9]' 'PostgreSQL [0-9]' 'libmicrohttpd [0-9]' 'libcurl/[0-9]' 'libpq ?/?[0-9]' 'jansson ?/?[0-9]'; do
    contain "readyz tells: $what" "$what" "$verbose"
done
contain "readyz' end" 'readyz check passed' "$verbose"
equal "healthz" ok "$(plain "$url/healthz")"
metrics=$(api /metrics)
for family in tenantd_queue_depth tenantd_reconciles_total tenantd_reconcile_duration_seconds tenantd_reconcile_retries_total \
    tenantd_step_duration_seconds tenantd_neighbour_up tenantd_records tenantd_api_requests_total tenantd_api_request_duration_seconds; do
    contain "metrics: $family" "^# TYPE $family " "$metrics"
done
contain "reconciles by kind and result" '^tenantd_reconciles_total\{kind="Instance",result="[a-z]+"\} [1-9]' "$metrics"
contain "instances by phase" '^tenantd_records\{kind="Instance",phase="Running"\} 1$' "$metrics"
contain "requests by code" '^tenantd_api_requests_total\{.*code="401"\} [1-9]' "$metrics"
contain "both neighbours are up" '^tenantd_neighbour_up\{neighbour="engine"\} 1$' "$metrics"
equal "every line is one" "" "$(grep -vE '^(# (HELP|TYPE) tenantd_[a-z_]+ .+|tenantd_[a-z_]+(\{.*\})? [-+0-9.eInfNa]+)$' <<<"$metrics")"
equal "no family twice" "" "$(grep '^# TYPE' <<<"$metrics" | sort | uniq -d)"
equal "its type" "text/plain; version=0.0.4; charset=utf-8" "$(api /metrics -o /dev/null -w '%{content_type}')"

# ---- its documents are what they say they are ----
api /openapi/v3/apis/tenantd/v1 >"$out/records.json"
api /openapi.json >"$out/platform.json"
check "the specification's own schema takes the records' document" tests/tools/openapi_check.py "$out/records.json"
check "and the platform API's" tests/tools/openapi_check.py "$out/platform.json"
jq '.paths[].get.responses = {}' "$out/platform.json" >"$out/broken.json"
refuse "and not every document" responses tests/tools/openapi_check.py "$out/broken.json"

# ---- secrets stay where they belong ----
secrets=$(api $records/namespaces/acme/instances/erp/secrets)
password=$(ctl secret acme/erp adminPassword)
contain "the secret is there for whoever asks for it" "$password" "$secrets"
database_password=$(docker exec "$prefix-acme.erp" cut -d: -f5 /run/app/pgpass)
check "the database's password is one" test ${#database_password} -ge 16
for path in $records/instances $records/namespaces/acme/instances/erp $records/apps $records/tenants /api/v1/events /metrics '/readyz?verbose' \
    "$records/instances?watch=true&resourceVersion=0&timeoutSeconds=1"; do
    absent "no secret in $path" "$password|$database_password|$token" "$(api "$path")"
done
absent "nor in a table" "$password|$database_password" "$(api $records/instances -H 'Accept: application/json;as=Table;v=v1;g=meta.k8s.io')"
absent "nor in the log" "$password|$database_password" "$(cat "$log")"
absent "nor in what Docker tells of the container" "$password|$database_password" "$(docker inspect "$prefix-acme.erp")"

# ---- versions, watches, restarts ----
label() { api $records/tenants/acme -o /dev/null -f -X PATCH -H 'Content-Type: application/merge-patch+json' -d "{\"metadata\":{\"labels\":{\"step\":\"$1\"}}}"; }
version_of_list() { api $records/tenants | jq -r .metadata.resourceVersion; }
first=$(version_of_list)
check "a change" label one
check "another" label two
check "and a third" label three
seen=$(api "$records/tenants?watch=true&resourceVersion=$first&timeoutSeconds=1")
equal "a watch from then has each, in order" "one two three" "$(jq -r .object.metadata.labels.step <<<"$seen" | uniq | xargs)"
equal "and nothing else" MODIFIED "$(jq -r .type <<<"$seen" | sort -u)"
before=$(api $records/tenants/acme | jq -c .metadata)
list_before=$(version_of_list)
daemon_stop
refuse "it is down" . status_of "$url/healthz"
check "it starts again" daemon_start
equal "with the same token" 200 "$(status_of -H "Authorization: Bearer $token" "$url$records/tenants")"
check "and the same CA" plain -f -o /dev/null "$url/healthz"
equal "the kubeconfig is closed still" 600 "$(stat -c %a "$KUBECONFIG")"
equal "the record is as it was" "$before" "$(api $records/tenants/acme | jq -c .metadata)"
check "versions go on, not back" test "$(version_of_list)" -ge "$list_before"
check "a change after it" label four
equal "a watch from before has all" "one two three four" "$(api "$records/tenants?watch=true&resourceVersion=$first&timeoutSeconds=1" | jq -r .object.metadata.labels.step | uniq | xargs)"
second=$(version_of_list)
daemon_kill
check "also after kill -9" daemon_start
check "a change" label five
equal "a watch goes on" five "$(api "$records/tenants?watch=true&resourceVersion=$second&timeoutSeconds=1" | jq -r .object.metadata.labels.step | uniq | xargs)"
contain "a version from long ago is told as such" '"type":"ERROR".*"code":410|"type":"(ADDED|MODIFIED)"' "$(api "$records/tenants?watch=true&resourceVersion=1&timeoutSeconds=1")"

# ---- deletions are seen, and the stream ends when it should ----
at=$(version_of_list)
check "a tenant more" ctl apply --wait --timeout=20s -f - <<<$'apiVersion: tenantd/v1\nkind: Tenant\nmetadata: {name: short}\nspec: {displayName: Short, owner: a@b.example}'
check "goes" ctl delete tenant short --timeout=20s
seen=$(api "$records/tenants?watch=true&resourceVersion=$at&timeoutSeconds=1" | jq -r 'select(.object.metadata.name == "short") | .type' | xargs)
contain "a watch tells its whole life" '^ADDED( MODIFIED)* DELETED$' "$seen"
seen=$(api "$records/tenants?watch=true&resourceVersion=$at&timeoutSeconds=1&fieldSelector=metadata.name%3Dacme" | jq -r .object.metadata.name | sort -u)
absent "a selector holds for a watch" short "$seen"
api "$records/tenants?watch=true&resourceVersion=$(version_of_list)&timeoutSeconds=3&labelSelector=step%3Dsix" >"$out/selected" &
selected=$!
sleep 1
label six
label seven
wait $selected
equal "a watch by label: what begins to match is ADDED, what stops is DELETED" "ADDED DELETED" "$(jq -r .type "$out/selected" | xargs)"

# ---- many watchers leave nothing behind ----
descriptors() { find "/proc/$daemon/fd" -mindepth 1 2>/dev/null | wc -l; }
open_before=$(descriptors)
watchers=()
for _ in $(seq 40); do
    curl -s --cacert "$out/ca.pem" -m 60 -o /dev/null -H "Authorization: Bearer $token" "$url$records/tenants?watch=true" &
    watchers+=($!)
done
watching() { [ "$(api /metrics | awk '/^tenantd_api_streams / {print $2}')" -ge "$1" ]; }
eventually "40 watchers are served" 15 watching 40
disown "${watchers[@]}" # so that bash says nothing about their end
kill -9 "${watchers[@]}"
few() { [ "$(descriptors)" -le $((open_before + 5)) ] && ! watching 1; }
eventually "and forgotten when they vanish" 15 few

# ---- gone ----
check "the instance goes" ctl delete acme/erp --timeout=40s
equal "its secrets with it" 404 "$(status_of -H "Authorization: Bearer $token" "$url$records/namespaces/acme/instances/erp/secrets")"
