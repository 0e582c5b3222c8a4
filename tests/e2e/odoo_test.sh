#!/usr/bin/env bash
# The real Odoo 14 from examples/apps/odoo.yaml: a warm template, two clones of it that share nothing, an addon, workers, demo data, and
# secrets that are seen nowhere.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
tests/images/odoo.sh || exit 1
set_up

# ---- what is asked of an Odoo ----

# odoo.py login|attachments ADDRESS DATABASE LOGIN, the password in PASSWORD. login: prints the user's number, or "refused".
# attachments: reads "id store_fname checksum" from standard input, prints those that are not served with that SHA-1.
cat >"$home/odoo.py" <<'PYTHON'
import hashlib, http.cookiejar, json, os, sys, urllib.request

act, address, database, login = sys.argv[1:5]
password = os.environ["PASSWORD"]
opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))


def call(path, params):
    body = json.dumps({"jsonrpc": "2.0", "method": "call", "params": params, "id": 1}).encode()
    request = urllib.request.Request(f"http://{address}:8069{path}", body, {"Content-Type": "application/json"})
    with opener.open(request, timeout=30) as answer:
        return json.load(answer)


if act == "login":
    arguments = [database, login, password, {}]
    answer = call("/jsonrpc", {"service": "common", "method": "authenticate", "args": arguments})
    print(answer["result"] or "refused" if "result" in answer else answer["error"])
else:
    session = call("/web/session/authenticate", {"db": database, "login": login, "password": password})
    if "result" not in session:
        sys.exit(f"no session: {session}")
    for line in sys.stdin:
        number, name, checksum = line.split("|")
        try:
            with opener.open(f"http://{address}:8069/web/content/{number}", timeout=30) as answer:
                seen = hashlib.sha1(answer.read()).hexdigest()
        except OSError as problem:
            seen = str(problem)
        if seen != checksum.strip():
            print(number, name, checksum.strip(), seen)
PYTHON

# Every command line on this machine, containers' included, for as long as this test has Odoos made. A one-shot is seen, too.
cat >"$home/watch.py" <<'PYTHON'
import glob, sys, time

known = set()
with open(sys.argv[1], "w", buffering=1) as file:
    while True:
        for name in glob.glob("/proc/[0-9]*/cmdline"):
            try:
                with open(name, "rb") as arguments:
                    line = arguments.read().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if line and line not in known:
                known.add(line)
                print(line, file=file)
        time.sleep(0.2)
PYTHON

instance_spec() { # instance_spec NAME EXTRA...: an Odoo of tenant acme
    printf 'apiVersion: tenantd/v1\nkind: Instance\nmetadata: {name: %s, namespace: acme}\nspec:\n  app: odoo\n  version: "14.0"\n  deletionPolicy: Delete\n  resources: {cpu: "1", memory: 1Gi, storage: 1Gi}\n' "$1"
    shift
    [ $# -eq 0 ] || printf '  %s\n' "$@"
}
patch() { kctl patch instance "$1" -n acme --type merge -p "{\"spec\":$2}" >/dev/null; }
container() { echo "$prefix-acme.$1"; }
page() { http_status "http://$(address "$(container "$1")"):8069/web/login"; }
page_is() { [ "$(page "$1")" = "$2" ]; }
# The database's password is shown to nobody; the configuration has it.
secret() {
    if [ "$2" = database.password ]; then
        docker exec "$(container "$1")" sed -n 's/^db_password = //p' /etc/odoo/odoo.conf
    else
        ctl secret "acme/$1" "$2"
    fi
}
login() { # login NAME LOGIN PASSWORD
    PASSWORD=$3 python3 "$home/odoo.py" login "$(address "$(container "$1")")" "acme_$1" "$2"
}
config() { sql "acme_$1" "select value from ir_config_parameter where key = '$2'"; }
module() { sql "acme_$1" "select state from ir_module_module where name = '$2'"; }
module_is() { [ "$(module "$1" "$2")" = "$3" ]; }
stored() { sql "acme_$1" "select id, store_fname, checksum from ir_attachment where store_fname is not null order by id"; }
took() { grep -hoE "step=\"?$1\"? .*took_ms=[0-9]+" "$log" | grep -oE '[0-9]+$' | tr '\n' ' '; }

# ---- a template, two clones, and one with demonstration data ----

python3 "$home/watch.py" "$home/arguments" &
watcher=$!
began=$SECONDS
check "the app is applied" ctl apply -f examples/apps/odoo.yaml
check "the tenant is applied" ctl apply -f - <<<'{apiVersion: tenantd/v1, kind: Tenant, metadata: {name: acme}, spec: {displayName: ACME, owner: a@acme.example}}'
check "two instances are applied" ctl apply -f - <<<"$(instance_spec erp 'adminEmail: boss@acme.example'; echo ---; instance_spec two)"
check "one with demo data, too" ctl apply -f - <<<"$(instance_spec demo 'demoData: true')"
warm_is() { [ "$(field app odoo '.status.warm[0].state')" = "$1" ]; }
eventually "the template is made" 300 warm_is Ready
echo "# template ready after $((SECONDS - began)) s"
eventually "the first clone is Ready" 180 ready acme/erp
eventually "the second clone is Ready" 180 ready acme/two
echo "# clones ready after $((SECONDS - began)) s; ms: clone $(took clone-database), copy $(took copy-volume), take-over $(took take-over-database), clone.after $(took finish-clone)"

template=$(field app odoo '.status.warm[0].database')
for name in erp two; do
    equal "$name was cloned, not initialised" 1 "$(ctl events "acme/$name" | grep -c "Cloned")"
    equal "$name: the login page" 200 "$(page "$name")"
done

# ---- the template is nobody's ----
connection_role=$(sql postgres "select pg_get_userbyid(datdba) from pg_database where datname = 'tenantd'")
role_one=$(instance acme/erp .status.database.role)
role_two=$(instance acme/two .status.database.role)
equal "the template is closed" f "$(sql postgres "select datallowconn from pg_database where datname = '$template'")"
template_owner=$(sql postgres "select pg_get_userbyid(datdba) from pg_database where datname = '$template'")
equal "the template belongs to the connection role" "$connection_role" "$template_owner"
equal "no tenant's role may connect to it" 0 \
    "$(sql postgres "select count(*) from pg_roles where rolname like 'td\\_%' and (rolname = '$template_owner' or has_database_privilege(rolname, '$template', 'connect'))")"
as_tenant() { docker exec "$(container erp)" python3 -c "
import os, psycopg2
conf = dict(line.split(' = ', 1) for line in open('/etc/odoo/odoo.conf').read().splitlines() if line.startswith('db_'))
psycopg2.connect(host=conf['db_host'], port=conf['db_port'], user=conf['db_user'], password=conf['db_password'], dbname='$1')"; }
check "the tenant's role opens its own database" as_tenant acme_erp
refuse "the template refuses it" "not currently accepting connections|permission denied" as_tenant "$template"
refuse "the neighbour's database refuses it" "permission denied" as_tenant acme_two

# ---- clones share nothing ----
# Tables, sequences, functions and types that belong to somebody else: none.
foreign_objects() {
    sql "acme_$1" "select count(*) from (select relowner o from pg_class where oid >= 16384 union all select proowner from pg_proc where oid >= 16384
        union all select typowner from pg_type where oid >= 16384) x where pg_get_userbyid(o) not in ('$2', '$connection_role', 'postgres')"
}
tables_of() { sql "acme_$1" "select distinct tableowner from pg_tables where schemaname = 'public'"; }
equal "erp's tables are its role's" "$role_one" "$(tables_of erp)"
equal "two's tables are its role's" "$role_two" "$(tables_of two)"
equal "nothing else is in erp" 0 "$(foreign_objects erp "$role_one")"
equal "nothing else is in two" 0 "$(foreign_objects two "$role_two")"
differ() { if [ -n "$2" ] && [ -n "$3" ] && [ "$2" != "$3" ]; then pass "$1"; else fail "$1" "both: $2" "and: $3"; fi; }
for key in database.secret database.uuid; do
    differ "$key differs" "$(config erp $key)" "$(config two $key)"
done
equal "database.create_date is the clone's own" t \
    "$(sql acme_erp "select value::timestamp > (now() at time zone 'UTC') - interval '$((SECONDS - began)) seconds' from ir_config_parameter where key = 'database.create_date'")"
password_one=$(secret erp adminPassword)
password_two=$(secret two adminPassword)
differ "the administrator's password differs" "$password_one" "$password_two"
differ "so does its hash" "$(sql acme_erp "select password from res_users where id = 2")" "$(sql acme_two "select password from res_users where id = 2")"
equal "admin/admin is refused" refused "$(login two admin admin)"
equal "the login that adminEmail replaced, too" refused "$(login erp admin admin)"
equal "the e-mail with admin's password" refused "$(login erp boss@acme.example admin)"
equal "the neighbour's password" refused "$(login erp boss@acme.example "$password_two")"
equal "the e-mail and the random password log in" 2 "$(login erp boss@acme.example "$password_one")"
equal "admin and the random password log in" 2 "$(login two admin "$password_two")"

# ---- attachments ----
files_are_right() { # files_are_right NAME: prints what is not
    stored "$1" | awk -F'|' '{print $3 "  " $2}' | docker exec -i "$(container "$1")" sh -c "cd /var/lib/odoo/filestore/acme_$1 && sha1sum --check --quiet -" 2>&1
}
served() { stored "$1" | PASSWORD=$3 python3 "$home/odoo.py" attachments "$(address "$(container "$1")")" "acme_$1" "$2"; }
for name in erp two; do
    count=$(stored "$name" | wc -l)
    if [ "$count" -ge 20 ]; then pass "$name has attachments in files ($count)"; else fail "$name has attachments in files" "$count"; fi
    equal "each of $name's files has its SHA-1" "" "$(files_are_right "$name")"
    equal "$name has no filestore but its own" "acme_$name" "$(docker exec "$(container "$name")" ls /var/lib/odoo/filestore)"
done
equal "erp serves each attachment" "" "$(served erp boss@acme.example "$password_one" 2>&1)"
equal "two serves each attachment" "" "$(served two admin "$password_two" 2>&1)"

# ---- demonstration data ----
eventually "the one with demo data is Ready" 300 ready acme/demo
echo "# demo ready after $((SECONDS - began)) s; ms: init $(took initialise)"
contain "it was initialised" "Initialised" "$(ctl events acme/demo)"
absent "and not cloned" "Cloned" "$(ctl events acme/demo)"
equal "base has its demo data" t "$(sql acme_demo "select demo from ir_module_module where name = 'base'")"
partners=$(sql acme_demo "select count(*) from res_partner")
if [ "$partners" -gt 20 ]; then pass "its partners exist ($partners)"; else fail "its partners exist" "$partners"; fi
equal "a clone has none of it" f "$(sql acme_two "select coalesce(demo, false) from ir_module_module where name = 'base'")"
equal "its admin/admin is refused" refused "$(login demo admin admin)"
equal "its login page" 200 "$(page demo)"
refuse "demo data is not changed later" "spec.demoData" patch two '{"demoData":true}'

# ---- a live Odoo takes an addon over; another gets workers ----
addon_began=$SECONDS
check "an addon for erp" patch erp '{"addons":["contacts"]}'
check "workers for two" patch two '{"env":{"ODOO_WORKERS":"2"}}'
eventually "the addon is installed" 120 module_is erp contacts installed
equal "not in the other one" uninstalled "$(module two contacts)"
settled() { ready "acme/$1" && [ "$(instance "acme/$1" .status.observedGeneration)" = "$(instance "acme/$1" .metadata.generation)" ]; }
eventually "erp is Ready" 120 settled erp
equal "its page" 200 "$(page erp)"
echo "# addon taken over after $((SECONDS - addon_began)) s; ms: $(took change-addons)"
equal "the password still logs in" 2 "$(login erp boss@acme.example "$password_one")"
check "the module's own menu is there" test -n "$(sql acme_erp "select id from ir_model_data where module = 'contacts' limit 1")"
workers() { docker top "$(container "$1")" -eo pid,args | grep -c '[p]ython3 .*-c /etc/odoo/odoo.conf'; }
has_workers() { [ "$(workers two)" -ge 4 ]; } # the master, two for HTTP, one for cron, one for the websocket
eventually "two has processes for its workers" 120 has_workers
equal "erp is one process" 1 "$(workers erp)"
eventually "two is Ready" 120 settled two
equal "two's page" 200 "$(page two)"
equal "two's password still logs in" 2 "$(login two admin "$password_two")"

# ---- secrets are seen nowhere ----
kill "$watcher" && wait "$watcher" 2>/dev/null
contain "the watcher saw one-shots" "manage.py clone" "$(cat "$home/arguments")"
ctl events -A >"$out/events"
kctl get instances,tenants,apps -A -o json >"$out/records" 2>&1
ctl describe instance erp -n acme >"$out/describe"
docker ps -aq --filter "name=^$prefix-" | xargs docker inspect >"$out/inspect"
for name in erp two demo; do
    docker logs "$(container "$name")" >"$out/logs.$name" 2>&1
    docker exec "$(container "$name")" sh -c 'cat /proc/[0-9]*/cmdline | tr "\0" " "' >"$out/cmdline.$name"
    for key in database.password adminPassword masterPassword; do
        value=$(secret "$name" "$key")
        if [ ${#value} -lt 16 ]; then fail "$name has a long $key" "${#value} characters"; fi
        # From a file: as an argument it would be what is looked for.
        printf '%s\n' "$value" >"$home/needle"
        equal "$name's $key is seen nowhere" "" \
            "$(grep -lFf "$home/needle" "$log" "$home/arguments" "$out"/* "$(cat "$data/postgres.location" 2>/dev/null || echo "$data/postgres")"/*log* "$data"/*log* 2>/dev/null)"
        rm -f "$home/needle"
    done
done
equal "the configuration is closed to others" "400" "$(docker exec "$(container erp)" stat -c %a /etc/odoo/odoo.conf)"

# ---- the end ----
refuse "an App that is used stays" "InUse|waits|timed out|erp" ctl delete app odoo --timeout=3s
equal "its template stays so long" 1 "$(sql postgres "select count(*) from pg_database where datname = '$template'")"
check "the tenant goes with all it has" ctl delete tenant acme --timeout=120s
equal "no container stays" "" "$(docker ps -aq --filter "name=^$prefix-acme")"
equal "no volume stays" "" "$(docker volume ls -q --filter "name=^$prefix-acme")"
equal "no network stays" "" "$(docker network ls -q --filter "name=^$prefix-acme$")"
equal "no database stays" 0 "$(sql postgres "select count(*) from pg_database where datname like 'acme%'")"
equal "no role stays" 0 "$(sql postgres "select count(*) from pg_roles where rolname in ('$role_one', '$role_two')")"
app_is_gone() { ! ctl get app odoo >/dev/null 2>&1; }
eventually "the App goes after the last instance" 30 app_is_gone
equal "with its template" "" "$(sql postgres "select datname from pg_database where datname like 'td\\_%'")"
equal "with the template's role" "" "$(sql postgres "select rolname from pg_roles where rolname like 'td\\_%'")"
equal "with the template's volume" "" "$(docker volume ls -q --filter "name=^$prefix-")"
equal "with its network" "" "$(docker network ls -q --filter "name=^$prefix-")"
equal "without a container" "" "$(docker ps -aq --filter "name=^$prefix-")"
