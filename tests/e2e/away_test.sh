#!/usr/bin/env bash
# Docker and PostgreSQL that are away: at the first start, later, cut or hanging. The API stays up as far as it can, says what is
# missing, one asks for all, and everything converges when they return.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/lib_server.sh
source tests/e2e/lib_server.sh
# shellcheck source=tests/e2e/lib_faults.sh
source tests/e2e/lib_faults.sh
records=40 # more than anybody may ask in the time that is watched
watched=12 # seconds

url() { echo "https://127.0.0.1:$port$1"; }
ask() { curl -sk -m 15 -o "$out/body" -w '%{http_code}' -H "Authorization: Bearer $(cat "$data/admin.token")" "$(url "$1")"; }
answers() { [[ $(ask "$1") =~ ^$2$ ]]; }
says() { answers "$1" "$2" && grep -qE -- "$3" "$out/body"; } # says PATH STATUS PATTERN
spec() { # spec NAME
    printf 'apiVersion: tenantd/v1\nkind: Instance\nmetadata: {name: %s, namespace: acme}\nspec:\n  app: tiny\n  version: "1"\n  deletionPolicy: Delete\n  resources: {cpu: "0.3", memory: 64Mi, storage: 1Gi}\n' "$1"
}
tenants() { # tenants FROM TO
    for i in $(seq "$1" "$2"); do
        printf -- '---\napiVersion: tenantd/v1\nkind: Tenant\nmetadata: {name: t%s}\nspec: {displayName: Test, owner: a@b.example}\n' "$i"
    done
}
has_status() { [ "$(instance "$1" '.status.conditions[] | select(.type=="Ready") | .status + " " + .reason')" = "$2" ]; }
containers() { docker ps -aq --no-trunc --filter "label=tenantd.installation=$(cat "$data/installation")" | sort | tr '\n' ' '; }

proxied_begin
server_make "$home/tenantd.yaml" || { echo "no database server"; exit 1; }
proxy_start || exit 1

# ---- the first start, with all of it away ----
tell away docker stall >/dev/null
tell away postgres stall >/dev/null
daemon_run
eventually "both hang at the start: health is answered" 30 answers /healthz 200
eventually "readyz says what is missing" 60 says /readyz 503 '\[-\]records failed'
contain "and that Docker is" '\[-\]docker failed' "$(cat "$out/body")"
eventually "everything else is 503 with a Status" 30 says /apis/tenantd/v1/tenants 503 '"kind":"Status".*tenantd is starting'
absent "which shows no password" "$server_password" "$(cat "$out/body")"
tell away postgres cut >/dev/null
eventually "cut off, it says so" 60 says /apis/tenantd/v1/tenants 503 'connect to PostgreSQL'
tell back postgres >/dev/null
eventually "with PostgreSQL there, records are served" 60 answers /apis/tenantd/v1/tenants 200
eventually "readyz knows of Docker alone" 30 says /readyz 503 '\[-\]docker failed'
eventually "records are there" 30 says /readyz 503 '\[\+\]records ok'
check "records are written: an app" ctl apply -f tests/e2e/apps/tiny.yaml
check "a tenant" ctl apply -f - <<<$'apiVersion: tenantd/v1\nkind: Tenant\nmetadata: {name: acme}\nspec: {displayName: Test, owner: a@b.example}'
check "an instance" ctl apply -f - <<<"$(spec one)"
check "another" ctl apply -f - <<<"$(spec two)"
check "many tenants" ctl apply -f - <<<"$(tenants 1 $records)"
eventually "the instance says what it waits for" 60 has_status acme/one "Unknown EngineUnavailable"
contain "why says it, too" "EngineUnavailable" "$(ctl why acme/one)"
tell back docker >/dev/null
eventually "Ready when Docker is there" 120 ready acme/one
eventually "both" 60 ready acme/two
eventually "readyz is well" 30 answers /readyz 200
active() { [ "$(ctl get tenants -o json | jq '[.items[] | select(.status.phase == "Active")] | length')" -gt $records ]; }
eventually "all tenants are there" 120 active
before=$(containers)

# ---- Docker goes away later ----
for how in cut stall; do
    tell away docker $how >/dev/null
    eventually "Docker $how: instances say Unknown" 90 has_status acme/one "Unknown EngineUnavailable"
    first=$(count_of docker:connections)
    sleep $watched
    asked=$(($(count_of docker:connections) - first))
    check "Docker $how: one asks for all ($asked times in $watched s, $records records)" [ "$asked" -lt $((records / 2)) ]
    check "Docker $how: records are read" ctl get instances -A
    check "Docker $how: records are written" kctl annotate instance one -n acme --overwrite "test/how=$how"
    check "Docker $how: readyz says so" says /readyz 503 '\[-\]docker failed'
    tell back docker >/dev/null
    eventually "Docker $how: Ready when it is back" 120 ready acme/one
    eventually "Docker $how: both" 60 ready acme/two
    equal "Docker $how: nothing was made anew" "$before" "$(containers)"
done

# ---- PostgreSQL goes away later ----
for how in cut stall; do
    tell away postgres $how >/dev/null
    if [ $how = stall ]; then
        server_stop immediate # so that what is connected ends, too
        server_start
    fi
    eventually "PostgreSQL $how: readyz says so" 60 says /readyz 503 '\[-\]records failed'
    for i in $(seq 20); do curl -sk -m 20 -o /dev/null -H "Authorization: Bearer $(cat "$data/admin.token")" "$(url /apis/tenantd/v1/tenants)" & done
    first=$(count_of postgres:connections)
    eventually "PostgreSQL $how: health is answered while requests wait" 5 answers /healthz 200
    sleep $watched
    asked=$(($(count_of postgres:connections) - first))
    check "PostgreSQL $how: one asks for all ($asked times in $watched s, $records records)" [ "$asked" -lt $records ]
    eventually "PostgreSQL $how: a request is 503 or 504 with a Status" 60 says /apis/tenantd/v1/tenants '50[34]' '"kind":"Status"'
    tell back postgres >/dev/null
    eventually "PostgreSQL $how: served when it is back" 60 answers /apis/tenantd/v1/tenants 200
    eventually "PostgreSQL $how: ready" 60 answers /readyz 200
    eventually "PostgreSQL $how: instances, too" 90 ready acme/one
    equal "PostgreSQL $how: nothing was made anew" "$before" "$(containers)"
done
check "an instance after all that" ctl apply -f - <<<"$(spec three)"
eventually "is Ready" 90 ready acme/three
