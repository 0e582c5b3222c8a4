#!/usr/bin/env bash
# Tryton from examples/apps/tryton.yaml: a second real application, without a line of C for it.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
tests/images/tryton.sh || exit 1
set_up

container=$prefix-acme.books
instance_spec() { # instance_spec EXTRA...: the instance of tenant acme
    printf 'apiVersion: tenantd/v1\nkind: Instance\nmetadata: {name: books, namespace: acme}\nspec:\n  app: tryton\n  version: "6.0"\n  deletionPolicy: Delete\n  resources: {cpu: "1", memory: 512Mi, storage: 1Gi}\n'
    [ $# -eq 0 ] || printf '  %s\n' "$@"
}
patch() { kctl patch instance books -n acme --type merge -p "{\"spec\":$1}" >/dev/null; }
took() { grep -hoE "step=\"?$1\"? .*took_ms=[0-9]+" "$log" | grep -oE '[0-9]+$' | tr '\n' ' '; }
# rpc METHOD PARAMS [AUTHORIZATION]: Tryton's answer. The parameters come by standard input, for a password is among them.
rpc() { printf '{"id": 1, "method": "%s", "params": %s}' "$1" "$2" |
    curl -s -m 20 -H 'Content-Type: application/json' ${3:+-H "Authorization: Session $3"} --data-binary @- "http://$(address "$container"):8000/acme_books/"; }
# login PASSWORD: "<number of the user> <session>" or Tryton's refusal
login() { rpc common.db.login "[\"admin\", {\"password\": \"$1\"}, \"en\"]" | jq -r 'if type == "array" then "\(.[0]) \(.[1])" elif .result then "\(.result[0]) \(.result[1])" else tojson end' 2>/dev/null || echo refused; }
module_is() { [ "$(sql acme_books "select state from ir_module where name = '$1'")" = "$2" ]; }
settled() { ready acme/books && [ "$(instance acme/books .status.observedGeneration)" = "$(instance acme/books .metadata.generation)" ]; }

# ---- it comes up ----
began=$SECONDS
check "the app is applied" ctl apply -f examples/apps/tryton.yaml
check "the tenant is applied" ctl apply -f - <<<'{apiVersion: tenantd/v1, kind: Tenant, metadata: {name: acme}, spec: {displayName: ACME, owner: a@acme.example}}'
check "the instance is applied" ctl apply -f - <<<"$(instance_spec 'adminEmail: boss@acme.example')"
eventually "it becomes Ready" 300 ready acme/books
echo "# Ready after $((SECONDS - began)) s; ms: init $(took initialise)"
equal "health answers" 200 "$(http_status "http://$(address "$container"):8000/health")"
role=$(instance acme/books .status.database.role)
equal "its database is its role's" "$role" "$(sql postgres "select pg_get_userbyid(datdba) from pg_database where datname = 'acme_books'")"
equal "its tables, too" "$role" "$(sql acme_books "select distinct tableowner from pg_tables where schemaname = 'public'")"
check "no module but its own is active" module_is party "not activated"

# ---- the administrator ----
password=$(ctl secret acme/books adminPassword)
answer=$(login "$password")
contain "the secret's password logs in" '^[0-9]+ [0-9a-f]{16,}' "$answer"
session=$(printf 'admin:%s' "${answer/ /:}" | base64 -w0)
contain "the session is one" '"admin"' "$(rpc model.res.user.get_preferences '[true, {}]' "$session" | jq -c '[.. | strings]'; rpc model.res.user.search_read '[[["login","=","admin"]], 0, null, null, ["login"], {}]' "$session")"
contain "admin does not" '^refused|Login|Unauthorized' "$(login admin)"
equal "adminEmail arrived" boss@acme.example "$(sql acme_books "select email from res_user where login = 'admin'")"

# ---- what the application takes over ----
began=$SECONDS
check "an addon" patch '{"addons":["party"]}'
eventually "is activated" 120 module_is party activated
eventually "Ready with it" 120 settled
echo "# addon after $((SECONDS - began)) s; ms: $(took change-addons)"
equal "health answers again" 200 "$(http_status "http://$(address "$container"):8000/health")"
check "its table is there" sql acme_books "select count(*) from party_party"
contain "the password still logs in" '^[0-9]+ [0-9a-f]{16,}' "$(login "$password")"
check "an e-mail" patch '{"adminEmail":"new@acme.example"}'
email_is() { [ "$(sql acme_books "select email from res_user where login = 'admin'")" = "$1" ]; }
eventually "is taken over" 120 email_is new@acme.example
eventually "Ready with the e-mail" 120 settled
refuse "what Tryton cannot do is refused" 'spec.demoData' patch '{"demoData":true}'

# ---- secrets ----
docker inspect "$container" >"$out/inspect"
docker logs "$container" >"$out/logs" 2>&1
docker exec "$container" sh -c 'cat /proc/[0-9]*/cmdline | tr "\0" " "' >"$out/cmdline"
ctl events -A >"$out/events"
# The database's password is shown to nobody; the configuration has it.
secret() {
    if [ "$1" = database.password ]; then
        docker exec "$container" sed -nE 's/^uri = .*:([^:@]+)@.*/\1/p' /etc/tryton/trytond.conf
    else
        ctl secret acme/books "$1"
    fi
}
for key in database.password adminPassword; do
    # From a file: as an argument it would be what is looked for.
    secret "$key" >"$home/needle"
    contain "there is a long $key" '^[^ ]{16,}$' "$(cat "$home/needle")"
    equal "$key is seen nowhere" "" "$(grep -lFf "$home/needle" "$log" "$out"/*)"
    rm -f "$home/needle"
done

# ---- the end ----
check "delete" ctl delete instance books -n acme --timeout=60s
check "the container is gone" gone "$container"
equal "the database is gone" 0 "$(sql postgres "select count(*) from pg_database where datname = 'acme_books'")"
equal "the role is gone" 0 "$(sql postgres "select count(*) from pg_roles where rolname = '$role'")"
equal "the volume is gone" "" "$(docker volume ls -q --filter "name=^$container-")"
check "the tenant goes" ctl delete tenant acme --timeout=60s
check "the App goes" ctl delete app tryton --timeout=30s
equal "nothing of ours stays in Docker" "" "$(docker ps -aq --filter "name=^$prefix-"; docker volume ls -q --filter "name=^$prefix-"; docker network ls -q --filter "name=^$prefix-")"
equal "nor a role" "" "$(sql postgres "select rolname from pg_roles where rolname like 'td\\_%'")"
