#!/usr/bin/env bash
# Warm databases on the tiny image: what a template is made of, when it is made anew, that nobody gets it or a half of it, and what a daemon
# that dies in the middle of a clone leaves.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
tests/images/tiny.sh || exit 1
image=tenantd/tiny:warm
# A tag is this test's own, and goes with it.
# shellcheck disable=SC2329 # tear_down calls it
clean_up() { docker rmi "$image" >/dev/null 2>&1; }
docker tag tenantd/tiny:1 "$image"
set_up

app_spec() { sed "${1:-}" tests/e2e/apps/tiny-warm.yaml; } # with a change by sed
instance_spec() { # instance_spec NAME EXTRA...: an instance of tenant acme
    printf 'apiVersion: tenantd/v1\nkind: Instance\nmetadata: {name: %s, namespace: acme}\nspec:\n  app: tiny-warm\n  version: "1"\n  deletionPolicy: Delete\n  resources: {cpu: "0.5", memory: 64Mi, storage: 1Gi}\n' "$1"
    shift
    [ $# -eq 0 ] || printf '  %s\n' "$@"
}
apply() { ctl apply -f -; }
container() { echo "$prefix-acme.$1"; }
row() { sql "acme_$1" "select v from tiny where k = '$2'"; }
template() { field app tiny-warm '.status.warm[0].database'; }
warm_is() { [ "$(field app "$1" '.status.warm[0].state')" = "$2" ]; }
number_of() { sql postgres "select oid from pg_database where datname = '$1'"; } # tells a database made anew from the one before
made_anew() { warm_is tiny-warm Ready && [ "$(number_of "$template")" != "$1" ] && [ -n "$(number_of "$template")" ] && closed; }
closed() { [ "$(sql postgres "select datallowconn from pg_database where datname = '$template'")" = f ]; }
databases() { sql postgres "select datname from pg_database where datname like 'td\\_%' order by 1"; }
# Everything in a clone belongs to its role, and the data came along.
is_whole() { # is_whole NAME WHAT VERSION
    local name=$1 role
    role=$(instance "acme/$name" .status.database.role)
    equal "$2: the database is its role's" "$role t" "$(sql postgres "select pg_get_userbyid(datdba) || ' ' || datallowconn::text::char(1) from pg_database where datname = 'acme_$name'")"
    equal "$2: so is what is in it" "$role" "$(sql "acme_$name" "select distinct pg_get_userbyid(o) from (select relowner o from pg_class where oid >= 16384 union select typowner from pg_type where oid >= 16384) x")"
    equal "$2: cloned from the template" "$template" "$(row "$name" cloned)"
    equal "$2: of one init, with version $3" "1 $3" "$(row "$name" initialised) $(row "$name" version)"
    equal "$2: with the template's file" "initialised by version $3, 1000:1000" "$(docker exec "$(container "$name")" sh -c 'echo "$(cat /data/initialised), $(stat -c %u:%g /data/initialised)"')"
    equal "$2: nothing but its container stays" "$(container "$name")" "$(docker ps -a --filter "name=^$(container "$name")" --format '{{.Names}}')"
    equal "$2: and one volume" 1 "$(docker volume ls -q --filter "name=^$(container "$name")-" | wc -l)"
}

# ---- a template, two instances at once ----
check "the app is applied" apply <<<"$(app_spec)"
check "the tenant is applied" apply <<<'{apiVersion: tenantd/v1, kind: Tenant, metadata: {name: acme}, spec: {displayName: ACME, owner: a@acme.example}}'
check "two instances are applied while the template is made" apply <<<"$(instance_spec one; echo ---; instance_spec two; echo ---; instance_spec demo 'demoData: true')"
eventually "one is Ready" 60 ready acme/one
eventually "two is Ready" 60 ready acme/two
template=$(template)
connection_role=$(sql postgres "select pg_get_userbyid(datdba) from pg_database where datname = 'tenantd'")
for name in one two; do is_whole $name $name 1; done
eventually "what a template cannot have is Ready, too" 60 ready acme/demo
equal "and was initialised by itself" "1 " "$(row demo initialised) $(row demo cloned)"

# ---- the template is nobody's ----
check "it is closed" closed
equal "it is the connection role's" "$connection_role" "$(sql postgres "select pg_get_userbyid(datdba) from pg_database where datname = '$template'")"
equal "no tenant's role may connect" 0 "$(sql postgres "select count(*) from pg_roles where rolname like 'td\\_%' and has_database_privilege(rolname, '$template', 'connect')")"
as_tenant() { docker exec "$(container one)" sh -c "IFS=: read -r PGHOST PGPORT _ PGUSER PGPASSWORD </run/app/pgpass; export PGHOST PGPORT PGUSER PGPASSWORD; psql -X -d $1 -c 'select 1'"; }
check "a tenant's role opens its own" as_tenant acme_one
refuse "not the template" "not currently accepting connections|permission denied" as_tenant "$template"
before=$(number_of "$template")
thief_spec() { instance_spec thief "database: {name: $template}"; }
if apply <<<"$(thief_spec)" >"$out/thief" 2>&1; then
    sleep 2
    absent "an instance that wants its name does not get it" True "$(instance acme/thief '.status.conditions[]? | select(.type=="Ready") | .status')"
    check "that instance goes" ctl delete instance thief -n acme --timeout=30s
else
    pass "an instance that wants its name is refused"
fi
equal "the template is the one it was" "$before f" "$(number_of "$template") $(sql postgres "select datallowconn from pg_database where datname = '$template'")"
check "one goes" ctl delete instance one -n acme --timeout=60s
equal "and the template stays" "$before" "$(number_of "$template")"

# ---- a daemon that dies between clone and take-over ----
# Waits within the server: the kill comes a few ms after the database, while its contents are still the template's role's.
await_database() {
    sql postgres "set client_min_messages = error; do \$\$ begin for i in 1..6000 loop
        exit when exists (select from pg_database where datname = '$1'); perform pg_sleep(0.003); end loop; end \$\$" >/dev/null
}
delays=(0 0.03 0.1 0.3 0.6)
between=0
for i in "${!delays[@]}"; do
    name=crash$i
    apply <<<"$(instance_spec "$name")" >/dev/null
    await_database "acme_$name"
    sleep "${delays[i]}"
    daemon_kill
    owners=$(sql postgres "select datallowconn from pg_database where datname = 'acme_$name'")
    [ "$owners" != t ] || owners=$(sql "acme_$name" "select distinct tableowner from pg_tables where schemaname = 'public'")
    role=$(sql postgres "select pg_get_userbyid(datdba) from pg_database where datname = 'acme_$name'")
    [ "$owners" = "$role" ] || between=$((between + 1))
    daemon_start || fail "the daemon starts again" "$(tail -5 "$log")"
    eventually "killed ${delays[i]} s after the clone: Ready" 60 ready "acme/$name"
    is_whole "$name" "killed after ${delays[i]} s" 1
done
if [ $between -ge 1 ]; then pass "$between of ${#delays[@]} kills came before the take-over"; else fail "a kill came before the take-over" "none of ${#delays[@]}"; fi
equal "the template is still the one it was" "$before f" "$(number_of "$template") $(sql postgres "select datallowconn from pg_database where datname = '$template'")"
equal "no role is left over" "$(ctl get instances -n acme -o json | jq '.items | length + 1')" "$(sql postgres "select count(*) from pg_roles where rolname like 'td\\_%'")"

# ---- another init: the template is made anew ----
check "init changes" apply <<<"$(app_spec 's/init: {command: \[.*\], /init: {command: [sh, -c, "\/app\/init; \/app\/set edited yes"], /')"
check "an instance that comes meanwhile" apply <<<"$(instance_spec edited)"
eventually "is Ready" 60 ready acme/edited
is_whole edited "after the edit" 1
equal "by the new init" yes "$(row edited edited)"
eventually "the template was made anew" 30 made_anew "$before"
equal "what was cloned before stays as it was" "1 " "$(row two initialised) $(row two edited)"
equal "one template, not two" "$template" "$(databases)"

# ---- the image's tag moves ----
before=$(number_of "$template")
docker tag tenantd/tiny:2 "$image"
app_job=$prefix-_app.tiny-warm.job
job_runs() { [ "$(inspect "$app_job" '{{.State.Running}}' 2>/dev/null)" = true ]; }
check "an instance that comes right after" apply <<<"$(instance_spec moved)"
eventually "has the template made of the new image" 60 job_runs
check "another comes in the middle of it" apply <<<"$(instance_spec middle)"
eventually "is Ready" 60 ready acme/moved
eventually "the template was made anew for the tag" 30 made_anew "$before"
eventually "the other is Ready" 60 ready acme/middle
is_whole moved "after the tag moved" 2
is_whole middle "in the middle" 2
absent "no half was tried" "does not exist|being accessed|CloneFailed" "$(grep acme/middle "$log"; ctl events acme/middle)"

# ---- the daemon dies while it makes one ----
before=$(number_of "$template")
docker tag tenantd/tiny:1 "$image"
check "the App is looked at" kctl annotate app tiny-warm looked=at
eventually "it is being made once more" 60 job_runs
daemon_kill
check "an instance that comes after the daemon's death" daemon_start
check "is applied" apply <<<"$(instance_spec late)"
eventually "is Ready" 60 ready acme/late
eventually "the template was made anew after the death" 30 made_anew "$before"
is_whole late "after the death" 1
equal "still one template" "$template" "$(databases)"

# ---- init fails: instances are made without it ----
before=$(number_of "$template")
check "an init that fails" apply <<<"$(app_spec 's/init: {command: \[.*\], /init: {command: [sh, -c, "echo no luck; exit 7"], /')"
eventually "is told" 30 warm_is tiny-warm Failed
contain "with its output" "no luck" "$(ctl get app tiny-warm -o json)"
check "mended" apply <<<"$(app_spec)"
eventually "there is a template again" 60 made_anew "$before"

# ---- an App that goes while its template is made ----
check "another App" apply <<<"$(app_spec 's/name: tiny-warm/name: short-lived/; s/INIT_DELAY: "2"/INIT_DELAY: "30"/')"
app_job=$prefix-_app.short-lived.job
eventually "begins its template" 60 job_runs
check "and is deleted" ctl delete app short-lived --timeout=30s
equal "it leaves no database but the other's" "$template" "$(databases)"
equal "and no volume" "" "$(docker volume ls -q --filter "name=^$prefix-_app.short-lived")"
equal "and no container" "" "$(docker ps -aq --filter "name=^$prefix-_app.short-lived")"

# ---- the end ----
check "the tenant goes with all it has" ctl delete tenant acme --timeout=120s
check "no more warm database" apply <<<"$(app_spec 's/warmDatabase: true/warmDatabase: false/')"
no_databases() { [ -z "$(databases)" ]; }
eventually "the template goes" 30 no_databases
check "the App goes" ctl delete app tiny-warm --timeout=30s
equal "nothing of ours stays in Docker" "" "$(docker ps -aq --filter "name=^$prefix-"; docker volume ls -q --filter "name=^$prefix-"; docker network ls -q --filter "name=^$prefix-")"
equal "nor a role" "" "$(sql postgres "select rolname from pg_roles where rolname like 'td\\_%'")"
