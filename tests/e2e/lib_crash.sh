# Sourced after lib.sh, with $victim set: a tenant and its instances are made, changed, upgraded, suspended and deleted while the victim is
# killed at the boundaries of steps: tenantd itself at each (self), its PostgreSQL (server) or its Docker Engine (engine) at one
# boundary of each step. Whatever was going on, the end is the same as without, and nothing is there twice or left over.
# shellcheck shell=bash disable=SC2154,SC2034
# shellcheck source=tests/e2e/lib_engine.sh
source tests/e2e/lib_engine.sh
# shellcheck source=tests/e2e/lib_supervised.sh
source tests/e2e/lib_supervised.sh
answers_within=60
tries=100
absent_image=tenantd/tiny:absent-$number
warm_image=tenantd/tiny:crash-$number

case $victim in
server) crashing=(CRASHING_ONCE=1 "CRASHING_VICTIM=$home/victim") ;;
engine) crashing=(CRASHING_ONCE=1 "CRASHING_VICTIM=$home/engine.pid") ;;
esac

daemon_start() {
    # Where the cluster is, is known only once it was made.
    [ ! -s "$data/postgres.location" ] || cluster=$(cat "$data/postgres.location")
    ln -sfn "${cluster:-$data/postgres}/postmaster.pid" "$home/victim"
    supervised_start
}
clean_up() { # called by tear_down
    daemon_kill
    remove_objects "$prefix"
    docker rmi "$absent_image" "$warm_image" >/dev/null 2>&1
    [ $victim != engine ] || engine_stop
}
prepare() {
    [ $victim != engine ] || engine_start || return 1
    docker rmi "$absent_image" >/dev/null 2>&1 # left by a run that was killed
    return 0
}
controller="{resync: 5s, inspect: 6s, backoffFirst: 500ms, backoffMax: 5s}"
configuration="proxy: {container: $prefix-proxy}"
set_up
# A server that was killed a moment ago is asked again.
eval "$(declare -f sql | sed '1s/^sql/sql_once/')"
sql() {
    local i problem=$out/sql.$BASHPID
    for i in $(seq 120); do
        if sql_once "$@" 2>"$problem"; then return 0; fi
        grep -qE 'refused|starting up|shutting down|recovery mode|not yet accepting|No such file|closed the connection|terminating' "$problem" || break
        sleep 0.5
    done
    echo "after $i tries:" >&2
    cat "$problem" >&2
    return 1
}
daemon=
[ -s "$home/victim" ] || ln -sfn "$(cat "$data/postgres.location")/postmaster.pid" "$home/victim"

apply() { again ctl apply -f "$1" >/dev/null; }
app() { # app NAME SED
    sed "s/^  name: tiny.*/  name: $1/; s/demoData: {immutable: true}/demoData: {command: [\/app\/onchange, demoData, \"{{change.new}}\"]}/; $2" "tests/e2e/apps/$3.yaml" >"$out/$1.yaml"
    apply "$out/$1.yaml"
}
spec() { # spec NAME APP EXTRA...
    printf 'apiVersion: tenantd/v1\nkind: Instance\nmetadata: {name: %s, namespace: acme}\nspec:\n  app: %s\n  version: "1"\n  deletionPolicy: Delete\n  resources: {cpu: "0.5", memory: 64Mi, storage: 1Gi}\n' "$1" "$2"
    shift 2
    [ $# -eq 0 ] || printf '  %s\n' "$@"
}
instance_apply() {
    spec "$@" >"$out/$1.instance.yaml"
    apply "$out/$1.instance.yaml"
}
patch() { again kctl patch "$1" "$2" ${4:+-n "$4"} --type merge -p "$3" >/dev/null; }
change() { patch instance "$1" "{\"spec\":$2}" acme; }
container() { echo "$prefix-acme.$1"; }
row() { sql "acme_$1" "select v from tiny where k = '$2'"; }
row_is() { [ "$(row "$1" "$2")" = "$3" ]; }
is() { [ "$(inspect "$(container "$1")" "$2")" = "$3" ]; } # is NAME FORMAT TEXT
role_of() { sql postgres "select pg_get_userbyid(datdba) from pg_database where datname = 'acme_$1'"; }
met() { grep -c "" "$points"; }

# ---- creating ----
printf 'apiVersion: tenantd/v1\nkind: Tenant\nmetadata: {name: acme}\nspec: {displayName: Test, owner: a@b.example}\n' >"$out/acme.yaml"
again docker tag tenantd/tiny:1 "$warm_image"
again docker run -d --name "$prefix-proxy" --label "tenantd.test=$prefix" tenantd/tiny:1 sleep 100000 >/dev/null
check "an app" app tiny "s,{name: \"2\".*,&\n    - {name: \"3\"\, image: \"$absent_image\"}," tiny
check "an app with a warm database" app tiny-warm "s,tenantd/tiny:warm,$warm_image,; s/TINY_INIT_DELAY: \"2\"/TINY_INIT_DELAY: \"0\"/" tiny-warm
warm_is_made() { [ "$(again field app tiny-warm '.status.warm[0].state')" = Ready ]; } # an instance does not wait for one that fails
eventually "which is made" 120 warm_is_made
check "a tenant" apply "$out/acme.yaml"
check "an instance" instance_apply erp tiny 'publish: auto'
check "one whose database is cloned" instance_apply warm tiny-warm
check "one that will be retained" instance_apply kept tiny
check "one that will lose its data" instance_apply lost tiny
check "one whose upgrade will fail" instance_apply back tiny
check "one whose image is missing" instance_apply pull tiny
check "as yet" change pull '{"version":"3"}'
for name in erp warm kept lost back; do eventually "$name is Ready" 900 ready "acme/$name"; done
contain "the clone came from a template" "^td_" "$(row warm cloned)"
password() { docker exec "$(container "$1")" cat /run/app/pgpass | cut -d: -f5; }
before=$(password erp)

# ---- changing ----
check "more memory" change erp '{"resources":{"memory":"96Mi"}}'
eventually "it is resized" 60 is erp '{{.HostConfig.Memory}}' 100663296
check "another environment" change erp '{"env":{"TINY_GREETING":"hej"}}'
eventually "the container is made anew" 90 is erp '{{index .Config.Env 0}}' "$(docker inspect "$(container erp)" -f '{{index .Config.Env 0}}')"
greeted() { [ "$(docker exec "$(container erp)" sh -c 'echo $TINY_GREETING')" = hej ]; }
eventually "and greets" 90 greeted
check "an addon, a module, an e-mail, demo data" change erp '{"addons":["sale"],"disabledModules":["crm"],"adminEmail":"new@acme.example","demoData":true}'
for each in "addons sale" "disabledModules crm" "adminEmail >new@acme.example" "demoData true"; do
    eventually "$each is taken over" 120 row_is erp "change.${each%% *}" "${each#* }"
done
eventually "Ready with all of it" 60 ready acme/erp
check "a restart" again ctl restart acme/erp
check "it is paused by hand" again docker pause "$(container kept)"
eventually "and goes on" 60 is kept '{{.State.Status}}' running
# On a busy machine the effect may come and the answer be lost: then the step has no end yet.
if [ $victim = self ] && ! grep -q Instance/unpause/end "$points"; then
    check "it is paused once more" again docker pause "$(container kept)"
    eventually "and goes on again" 60 is kept '{{.State.Status}}' running
fi
check "its network is taken away" again docker network disconnect "$prefix-acme" "$(container kept)"
connected() { is kept "{{if index .NetworkSettings.Networks \"$prefix-acme\"}}yes{{end}}" yes; }
eventually "and given back" 60 connected
check "it is given another name" again docker rename "$(container kept)" "$prefix-acme.other"
is_back() { is kept '{{.State.Status}}' running && ! docker inspect "$prefix-acme.other" >/dev/null 2>&1; }
eventually "and has its own again" 60 is_back
echo changed >"$out/changed"
check "one of its files is changed" again docker cp "$out/changed" "$(container kept):/run/app/tiny.conf"
has_its_file() { docker exec "$(container kept)" grep -q '^size = 3' /run/app/tiny.conf; }
eventually "and put back" 90 has_its_file
check "strangers may connect to its database" again sql postgres "grant connect on database acme_kept to public"
closed() { [ "$(sql postgres "select has_database_privilege('public', 'acme_kept', 'connect')")" = f ]; }
eventually "and may not any more" 60 closed
role=$(role_of kept)
check "its role may not log in" again sql postgres "alter role \"$role\" nologin"
may_log_in() { [ "$(sql postgres "select rolcanlogin from pg_roles where rolname = '$role'")" = t ]; }
eventually "and may again" 60 may_log_in

# ---- upgrading ----
check "an upgrade" change erp '{"version":"2"}'
eventually "ran" 120 row_is erp version 2
eventually "Ready on it" 90 ready acme/erp
check "an upgrade that is unhealthy" change back '{"version":"2","env":{"TINY_UNHEALTHY":"1"}}'
went_back() { is back '{{.Config.Image}} {{.State.Status}}' "tenantd/tiny:1 running" && has_reason acme/back UpgradeFailed; }
eventually "goes back" 150 went_back

# ---- an image that comes late, data that is lost ----
pull_was_tried() { [ "$(grep -c "Instance/pull-image/" "$points")" -ge 1 ]; }
eventually "the missing image is asked for" 90 pull_was_tried
again docker tag tenantd/tiny:2 "$absent_image"
eventually "Ready once it is there" 120 ready acme/pull
check "a database is lost" again sql postgres "drop database acme_lost with (force)"
eventually "that is said" 60 has_reason acme/lost DataMissing
uid=$(instance acme/lost .metadata.uid)
check "and accepted" again kctl annotate instance lost -n acme "tenantd/accept-data-loss=$uid"
eventually "it begins anew" 120 ready acme/lost

# ---- suspending ----
sed 's/spec: {/spec: {suspended: true, /' "$out/acme.yaml" >"$out/suspended.yaml"
check "the tenant is suspended" apply "$out/suspended.yaml"
for name in erp warm kept lost back pull; do eventually "$name stops" 90 is "$name" '{{.State.Status}}' exited; done
check "and is no more" apply "$out/acme.yaml"
for name in erp warm kept lost pull; do eventually "$name is Ready again" 120 ready "acme/$name"; done

# ---- the same as without crashes ----
echo "# $(met) crashes so far"
count() { docker "$1" ls ${3:+-a} -q --filter "label=tenantd.uid=$2" --filter "label=tenantd.kind=Instance" | wc -l; }
for name in erp warm kept lost back pull; do
    uid=$(instance "acme/$name" .metadata.uid)
    equal "$name: one container" 1 "$(count container "$uid" all)"
    equal "$name: one volume" 1 "$(count volume "$uid")"
    equal "$name: one database" 1 "$(sql postgres "select count(*) from pg_database where shobj_description(oid, 'pg_database') like '%$uid'")"
    equal "$name: one role" 1 "$(sql postgres "select count(*) from pg_roles where rolname like '%${uid:24:12}' or rolname like '%$(echo "${uid//-/}" | cut -c1-12)'")"
    [ "$name" = warm ] || equal "$name: one init" 1 "$(row "$name" initialised)"
    check "$name: its password is good" again docker exec "$(container "$name")" /app/database "select 1"
done
equal "the password is the same" "$before" "$(password erp)"
equal "no one-shot is left" "" "$(docker ps -a --format '{{.Names}}' | grep "^$prefix-.*\.job" || true)"
equal "one network" 1 "$(docker network ls -q --filter "name=^$prefix-acme$" | wc -l)"

# ---- deleting ----
check "what is to be retained" change kept '{"deletionPolicy":"Retain"}'
check "a container of its own under a strange name" again docker create --name "$prefix-strange" --label "tenantd.installation=$(cat "$data/installation")" \
    --label "tenantd.uid=$(instance acme/kept .metadata.uid)" --label tenantd.kind=Instance --label tenantd.namespace=acme --label tenantd.name=kept tenantd/tiny:1
check "a deletion" again ctl delete instance kept -n acme --wait=false
# No answer is no "gone".
no_record() { [ "$(ctl get instances -n acme -o json | jq "[.items[] | select(.metadata.name == \"$1\")] | length")" = 0 ]; }
eventually "ends" 120 no_record kept
equal "the database has its other name" 1 "$(sql postgres "select count(*) from pg_database where datname like 'acme_kept_retained_%'")"
check "the deletion of the tenant" again ctl delete tenant acme --wait=false
no_tenant() { [ "$(ctl get tenants -o json | jq '.items | length')" = 0 ]; }
eventually "ends" 240 no_tenant
eventually "the engine answers" 60 docker version # which may have been killed a moment ago
installation=$(cat "$data/installation")
equal "no container is left" "" "$(docker ps -a --format '{{.Names}}' --filter "label=tenantd.installation=$installation")"
equal "no volume but the template's and the retained" 2 "$(docker volume ls -q --filter "label=tenantd.installation=$installation" | wc -l)"
equal "no database but the template and the retained" 2 "$(sql postgres "select count(*) from pg_database where shobj_description(oid, 'pg_database') like 'tenantd %'")"
equal "no tenant's network" "" "$(docker network ls -q --filter "name=^$prefix-acme$")"
equal "nothing is remembered of them" 0 "$(sql tenantd "select (select count(*) from store.secret s join store.record r using (uid) where r.kind = 'Instance') + (select count(*) from store.record where kind in ('Instance', 'Tenant'))")"

# ---- every boundary was met, but those of backups (backup_crash_test.sh), restores (restore_test.sh) and Sources (source_crash_test.sh) ----
"$build/tests/e2e/crashing_tenantd" print-points | grep -vE '^Backup/|^Source/|/(note-schedule|schedule-backup|last-backup)/|-restore/|/(switch-data|switch-back|drop-replaced)/' | sort >"$out/all"
# What a kill of another leaves behind, and so whether there is something to clear away, is a matter of luck.
[ $victim = self ] || sed -i 's,/[a-z]*$,,; /\/\(remove-job\|remove-leftovers\|unpause\|discard-[a-z]*\)$/d' "$out/all" "$points"
sort -u "$points" >"$out/met"
sort -u -o "$out/all" "$out/all"
equal "every step of the code's tables was met" "" "$(comm -23 "$out/all" "$out/met")"
