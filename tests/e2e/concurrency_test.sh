#!/usr/bin/env bash
# Edits during each long step: the newest generation wins, and no step of the old one runs after it was superseded. And a crowd of which
# half is broken: the other half becomes Ready as if it were alone. CROWD=200 is the size that the promise is about; the default is smaller.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
crowd=${CROWD:-40}

# A registry that takes connections and says nothing.
mkdir -p "${home%/*}"
python3 - "$home.port" <<'END' 8>&- &
import socket, sys, time
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen(50)
open(sys.argv[1], "w").write(str(s.getsockname()[1]))
kept = []
while True:
    kept.append(s.accept())
END
registry=$!
clean_up() { # called by tear_down
    kill $registry 2>/dev/null
    rm -f "$home.port"
}
# shellcheck disable=SC2034 # lib.sh reads it
controller='{resync: 5s, backoffFirst: 500ms, workers: 8, longWorkers: 8}'
set_up

spec() { # spec NAME EXTRA...
    printf -- '---\napiVersion: tenantd/v1\nkind: Instance\nmetadata: {name: %s, namespace: acme}\nspec:\n  app: tiny\n  deletionPolicy: Delete\n  resources: {cpu: "0.2", memory: 64Mi, storage: 1Gi}\n' "$1"
    shift
    [ $# -eq 0 ] || printf '  %s\n' "$@"
}
patch() { kctl patch instance "$1" -n acme --type merge -p "{\"spec\":$2}" >/dev/null; }
row() { sql "acme_$1" "select v from tiny where k = '$2'"; }
row_is() { [ "$(row "$1" "$2")" = "$3" ]; }
job_runs() { [ "$(inspect "$prefix-acme.$1.job" '{{.State.Running}}' 2>/dev/null)" = true ]; }
env_of() { docker exec "$prefix-acme.$1" sh -c 'echo "$TINY_GREETING"'; }
sed "s,{name: \"2\".*,&\n    - {name: \"far\"\, image: \"127.0.0.1:$(cat "$home.port")/far:1\"}, ; s,upgrade: {.*,upgrade: {command: [sh\, -c\, \"sleep \${TINY_UPGRADE_DELAY:-0} \& wait; /app/upgrade\"]\, timeout: 1m}," tests/e2e/apps/tiny.yaml >"$out/app.yaml"
sed -i 's,^    TINY_MODE:.*,&\n    TINY_UPGRADE_DELAY: "{{parameters.TINY_UPGRADE_DELAY}}",; s,^  parameters:,&\n    - {name: TINY_UPGRADE_DELAY\, type: string\, default: "0"\, description: Seconds},' "$out/app.yaml"
check "an app" ctl apply -f "$out/app.yaml"
check "a tenant" ctl apply -f - <<<$'apiVersion: tenantd/v1\nkind: Tenant\nmetadata: {name: acme}\nspec: {displayName: Test, owner: a@b.example}'

# ---- an edit while it is initialised ----
check "one that takes long to initialise" ctl apply -f - <<<"$(spec init 'version: "1"' 'env: {TINY_INIT_DELAY: "30", TINY_GREETING: old}')"
eventually "it is at it" 60 job_runs init
job=$(inspect "$prefix-acme.init.job" '{{.Id}}')
check "an edit" patch init '{"env":{"TINY_INIT_DELAY":"0","TINY_GREETING":"new"}}'
eventually "Ready" 60 ready acme/init
equal "as the newest generation asks" new "$(env_of init)"
equal "initialised once, over nothing that was begun before" 1 "$(row init initialised)"
absent "the old one-shot is gone" "$job" "$(docker ps -aq --no-trunc)"

# ---- an edit while its image is pulled ----
check "one whose registry does not answer" ctl apply -f - <<<"$(spec pull 'version: far')"
pulls() { [ "$(instance acme/pull '.status.conditions[] | select(.type=="Ready") | .message')" = allocate ] || grep -q "acme/pull.*allocate" "$log"; }
eventually "it is at it" 60 pulls
sleep 1
check "an edit" patch pull '{"version":"1"}'
eventually "Ready, without waiting for the registry" 60 ready acme/pull
equal "on the newest version" tenantd/tiny:1 "$(inspect "$prefix-acme.pull" '{{.Config.Image}}')"

# ---- an edit while it is upgraded ----
check "one whose upgrade takes long" ctl apply --wait --timeout=60s -f - <<<"$(spec up 'version: "1"' 'env: {TINY_UPGRADE_DELAY: "30", TINY_GREETING: old}')"
check "the upgrade" patch up '{"version":"2"}'
eventually "it is at it" 60 job_runs up
check "an edit" patch up '{"env":{"TINY_UPGRADE_DELAY":"0","TINY_GREETING":"new"}}'
eventually "the upgrade ran" 60 row_is up version 2
eventually "Ready" 60 ready acme/up
equal "as the newest generation asks" "new tenantd/tiny:2" "$(env_of up) $(inspect "$prefix-acme.up" '{{.Config.Image}}')"

# ---- a crowd ----
good() { # good PREFIX COUNT
    for i in $(seq "$2"); do spec "$1$i" 'version: "1"'; done
}
broken() { # broken COUNT
    for i in $(seq "$1"); do
        case $((i % 3)) in
        0) spec "b$i" 'version: far' ;;
        1) spec "b$i" 'version: "1"' 'env: {TINY_FAIL_INIT: "1"}' ;;
        2) spec "b$i" 'version: "1"' 'env: {TINY_UNHEALTHY: "1"}' ;;
        esac
    done
}
ready_count() { ctl get instances -n acme -o json | jq --arg p "$1" '[.items[] | select(.metadata.name | test("^" + $p + "[0-9]")) | select(.status.conditions[]? | .type == "Ready" and .status == "True")] | length'; }
all_ready() { [ "$(ready_count "$1")" -eq "$2" ]; }
half=$((crowd / 2))
good alone "$half" >"$out/alone.yaml"
start=$(date +%s%N)
ctl apply -f "$out/alone.yaml" >/dev/null
eventually "$half instances become Ready" 600 all_ready alone "$half"
alone_ms=$((($(date +%s%N) - start) / 1000000))
ctl delete -f "$out/alone.yaml" --wait=false >/dev/null
no_alone() { [ "$(ctl get instances -n acme -o json | jq '[.items[] | select(.metadata.name | test("^alone"))] | length')" -eq 0 ]; }
eventually "and are deleted" 600 no_alone
paste -d'\n' <(good good "$half" | tr '\n' '\r' | sed 's/\r---/\n---/g') <(broken "$half" | tr '\n' '\r' | sed 's/\r---/\n---/g') | tr '\r' '\n' >"$out/crowd.yaml"
start=$(date +%s%N)
ctl apply -f "$out/crowd.yaml" >/dev/null
eventually "$half of $crowd, the others broken, become Ready" 900 all_ready good "$half"
crowd_ms=$((($(date +%s%N) - start) / 1000000))
echo "# $half instances: alone $alone_ms ms, among as many broken ones $crowd_ms ms: $(awk "BEGIN { printf \"%.2f\", $crowd_ms / $alone_ms }") times as long"
check "the broken ones hold nobody up" [ $crowd_ms -lt $((3 * alone_ms + 30000)) ]
equal "no broken one is Ready" 0 "$(ready_count b)"
