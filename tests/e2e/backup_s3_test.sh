#!/usr/bin/env bash
# Recovery points on a real S3 server beside the local directory: what counts, what stays here, what happens while the server is away.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
rgw=$home/rgw
rm -rf "$home"
mkdir -p "$home"
clean_up() { tests/tools/rgw.sh stop "$rgw" >/dev/null 2>&1; }
trap clean_up EXIT
started=$(tests/tools/rgw.sh start "$rgw" $$) || { echo "not ok - the S3 server starts"; exit 1; }
eval "$(sed 's/^/export /' <<<"$started")"
# set_up() begins with an empty directory, which must not be the server's.
home=$home/suite
data=$home/data
log=$home/tenantd.log
out=$home/out
export KUBECONFIG=$data/admin.kubeconfig
configuration="backup: {s3: {endpoint: \"$S3_ENDPOINT\", bucket: points, prefix: one, accessKey: \"$S3_ACCESS_KEY\", secretKey: \"$S3_SECRET_KEY\", versioning: true}}"
set_up

apply() { ctl apply -f - "$@"; }
look() { python3 tests/tools/s3_look.py "$@"; }
backup() { printf 'apiVersion: tenantd/v1\nkind: Backup\nmetadata: {name: %s, namespace: acme}\nspec: {instance: erp}\n' "$1" | apply; }
of() { ctl get backup "$1" -n acme -o json | jq -r "$2"; }
phase_is() { [ "$(of "$1" .status.phase)" = "$2" ]; }
place=$data/backups

check "the app is applied" ctl apply -f tests/e2e/apps/tiny.yaml
check "the tenant is applied" apply <<<'{apiVersion: tenantd/v1, kind: Tenant, metadata: {name: acme}, spec: {owner: a@b.example}}'
check "the instance becomes Ready" apply --wait --timeout=300s <<<'{apiVersion: tenantd/v1, kind: Instance, metadata: {name: erp, namespace: acme}, spec: {app: tiny, version: "1", deletionPolicy: Delete, resources: {cpu: "0.5", memory: 64Mi, storage: 1Gi}}}'
container=$prefix-acme.erp
uid=$(instance acme/erp .metadata.uid)

# ---- both places ----
check "a backup" backup b1
eventually "completes" 360 phase_is b1 Completed
equal "in both places, S3 first" s3,local "$(of b1 '[.status.tiers[].name] | join(",")')"
keys() { look keys points "one/acme/$uid/$1/" | awk '{print $1}' | sed 's,.*/,,' | sort | tr '\n' ' '; }
equal "its objects are in the bucket" "data.tar.zst.age database.dump.zst.age manifest.json " "$(keys b1)"
equal "the same as here" "$(sha256sum <"$place/acme/$uid/b1/database.dump.zst.age" | cut -d' ' -f1)" "$(look sha256 points "one/acme/$uid/b1/database.dump.zst.age")"

# ---- the directory keeps the newest ----
check "another one" backup b2
eventually "completes" 360 phase_is b2 Completed
eventually "the directory has it alone" 180 shows b2 bash -c "cd '$place/acme/$uid' && echo *"
equal "the bucket has both" "data.tar.zst.age database.dump.zst.age manifest.json " "$(keys b1)"
equal "as the record says" s3 "$(of b1 '[.status.tiers[].name] | join(",")')"
check "the older one is read back from the bucket" ctl backup verify acme/b1

# ---- the server goes away in the middle, and comes back ----
docker exec "$container" sh -c 'head -c 120000000 /dev/urandom >/data/large'
check "a large one begins" backup b3
copying() { [ -n "$(docker ps -aq --filter "name=^$container.backup$")" ]; }
eventually "it copies" 180 copying
check "the server is killed" tests/tools/rgw.sh pause "$rgw"
sleep 3
check "and is there again" tests/tools/rgw.sh resume "$rgw"
eventually "the backup completes" 720 phase_is b3 Completed
check "and is whole" ctl backup verify acme/b3

# ---- what the bucket lost is found ----
look destroy points "one/acme/$uid/b2/data.tar.zst.age"
refuse "an object that is gone is named" 'data\.tar\.zst\.age' ctl backup verify acme/b2
equal "it is verified no more" null "$(of b2 .status.verified)"

# ---- retention takes versions, too ----
bytes() { look versions points "one/acme/$uid/$1/" | awk '{print $NF}'; }
check "one is enough" kctl patch instance erp -n acme --type merge -p '{"spec":{"backup":{"retention":{"last":1}}}}'
eventually "the oldest goes" 180 shows "" ctl get backup b1 -n acme -o name
eventually "with all its versions" 120 shows 0 bytes b1
contain "the newest stays" manifest "$(keys b3)"
equal "nothing half is in the bucket" 0 "$(look uploads points one/)"
