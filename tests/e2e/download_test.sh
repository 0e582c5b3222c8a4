#!/usr/bin/env bash
# Recovery points as files: opened or as stored, compared with the manifest; what is damaged leaves no file and is named; a tenant's member gets its own.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
set_up

apply() { ctl apply -f - "$@"; }
check "the app is applied" ctl apply -f tests/e2e/apps/tiny.yaml
check "the tenant is applied" apply <<<'{apiVersion: tenantd/v1, kind: Tenant, metadata: {name: acme}, spec: {owner: a@b.example}}'
check "another one" apply <<<'{apiVersion: tenantd/v1, kind: Tenant, metadata: {name: globex}, spec: {owner: a@b.example}}'
check "the instance becomes Ready" apply --wait --timeout=300s <<<'{apiVersion: tenantd/v1, kind: Instance, metadata: {name: erp, namespace: acme}, spec: {app: tiny, version: "1", resources: {cpu: "0.5", memory: 64Mi, storage: 1Gi}}}'
container=$prefix-acme.erp
docker exec "$container" sh -c 'echo invoice >/data/one && head -c 20000000 /dev/urandom >/data/large'
sql acme_erp "insert into tiny values ('note', 'kept')"
check "a backup" ctl backup acme/erp --wait
name=$(ctl get backups -n acme -o json | jq -r '.items[0].metadata.name')
point=$data/backups/acme/$(instance acme/erp .metadata.uid)/$name
to=$home/to

check "it is downloaded" ctl backup download "acme/$name" --to "$to"
equal "as these files" "data.tar database.dump manifest.json" "$(cd "$to" && echo *)"
equal "for their owner alone" "600 600 600" "$(stat -c %a "$to"/* | tr '\n' ' ' | sed 's/ $//')"
equal "the manifest's hashes are theirs" "$(jq -r '.objects[] | .plainSHA256' "$to/manifest.json" | sort)" "$(sha256sum "$to/data.tar" "$to/database.dump" | cut -d' ' -f1 | sort)"
equal "tar opens the files" "$(docker exec "$container" sha256sum /data/large | cut -d' ' -f1)" "$(tar -xOf "$to/data.tar" ./large | sha256sum | cut -d' ' -f1)"
contain "pg_restore opens the dump" "note.*kept" "$(pg_restore -f - "$to/database.dump")"
refuse "what is there is not replaced" "is there already" ctl backup download "acme/$name" --to "$to"
check "as it is stored" ctl backup download "acme/$name" --to "$home/stored" --encrypted
check "the very bytes: database" cmp "$home/stored/database.dump.zst.age" "$point/database.dump.zst.age"
check "the very bytes: files" cmp "$home/stored/data.tar.zst.age" "$point/data.tar.zst.age"
check "without --to into a directory of its name" env -C "$home" "$build/tenantctl" backup download "acme/$name"
check "which is there" test -s "$home/$name/data.tar"

# ---- what is damaged ----
damaged() { # damaged WHAT PATTERN ARGS...: nothing of it stays
    rm -rf "$to"
    refuse "$1" "$2" ctl backup download "acme/$name" --to "$to" "${@:3}"
    equal "$1: no file of it stays" "" "$(find "$to" -name 'data.tar*' 2>/dev/null)"
}
cp "$point/data.tar.zst.age" "$home/kept"
printf '\377' | dd of="$point/data.tar.zst.age" bs=1 seek=9000000 conv=notrunc status=none
damaged "a flipped bit is told" 'cut off: data\.tar: data\.tar\.zst\.age of recovery point'
damaged "a flipped bit is told, as stored" 'cut off: data\.tar\.zst\.age: .*not those of the manifest' --encrypted
truncate -s 15000000 "$point/data.tar.zst.age"
damaged "a truncated object is told" 'cut off: data\.tar: data\.tar\.zst\.age of recovery point'
rm "$point/data.tar.zst.age"
damaged "a missing one" 'data\.tar\.zst\.age'
cp "$point/database.dump.zst.age" "$point/data.tar.zst.age"
damaged "a swapped one" 'data\.tar\.zst\.age.*not those of the manifest'
cp "$home/kept" "$point/data.tar.zst.age"
sed -i 's/"rows":/"Rows":/' "$point/manifest.json"
damaged "an altered manifest" 'manifest\.json.*'
sed -i 's/"Rows":/"rows":/' "$point/manifest.json"
mkdir -p "$home/small" && mount -t tmpfs -o size=5m none "$home/small"
refuse "too little room is told" 'No space left' ctl backup download "acme/$name" --to "$home/small/x"
equal "and nothing half stays" "" "$(find "$home/small" -name '*.partial')"
umount "$home/small"
check "put right, it is downloaded" ctl backup download "acme/$name" --to "$home/again"
refuse "one that is not there" 'not found' ctl backup download acme/nothing --to "$to"

# ---- a member of the tenant ----
mine=$(ctl token create mine --tenant=acme 2>/dev/null | tail -1)
others=$(ctl token create others --tenant=globex 2>/dev/null | tail -1)
as() { "$build/tenantctl" --token="$1" "${@:2}"; }
contain "a member sees the backups of its tenant" "acme/$name +erp +Completed" "$(as "$mine" backups acme/erp)"
absent "another tenant's does not" "$name" "$(as "$others" backups 2>&1)"
check "a member downloads its own" as "$mine" backup download "acme/$name" --to "$home/mine"
refuse "another tenant's does not" 'not found' as "$others" backup download "acme/$name" --to "$home/others"
contain "the audit tells of it" "mine.*download +Backup.*$name" "$(ctl audit)"
check "a member makes one" as "$mine" backup acme/erp --wait
check "and has one read back" as "$mine" backup verify "acme/$name"
refuse "but deletes none" 'forbidden|cannot delete' as "$mine" delete backup "$name" -n acme
refuse "another tenant's makes none" 'not found' as "$others" backup acme/erp
