#!/usr/bin/env bash
# Bad input gets a clear error, which names path and remedy, and changes nothing; afterwards the daemon is as it was.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
export TENANTD_LISTEN_IDLE_TIMEOUT=3s # a connection that says nothing is closed after that, a request that does not end after twice that
set_up

url=https://127.0.0.1:$port
token=$(awk '/token:/ {print $2}' "$KUBECONFIG")
awk '/certificate-authority-data:/ {print $2}' "$KUBECONFIG" | base64 -d >"$out/ca.pem"
records=/apis/tenantd/v1
# api METHOD PATH CURL-ARGUMENTS...: the answer's body, and its status in the last line
api() {
    local method=$1 path=$2
    shift 2
    curl -sS -m 20 --cacert "$out/ca.pem" -H "Authorization: Bearer $token" -X "$method" -w '\nHTTP %{http_code}\n' "$@" "$url$path"
}
version_now() { api GET $records/instances | jq -rR 'fromjson? | .metadata.resourceVersion'; }
world() {
    version_now
    docker ps -aq --filter "name=^$prefix-"
    docker network ls -q --filter "name=^$prefix-"
    sql postgres 'select datname from pg_database order by 1'
    sql postgres 'select rolname from pg_roles order by 1'
}
unchanged() { # unchanged WHAT: no record is written; every write raises the version
    local now
    now=$(version_now)
    [ "$now" = "$version_before" ] || fail "$1: nothing changes" "version before: $version_before" "after: $now"
    version_before=$now
}
world_unchanged() { # world_unchanged WHAT: no container, network, database or role appeared, either
    local now
    now=$(world)
    equal "$1 changed nothing" "$world_before" "$now"
    world_before=$now
}
# by_ctl WHAT PATTERN...: tenantctl apply of standard input ends with 2 and says all the patterns
by_ctl() {
    local what=$1 said status pattern missing=""
    shift
    said=$(ctl apply -f - 2>&1)
    status=$?
    for pattern in "$@"; do grep -qE -- "$pattern" <<<"$said" || missing="$missing $pattern"; done
    if [ $status -eq 2 ] && [ -z "$missing" ]; then pass "$what"; else fail "$what" "exit $status, without:$missing" "$said"; fi
    unchanged "$what"
}
# by_api WHAT STATUS PATTERN CURL-ARGUMENTS...: a POST of instances is answered with that status and says the pattern in a Status object
by_api() {
    local what=$1 status=$2 pattern=$3 said
    shift 3
    said=$(api POST $records/namespaces/acme/instances "$@" 2>&1)
    if ! grep -q "^HTTP $status$" <<<"$said" || ! grep -qE -- "$pattern" <<<"$said"; then
        fail "$what" "$(head -c 1500 <<<"$said" | tr -d '\0')" "instead of $status and: $pattern"
    elif ! sed '$d' <<<"$said" | jq -e '.kind == "Status" and .status == "Failure" and .code == '"$status" >/dev/null; then
        fail "$what" "no Status object:" "$(head -c 1500 <<<"$said")"
    else
        pass "$what"
    fi
    unchanged "$what"
}
as_json=(-H 'Content-Type: application/json')
as_yaml=(-H 'Content-Type: application/yaml')
instance_of() { # instance_of NAME [LINE OF SPEC...]
    printf 'apiVersion: tenantd/v1\nkind: Instance\nmetadata: {name: %s, namespace: acme}\nspec:\n  app: tiny\n' "$1"
    shift
    [[ "$*" == *version:* ]] || printf '  version: "1"\n'
    [ $# -eq 0 ] || printf '  %s\n' "$@"
}
tenant_of() { printf 'apiVersion: tenantd/v1\nkind: Tenant\nmetadata: {name: %s}\nspec: {displayName: Test, owner: a@b.example}\n' "$1"; }
repeat() { head -c "$2" /dev/zero | tr '\0' "$1"; } # repeat CHARACTER TIMES

check "the app is applied" ctl apply --wait --timeout=30s -f tests/e2e/apps/tiny.yaml
check "the tenant is applied" ctl apply --wait --timeout=30s -f - <<<"$(tenant_of acme)"
# The first full pass over, so that nothing of its own moves any more.
sleep 1
descriptors() { find "/proc/$daemon/fd" -mindepth 1 2>/dev/null | wc -l; }
memory() { awk '/^VmRSS:/ {print $2}' "/proc/$daemon/status"; }
version_before=$(version_now)
world_before=$(world)
descriptors_before=$(descriptors)
memory_before=$(memory)

# ---- text that is no record ----
by_ctl "YAML that does not parse" 'stdin:[0-9]+:[0-9]+: ' <<<'kind: Tenant
metadata: {name: x'
by_ctl "a tab in YAML" 'stdin:2:1: ' <<<$'spec:\n\tapp: x'
by_ctl "a key twice" 'stdin:3:[0-9]+: .*kind' <<<$'kind: Tenant\nspec: {}\nkind: Tenant'
by_ctl "no documents" 'no document' </dev/null
by_ctl "a list" 'no record; one begins with apiVersion' <<<'[1, 2]'
by_ctl "no kind" 'kind: is required' <<<'apiVersion: tenantd/v1'
by_ctl "a kind nearly right" 'kind: "Instanz" is not known; is Instance meant' <<<"$(instance_of one | sed 's/Instance/Instanz/')"
by_ctl "another apiVersion" 'apiVersion: "v1" is not known; write tenantd/v1' <<<"$(instance_of one | sed 's/tenantd.v1/v1/')"
by_ctl "a second document is bad: the first is not sent" 'nothing was sent' 'metadata.name' <<<"$(tenant_of fine; echo ---; tenant_of Nope)"
by_api "YAML to the API" 400 'line 3, column [0-9]+' "${as_yaml[@]}" --data-binary $'kind: Instance\nmetadata: {name: x'
by_api "JSON that does not parse" 400 'line 1|column|position' "${as_json[@]}" --data-binary '{"kind": "Instance",'
by_api "an empty body" 400 . "${as_json[@]}" --data-binary ''
by_api "a JSON list" 400 . "${as_json[@]}" --data-binary '[]'
by_api "JSON twice" 400 . "${as_json[@]}" --data-binary '{} {}'

# ---- fields ----
by_ctl "an unknown field, and which was meant" 'spec\.adons: unknown field; did you mean .*addons' <<<"$(instance_of one 'adons: [sale]')"
by_ctl "an unknown field deep inside" 'spec\.resources\.cpus: unknown field' <<<"$(instance_of one 'resources: {cpus: 1}')"
by_ctl "several errors at once" 'of 6 problems' 'spec\.sise: unknown' 'spec\.resources\.memory: "2Gb"' 'spec\.addons: ' 'spec\.state: "Ruining" is not one of' 'spec\.publish: "80"' 'spec\.adminEmail: "me"' \
    <<<"$(instance_of one 'sise: 1' 'resources: {memory: 2Gb}' 'addons: sale' 'state: Ruining' 'publish: "80"' 'adminEmail: me')"
by_ctl "a quantity" 'spec\.resources\.memory: "2Gb".*(2Gi|2G)' <<<"$(instance_of one 'resources: {memory: 2Gb}')"
by_ctl "no quantity at all" 'spec\.resources\.cpu: ' <<<"$(instance_of one 'resources: {cpu: -1}')"
by_ctl "too large a quantity" 'spec\.resources\.memory: ' <<<"$(instance_of one 'resources: {memory: 99999999999999999999Ei}')"
by_ctl "text for a boolean" 'spec\.demoData: ' <<<"$(instance_of one 'demoData: maybe')"
by_ctl "a number for text" 'spec\.version: 1\.0 .*quotes' <<<"$(instance_of one 'version: 1.0')"
by_ctl "a map for a list" 'spec\.domains: ' <<<"$(instance_of one 'domains: {a: b}')"
by_ctl "a list for a map" 'spec\.env: ' <<<"$(instance_of one 'env: [A]')"
by_ctl "a required field" 'spec\.app: is required' <<<"$(instance_of one | grep -v 'app: tiny')"
by_ctl "an env name" 'spec\.env' <<<"$(instance_of one 'env: {"A-B": x}')"
by_ctl "a domain" 'spec\.domains\[0\]: .*leave out scheme' <<<"$(instance_of one 'domains: ["https://erp.example"]')"
by_ctl "two that exclude each other" 'spec\.disabledModules\[0\]: .*choose one' <<<"$(instance_of one 'addons: [sale]' 'disabledModules: [sale]')"
by_ctl "a cron line that never comes" 'spec\.backup\.schedule: .*never happens' <<<"$(instance_of one 'backup: {schedule: "0 0 31 2 *"}')"
by_ctl "a cron line that is none" 'spec\.backup\.schedule: .*61' <<<"$(instance_of one 'backup: {schedule: "61 0 * * *"}')"
by_api "the API checks the same" 422 'spec\.resources\.memory.*spec\.state' "${as_yaml[@]}" --data-binary "$(instance_of one 'resources: {memory: 2Gb}' 'state: Ruining')"
by_api "unknown fields to the API, all of them" 400 'unknown field \\"spec\.one\\".*unknown field \\"spec\.two\\"' "${as_yaml[@]}" --data-binary "$(instance_of one 'one: 1' 'two: 2')"
world_unchanged "bad fields"

# ---- names ----
for name in postgres template0 template1 admin tenantd default kube-system; do
    by_ctl "a reserved name: $name" "metadata\.name: \"$name\" is a reserved name; choose another" <<<"$(tenant_of $name)"
done
by_ctl "a name that is too long" 'metadata\.name: .* has 64 characters; .* at most' <<<"$(tenant_of "$(repeat a 64)")"
by_ctl "an instance's name that is too long" 'metadata\.name: .* has 64 characters; .* at most' <<<"$(instance_of "$(repeat a 64)")"
by_ctl "a name outside ASCII" 'metadata\.name: "bär" has letters outside ASCII; use a-z' <<<"$(tenant_of bär)"
by_ctl "upper case" 'metadata\.name: "Acme" has upper-case letters' <<<"$(tenant_of Acme)"
by_ctl "a path as a name" 'metadata\.name: "\.\./x" is not a name' <<<"$(tenant_of '"../x"')"
by_ctl "an empty name" 'metadata\.name: is required' <<<"$(tenant_of '""')"
by_ctl "a database that begins with _" 'spec\.database\.name: "_x" begins with _; begin it with a letter' <<<"$(instance_of one 'database: {name: _x}')"
by_ctl "PostgreSQL's own database" 'spec\.database\.name: "template1" is a reserved name' <<<"$(instance_of one 'database: {name: template1}')"
by_ctl "SQL as a database's name" 'spec\.database\.name: .*use a-z' <<<"$(instance_of one "database: {name: 'a\"; drop database postgres; --'}")"
by_ctl "a label" 'metadata\.labels\.a: "b c" is not a label' <<<"$(tenant_of x | sed 's/name: x/name: x, labels: {a: b c}/')"
by_api "another namespace than the URL's" 400 'does not match the namespace on the URL' "${as_yaml[@]}" --data-binary "$(instance_of one | sed 's/namespace: acme/namespace: other/')"
world_unchanged "bad names"

# ---- what only the server knows ----
not_there() { # not_there WHAT PATTERN: as by_ctl, but the server refuses
    refuse "$1" "$2" ctl apply -f -
    unchanged "$1"
}
not_there "an unknown app" 'spec\.app: there is no app nothing; apply it first' <<<"$(instance_of one | sed 's/tiny/nothing/')"
not_there "an unknown version" 'spec\.version: App "tiny" has no version "9"; it has .*1.*2' <<<"$(instance_of one 'version: "9"')"
not_there "a parameter's value" 'spec\.env\.TINY_MODE: .*slow' <<<"$(instance_of one 'env: {TINY_MODE: medium}')"
not_there "an unknown tenant" 'namespaces? "nobody" not found|tenant.*nobody' <<<"$(instance_of one | sed 's/namespace: acme/namespace: nobody/')"
app_with() { sed "s|^metadata:|metadata: {name: bad}\nignored:|; s|$1|$2|" tests/e2e/apps/tiny.yaml | sed '/^ignored:/,/^  name: tiny/d'; }
by_ctl "an unknown template name" 'spec\.env\.TINY_INSTANCE: .*tenant\.nam.*did you mean tenant\.name' <<<"$(app_with '{{tenant.name}}/' '{{tenant.nam}}/')"
by_ctl "an undeclared parameter" 'spec\.env\.TINY_MODE: .*parameters\.TINY_MOOD' <<<"$(app_with '{{parameters.TINY_MODE}}' '{{parameters.TINY_MOOD}}')"
by_ctl "a section that stays open" 'spec\.files\[1\]\.content: ' <<<"$(app_with '{{/spec.addons}}' '')"
by_ctl "a secret in a command" 'spec\.init\.command\[0\]: .*give secrets by env or files' <<<"$(app_with '/app/init' '"{{database.password}}"')"
by_ctl "a health port that is not there" 'spec\.health\.port: ' <<<"$(app_with 'port: http, startupTimeout' 'port: web, startupTimeout')"
world_unchanged "what the server refuses"

# ---- bombs ----
repeat x 20000000 >"$out/large"
by_api "20 MB" 413 'at most [0-9]+' "${as_json[@]}" --data-binary @"$out/large"
by_api "20 MB in chunks" 413 'at most [0-9]+' "${as_json[@]}" -H 'Transfer-Encoding: chunked' --data-binary @"$out/large"
{ repeat '[' 10000; repeat ']' 10000; } >"$out/deep"
by_api "10,000 levels of JSON" 400 '' "${as_json[@]}" --data-binary @"$out/deep"
by_api "10,000 levels of YAML" 400 'line 1, column [0-9]+: .*100' "${as_yaml[@]}" --data-binary @"$out/deep"
by_ctl "10,000 levels" 'stdin:1:[0-9]+: .*100' <"$out/deep"
{ repeat '{"a":' 10000; echo 1; repeat '}' 10000; } >"$out/deep"
by_api "10,000 levels of maps" 400 '' "${as_json[@]}" --data-binary @"$out/deep"
{
    echo 'a: &a [x, x, x, x, x, x, x, x, x, x]'
    for pair in 'b a' 'c b' 'd c' 'e d' 'f e' 'g f' 'h g' 'i h'; do
        printf '%s: &%s [' "${pair% *}" "${pair% *}"
        printf "*${pair#* }, %.0s" 1 2 3 4 5 6 7 8 9
        printf '*%s]\n' "${pair#* }"
    done
} >"$out/bomb"
by_api "an alias bomb" 400 'aliases followed' "${as_yaml[@]}" --data-binary @"$out/bomb"
by_ctl "an alias bomb in a file" 'stdin:[0-9]+:[0-9]+: .*aliases followed' <"$out/bomb"
printf 'kind: Tenant\nmetadata: {name: "a\0b"}\n' >"$out/nul"
by_api "NUL bytes in YAML" 400 'line 2' "${as_yaml[@]}" --data-binary @"$out/nul"
by_ctl "NUL bytes in a file" 'stdin:2:' <"$out/nul"
printf '{"kind":"Instance","metadata":{"name":"a\0b"}}' >"$out/nul"
by_api "NUL bytes in JSON" 400 . "${as_json[@]}" --data-binary @"$out/nul"
by_api "an escaped NUL in JSON" 400 . "${as_json[@]}" --data-binary '{"apiVersion":"tenantd/v1","kind":"Instance","metadata":{"name":"a\u0000b"}}'
printf 'kind: Tenant\nmetadata: {name: "a\xff\xfe"}\n' >"$out/utf8"
by_api "invalid UTF-8 in YAML" 400 'line 2|UTF-8' "${as_yaml[@]}" --data-binary @"$out/utf8"
by_ctl "invalid UTF-8 in a file" 'stdin:.*UTF-8' <"$out/utf8"
printf '{"kind":"Instance","metadata":{"name":"a\xc0\xaf"}}' >"$out/utf8"
by_api "invalid UTF-8 in JSON" 400 . "${as_json[@]}" --data-binary @"$out/utf8"
world_unchanged "bombs"

# ---- HTTP ----
status_is() { # status_is WHAT STATUS METHOD PATH CURL-ARGUMENTS...
    local what=$1 status=$2
    shift 2
    equal "$what" "HTTP $status" "$(api "$@" 2>&1 | tail -n 1)"
    unchanged "$what"
}
status_is "a method that is not there" 405 POST $records/namespaces/acme/instances/x "${as_json[@]}" -d '{}'
status_is "a method that nobody knows" 405 BREW $records/tenants
status_is "DELETE of all" 405 DELETE $records/tenants
status_is "a path that is not there" 404 GET /apis/tenantd/v2/tenants
status_is "a path that climbs" 404 GET /apis/tenantd/v1/tenants/..%2f..%2fetc%2fpasswd --path-as-is
status_is "a NUL in a path" 400 GET $records/tenants/a%00b
status_is "a path of half a character" 400 GET $records/tenants/a%ff
status_is "a broken escape" 400 GET $records/tenants/a%zz
by_api "a media type" 415 'application/json' -H 'Content-Type: text/html' -d '<p>'
by_api "protobuf" 415 'application/json' -H 'Content-Type: application/vnd.kubernetes.protobuf' -d 'k8s'
said=$(api PATCH $records/tenants/acme -H 'Content-Type: application/strategic-merge-patch+json' -d '{}')
contain "a strategic patch" 'merge-patch\+json' "$said"
said=$(api PATCH $records/tenants/acme -H 'Content-Type: application/merge-patch+json' -d '[1]')
contain "a merge patch that is a list" 'HTTP 4' "$said"
said=$(api PATCH $records/tenants/acme -H 'Content-Type: application/json-patch+json' -d '[{"op":"frob","path":"/spec"}]')
contain "a json patch's operation" 'HTTP 4' "$said"
contain "a json patch's operation is named" 'operation 1: .*must be add, remove' "$said"
status_is "a limit that is no number" 400 GET "$records/tenants?limit=many"
status_is "a version that is no number" 400 GET "$records/tenants?watch=true&resourceVersion=abc"
status_is "headers of 60 KB" 431 GET $records/tenants -H "X-Long: $(repeat x 60000)"
status_is "a target of 60 KB" 414 GET "$records/tenants?x=$(repeat x 60000)"
equal "a token of 20 KB" 401 "$(curl -s -o /dev/null -w '%{http_code}' --cacert "$out/ca.pem" -H "Authorization: Bearer $(repeat x 20000)" "$url$records/tenants")"
world_unchanged "bad HTTP"

# Plain bytes through TLS, from standard input: what comes back. It ends when the server closes.
raw() { timeout 20 openssl s_client -quiet -connect "127.0.0.1:$port" -CAfile "$out/ca.pem" 2>/dev/null; }
contain "garbage is no HTTP" '^(HTTP/1\.[01] 400|$)' "$(raw < <(printf 'garbage of all kinds\r\n\r\n'; sleep 2))"
contain "garbage is no TLS, either" '^$' "$(timeout 10 bash -c "exec 3<>/dev/tcp/127.0.0.1/$port; printf 'GET / HTTP/1.1\r\nHost: x\r\n\r\n' >&3; timeout 9 cat <&3" 2>/dev/null | tr -cd 'a-zA-Z')"
head_of_post() { printf 'POST %s/tenants HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %s\r\n\r\n' "$records" "$token" "$1"; }
contain "a length that is no number" ' 400 ' "$(raw < <(head_of_post many; sleep 2))"
closed_within() { # closed_within WHAT SECONDS COMMAND...: which writes to a connection that the server closes by then
    local what=$1 limit=$2 began=$SECONDS
    shift 2
    raw < <("$@") >/dev/null
    if [ $((SECONDS - began)) -le "$limit" ]; then pass "$what"; else fail "$what" "open after $((SECONDS - began)) seconds"; fi
}
never() { head_of_post 100; printf '{'; exec sleep 15; }
drip() { head_of_post 100; for _ in $(seq 30); do printf ' ' || break; sleep 0.5; done; }
half_a_head() { printf 'GET /healthz HTTP/1.1\r\nHost'; exec sleep 15; }
(closed_within "a body that never arrives" 8 never; exit "$failures") & # all at the same time
never_pid=$!
(closed_within "a body that drips" 12 drip; exit "$failures") &
drip_pid=$!
(closed_within "a head that never ends" 12 half_a_head; exit "$failures") &
head_pid=$!
failures_there=$failures
wait $never_pid || failures=$((failures + $? - failures_there))
wait $drip_pid || failures=$((failures + $? - failures_there))
wait $head_pid || failures=$((failures + $? - failures_there))
world_unchanged "requests that never end"

# ---- 1,000 idle connections ----
ulimit -n 4096 2>/dev/null || ulimit -n "$(ulimit -Hn)"
idle=()
for _ in $(seq 1000); do
    exec {fd}<>"/dev/tcp/127.0.0.1/$port" || break
    idle+=("$fd")
done 2>/dev/null
equal "1,000 connections are taken" 1000 ${#idle[@]}
has_all() { [ "$(descriptors)" -ge 1000 ]; }
eventually "the daemon has them" 8 has_all # the kernel took them before it
began=$(date +%s%N)
for _ in 1 2 3 4 5; do check "requests go on beside them" api GET $records/tenants -f -o /dev/null; done
check "in no time" test $(($(date +%s%N) - began)) -lt 2500000000
few() { [ "$(descriptors)" -lt $((descriptors_before + 20)) ]; }
eventually "idle connections are closed by the daemon" 12 few
for fd in "${idle[@]}"; do exec {fd}>&-; done

# ---- as before ----
world_unchanged "all of it"
check "the daemon is alive" kill -0 "$daemon"
check "and well" curl -sSf --cacert "$out/ca.pem" "$url/readyz"
check "its descriptors are back: $descriptors_before, now $(descriptors)" few
memory_after=$(memory)
check "its memory is back: $memory_before kB, now $memory_after kB" test "$memory_after" -lt $((memory_before * 2 + 32768))
absent "no step failed on the way" 'level=error' "$(cat "$log")"
check "what is good is still taken" ctl apply --wait --timeout=40s -f - <<<"$(instance_of one 'deletionPolicy: Delete' 'resources: {cpu: "0.5", memory: 64Mi, storage: 1Gi}')"
check "and deleted" ctl delete acme/one --timeout=30s
