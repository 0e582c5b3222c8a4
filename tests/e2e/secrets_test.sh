#!/usr/bin/env bash
# Passwords and tokens are searched for after instances were made, changed, broken, upgraded and deleted: in logs, command lines, events,
# records, PostgreSQL's own log, its tables, and other containers. Without the key nothing is started.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/lib_server.sh
source tests/e2e/lib_server.sh
canary=canary$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')

finish() {
    local status=$?
    trap - EXIT INT TERM
    [ -z "${sampler:-}" ] || kill "$sampler" 2>/dev/null
    [ -z "${daemon:-}" ] || daemon_kill
    remove_objects "$prefix"
    server_remove
    [ $status -ne 0 ] || [ "$failures" -eq 0 ] || status=1
    exit $status
}
trap finish EXIT
trap 'exit 130' INT TERM
remove_objects "$prefix"
rm -rf "$home"
mkdir -p "$home" "$out"
server_password=$canary-server # letters and digits, so that no URL has to escape it
cat >"$home/tenantd.yaml" <<EOF_CONFIG
data: $data
prefix: $prefix
listen: {address: "127.0.0.1:$port"}
network: {pool: $pool}
controller: {resync: 5s, backoffFirst: 500ms}
log: {level: debug}
registries: [{server: "127.0.0.1:1", username: puller, password: $canary-registry}]
postgres: {url: "postgresql://tenantd:$server_password@127.0.0.1:$server_port/tenantd"}
EOF_CONFIG
chmod 0600 "$home/tenantd.yaml"
server_make "$home/tenantd.yaml" || { echo "no database server"; exit 1; }

# Every command line that there is, again and again.
sample() {
    while true; do
        for file in /proc/[0-9]*/cmdline; do
            tr '\0' ' ' <"$file" 2>/dev/null && echo
        done | grep -v 'secrets_test' | sort -u >>"$home/cmdlines"
        sleep 0.2
    done
}
sample 2>/dev/null &
sampler=$!
daemon_start || exit 1

# ---- a life with everything that may fail ----
spec() { # spec NAME EXTRA...
    printf 'apiVersion: tenantd/v1\nkind: Instance\nmetadata: {name: %s, namespace: acme}\nspec:\n  app: tiny\n  version: "1"\n  deletionPolicy: Delete\n  resources: {cpu: "0.3", memory: 64Mi, storage: 1Gi}\n' "$1"
    shift
    [ $# -eq 0 ] || printf '  %s\n' "$@"
}
sed "s,{name: \"2\".*,&\n    - {name: \"private\"\, image: \"127.0.0.1:1/private:1\"}," tests/e2e/apps/tiny.yaml >"$out/app.yaml"
check "an app" ctl apply -f "$out/app.yaml"
check "a tenant" ctl apply -f - <<<$'apiVersion: tenantd/v1\nkind: Tenant\nmetadata: {name: acme}\nspec: {displayName: Test, owner: a@b.example}'
check "an instance" ctl apply --wait --timeout=90s -f - <<<"$(spec erp)"
check "another" ctl apply --wait --timeout=90s -f - <<<"$(spec two)"
check "one that cannot be initialised" ctl apply -f - <<<"$(spec bad 'env: {TINY_FAIL_INIT: "1"}')"
check "one whose image cannot be pulled" ctl apply -f - <<<"$(spec private | sed 's/version: "1"/version: private/')"
eventually "that is told" 60 has_reason acme/private ImagePullFailed
eventually "that, too" 60 has_reason acme/bad InitFailed
database=$(docker exec "$prefix-acme.erp" cat /run/app/pgpass | cut -d: -f5)
token=$(cat "$data/admin.token")
secret=$(docker exec "$prefix-acme.erp" sed -n 's/^secret = //p' /run/app/tiny.conf)
for value in "$database" "$token" "$secret"; do check "a secret that is long enough to be searched for" [ ${#value} -ge 20 ]; done
check "an upgrade" kctl patch instance erp -n acme --type merge -p '{"spec":{"version":"2","addons":["sale"]}}'
eventually "is Ready" 90 ready acme/erp
check "its container is removed by hand" docker rm -f "$prefix-acme.erp"
back() { docker inspect "$prefix-acme.erp" >/dev/null 2>&1 && ready acme/erp; }
eventually "and comes back" 90 back
ctl logs acme/erp >"$out/logs" 2>&1
curl -sk -H "Authorization: Bearer $token" "https://127.0.0.1:$port/metrics" >"$out/metrics"
curl -sk -H "Authorization: Bearer wrong-$token" "https://127.0.0.1:$port/apis/tenantd/v1/apps" >"$out/refused"
for what in tenants apps instances; do ctl get $what -A -o yaml >"$out/get-$what" 2>&1 || ctl get $what -o yaml >"$out/get-$what" 2>&1; done
ctl describe instance erp -n acme >"$out/describe" 2>&1
ctl describe instance bad -n acme >>"$out/describe" 2>&1
ctl describe instance private -n acme >>"$out/describe" 2>&1
kctl get events -A -o yaml >"$out/events" 2>&1
docker ps -a --format '{{.Names}}' --filter "name=^$prefix-" | grep -vxF "$prefix-acme.erp" | xargs docker inspect >"$out/others"
docker inspect "$prefix-acme.erp" >"$out/own"
check "an instance is deleted" ctl delete instance two -n acme --wait --timeout=60s
pg_dumpall -h "$server" -p "$server_port" -U postgres >"$out/dump"
cp "$server/log" "$out/server-log"
cp "$log" "$out/daemon-log"

# ---- the search ----
check "something was sampled" grep -q "tenantd run" "$home/cmdlines"
check "PostgreSQL's log shows statements" grep -q "ensure_role" "$out/server-log"
contain "the daemon's log is a talkative one" " debug " "$(head -50 "$out/daemon-log")"
search() { # search WHAT VALUE FILE...
    local what=$1 value=$2 found
    shift 2
    found=$(grep -lF -- "$value" "$@" 2>/dev/null)
    equal "$what is in none of: $(basename -a "$@" | tr '\n' ' ')" "" "$found"
}
files=("$home/cmdlines" "$out/daemon-log" "$out/server-log" "$out/events" "$out/describe" "$out/metrics" "$out/refused" "$out/logs" "$out/dump"
    "$out"/get-* "$out/others" "$out/own")
search "the instance's database password" "$database" "${files[@]}"
search "the App's secret" "$secret" "${files[@]}"
search "the administrator's token" "$token" "${files[@]}"
search "the registry's password" "$canary-registry" "${files[@]}"
search "the registry's password in base64" "$(printf '%s' "$canary-registry" | base64 | cut -c1-20)" "${files[@]}"
search "the records' database password" "$server_password" "${files[@]}"
check "what is searched for would be found" grep -qF -- "$database" <(docker exec "$prefix-acme.erp" cat /run/app/pgpass)
contain "secrets are stored, sealed" "^[A-Za-z0-9+/=]{40,}$" "$(sql tenantd "select sealed from store.secret limit 1")"
equal "files that hold secrets are closed" "600 600 600" "$(stat -c %a "$data/secrets.key" "$data/admin.token" "$data/admin.kubeconfig" | tr '\n' ' ' | sed 's/ $//')"

# ---- without the key ----
daemon_stop
docker stop -t 1 "$prefix-acme.erp" >/dev/null
mv "$data/secrets.key" "$home/key"
refuse "without the key file the daemon says so" "secrets.key is gone.*bring it back" timeout 60 "$build/tenantd" run --config="$home/tenantd.yaml"
head -c 32 /dev/urandom >"$data/secrets.key"
refuse "with another key, too" "not the key that the stored secrets were sealed with" timeout 60 "$build/tenantd" run --config="$home/tenantd.yaml"
equal "no instance was started" exited "$(inspect "$prefix-acme.erp" '{{.State.Status}}')"
mv "$home/key" "$data/secrets.key"
daemon_start
eventually "with it, all goes on" 60 ready acme/erp
