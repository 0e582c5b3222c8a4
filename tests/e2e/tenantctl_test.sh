#!/usr/bin/env bash
# Every command of tenantctl once for real: what it prints, what it does, and its exit code.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
set_up

# run WHAT EXIT PATTERN ARGUMENTS...: the exit code, and a line of output or of errors
run() {
    local what=$1 expected=$2 pattern=$3 said status
    shift 3
    said=$(ctl "$@" 2>&1)
    status=$?
    if [ $status -eq "$expected" ] && grep -qE -- "$pattern" <<<"$said"; then
        pass "$what"
    else
        fail "$what" "tenantctl $*: exit $status instead of $expected, or not: $pattern" "$said"
    fi
}
# watch_for SECONDS FILE ARGUMENTS...: ended by Ctrl-C after that time; its exit code
watch_for() {
    local seconds=$1 file=$2
    shift 2
    timeout --foreground -s INT "$seconds" "$build/tenantctl" "$@" >"$file" 2>&1
}
tenant() { printf 'apiVersion: tenantd/v1\nkind: Tenant\nmetadata: {name: %s, labels: {set: %s}}\nspec: {displayName: Test, owner: a@b.example}\n' "$1" "${2:-one}"; }
spec() { # spec NAME [LINE OF SPEC...]
    printf 'apiVersion: tenantd/v1\nkind: Instance\nmetadata: {name: %s, namespace: acme, labels: {tier: gold}}\nspec:\n  app: tiny\n  version: "1"\n  deletionPolicy: Delete\n' "$1"
    printf '  resources: {cpu: "0.5", memory: 64Mi, storage: 1Gi}\n'
    shift
    [ $# -eq 0 ] || printf '  %s\n' "$@"
}
container=$prefix-acme.erp
mkdir -p "$out/all/below"
{ tenant acme; echo ---; spec erp; } >"$out/all/acme.yaml"
cp tests/e2e/apps/tiny.yaml "$out/all/zz-app.yml"
tenant other two >"$out/all/below/other.yaml"
echo 'not: a record' >"$out/all/notes.txt"

# ---- help, usage ----
run "no command" 2 'Usage|help' 
run "help" 0 '^Usage: tenantctl COMMAND' --help
contain "help lists the exit codes" '124 +timed out' "$(ctl --help)"
for command in apply get describe why diff delete events logs secret pause resume restart stop start version completion; do
    run "$command --help" 0 "^Usage: tenantctl $command" "$command" --help
    contain "help $command is the same" "^Usage: tenantctl $command" "$(ctl help "$command")"
    contain "help lists $command" "^  $command " "$(ctl --help)"
done
run "an unknown command" 2 'there is no command "frobnicate"' frobnicate
run "an unknown option" 2 'there is no option --frob' get --frob
run "an option without its value" 2 'output' get --output
run "a wrong choice" 2 'table.*wide' get -o xml
run "too few arguments" 2 . pause acme/erp
run "too many arguments" 2 . logs acme/erp more
run "neither kind nor name" 2 'neither a kind' get nosuch
run "a file that is not there" 2 'nofile' apply -f "$out/nofile.yaml"
run "nothing to apply" 2 'nothing to apply' apply

# ---- apply ----
run "apply --dry-run of all" 0 'tenant.tenantd/acme created \(server dry run\)' apply --dry-run -f "$out/all"
run "leaves nothing" 4 'not found' get tenant acme
run "apply a directory and wait" 0 '^instance.tenantd/(acme/)?erp created' apply -f "$out/all" --wait --timeout=60s
equal "it runs" running "$(inspect "$container" '{{.State.Status}}')"
run "what is below a directory is left" 4 'not found' get tenant other
run "unless asked for" 0 '^tenant.tenantd/other created' apply -R -f "$out/all"
run "apply again" 0 '^instance.tenantd/(acme/)?erp unchanged' apply -f "$out/all/acme.yaml"
check "apply from standard input" ctl apply -f - <<<"$(spec erp 'description: changed')"
equal "has its effect" changed "$(instance acme/erp .spec.description)"
contain "what a file no longer has is taken away" configured "$(ctl apply -f "$out/all/acme.yaml")"
equal "really" null "$(instance acme/erp .spec.description)"
eventually "it is Ready" 20 ready acme/erp

# ---- get ----
run "get" 0 '^acme +erp +tiny +1 +Running +True' get
run "get: header" 0 '^NAMESPACE +NAME +APP +VERSION +STATUS +READY +URL +AGE$' get instances -A
run "get -n" 0 '^erp +tiny' get instances -n acme
run "get -o wide" 0 'acme_erp +tenantd/tiny:1' get instances -A -o wide
run "get -o json" 0 '"kind": "Instance"' get acme/erp -o json
run "get -o yaml" 0 '^kind: Instance$' get acme/erp -o yaml
run "get -o name" 0 '^instance.tenantd/acme/erp$' get -o name
run "get all" 0 '^app.tenantd/tiny +Ready' get all -A
run "get of two kinds" 0 '^tenant.tenantd/acme ' get tenants,instances -A
run "get --no-headers" 0 '^acme +Active' get tenants --no-headers
equal "really" 2 "$(ctl get tenants --no-headers | wc -l)"
run "get -l" 0 '^other ' get tenants -l set=two
absent "and no others" '^acme ' "$(ctl get tenants -l set=two)"
run "get -l of none" 0 'No resources found' get tenants -l set=nine
run "get --field-selector" 0 '^acme +erp ' get instances -A --field-selector status.phase=Running
run "get of none" 4 'instances.tenantd "none" not found' get acme/none
generation=$(instance acme/erp .metadata.generation)
check "what get prints can be applied" ctl apply -f - <<<"$(ctl get acme/erp -o yaml)"
contain "and is the same" unchanged "$(ctl get acme/erp -o yaml | ctl apply -f -)"
equal "and changes no spec" "$generation" "$(instance acme/erp .metadata.generation)"
(sleep 1.5; ctl apply -f - <<<"$(tenant third)" >/dev/null) &
watch_for 3 "$out/watch" get tenants -w
equal "get -w ends by Ctrl-C" 124 $?
contain "get -w shows what is" '^acme +Active' "$(cat "$out/watch")"
contain "and what comes" '^third ' "$(cat "$out/watch")"

# ---- describe, why, events, logs, secret, version ----
described=$(ctl describe acme/erp)
for pattern in '^Name: +erp' '^Kind: +Instance' '^Status: +Running' '^Ready +True' 'Normal +Ready' '^Database: +acme_erp'; do contain "describe: $pattern" "$pattern" "$described"; done
run "describe a tenant" 0 '^Network: +' describe tenant acme
run "describe an app" 0 '^Kind: +App' describe app tiny
run "describe of none" 4 'not found' describe acme/none
run "why of what is ready" 0 'instance.tenantd/acme/erp is ready since' why acme/erp
run "why of a tenant" 0 'is ready' why tenant acme
absent "why always has a reason" 'no reason is given' "$(ctl why tenant acme)"
run "events" 0 'Normal +Ready +instance/acme/erp' events acme/erp
run "events of all" 0 'Normal +Started' events -A
(sleep 1; ctl restart acme/erp >/dev/null) &
watch_for 6 "$out/events" events acme/erp -w
contain "events -w" 'Normal +(Ready|Started|Restarted|Stopped)' "$(tail -n +2 "$out/events")"
eventually "Ready after it" 20 ready acme/erp
run "logs" 0 'listening on 8080' logs acme/erp
equal "logs --tail" 1 "$(ctl logs acme/erp --tail=1 | wc -l)"
run "logs --timestamps" 0 '^20[0-9][0-9]-[0-9-]+T' logs acme/erp -t --tail=1
run "logs of none" 4 'not found' logs acme/none
(sleep 1; docker exec "$container" sh -c 'echo said later >/proc/1/fd/1') &
watch_for 3 "$out/logs" logs acme/erp -f --tail=1
equal "logs -f ends by Ctrl-C" 124 $?
contain "logs -f goes on" 'said later' "$(cat "$out/logs")"
password=$(ctl secret acme/erp adminPassword)
check "secret: one alone" test ${#password} -ge 16
run "secret: all" 0 "^adminPassword +$password" secret acme/erp
run "secret: no such field" 2 'there are: adminPassword' secret acme/erp nothing
equal "it is the application's" "secret = $password" "$(docker exec "$container" grep '^secret' /run/app/tiny.conf)"
run "version" 0 '^tenantd +[0-9.]+ at https://127' version
run "version --client" 0 '^tenantctl +[0-9]' version --client

# ---- diff ----
run "diff of the same" 0 '^$' diff -f "$out/all/acme.yaml"
spec erp 'env: {TINY_GREETING: other}' >"$out/restart.yaml"
run "diff tells what changes" 1 'TINY_GREETING: "other"' diff -f "$out/restart.yaml"
contain "and that it restarts" 'stop .*RESTARTS' "$(ctl diff -f "$out/restart.yaml")"
run "diff of what is new" 1 'will be created' diff -f - <<<"$(spec new)"
started=$(inspect "$container" '{{.State.StartedAt}}')
run "diff of a record that is done" 0 '^$' diff acme/erp
equal "diff does nothing" "$started" "$(inspect "$container" '{{.State.StartedAt}}')"

# ---- pause, resume ----
run "pause" 0 'erp paused' pause acme/erp "a test"
is_paused() { has_reason acme/erp Paused; }
eventually "it says so" 10 is_paused
docker rm -f "$container" >/dev/null
is_unready() { ! ready acme/erp; }
eventually "its loss is seen" 10 is_unready
run "why of what is paused" 1 'paused: a test' why acme/erp
sleep 6 # a resync and more
check "nothing is repaired meanwhile" gone "$container"
run "diff tells what is left to do" 1 'create-container' diff acme/erp
run "resume" 0 'erp resumed' resume acme/erp
eventually "it comes back" 20 ready acme/erp
equal "it runs" running "$(inspect "$container" '{{.State.Status}}')"

# ---- restart, stop, start ----
started=$(inspect "$container" '{{.State.StartedAt}}')
run "restart --wait" 0 'erp ' restart acme/erp
restarted() { [ "$(inspect "$container" '{{.State.StartedAt}}')" != "$started" ] && ready acme/erp; }
eventually "it is restarted" 20 restarted
run "stop --wait" 0 'erp stopped|erp ' stop acme/erp
stopped() { [ "$(inspect "$container" '{{.State.Status}}')" = exited ] && [ "$(instance acme/erp .status.phase)" = Stopped ]; }
eventually "it stops" 20 stopped
run "why of what is stopped" 0 'tenantctl start acme/erp' why acme/erp
run "start --wait" 0 'erp ' start acme/erp --wait --timeout=30s
equal "it runs again" running "$(inspect "$container" '{{.State.Status}}')"
run "stop of none" 4 'not found' stop acme/none

# ---- what fails ----
run "apply --wait of what fails: timed out" 124 'InitFailed' apply --wait --timeout=8s -f - <<<"$(spec bad 'env: {TINY_FAIL_INIT: "1"}')"
told() { [ "$(ctl why acme/bad | grep -cE 'InitFailed|You can')" -eq 2 ]; }
eventually "why of what fails: reason and remedy" 15 told # in between it is tried again
run "its exit code" 1 'not ready since' why acme/bad
contain "why shows the output" 'init fails because' "$(ctl why acme/bad)"
run "describe shows it, too" 0 'init fails because' describe acme/bad
run "no server" 3 'cannot reach' --server=https://127.0.0.1:1 get
run "a wrong token" 5 'Unauthorized' --token=nobody get
run "a server that is another" 3 'certificate|SSL' --ca=/etc/ssl/certs/ca-certificates.crt get
run "no kubeconfig" 2 'nofile' --kubeconfig="$out/nofile" get

# ---- completion ----
complete_for() { # complete_for WORD...: what bash would offer for the last word
    PATH=$build:$PATH bash -c 'source <(tenantctl completion bash); COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); compopt() { :; }; _tenantctl; printf "%s\n" "${COMPREPLY[@]}"' bash "$@" | xargs
}
equal "completes commands" "start stop" "$(complete_for tenantctl st | tr ' ' '\n' | sort | xargs)"
equal "completes options" "--dry-run" "$(complete_for tenantctl apply --dr)"
equal "completes names" "acme/erp" "$(complete_for tenantctl stop acme/e)"
equal "completes tenants" "other" "$(complete_for tenantctl get tenant ot)"
equal "completes choices" "yaml" "$(complete_for tenantctl get -o y)"
equal "completes -n" "acme" "$(complete_for tenantctl get -n a)"

# ---- delete ----
run "delete --dry-run" 0 'deleted \(server dry run\)' delete acme/bad --dry-run
run "keeps it" 0 'bad' get acme/bad
check "a pause holds its deletion" ctl pause acme/bad "first a look"
run "delete of what is paused" 0 '"?(acme/)?bad"? deleted' delete acme/bad --wait=false
run "diff marks what destroys" 1 'drop-database .*DESTROYS' diff acme/bad
check "its database is there still" test 1 = "$(sql postgres "select count(*) from pg_database where datname = 'acme_bad'")"
check "resumed" ctl resume acme/bad
check "delete" ctl delete acme/bad --timeout=30s --ignore-not-found
run "it is gone" 4 'not found' get acme/bad
run "delete of none" 4 'not found' delete acme/bad
run "delete --ignore-not-found" 0 '' delete acme/bad --ignore-not-found
run "delete --wait=false" 0 'deleted' delete tenant third --wait=false
run "delete a tenant's file: instances first" 0 'acme"? deleted' delete -f "$out/all/acme.yaml" --timeout=60s
check "the container is gone" gone "$container"
equal "the database is gone" 0 "$(sql postgres "select count(*) from pg_database where datname = 'acme_erp'")"
run "the tenant is gone" 4 'not found' get tenant acme
