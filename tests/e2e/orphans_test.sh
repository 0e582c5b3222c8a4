#!/usr/bin/env bash
# Deletion leaves nothing, is told where it is blocked and finishes by itself; a name that is used again begins empty; leftovers without a
# record are listed and removed on demand; what another installation made is never touched.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/fleet.sh
source tests/e2e/fleet.sh
controller="{resync: 3s, backoffFirst: 500ms, backoffMax: 4s}"
# shellcheck disable=SC2329 # tear_down calls it
clean_up() {
    docker ps -aq --filter "label=tenantd.test=$prefix" | xargs -r docker rm -f >/dev/null 2>&1
    docker volume ls -q --filter "label=tenantd.test=$prefix" | xargs -r docker volume rm >/dev/null 2>&1
}
set_up
c=$prefix-acme.erp

check "the app" ctl apply -f tests/e2e/apps/tiny.yaml
check "the tenant" apply <<<"$(tenant acme)"
check "instances" apply --wait --timeout=90s <<<"$(spec erp; echo ---; spec held; echo ---; spec used; echo ---; spec kept | sed 's/deletionPolicy: Delete/deletionPolicy: Retain/')"
installation=$(inspect "$c" '{{index .Config.Labels "tenantd.installation"}}')
equal "there are no leftovers" "There are no leftovers." "$(ctl orphans 2>&1)"

# ---- another installation's things ----
uid=11111111-2222-3333-4444-555555555555
foreign=(--label "tenantd.test=$prefix" --label tenantd.installation=ffffff --label tenantd.kind=Instance --label tenantd.namespace=acme --label tenantd.name=foreign --label "tenantd.uid=$uid" --label tenantd.purpose=app)
docker run -d --name "$prefix-acme.foreign" "${foreign[@]}" --entrypoint sleep tenantd/tiny:1 1000 >/dev/null
foreign_id=$(inspect "$prefix-acme.foreign" '{{.Id}}')
sql postgres "create database acme_alien"
sql postgres "comment on database acme_alien is 'tenantd ffffff $uid'"
check "an instance whose container's name another installation has" apply <<<"$(spec foreign)"
eventually "is told" 40 has_reason acme/foreign NameTaken
check "it is deleted" ctl delete instance foreign -n acme --timeout=60s
equal "the other installation's container is untouched" "$foreign_id running" "$(inspect "$prefix-acme.foreign" '{{.Id}} {{.State.Status}}')"
check "an instance whose database's name another installation has" apply <<<"$(spec alien)"
eventually "is told" 40 has_reason acme/alien NameTaken
check "it is deleted" ctl delete instance alien -n acme --timeout=60s
equal "the other installation's database is untouched" "tenantd ffffff $uid" "$(sql postgres "select shobj_description(oid, 'pg_database') from pg_database where datname = 'acme_alien'")"

# ---- deletion ----
role=$(instance acme/erp .status.database.role)
volume=$(instance acme/erp .status.storage.volume)
mapfile -t twin < <(label_arguments "$c")
docker run -d --name "$prefix-twin" "${twin[@]}" --entrypoint sleep tenantd/tiny:1 1000 >/dev/null
check "delete" ctl delete instance erp -n acme --timeout=60s
equal "no container" "" "$(docker ps -aq --filter "name=^$c")"
check "nor a second one that carried its labels" gone "$prefix-twin"
equal "no volume" "" "$(docker volume ls -q --filter "name=^$volume$")"
equal "no database" 0 "$(sql postgres "select count(*) from pg_database where datname = 'acme_erp'")"
equal "no role" 0 "$(sql postgres "select count(*) from pg_roles where rolname = '$role'")"
equal "no secret" 0 "$(sql tenantd "select count(*) from store.secret s where not exists (select from store.record r where r.uid = s.uid)")"
refuse "again" "not found" ctl delete instance erp -n acme --timeout=60s
check "again, when it may be missing" ctl delete instance erp -n acme --ignore-not-found
check "the name is used again at once" apply --wait --timeout=60s <<<"$(spec erp)"
equal "its data is new" 1 "$(row acme_erp initialised)"
absent "its role is another" "^$role$" "$(instance acme/erp .status.database.role)"
absent "its volume is another" "^$volume$" "$(instance acme/erp .status.storage.volume)"

# ---- blocked ----
held=$(instance acme/held .status.storage.volume)
docker create --name "$prefix-holder" --label "tenantd.test=$prefix" -v "$held:/x" --entrypoint sleep tenantd/tiny:1 1000 >/dev/null
holder=$(inspect "$prefix-holder" '{{.Id}}')
ctl delete instance held -n acme --wait=false >/dev/null
blocked() { ctl describe instance held -n acme | grep -q "volume is in use.*${holder:0:12}"; }
eventually "a volume in use blocks, and describe names who has it" 40 blocked
contain "why, too" "${holder:0:12}" "$(ctl why acme/held)"
docker rm "$prefix-holder" >/dev/null
no_record() { ! ctl get instance "$1" -n acme >/dev/null 2>&1; }
eventually "then it finishes by itself" 40 no_record held
equal "with the volume" "" "$(docker volume ls -q --filter "name=^$held$")"
sql acme_used "select pg_sleep(600)" >/dev/null 2>&1 &
session=$!
in_session() { [ "$(sql postgres "select count(*) from pg_stat_activity where datname = 'acme_used' and query like '%pg_sleep(600)%'")" = 1 ]; }
eventually "an administrator works in a database" 20 in_session
ctl delete instance used -n acme --wait=false >/dev/null
session_blocks() { ctl describe instance used -n acme | grep -q "in use by postgres"; }
eventually "his session blocks, and describe names him" 60 session_blocks
kill "$session" 2>/dev/null
sql postgres "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'acme_used' and usename = 'postgres'" >/dev/null
eventually "then it finishes by itself" 60 no_record used
equal "with the database" 0 "$(sql postgres "select count(*) from pg_database where datname = 'acme_used'")"

# ---- leftovers ----
check "one is deleted and its data kept" ctl delete instance kept -n acme --timeout=60s
retained=$(sql postgres "select datname from pg_database where datname like 'acme_kept_retained_%'")
labels=(--label "tenantd.installation=$installation" --label tenantd.kind=Instance --label tenantd.namespace=acme --label tenantd.name=old --label "tenantd.uid=$uid")
docker create --name "$prefix-acme.old" "${labels[@]}" --label tenantd.purpose=app --entrypoint sleep tenantd/tiny:1 1000 >/dev/null
docker volume create "${labels[@]}" "$prefix-acme.old-111111112222" >/dev/null
docker network create --subnet "10.$number.255.0/26" "${labels[@]}" "$prefix-old" >/dev/null
sql postgres "create role td_${installation}_111111112222 login"
sql postgres "create database acme_old owner td_${installation}_111111112222"
sql postgres "comment on database acme_old is 'tenantd $installation $uid'"
listed=$(ctl orphans)
for one in "container +$prefix-acme.old " "volume +$prefix-acme.old-111111112222 " "network +$prefix-old " "database +acme_old " "role +td_${installation}_111111112222 "; do
    contain "listed: $one" "$one" "$listed"
done
contain "what was retained says so" "database +$retained .*retained" "$listed"
absent "nothing of a record is listed" "$c|acme_erp|$(instance acme/erp .status.storage.volume)" "$listed"
absent "nothing of another installation is listed" "foreign|acme_alien" "$listed"
sleep 4
equal "they are not removed by themselves" created "$(inspect "$prefix-acme.old" '{{.State.Status}}')"
refuse "they are not removed without a yes" "yes" ctl orphans --remove
equal "nor was one" created "$(inspect "$prefix-acme.old" '{{.State.Status}}')"
status_of() { curl -sk -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $1" "https://127.0.0.1:$port/orphans"; }
equal "nobody without a token sees them" 401 "$(status_of nobody)"
check "removed on demand" ctl orphans --remove --yes
check "the container is gone" gone "$prefix-acme.old"
equal "the volume is gone" "" "$(docker volume ls -q --filter "name=^$prefix-acme.old")"
equal "the network is gone" "" "$(docker network ls -q --filter "name=^$prefix-old$")"
equal "database and role are gone" 0 "$(sql postgres "select (select count(*) from pg_database where datname = 'acme_old') + (select count(*) from pg_roles where rolname like '%111111112222')")"
check "what has a record is not" serves "$c" acme/erp
equal "what was retained is not" "$retained" "$(sql postgres "select datname from pg_database where datname = '$retained'")"
equal "nor what another installation made" "$foreign_id" "$(inspect "$prefix-acme.foreign" '{{.Id}}')"
check "what was retained goes when that is said" ctl orphans --remove --retained --yes
equal "with its database" 0 "$(sql postgres "select count(*) from pg_database where datname = '$retained'")"
equal "there are no leftovers" "There are no leftovers." "$(ctl orphans 2>&1)"
check "the tenant goes" ctl delete tenant acme --timeout=90s
equal "with its network" "" "$(docker network ls -q --filter "name=^$prefix-acme$")"
