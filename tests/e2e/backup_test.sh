#!/usr/bin/env bash
# Recovery points of the tiny application in the local directory: made, read back, opened without tenantd, kept by rule, outliving what they are of.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
set_up

apply() { ctl apply -f - "$@"; }
spec() { # spec NAME EXTRA...: an instance of tenant acme
    printf 'apiVersion: tenantd/v1\nkind: Instance\nmetadata: {name: %s, namespace: acme}\nspec:\n  app: tiny\n  version: "1"\n  resources: {cpu: "0.5", memory: 64Mi, storage: 1Gi}\n' "$1"
    shift
    [ $# -eq 0 ] || printf '  %s\n' "$@"
}
backup() { # backup NAME [INSTANCE]
    printf 'apiVersion: tenantd/v1\nkind: Backup\nmetadata: {name: %s, namespace: acme}\nspec: {instance: %s}\n' "$1" "${2:-erp}" | apply
}
of() { ctl get backup "$1" -n acme -o json | jq -r "$2"; } # of NAME JQ
phase_is() { [ "$(of "$1" .status.phase)" = "$2" ]; }
place=$data/backups
key=$data/backup.identity
uid() { instance acme/erp .metadata.uid; }

check "the app is applied" ctl apply -f tests/e2e/apps/tiny.yaml
check "the tenant is applied" apply <<<'{apiVersion: tenantd/v1, kind: Tenant, metadata: {name: acme}, spec: {owner: a@b.example}}'
check "the instance becomes Ready" apply --wait --timeout=300s <<<"$(spec erp)"
container=$prefix-acme.erp
docker exec "$container" sh -c 'mkdir -p /data/files && echo invoice >/data/files/one && head -c 3000000 /dev/urandom >/data/files/two && ln -s one /data/files/link'
sql acme_erp "create table customer (id int primary key, name text); insert into customer select i, 'customer ' || i from generate_series(1, 5000) i; grant all on customer to $(instance acme/erp .status.database.role); alter table customer owner to $(instance acme/erp .status.database.role)"


# ---- one recovery point ----
contain "the command tells what it does, and waits" 'created' "$(ctl backup acme/erp --wait 2>"$out/progress")"
contain "progress was shown" 'Completed' "$(cat "$out/progress")"
name=$(ctl get backups -n acme -o json | jq -r '.items[0].metadata.name')
uid=$(instance acme/erp .metadata.uid)
point=$place/acme/$uid/$name
equal "its three objects" "data.tar.zst.age database.dump.zst.age manifest.json" "$(cd "$point" && echo *)"
equal "closed to others" "600 600 600" "$(stat -c %a "$point"/* | tr '\n' ' ' | sed 's/ $//')"
manifest() { jq -r "$1" "$point/manifest.json"; }
equal "the manifest has the rows of each table" 5000 "$(manifest '.database.tables[] | select(.name == "public.customer").rows')"
equal "the hashes are those of what is stored" "$(sha256sum <"$point/database.dump.zst.age" | cut -d' ' -f1)" "$(manifest '.objects[] | select(.name == "database.dump.zst.age").storedSHA256')"
equal "the records are in it" "Tenant App Instance" "$(manifest '[.records.tenant.kind, .records.app.kind, .records.instance.kind] | join(" ")')"
absent "no password is in it" "$(ctl secret acme/erp adminPassword)" "$(cat "$point/manifest.json")"
contain "it is listed" "acme/$name +erp +Completed" "$(ctl backups acme/erp)"
equal "verified" true "$(of "$name" '.status.verified != null')"
equal "one tier" local "$(of "$name" '[.status.tiers[].name] | join(",")')"
equal "no container is left" "" "$(docker ps -aq --filter "name=^$container.backup")"

# ---- without tenantd: age, zstd, pg_restore ----
sql postgres "create database scratch"
sockets=$(sed -n 5p "$(cat "$data/postgres.location" 2>/dev/null || echo "$data/postgres")/postmaster.pid")
by_hand() { age -d -i "$key" "$point/database.dump.zst.age" | zstd -d | pg_restore --exit-on-error --no-owner --no-privileges -h "$sockets" -p "$(cat "$data/postgres.port")" -U postgres -d scratch; }
check "age -d | zstd -d | pg_restore" by_hand
equal "the rows are there" "5000 customer 77" "$(sql scratch "select count(*) || ' ' || max(name) filter (where id = 77) from customer")"
mkdir -p "$home/files"
untar() { age -d -i "$key" "$point/data.tar.zst.age" | zstd -d | tar -x -C "$home/files"; }
check "age -d | zstd -d | tar -x" untar
equal "the files are the same" "$(docker exec "$container" sh -c 'cat /data/files/one /data/files/two | sha256sum')" "$(cat "$home/files/files/one" "$home/files/files/two" | sha256sum)"
equal "links are links, owners are owners" "one 1000" "$(readlink "$home/files/files/link") $(stat -c %u "$home/files/files/one")"

# ---- what was touched is found ----
check "reading back by hand" ctl backup verify "acme/$name"
flip() { printf '\377' | dd of="$1" bs=1 seek="$2" conv=notrunc status=none; }
cp "$point/data.tar.zst.age" "$home/kept"
flip "$point/data.tar.zst.age" 5000
refuse "a flipped bit is found, and its object named" 'data\.tar\.zst\.age.*altered' ctl backup verify "acme/$name"
equal "and it is verified no more" null "$(of "$name" .status.verified)"
cp "$home/kept" "$point/data.tar.zst.age"
check "put right, it is verified again" ctl backup verify "acme/$name"

# ---- what an App asks for ----
app_with() { sed "s|^  init:|  backup: {exclude: [cache, '*.tmp'], mustExist: \"select v from tiny where k = 'must'\", quiesce: {command: [sh, -c, 'echo quiet >/data/state']}, resume: {command: [sh, -c, 'echo loud >/data/state']}}\n&|" tests/e2e/apps/tiny.yaml; }
check "an app with backup rules" apply <<<"$(app_with)"
docker exec "$container" sh -c 'mkdir -p /data/cache && echo x >/data/cache/page && echo y >/data/a.tmp'
sql acme_erp "insert into tiny values ('must', 'files/one') on conflict (k) do update set v = 'files/one'"
check "a backup under them" backup b2
eventually "completes" 180 phase_is b2 Completed
names() { age -d -i "$key" "$place/acme/$uid/$1/data.tar.zst.age" | zstd -d | tar -t; }
absent "what is excluded is not in it" 'cache/page|a\.tmp' "$(names b2)"
contain "the directory itself is" '^\./cache/$' "$(names b2)"
equal "it was quiet meanwhile" quiet "$(age -d -i "$key" "$place/acme/$uid/b2/data.tar.zst.age" | zstd -d | tar -x -O ./state)"
equal "and is loud again" loud "$(docker exec "$container" cat /data/state)"
sql acme_erp "update tiny set v = 'files/missing' where k = 'must'"
check "one whose files are not all there" backup b3
eventually "fails" 180 phase_is b3 Failed
contain "and names the file" 'not among the files: files/missing' "$(of b3 .status.message)"
nothing_of() { [ ! -e "$place/acme/$uid/$1" ]; }
eventually "nothing of it is left" 120 nothing_of b3
sql acme_erp "update tiny set v = 'files/one' where k = 'must'"
sql acme_erp "alter table customer rename to customer_; create view customer as select * from customer_; revoke all on customer_ from public; alter table customer_ owner to postgres"
check "one whose dump fails" backup b4
eventually "fails, too" 180 phase_is b4 Failed
contain "with what pg_dump said" 'pg_dump.*permission denied' "$(of b4 .status.message)"
sql acme_erp "drop view customer; alter table customer_ owner to $(instance acme/erp .status.database.role); alter table customer_ rename to customer"

# ---- the live container is not held ----
docker exec "$container" sh -c 'head -c 150000000 /dev/urandom >/data/files/large'
check "a large one begins" backup b5
copying() { [ -n "$(docker ps -aq --filter "name=^$container.backup$")" ]; }
eventually "it copies" 120 copying
kill -STOP "$daemon" # the stream stalls
ended() { timeout 60 docker kill "$container" && [ "$(timeout 60 docker inspect -f '{{.State.Status}}' "$container")" = exited ] && timeout 60 docker start "$container"; }
check "killed in the middle of a stalled backup, it starts again at once" ended
kill -CONT "$daemon"
eventually "and the backup completes" 270 phase_is b5 Completed
eventually "Ready" 120 ready acme/erp

# ---- kill -9 ----
check "the first one is paused, so that it is seen what would be done" ctl pause "backup/$name" -n acme "a test"
for wait in 0.4 1.2 2.2 3.5; do
    check "a backup is begun" backup "k${wait/./}"
    sleep $wait
    daemon_kill
    check "after kill -9 the daemon is back" daemon_start
    eventually "and the backup completes" 360 phase_is "k${wait/./}" Completed
    check "it is whole" ctl backup verify "acme/k${wait/./}"
done
equal "no container is left" "" "$(docker ps -aq --filter "name=^$container.backup")"
equal "nor a half object" "" "$(point_files "$place" | grep -vE '/(database\.dump\.zst\.age|data\.tar\.zst\.age|manifest\.json)$')"

# ---- retention ----
check "two are enough" kctl patch instance erp -n acme --type merge -p '{"spec":{"backup":{"retention":{"last":2}}}}'
eventually "the two newest are kept, and the one that is paused" 180 shows "$name k22 k35" bash -c "cd '$place/acme/$uid' && echo *"
contain "what would go is shown" "acme/$name would go: no rule" "$(ctl backup prune acme/erp --dry-run)"
contain "and why others stay" "acme/k22 stays: last" "$(ctl backup prune acme/erp --dry-run)"
check "resumed" ctl resume "backup/$name" -n acme
eventually "it goes" 180 shows "k22 k35" bash -c "cd '$place/acme/$uid' && echo *"
contain "their rule is told" last "$(of k35 .status.kept)"

# ---- a schedule ----
check "every minute" kctl patch instance erp -n acme --type merge -p '{"spec":{"backup":{"schedule":"* * * * *"}}}'
scheduled() { ctl get backups -n acme -o json | jq -r '[.items[] | select(.spec.reason == "Schedule" and .status.phase == "Completed")] | length'; }
current() { instance acme/erp '.status.conditions[] | select(.type == "BackupCurrent").status'; }
some() { [ "$(scheduled)" -ge 1 ]; }
eventually "one is made by itself" 360 some
eventually "BackupCurrent" 120 shows True current
equal "the next one is told" true "$(instance acme/erp '.status.backup.next != null')"
check "no more of them" kctl patch instance erp -n acme --type merge -p '{"spec":{"backup":{"schedule":null}}}'

# ---- deletion ----
mv "$place" "$place.away" && : >"$place"
eventually "nothing runs" 180 shows 0 bash -c "'$build/tenantctl' get backups -n acme -o json | jq '[.items[] | select(.status.phase != \"Completed\" and .status.phase != \"Failed\")] | length'"
equal "the default policy" Backup "$(instance acme/erp .spec.deletionPolicy)"
check "it is deleted while the place is away" kctl delete instance erp -n acme --wait=false
waits() { has_reason acme/erp WaitingForBackup || has_reason acme/erp LastBackupFailed; }
eventually "it waits" 120 waits
contain "why says for what" 'last backup' "$(ctl why acme/erp)"
equal "the database is there" 1 "$(sql postgres "select count(*) from pg_database where datname = 'acme_erp'")"
rm "$place" && mv "$place.away" "$place"
eventually "with the place back it goes" 450 shows "" bash -c "'$build/tenantctl' get instances -n acme -o name 2>/dev/null"
equal "the database is gone" 0 "$(sql postgres "select count(*) from pg_database where datname = 'acme_erp'")"
last=$(ctl get backups -n acme -o json | jq -r '[.items[] | select(.spec.reason == "Deletion" and .status.phase == "Completed")][0].metadata.name')
contain "the last backup stays" "acme/$last" "$(ctl backups acme/erp)"
equal "with its objects" yes "$([ -s "$place/acme/$uid/$last/manifest.json" ] && echo yes)"
check "the tenant goes" ctl delete tenant acme --wait --timeout=300s
contain "and it is listed still" "acme/$last" "$(ctl backups)"
expires() { of "$last" .status.expires; }
contain "until it expires" 20 "$(expires)"

# ---- they expire, the newest too ----
daemon_stop
echo 'backup: {keepDeleted: 1s}' >>"$home/tenantd.yaml"
check "with a shorter time to keep" daemon_start
completed() { ctl get backups -A -o json | jq '[.items[] | select(.status.phase == "Completed")] | length'; } # a failed one tells of itself for a week
eventually "all are gone" 180 shows 0 completed
equal "and their objects" "" "$(point_files "$place")"
