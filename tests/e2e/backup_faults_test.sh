#!/usr/bin/env bash
# Recovery points on a real S3 server when something is wrong: a server that says yes and keeps nothing, one that breaks off, locked objects, another key,
# too little disk. Nothing is published that is not there, and what lives is left alone.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
rgw=$home/rgw
rm -rf "$home"
mkdir -p "$home"
clean_up() {
    exec 6>&-
    tests/tools/rgw.sh stop "$rgw" >/dev/null 2>&1
}
trap clean_up EXIT
started=$(tests/tools/rgw.sh start "$rgw" $$) || { echo "not ok - the S3 server starts"; exit 1; }
eval "$(sed 's/^/export /' <<<"$started")"
mkfifo "$home/hold"
exec 6<>"$home/hold"
python3 tests/tools/s3_faults.py "${S3_ENDPOINT#http://}" <&6 >"$home/proxy" 2>/dev/null &
said_proxy() { grep -q PROXY "$home/proxy"; }
eventually "the faulty way to it is there" 30 said_proxy
eval "$(cat "$home/proxy")"
home=$home/suite
data=$home/data
log=$home/tenantd.log
out=$home/out
export KUBECONFIG=$data/admin.kubeconfig
look() { python3 tests/tools/s3_look.py "$@"; }
prepare() { look lockable points; }
configuration="backup: {directory: none, s3: {endpoint: \"$PROXY\", bucket: points, accessKey: \"$S3_ACCESS_KEY\", secretKey: \"$S3_SECRET_KEY\"}}"
set_up

apply() { ctl apply -f - "$@"; }
fault() { curl -fsS -X POST "$PROXY/-/fault?do=$1&method=$2&match=$3&count=$4" >/dev/null; }
clear() { curl -fsS -X POST "$PROXY/-/clear" >/dev/null; }
backup() { printf 'apiVersion: tenantd/v1\nkind: Backup\nmetadata: {name: %s, namespace: acme}\nspec: {instance: erp}\n' "$1" | apply; }
of() { ctl get backup "$1" -n acme -o json | jq -r "$2"; }
phase_is() { [ "$(of "$1" .status.phase)" = "$2" ]; }
keys() { look keys points "acme/$uid/$1/" | awk '{print $1}' | sed 's,.*/,,' | sort | tr '\n' ' '; }
note() { sql acme_erp "select v from tiny where k = 'note'"; }

check "the app is applied" ctl apply -f tests/e2e/apps/tiny.yaml
check "the tenant is applied" apply <<<'{apiVersion: tenantd/v1, kind: Tenant, metadata: {name: acme}, spec: {owner: a@b.example}}'
check "the instance becomes Ready" apply --wait --timeout=300s <<<'{apiVersion: tenantd/v1, kind: Instance, metadata: {name: erp, namespace: acme}, spec: {app: tiny, version: "1", deletionPolicy: Delete, resources: {cpu: "0.5", memory: 64Mi, storage: 1Gi}}}'
container=$prefix-acme.erp
uid=$(instance acme/erp .metadata.uid)
docker exec "$container" sh -c 'head -c 40000000 /dev/urandom >/data/large'
sql acme_erp "insert into tiny values ('note', 'first')"

# ---- says yes, and keeps nothing ----
check "the server forgets what it is given" fault forget PUT data.tar 1000
check "and completes what it does not have" fault forget POST data.tar 1000
check "a backup" backup lost
eventually "fails" 300 phase_is lost Failed
contain "the reason names the object" 'data\.tar\.zst\.age' "$(of lost .status.message)"
equal "it is not verified" null "$(of lost .status.verified)"
check "the server is well again" clear
eventually "nothing of it is published, nor left" 120 shows "" keys lost

# ---- breaks off, is silent, refuses, garbles ----
for what in cut lost stall 500 503 flip; do check "requests that end with $what" fault $what PUT acme/ 2; done
check "answers that are cut in half" fault half GET acme/ 2
check "a backup" backup b1
eventually "completes" 300 phase_is b1 Completed
check "the way is clear" clear
check "and is whole" ctl backup verify acme/b1
equal "all of it" "data.tar.zst.age database.dump.zst.age manifest.json " "$(keys b1)"
equal "nothing half is in the bucket" 0 "$(look uploads points acme/)"

# ---- wrong bytes come back ----
id_before=$(inspect "$container" '{{.Id}} {{.State.StartedAt}}')
check "answers with a wrong byte" fault wrong GET data.tar 1000
refuse "a verification says which object" 'data\.tar\.zst\.age' ctl backup verify acme/b1
refuse "and so does a restore" 'data\.tar\.zst\.age' ctl restore acme/erp --from b1 --wait --timeout=180s
equal "what lives is untouched" "$id_before first" "$(inspect "$container" '{{.Id}} {{.State.StartedAt}}') $(note)"
check "the way is clear" clear
check "and the backup is good" ctl backup verify acme/b1

# ---- locked ----
sql acme_erp "update tiny set v = 'second' where k = 'note'"
check "a backup" backup b2
eventually "completes" 300 phase_is b2 Completed
check "the older one is locked" look lock points "acme/$uid/b1/manifest.json" 40
check "and is to go" ctl delete backup b1 -n acme --wait=false
held() { of b1 '.status.tiers[0].heldUntil'; }
is_held() { held | grep -q ^20; }
eventually "it is listed as held until then" 120 is_held
contain "by the command, too" "acme/b1 +erp +Deleting.*$(held).*held by an object lock until" "$(ctl backups acme/erp)"
equal "all of it is there" "data.tar.zst.age database.dump.zst.age manifest.json " "$(keys b1)"
eventually "when the lock ends it goes" 420 shows "" ctl get backup b1 -n acme -o name
equal "with all its objects" "" "$(keys b1)"

# ---- another key ----
id_before=$(inspect "$container" '{{.Id}} {{.State.StartedAt}}')
sql acme_erp "update tiny set v = 'third' where k = 'note'"
daemon_stop
mv "$data/backup.identity" "$home/kept"
age-keygen -o "$data/backup.identity" 2>/dev/null
check "a daemon with another key" daemon_start
refuse "restores nothing, and names the object" 'database\.dump\.zst\.age' ctl restore acme/erp --from b2 --wait --timeout=120s
refuse "nor downloads it" 'database\.dump\.zst\.age' ctl backup download acme/b2 --to "$home/to"
equal "what lives is untouched" "$id_before third" "$(inspect "$container" '{{.Id}} {{.State.StartedAt}}') $(note)"
daemon_stop
mv "$home/kept" "$data/backup.identity"
check "and again with its own" daemon_start
check "with which it restores" ctl restore acme/erp --from b2 --wait --timeout=300s
equal "the row of then" second "$(note)"
