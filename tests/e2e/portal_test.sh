#!/usr/bin/env bash
# What a customer portal calls, over HTTPS against two daemons on the same records, and what becomes of it in the world: accounts and
# sessions, instances with their actions, tokens, the audit.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/lib_server.sh
source tests/e2e/lib_server.sh

configure() { # configure DIRECTORY PORT
    mkdir -p "$1"
    cat >"$1/tenantd.yaml" <<END
data: $1/data
prefix: $prefix
listen: {address: "127.0.0.1:$2"}
network: {pool: $pool}
controller: {resync: 5s, backoffFirst: 500ms}
postgres: {url: "postgresql://tenantd:$server_password@127.0.0.1:$server_port/tenantd"}
accounts: {registration: true, app: tiny, loginsPerAccount: 4, loginsPerAddress: 1000, newTenant: {plan: free, instances: 2, cpu: "2", memory: 4Gi, storage: 20Gi}}
END
}
one=$home/one two=$home/two
declare -A pid port_of=([one]=$port [two]=$((port + 250)))
start() { # start one|two
    "$build/tenantd" run --config="$home/$1/tenantd.yaml" >>"$home/$1.log" 2>&1 </dev/null &
    pid[$1]=$!
}
tear_down() {
    local status=$?
    trap - EXIT INT TERM
    for each in "${pid[@]}"; do kill -9 "$each" 2>/dev/null; done
    remove_objects "$prefix"
    server_remove
    [ $status -ne 0 ] || [ "$failures" -eq 0 ] || status=1
    exit $status
}
trap tear_down EXIT
trap 'exit 130' INT TERM
remove_objects "$prefix"
rm -rf "$home"
mkdir -p "$home" "$out"
configure "$one" "${port_of[one]}"
configure "$two" "${port_of[two]}"
server_make "$one/tenantd.yaml" || { echo "no database server"; exit 1; }
mkdir -p "$two/data"
cp -p "$one"/data/{secrets.key,installation,admin.token} "$two/data/"
admin=$(cat "$one/data/admin.token")
export KUBECONFIG=$one/data/admin.kubeconfig

as=$admin at=one
# call METHOD PATH [BODY [CURL-ARGUMENTS...]]: as `as`, at the daemon `at`; sets status and body, though not out of $(...).
call() {
    local method=$1 path=$2 data=${3-}
    shift $(($# < 3 ? $# : 3))
    status=$(curl -sk -m 30 -X "$method" ${as:+-H "Authorization: Bearer $as"} ${data:+-H 'Content-Type: application/json' --data-binary "$data"} \
        "$@" -D "$out/headers" -o "$out/body" -w '%{http_code}' "https://127.0.0.1:${port_of[$at]}$path")
    body=$(cat "$out/body")
}
# answers WHAT STATUS METHOD PATH [BODY...]
answers() {
    local what=$1 wanted=$2
    shift 2
    call "$@"
    if [ "$status" = "$wanted" ]; then pass "$what"; else fail "$what" "$*" "expected: $wanted" "seen:     $status $body"; fi
}
of() { jq -r "$1" <<<"$body"; }
get() { # get PATH JQ
    call GET "$1"
    of "$2"
}
became() { [ "$(get "/api/v1/instances/$1" .status)" = "$2" ]; }
act() { # act ID ACTION [PARAMETERS [CURL-ARGUMENTS...]]
    local id=$1 action=$2 parameters=${3:-{\}}
    shift $(($# < 3 ? $# : 3))
    call POST "/api/v1/instances/$id/actions" "{\"action\":\"$action\",\"parameters\":$parameters}" "$@"
}
accepts() { # accepts WHAT STATUS ID ACTION...
    local what=$1 wanted=$2
    shift 2
    act "$@"
    if [ "$status" = "$wanted" ]; then pass "$what"; else fail "$what" "$*" "expected: $wanted" "seen:     $status $body"; fi
}
allowed() { of '.allowed_actions | join(" ")'; }
is_up() { [ "$(curl -sk -m 5 -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $admin" "https://127.0.0.1:${port_of[$1]}/apis/tenantd/v1/apps")" = 200 ]; }
leads() { call GET /metrics && [ "$(sed -n 's/^tenantd_leader \([01]\).*/\1/p' <<<"$body")" = 1 ]; }

start one
eventually "a daemon" 60 is_up one
eventually "that acts" 60 leads
start two
eventually "a second one on its records" 60 is_up two
check "an app" ctl apply -f tests/e2e/apps/tiny.yaml

# A quiet watch tells from time to time how far it is.
curl -sk -m 60 -H "Authorization: Bearer $admin" -o "$out/quiet" \
    "https://127.0.0.1:${port_of[two]}/apis/tenantd/v1/apps?watch=true&allowWatchBookmarks=true&timeoutSeconds=50&fieldSelector=metadata.name%3Dnone" &
quiet=$!

# ---- tenants ----
answers "a tenant is made" 201 POST /api/v1/tenants/ '{"name":"acme","display_name":"Acme Ltd.","owner_email":"a@b.example","customer_id":"c-77","plan":"gold","cpu_limit":8.0,"memory_limit":"16Gi","storage_limit":"100Gi","max_instances":5}'
acme=$(of .id)
equal "with the types that were sent" "number string string number" "$(of '[.cpu_limit, .memory_limit, .customer_id, .max_instances | type] | join(" ")')"
answers "it can be read" 200 GET "/api/v1/tenants/$acme"
answers "and changed" 200 PUT "/api/v1/tenants/$acme" '{"plan":"platinum"}'
equal "that alone" "platinum Acme Ltd. c-77" "$(of '[.plan, .display_name, .customer_id] | join(" ")')"
answers "another one" 201 POST /api/v1/tenants/ '{"name":"beta","owner_email":"c@d.example"}'
beta=$(of .id)
equal "both are listed" "2 acme beta" "$(get /api/v1/tenants/ '[(.total | tostring), (.items[].name)] | join(" ")')"
equal "one is found by its customer" "1 acme" "$(get '/api/v1/tenants/?customer_id=c-77' '[(.total | tostring), (.items[].name)] | join(" ")')"
answers "not twice under one name" 409 POST /api/v1/tenants/ '{"name":"acme"}'

# ---- an instance is made ----
wish='{"tenant_id":"'$acme'","name":"erp","description":"Accounting","odoo_version":"1","instance_type":"production","cpu_limit":1.0,"memory_limit":"2G","storage_limit":"10G","admin_email":"admin@acme.example","demo_data":true,"database_name":"acme_books","custom_addons":["sale","purchase"],"disabled_modules":["chat"],"environment_vars":{"ODOO_WORKERS":"2","TINY_GREETING":"hej"}}'
answers "an instance is made" 201 POST /api/v1/instances/ "$wish" -H 'Idempotency-Key: make-erp'
id=$(of .id)
first_answer=$body
equal "it is being created" creating "$(of .status)"
equal "every field comes back with its value and type" "$(jq -cS . <<<"$wish")" "$(jq -cS --argjson wish "$wish" 'with_entries(select(.key as $key | $wish | has($key)))' <<<"$body")"
contain "a CPU is a number with a fraction" '"cpu_limit":1\.0[,}]' "$body"
contain "its id is a uid" '^[0-9a-f]{8}-[0-9a-f-]{27}$' "$id"
answers "the same key is the same creation" 201 POST /api/v1/instances/ "$wish" -H 'Idempotency-Key: make-erp'
equal "with the same answer" "$first_answer" "$body"
at=two
answers "also by the other replica" 201 POST /api/v1/instances/ "$wish" -H 'Idempotency-Key: make-erp'
at=one
answers "the key is not for another content" 422 POST /api/v1/instances/ "${wish/erp/other}" -H 'Idempotency-Key: make-erp'
answers "without the key it is one too many" 409 POST /api/v1/instances/ "$wish"
container=$prefix-acme.erp
eventually "it runs" 90 became "$id" running
equal "in one container" 1 "$(docker ps -q --filter "name=^$container$" | wc -l)"
equal "with what was asked for" "1000000000 2000000000" "$(inspect "$container" '{{.HostConfig.NanoCpus}} {{.HostConfig.Memory}}')"
equal "and its environment" "2 hej" "$(docker exec "$container" sh -c 'echo "$ODOO_WORKERS $TINY_GREETING"')"
equal "on its database" 1 "$(sql acme_books "select v from tiny where k = 'initialised'")"
equal "it is a record like any other" "$id" "$(field instance erp .metadata.uid acme)"

# ---- lists ----
ids=()
for name in a b c; do
    answers "instance $name" 201 POST /api/v1/instances/ '{"tenant_id":"'"$beta"'","name":"'$name'","odoo_version":"1","cpu_limit":0.1,"memory_limit":"32Mi","storage_limit":"1Gi"}'
    ids+=("$(of .id)")
done
accepts "one is stopped" 202 "${ids[2]}" stop
eventually "a runs" 90 became "${ids[0]}" running
eventually "b runs" 90 became "${ids[1]}" running
eventually "c does not" 90 became "${ids[2]}" stopped
listed() { get "/api/v1/instances/$1" '[.total, .page, .page_size, .pages, (.items | length)] | join(" ")'; }
equal "all" "4 1 20 1 4" "$(listed '?tenant_id=&status=&page=&page_size=')"
equal "a page" "4 2 3 2 1" "$(listed '?page=2&page_size=3')"
equal "of a tenant" "3 1 20 1 3" "$(listed "?tenant_id=$beta")"
equal "filtered before it is cut" "3 2 1 3 1" "$(listed '?status=running&page=2&page_size=1')"
equal "both" "1 1 20 1 1" "$(listed "?tenant_id=$beta&status=stopped&page=1&page_size=20")"
equal "nothing" "0 1 20 0 0" "$(listed "?tenant_id=$beta&status=suspended")"
answers "no such status" 400 GET '/api/v1/instances/?status=sleeping'

# ---- what is seen ----
answers "its status" 200 GET "/api/v1/instances/$id/status"
equal "is what was seen" "running Running true true" "$(of '[.status, .phase, .container_running, (.age_seconds < 60)] | join(" ")')"
contain "when" '^20..-..-..T..:..:..Z$' "$(of .observed_at)"
equal "with what may be done" "stop restart update backup restore suspend terminate" "$(allowed)"
answers "another's status" 200 GET "/api/v1/instances/${ids[2]}/status"
equal "what is stopped is seen as such" "stopped false" "$(of '[.status, .container_running] | join(" ")')"
equal "and can be started" "start update backup restore suspend terminate" "$(allowed)"
answers "its log" 200 GET "/api/v1/instances/$id/logs?lines=3"
equal "in lines" true "$(of '(.lines | type == "array") and (.lines | length <= 3) and (.lines | length > 0)')"
answers "its backups" 200 GET "/api/v1/instances/$id/backups"
equal "there are none" 0 "$(of .total)"
answers "what the customer uses" 200 GET /api/v1/tenants/customer/c-77/stats
equal "by state" "1 1 5" "$(of '[.instances.total, .instances.by_status.running, .instances.allowed] | join(" ")')"
equal "of cpu, memory and storage" "1 8 2000000000 17179869184 10000000000 107374182400" "$(of '[.cpu.used, .cpu.allowed, .memory.used, .memory.allowed, .storage.used, .storage.allowed] | map(floor) | join(" ")')"
answers "no such customer" 404 GET /api/v1/tenants/customer/c-78/stats

# ---- PUT changes the container ----
answers "more memory, less cpu" 200 PUT "/api/v1/instances/$id" '{"memory_limit":"1Gi","cpu_limit":0.5,"environment_vars":{"ODOO_WORKERS":"4"}}'
equal "is answered" "1Gi 0.5 4" "$(of '[.memory_limit, .cpu_limit, .environment_vars.ODOO_WORKERS] | join(" ")')"
resized() { [ "$(inspect "$container" '{{.HostConfig.NanoCpus}} {{.HostConfig.Memory}}')" = "500000000 1073741824" ] && [ "$(docker exec "$container" sh -c 'echo $ODOO_WORKERS')" = 4 ]; }
eventually "and done" 60 resized
eventually "it runs again" 60 became "$id" running
answers "what is fixed stays" 422 PUT "/api/v1/instances/$id" '{"database_name":"other"}'
contain "and is named as it was sent" database_name "$body"

# ---- actions ----
state() { inspect "$container" '{{.State.Status}}'; }
accepts "what runs cannot be started" 409 "$id" start
equal "the answer says what can be done" "stop restart update backup restore suspend terminate" "$(allowed)"
accepts "stop" 202 "$id" stop
contain "says what will happen" "stopped" "$(of .detail)"
eventually "the container ends" 30 shows exited state
eventually "and it is said" 30 became "$id" stopped
accepts "start" 202 "$id" start
eventually "the container runs" 60 shows running state
eventually "and it is said" 60 became "$id" running
started=$(inspect "$container" '{{.State.StartedAt}}')
accepts "restart" 202 "$id" restart '{}' -H 'Idempotency-Key: restart-1'
restarted() { [ "$(inspect "$container" '{{.State.StartedAt}}')" != "$started" ] && [ "$(state)" = running ] && became "$id" running; }
eventually "is done" 60 restarted
started=$(inspect "$container" '{{.State.StartedAt}}')
accepts "once for a key" 202 "$id" restart '{}' -H 'Idempotency-Key: restart-1'
contain "the answer is a replay" 'Idempotency-Replayed: true' "$(cat "$out/headers")"
sleep 6
equal "nothing was restarted again" "$started" "$(inspect "$container" '{{.State.StartedAt}}')"
accepts "an update needs a version" 422 "$id" update
accepts "update" 202 "$id" update '{"version":"2"}'
updated() { [ "$(inspect "$container" '{{.Config.Image}}')" = tenantd/tiny:2 ] && became "$id" running; }
eventually "the container is of the new image" 60 updated
equal "after its upgrade" 2 "$(sql acme_books "select v from tiny where k = 'version'")"
accepts "what nobody knows is no action" 422 "$id" explode

docker exec "$container" sh -c 'echo kept >/data/before'
sql acme_books "insert into tiny (k, v) values ('mark', 'kept')"
accepts "backup" 202 "$id" backup
backed_up() { [ "$(get "/api/v1/instances/$id/backups" '[.total, .items[0].status] | join(" ")')" = "1 Completed" ]; }
eventually "is made and listed" 90 backed_up
answers "it is one of the instance's" 200 GET "/api/v1/instances/$id/backups"
backup=$(of '.items[0].name')
contain "and was read back" '^20' "$(of '.items[0].verified_at')"
docker exec "$container" sh -c 'rm /data/before; echo new >/data/after'
sql acme_books "delete from tiny where k = 'mark'"
accepts "a restore needs a backup" 422 "$id" restore
accepts "restore" 202 "$id" restore "{\"backup\":\"$backup\"}"
restored() { [ "$(sql acme_books "select v from tiny where k = 'mark'" 2>/dev/null)" = kept ] && became "$id" running; }
eventually "brings the database back" 120 restored
equal "and the files" "before" "$(docker exec "$container" sh -c 'cd /data && ls before after 2>/dev/null')"
equal "the statistics know the backup" true "$(get /api/v1/tenants/customer/c-77/stats '.last_backups[0].last_backup_at | type == "string"')"

# ---- suspended ----
check "an account of the customer" ctl account create jo@acme.example --tenant=acme <<<"correct horse battery"
login() { # login EMAIL PASSWORD: prints the token
    as='' call POST /auth/login "{\"email\":\"$1\",\"password\":\"$2\"}"
    of .access_token
}
jo=$(login jo@acme.example "correct horse battery")
accepts "suspend" 202 "$id" suspend '{"reason":"not paid"}' -H 'Idempotency-Key: suspend-1'
eventually "the container ends" 30 shows exited state
eventually "and it is said" 30 became "$id" suspended
accepts "once for a key" 202 "$id" suspend '{"reason":"not paid"}' -H 'Idempotency-Key: suspend-1'
accepts "without one it is suspended already" 409 "$id" suspend
equal "and can be unsuspended" "backup unsuspend terminate" "$(allowed)"
as=$jo
accepts "the customer cannot start it" 409 "$id" start
accepts "nor unsuspend it" 403 "$id" unsuspend
answers "nor by changing it" 200 PUT "/api/v1/instances/$id" '{"description":"let me in"}'
as=$admin
sleep 11 # two passes
equal "it stays down" exited "$(state)"
accepts "unsuspend" 202 "$id" unsuspend '{}' -H 'Idempotency-Key: unsuspend-1'
eventually "the container runs again, with no further call" 60 shows running state
eventually "and it is said" 60 became "$id" running
accepts "once for a key" 202 "$id" unsuspend '{}' -H 'Idempotency-Key: unsuspend-1'
accepts "without one it is not suspended" 409 "$id" unsuspend

# ---- whose it is ----
as=$jo
equal "a member sees the own" "1 erp" "$(get /api/v1/instances/ '[(.total | tostring), .items[].name] | join(" ")')"
for path in "" /status /logs /backups; do answers "not another's$path" 404 GET "/api/v1/instances/${ids[0]}$path"; done
answers "nor to change" 404 PUT "/api/v1/instances/${ids[0]}" '{"description":"mine"}'
answers "nor to delete" 404 DELETE "/api/v1/instances/${ids[0]}"
accepts "nor to stop" 404 "${ids[0]}" stop
answers "nor to make one there" 404 POST /api/v1/instances/ '{"tenant_id":"'"$beta"'","name":"x","odoo_version":"1"}'
answers "nor the tenant" 404 GET "/api/v1/tenants/$beta"
equal "a foreign tenant's list is empty" 0 "$(get "/api/v1/instances/?tenant_id=$beta" .total)"
accepts "another's backup" 404 "$id" restore "{\"backup\":\"beta/${ids[0]}/b1\"}"
answers "tenants are the administrator's to make" 403 POST /api/v1/tenants/ '{"name":"mine"}'
as=$admin
equal "nothing of it happened" "0 running" "$(get "/api/v1/instances/${ids[0]}" '[(.description // "" | length | tostring), .status] | join(" ")')"

# ---- accounts and sessions ----
as=
answers "anybody may register here" 201 POST /auth/register '{"email":"Boss@Shop.example","password":"a password of hers","name":"The Shop","tenant_name":"shop"}'
equal "and has a tenant then" "string boss@shop.example 0 free active shop" "$(of '[(.id | type), .email, (.instance_count | tostring), .subscription_plan, .subscription_status, .tenants[0]] | join(" ")')"
answers "not twice" 409 POST /auth/register '{"email":"boss@shop.example","password":"another password"}'
as=$(login boss@shop.example "a password of hers")
contain "a session's token has 256 bits" '^[0-9a-f]{64}$' "$as"
equal "the records have its hash alone" "0 1" "$(sql tenantd "select count(*) filter (where digest = '$as'), count(*) filter (where digest = encode(sha256('$as'), 'hex')) from store.session" | tr '|' ' ')"
contain "passwords are kept as yescrypt" '^\$y\$' "$(sql tenantd "select password_hash from store.account where email = 'boss@shop.example'")"
answers "she makes an instance, of her only tenant" 201 POST /api/v1/instances/ '{"name":"till","odoo_version":"1","cpu_limit":0.1,"memory_limit":"32Mi","storage_limit":"1Gi"}'
till=$(of .id)
answers "who she is" 200 GET /auth/me
equal "with real counts" "1 free active" "$(of '[(.instance_count | tostring), .subscription_plan, .subscription_status] | join(" ")')"
at=two
answers "also elsewhere" 200 GET /auth/me
equal "the same" 1 "$(of .instance_count)"
at=one
boss=$as
second=$(login boss@shop.example "a password of hers")
# A watch at the other daemon, and one of a session that goes on.
watch_of() { curl -skN -H "Authorization: Bearer $1" "https://127.0.0.1:${port_of[two]}/apis/tenantd/v1/tenants?watch=true"; }
watch_of "$boss" >"$out/watch.ends" &
ends=$!
watch_of "$second" >"$out/watch.stays" &
stays=$!
both_see() { grep -q '"Tenant"' "$out/watch.ends" && grep -q '"Tenant"' "$out/watch.stays"; }
eventually "two sessions watch" 30 both_see
answers "logging out" 200 POST /auth/logout
for at in one two; do answers "ends the session at $at" 401 GET /auth/me; done
at=two as=$second
answers "not the other one" 200 GET /auth/me
is_over() { ! kill -0 "$1" 2>/dev/null; }
eventually "and ends what it watched" 60 is_over $ends
check "not what the other one watches" kill $stays
third=$(login boss@shop.example "a password of hers")
answers "the password is changed with the old one" 403 POST /auth/password-change '{"current_password":"a guess at it","new_password":"quite a new one"}'
answers "at the second replica" 200 POST /auth/password-change '{"current_password":"a password of hers","new_password":"quite a new one"}'
fresh=$(of .access_token)
for as in "$second" "$third" "$boss"; do
    for at in one two; do answers "which ends every session at $at" 401 GET "/api/v1/instances/$till"; done
done
at=one as=$fresh
answers "but the one that is made for it" 200 GET "/api/v1/instances/$till"
as=
answers "the old password opens nothing" 401 POST /auth/login '{"email":"boss@shop.example","password":"a password of hers"}'
fourth=$(login boss@shop.example "quite a new one")
check "the account is disabled" ctl account disable boss@shop.example
for as in "$fresh" "$fourth"; do for at in one two; do answers "and its sessions end at $at" 401 GET /auth/me; done; done
at=one as=
answers "nor can she log in" 401 POST /auth/login '{"email":"boss@shop.example","password":"quite a new one"}'
refused=$body
answers "as if there were no such account" 401 POST /auth/login '{"email":"nobody@shop.example","password":"quite a new one"}'
equal "word for word" "$refused" "$body"
answers "or the password were wrong" 401 POST /auth/login '{"email":"jo@acme.example","password":"a wrong password"}'
equal "word for word" "$refused" "$body"
as=$jo
call GET /auth/me
as=
answers "her id is no other name to try passwords under" 401 POST /auth/login "{\"email\":\"$(of .id)\",\"password\":\"correct horse battery\"}"
limited=()
declare -A quickest # of three: what else the machine does is nobody's answer
for email in jo@acme.example nobody@shop.example; do
    for _ in 1 2 3; do
        began_us=$(date +%s%6N)
        call POST /auth/login "{\"email\":\"$email\",\"password\":\"a wrong password\"}"
        took_us=$(($(date +%s%6N) - began_us))
        [ "${quickest[$email]:-$took_us}" -lt "$took_us" ] || quickest[$email]=$took_us
    done
    equal "a fourth attempt is one" 401 "$status"
    at=two
    answers "a fifth is too many, wherever: $email" 429 POST /auth/login "{\"email\":\"$email\",\"password\":\"a wrong password\"}"
    limited+=("$body")
    contain "and says when to come back" '^Retry-After: ' "$(grep -i '^retry-after' "$out/headers")"
    at=one
done
equal "in the same words for both" "${limited[0]}" "${limited[1]}"
# A password's hash is most of it: without one the answer would come in a tenth of the time.
known_us=${quickest[jo@acme.example]} unknown_us=${quickest[nobody@shop.example]}
is_near() { [ $((known_us * 10)) -lt $((unknown_us * 15)) ] && [ $((unknown_us * 10)) -lt $((known_us * 15)) ]; }
check "and after the same time: $known_us and $unknown_us us" is_near
answers "the right password does not help then" 429 POST /auth/login '{"email":"jo@acme.example","password":"correct horse battery"}'
as=$jo
answers "who is logged in stays so" 200 GET /auth/me

# ---- tokens ----
as=$admin
portal=$(ctl token create portal --admin --verbs=get,list 2>/dev/null)
check "a token" test ${#portal} -eq 64
equal "is nowhere but in its maker's hand" "0 0" "$(sql tenantd "select count(*) from store.token t where t::text like '%$portal%'") $(grep -c "$portal" "$home"/*.log | sed 's/.*://' | paste -sd+ | bc)"
absent "it is not shown again" "$portal" "$(ctl token list)"
as=$portal
answers "it opens what it is for" 200 GET /api/v1/instances/
equal "of all tenants" 5 "$(of .total)"
answers "and no more" 403 DELETE "/api/v1/instances/${ids[1]}"
accepts "and no more" 403 "${ids[1]}" stop
equal "kubectl takes it, too" "instance.tenantd/erp" "$("$kubectl_program" --kubeconfig=/dev/null --server="https://127.0.0.1:${port_of[two]}" --insecure-skip-tls-verify --token="$portal" --cache-dir="$home/kube-cache" get instance erp -n acme -o name)"
used() { ctl token list | grep -E '^portal ' | grep -qE '20..-..-..T'; }
eventually "its use is noted" 30 used
as=$(ctl token create acme-ci --tenant=acme --expires=5s 2>/dev/null)
answers "a token of a tenant" 200 GET "/api/v1/instances/$id"
answers "is that tenant's alone" 404 GET "/api/v1/instances/${ids[1]}"
expired() { call GET "/api/v1/instances/$id" && [ "$status" = 401 ]; }
eventually "it expires" 30 expired
check "a token is revoked" ctl token revoke portal
as=$portal
for at in one two; do answers "at once at $at" 401 GET /api/v1/instances/; done
at=one as=$admin

# ---- the audit ----
audit=$(ctl audit --limit=1000)
contain "who made what" 'admin +127\.0\.0\.1 +create +Instance +acme +erp' "$audit"
contain "what was changed" 'admin +127\.0\.0\.1 +update +Instance +acme +erp +.*spec\.resources\.memory' "$audit"
contain "by which action" 'admin +127\.0\.0\.1 +suspend +Instance +acme +erp' "$audit"
contain "by whom" 'jo@acme\.example +127\.0\.0\.1 +update +Instance +acme +erp +spec\.description' "$audit"
contain "logins" 'boss@shop\.example +127\.0\.0\.1 +login' "$audit"
contain "tokens" 'admin +127\.0\.0\.1 +create +Token +.*portal' "$audit"
absent "no password and no token" "$portal|correct horse|quite a new one|a password of hers" "$audit$(cat "$home"/*.log)"
contain "of one alone" jo@acme.example "$(ctl audit --who=jo@acme.example)"
absent "of one alone" admin "$(ctl audit --who=jo@acme.example)"
ours() { PGPASSWORD=$server_password psql -X -q -A -t -h 127.0.0.1 -p "$server_port" -U tenantd -d tenantd -c "$1"; }
check "our role reads it" ours "select count(*) from tenantd.audit"
for statement in "update tenantd.audit set who = 'x'" "delete from tenantd.audit" "truncate tenantd.audit" "drop table tenantd.audit" \
    "alter table tenantd.audit drop column who" "create rule r as on insert to tenantd.audit do instead nothing"; do
    refuse "and cannot: $statement" 'permission denied|must be owner' ours "$statement"
done

# ---- away with it ----
wait $quiet
contain "the quiet watch was told where it stands" '"type":"BOOKMARK".*"resourceVersion":"[0-9]+"' "$(cat "$out/quiet")"
answers "an instance is deleted" 202 DELETE "/api/v1/instances/${ids[1]}"
equal "which takes a while" terminating "$(of .status)"
no_longer() { call GET "/api/v1/instances/$1" && [ "$status" = 404 ]; }
eventually "then it is gone" 90 no_longer "${ids[1]}"
check "with its container" gone "$prefix-beta.b"
accepts "another one is terminated" 202 "$id" terminate
eventually "after its last backup" 120 no_longer "$id"
check "with its container" gone "$container"
answers "a tenant is deleted" 202 DELETE "/api/v1/tenants/$beta"
no_tenant() { call GET "/api/v1/tenants/$beta" && [ "$status" = 404 ]; }
eventually "and goes with all it has" 120 no_tenant
equal "no container stays" "" "$(docker ps -aq --filter "name=^$prefix-beta")"
