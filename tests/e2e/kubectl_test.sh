#!/usr/bin/env bash
# The stock kubectl against the records API: the acceptance list of the kubectl contract, with Debian's 1.20.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
set_up

# A kubeconfig of our own, with the namespace that the list speaks of.
own_kubeconfig=$home/kubeconfig
cp "$KUBECONFIG" "$own_kubeconfig"
export KUBECONFIG=$own_kubeconfig
kctl config set-context --current --namespace=acme >/dev/null
kctl_for() { # kctl_for SECONDS ARGUMENTS...: ended after that time, which is no failure
    local seconds=$1
    shift
    HOME=$home timeout --foreground "$seconds" "$kubectl_program" --cache-dir="$home/kube-cache" "$@" || [ $? -eq 124 ]
}

tenant() { # tenant NAME [LABELS]
    printf 'apiVersion: tenantd/v1\nkind: Tenant\nmetadata: {name: %s%s}\nspec: {displayName: Test, owner: a@b.example}\n' "$1" "${2:+, labels: {$2\}}"
}
web() { # web LABELS [SPEC LINE...]
    printf 'apiVersion: tenantd/v1\nkind: Instance\nmetadata: {name: web, namespace: acme%s}\nspec:\n' "${1:+, labels: {$1\}}"
    printf '  app: tiny\n  version: "1"\n  deletionPolicy: Delete\n  resources: {cpu: "0.5", memory: 64Mi, storage: 1Gi}\n'
    shift
    [ $# -eq 0 ] || printf '  %s\n' "$@"
}
tenant acme >"$out/tenant.yaml"
web "" >"$out/inst.yaml"
web "label: one" >"$out/labelled.yaml"

version_of() { kctl get "$@" -o 'jsonpath={.metadata.resourceVersion}'; }
generation_of() { kctl get "$@" -o 'jsonpath={.metadata.generation}'; }
names() { kctl get "$@" -o 'jsonpath={.items[*].metadata.name}'; }

# ---- what there is ----
contain "api-versions" '^tenantd/v1$' "$(kctl api-versions)"
resources=$(kctl api-resources --api-group=tenantd)
contain "api-resources: instances" '^instances .* true +Instance$' "$resources"
contain "api-resources: tenants" '^tenants .* false +Tenant$' "$resources"
contain "api-resources: apps" '^apps .* false +App$' "$resources"
contain "api-resources' verbs" '^instances .*create[ ,]delete[ ,]get[ ,]list[ ,]patch[ ,]update[ ,]watch' "$(kctl api-resources --api-group=tenantd -o wide)"
contain "version" 'Server Version: .*tenantd' "$(kctl version 2>&1)"
equal "a raw path" ok "$(kctl get --raw /healthz)"
refuse "a raw path that is not there" '^Error from server \(NotFound\): the server could not find the requested resource' kctl get --raw /apis/tenantd/v1/nosuchthings
refuse "an unknown kind" "doesn't have a resource type" kctl get nosuchthings
refuse "a wrong token" 'You must be logged in to the server' kctl --token=nobody get tenants
refuse "impersonation" '[Ff]orbidden' kctl --as nobody-zz get tenants
contain "auth can-i" '^yes$' "$(kctl auth can-i create instances)"
contain "auth can-i --list" '^Resources' "$(kctl auth can-i --list)"

# ---- create, get ----
check "an app is created" kctl create -f tests/e2e/apps/tiny.yaml
contain "a tenant is created" '^tenant.tenantd/acme created$' "$(kctl create -f "$out/tenant.yaml")"
refuse "once only" '\(AlreadyExists\).* tenants.tenantd "acme" already exists' kctl create -f "$out/tenant.yaml"
contain "the tenant becomes Ready" '^tenant.tenantd/acme condition met$' "$(kctl wait --for=condition=Ready tenant/acme --timeout=20s)"
contain "get tenant" '^acme +Active .*[0-9]+s$' "$(kctl get tenant acme)"
equal "get -o name" tenant.tenantd/acme "$(kctl get tenants -o name)"
contain "get ns" '^acme +Active +[0-9]+s$' "$(kctl get ns acme)"
equal "get ns -o name" namespace/acme "$(kctl get ns -o name)"
refuse "an instance that is not there" '^Error from server \(NotFound\): instances.tenantd "web" not found$' kctl get instance web
refuse "a namespace that is not there" 'namespaces "no-such-ns" not found' kctl get instance zz -n no-such-ns
equal "no instances" "No resources found in acme namespace." "$(kctl get instances 2>&1)"
refuse "create where no tenant is" 'namespaces "nowhere" not found' kctl create -f - <<<"$(web "" | sed 's/namespace: acme/namespace: nowhere/')"
refuse "an unknown kind in a file" 'no matches for kind "Instanz"' kctl apply -f - <<<"$(web "" | sed 's/kind: Instance/kind: Instanz/')"

# ---- diff, dry run, apply ----
differ() { # differ WHAT PATTERN ARGUMENTS...: kubectl diff ends with 1 and prints the pattern
    local what=$1 pattern=$2 said status
    shift 2
    said=$(kctl diff "$@" 2>&1)
    status=$?
    equal "$what: exit code" 1 "$status"
    contain "$what" "$pattern" "$said"
}
differ "diff of what is new" '^\+kind: Instance' -f "$out/inst.yaml"
contain "apply --dry-run=server" 'web created \(server dry run\)$' "$(kctl apply --dry-run=server -f "$out/inst.yaml")"
refuse "leaves nothing" NotFound kctl get instance web
refuse "an unknown field" 'spec\.sise|"sise"' kctl create -f - <<<"$(web "" 'sise: large')"
contain "apply" '^instance.tenantd/web created$' "$(kctl apply -f "$out/inst.yaml")"
contain "apply again" '^instance.tenantd/web unchanged$' "$(kctl apply -f "$out/inst.yaml")"
contain "wait for Ready" '^instance.tenantd/web condition met$' "$(kctl wait --for=condition=Ready instance/web --timeout=40s)"
equal "it runs" running "$(inspect "$prefix-acme.web" '{{.State.Status}}')"
refuse "wait for what never comes" 'timed out waiting for the condition' kctl wait --for=condition=Nope instance/web --timeout=2s
check "diff of the same" test -z "$(kctl diff -f "$out/inst.yaml" 2>&1)"
before=$(version_of instance web)
differ "diff of a label" '^\+ +label: one' -f "$out/labelled.yaml"
equal "diff stores nothing" "$before" "$(version_of instance web)"
contain "a label more" configured "$(kctl apply -f "$out/labelled.yaml")"
equal "is there" one "$(kctl get instance web -o 'jsonpath={.metadata.labels.label}')"
contain "a label less" configured "$(kctl apply -f "$out/inst.yaml")"
equal "is gone" "" "$(kctl get instance web -o 'jsonpath={.metadata.labels.label}')"
contain "apply view-last-applied" 'app: tiny' "$(kctl apply view-last-applied instance/web)"
contain "server-side apply" 'serverside-applied' "$(kctl apply --server-side --force-conflicts -f "$out/inst.yaml" 2>&1)"

# ---- get in all its outputs ----
header='^NAME +APP +VERSION +STATUS +READY +URL +AGE$'
contain "get: header" "$header" "$(kctl get instances)"
contain "get: row" '^web +tiny +1 +Running +True +http://[^ ]+ +[0-9]+[smh]' "$(kctl get instances)"
contain "by the short name" '^web ' "$(kctl get inst)"
contain "-A" '^NAMESPACE +NAME ' "$(kctl get instances -A)"
contain "-A: row" '^acme +web ' "$(kctl get instances -A)"
contain "-o wide" '^NAME .*DATABASE.*IMAGE.*AGE' "$(kctl get instances -o wide)"
contain "-o wide: row" '^web .*acme_web.*tenantd/tiny:1' "$(kctl get instances -o wide)"
kctl label instance web tier=prod >/dev/null
contain "--show-labels" '^NAME .* AGE +LABELS$' "$(kctl get instances --show-labels)"
contain "--show-labels: row" '^web .*tier=prod' "$(kctl get instances --show-labels)"
contain "-L" '^web .* prod$' "$(kctl get instances -L tier)"
contain "--sort-by" '^web ' "$(kctl get instances --sort-by=.metadata.name)"
contain "-o yaml" '^kind: Instance' "$(kctl get instance web -o yaml)"
contain "-o json" '"kind": "List"' "$(kctl get instances -o json)"
equal "-o name" instance.tenantd/web "$(kctl get instances -o name)"
equal "-o jsonpath" tiny "$(kctl get instance web -o 'jsonpath={.spec.app}')"
contain "-o custom-columns" '^web +Running$' "$(kctl get instances -o custom-columns=N:.metadata.name,P:.status.phase)"
contain "--server-print=false" '^web +[0-9]+' "$(kctl get instances --server-print=false)"
both=$(kctl get tenants,instances)
contain "two kinds: tenant" '^tenant.tenantd/acme ' "$both"
contain "two kinds: instance" '^instance.tenantd/web ' "$both"
all=$(kctl get all)
contain "get all: tenant" '^tenant.tenantd/acme ' "$all"
contain "get all: instance" '^instance.tenantd/web ' "$all"
contain "get all: app" '^app.tenantd/tiny ' "$all"

# ---- selectors ----
check "labels for selecting" kctl label instance web a=b
equal "-l a=b" web "$(names instances -l a=b)"
equal "-l a==b" web "$(names instances -l a==b)"
equal "-l a!=b" "" "$(names instances -l 'a!=b')"
equal "-l no!=b, which is absent" web "$(names instances -l 'no!=b')"
equal "-l with sets" web "$(names instances -l 'a in (b,c),a,!z,a notin (x)')"
equal "-l !a" "" "$(names instances -l '!a')"
refuse "a selector that is none" BadRequest kctl get --raw '/apis/tenantd/v1/instances?labelSelector=a%20in%20(b'
equal "a field" web "$(names instances --field-selector metadata.name=web)"
equal "not a field" "" "$(names instances --field-selector 'metadata.name!=web')"
equal "the namespace" web "$(names instances -A --field-selector metadata.namespace=acme)"
equal "the phase" web "$(names instances --field-selector status.phase=Running)"
refuse "an unknown field selector" 'BadRequest.*field label not supported: no.such' kctl get instances --field-selector no.such=1

# ---- label, annotate ----
contain "label" labeled "$(kctl label instance web c=d)"
refuse "label over another" 'overwrite is false' kctl label instance web c=e
contain "label --overwrite" labeled "$(kctl label --overwrite instance web c=e)"
contain "label gone" labeled "$(kctl label instance web c-)"
equal "really" "" "$(kctl get instance web -o 'jsonpath={.metadata.labels.c}')"
contain "annotate" annotated? "$(kctl annotate instance web note=hello)"
refuse "label of an older version" '^Error from server \(Conflict\)' kctl label instance web c=1 --resource-version=1
refuse "a label that is none" 'invalid' kctl patch instance web --type merge -p '{"metadata":{"labels":{"a":"b c!"}}}'

# ---- describe, events ----
described=$(kctl describe instance web)
contain "describe" '^Kind: +Instance$' "$described"
contain "describe: events" '^ *Normal +Ready ' "$described"
contain "describe by prefix" '^Kind: +Instance$' "$(kctl describe instance we)"
contain "describe tenant" '^Kind: +Tenant$' "$(kctl describe tenant acme)"
contain "describe ns" '^Name: +acme$' "$(kctl describe ns acme)"
contain "get events" 'Normal +Ready +instance/web' "$(kctl get events)"
contain "events of one" 'instance/web' "$(kctl get events --field-selector involvedObject.name=web)"
contain "events of none" 'No resources found' "$(kctl get events --field-selector involvedObject.name=nobody 2>&1)"

# ---- patch ----
contain "patch merge" 'web patched$' "$(kctl patch instance web --type merge -p '{"spec":{"description":"one"}}')"
observed() { [ "$(kctl get instance web -o 'jsonpath={.status.observedGeneration}')" = "$(generation_of instance web)" ]; }
eventually "it is observed" 15 observed # a status written in between would be a change
contain "the same again" 'patched \(no change\)' "$(kctl patch instance web --type merge -p '{"spec":{"description":"one"}}')"
contain "patch json" 'web patched$' "$(kctl patch instance web --type json -p '[{"op":"test","path":"/spec/description","value":"one"},{"op":"replace","path":"/spec/description","value":"two"},{"op":"add","path":"/metadata/labels/x~1y","value":"z"}]')"
equal "patched" "two z" "$(kctl get instance web -o 'jsonpath={.spec.description} {.metadata.labels.x/y}')"
before=$(version_of instance web)
refuse "a json test that fails" 'invalid' kctl patch instance web --type json -p '[{"op":"test","path":"/spec/description","value":"no"},{"op":"replace","path":"/spec/description","value":"three"}]'
refuse "a json path that is missing" 'invalid' kctl patch instance web --type json -p '[{"op":"remove","path":"/spec/nothing"}]'
refuse "a strategic patch" 'UnsupportedMediaType|not supported' kctl patch instance web -p '{"spec":{"description":"x"}}'
contain "patch --dry-run=server" 'web patched' "$(kctl patch instance web --type merge -p '{"spec":{"description":"dry"}}' --dry-run=server)"
refuse "an unknown field in a patch" 'spec\.sise|"sise"' kctl patch instance web --type merge -p '{"spec":{"sise":1}}'
refuse "an invalid value in a patch" '^The Instance "web" is invalid: spec\.publish' kctl patch instance web --type merge -p '{"spec":{"publish":"sometimes"}}'
refuse "a field that never changes" '^The Instance "web" is invalid: spec\.app' kctl patch instance web --type merge -p '{"spec":{"app":"other"}}'
equal "none of it left a trace" "$before" "$(version_of instance web)"
generation=$(generation_of instance web)
check "a patch of the spec" kctl patch instance web --type merge -p '{"spec":{"resources":{"memory":"80Mi"}}}'
equal "raises the generation" $((generation + 1)) "$(generation_of instance web)"
eventually "which is observed" 15 observed
check "Ready with it" kctl wait --for=condition=Ready instance/web --timeout=20s
equal "in Docker, too" 83886080 "$(inspect "$prefix-acme.web" '{{.HostConfig.Memory}}')"

# ---- edit ----
editor() { # editor NAME LINE...: a script as EDITOR
    printf '#!/bin/sh\n' >"$out/$1"
    local name=$1
    shift
    printf '%s\n' "$@" >>"$out/$name"
    chmod +x "$out/$name"
}
editor same true
# shellcheck disable=SC2016 # the script's own $1
editor changed 'sed -i "s/description: two/description: edited/" "$1"'
# The first look makes it invalid, the second one (with the complaint in its head) gives up.
# shellcheck disable=SC2016
editor invalid 'if grep -q "spec.publish" "$1"; then cp "$1" "$0.seen"; : >"$1"; else sed -i "s/publish: none/publish: sometimes/" "$1"; fi'
contain "edit, saved as is" 'Edit cancelled, no changes made' "$(EDITOR=$out/same kctl edit instance web 2>&1)"
contain "edit" 'web edited$' "$(EDITOR=$out/changed kctl edit instance web 2>&1)"
equal "edited" edited "$(kctl get instance web -o 'jsonpath={.spec.description}')"
EDITOR=$out/invalid kctl edit instance web >/dev/null 2>&1
contain "an invalid edit is shown again with its complaint" '^# .*spec\.publish: ' "$(cat "$out/invalid.seen" 2>/dev/null)"
equal "and stores nothing" none "$(kctl get instance web -o 'jsonpath={.spec.publish}')"

# ---- replace ----
replacement() { kctl get instance web -o json | jq --arg d "$1" '.spec.description = $d'; }
contain "replace" 'web replaced$' "$(replacement replaced | kctl replace -f -)"
equal "replaced" replaced "$(kctl get instance web -o 'jsonpath={.spec.description}')"
refuse "replace of an older version" Conflict kctl replace -f - <<<"$(replacement late | jq '.metadata.resourceVersion = "1"')"
check "a tenant for replace --force" kctl create -f - <<<"$(tenant forced)"
uid=$(kctl get tenant forced -o 'jsonpath={.metadata.uid}')
contain "replace --force" 'forced replaced$' "$(kctl replace --force --timeout=20s -f - <<<"$(tenant forced)" 2>&1)"
check "is another one" test "$uid" != "$(kctl get tenant forced -o 'jsonpath={.metadata.uid}')"

# ---- watch ----
kctl_for 7 get tenants -w >"$out/watch.all" 2>&1 &
all_watch=$!
kctl_for 7 get tenant acme -w >"$out/watch.one" 2>&1 &
one_watch=$!
eventually "a watch begins" 5 grep -q '^acme ' "$out/watch.one"
sleep 0.7
kctl label tenant acme step=1 >/dev/null
kctl label --overwrite tenant acme step=2 >/dev/null
kctl create -f - <<<"$(tenant late)" >/dev/null
contain "a raw watch from 0" '"type":"ADDED".*"name":"acme"' "$(kctl get --raw '/apis/tenantd/v1/tenants?watch=true&resourceVersion=0&timeoutSeconds=1')"
wait "$all_watch" "$one_watch"
check "a row per change" test "$(grep -c '^acme ' "$out/watch.all")" -ge 3
contain "a row for what is new" '^late ' "$(cat "$out/watch.all")"
check "every change of the one" test "$(grep -c '^acme ' "$out/watch.one")" -ge 3
absent "and no other" '^late ' "$(cat "$out/watch.one")"
contain "a watch of what is too old or unknown ends with an error" '"ERROR"|Expired|too (old|large)' "$(kctl get --raw '/apis/tenantd/v1/tenants?watch=true&resourceVersion=99999999&timeoutSeconds=1' 2>&1)"

# ---- many ----
generated=$(kctl create -f - <<<"$(tenant x | sed 's/name: x/generateName: gen-/')")
contain "generateName" '^tenant.tenantd/gen-[a-z0-9]+ created$' "$generated"
equal "--chunk-size=1" "$(names tenants | tr ' ' '\n' | sort)" "$(kctl get tenants --chunk-size=1 -o name | sed 's/.*\///' | sort)"
{ tenant p1 'set: p'; echo ---; tenant p2 'set: p'; echo ---; tenant p3 'set: p'; } >"$out/three.yaml"
tenant p1 'set: p' >"$out/one.yaml"
check "three tenants" kctl apply -f "$out/three.yaml"
check "one made by hand" kctl create -f - <<<"$(tenant byhand 'set: p')"
list=allowlist # as it is called since kubectl 1.26
kctl apply --help | grep -q prune-allowlist || list=whitelist
pruned=$(kctl apply --prune -l set=p --prune-$list=tenantd/v1/Tenant -f "$out/one.yaml" 2>&1)
contain "prune: p2" '^tenant.tenantd/p2 pruned$' "$pruned"
contain "prune: p3" '^tenant.tenantd/p3 pruned$' "$pruned"
eventually "what was applied and is not in the file is gone, nothing else" 10 shows "byhand p1" names tenants -l set=p
mkdir -p "$out/kustom"
tenant kus >"$out/kustom/tenant.yaml"
web "" | sed 's/namespace: acme/namespace: kus/; s/Running/Stopped/' >"$out/kustom/inst.yaml"
printf 'sortOptions: {order: fifo}\nresources: [tenant.yaml, inst.yaml]\n' >"$out/kustom/kustomization.yaml"
if ! kctl kustomize "$out/kustom" >/dev/null 2>&1; then # 1.20 knows no sortOptions, and puts the instance first
    printf 'resources: [tenant.yaml, inst.yaml]\n' >"$out/kustom/kustomization.yaml"
    kctl apply -k "$out/kustom" >/dev/null 2>&1
    first="unchanged"
fi
kustomized=$(kctl apply -k "$out/kustom" 2>&1)
contain "apply -k: tenant" "^tenant.tenantd/kus ${first:-created}$" "$kustomized"
contain "apply -k: instance" '^instance.tenantd/web created$' "$kustomized"
contain "apply -k again" 'unchanged' "$(kctl apply -k "$out/kustom")"

# ---- delete ----
contain "delete --dry-run=server" 'deleted \(server dry run\)' "$(kctl delete instance web --dry-run=server)"
equal "keeps it" web "$(names instances)"
refuse "delete of nobody" NotFound kctl delete tenant no-such-tenant
check "with --ignore-not-found" kctl delete tenant no-such-tenant --ignore-not-found
check "a tenant with a finalizer" kctl create -f - <<<"$(tenant fin | sed 's/name: fin/name: fin, finalizers: [example.com\/mine]/')"
check "Ready" kctl wait --for=condition=Ready tenant/fin --timeout=20s
contain "delete --wait=false" '"fin" deleted$' "$(kctl delete tenant fin --wait=false)"
refuse "it stays" 'timed out' kctl wait --for=delete tenant/fin --timeout=3s
check "marked" test -n "$(kctl get tenant fin -o 'jsonpath={.metadata.deletionTimestamp}')"
torn_down() { [ "$(kctl get tenant fin -o 'jsonpath={.metadata.finalizers[*]}')" = example.com/mine ]; }
eventually "the daemon's own finalizer goes" 20 torn_down
equal "its network is gone" "" "$(docker network ls -q --filter "name=^$prefix-fin$")"
refuse "no new finalizer then" . kctl patch tenant fin --type json -p '[{"op":"add","path":"/metadata/finalizers/-","value":"example.com/more"}]'
refuse "and no new spec" . kctl patch tenant fin --type merge -p '{"spec":{"displayName":"too late"}}'
check "the last finalizer goes" kctl patch tenant fin --type merge -p '{"metadata":{"finalizers":null}}'
fin_is_gone() { ! kctl get tenant fin >/dev/null 2>&1; }
eventually "and the record with it" 5 fin_is_gone
contain "delete -f waits" '^instance.tenantd "web" deleted$' "$(kctl delete -f "$out/inst.yaml" --timeout=30s)"
refuse "until it is gone" NotFound kctl get instance web
equal "its database, too" 0 "$(sql postgres "select count(*) from pg_database where datname = 'acme_web'")"
contain "delete -l: p1" '^tenant.tenantd "p1" deleted$' "$(kctl delete tenants -l set=p --timeout=20s | tee "$out/deleted")"
contain "delete -l: by hand" '^tenant.tenantd "byhand" deleted$' "$(cat "$out/deleted")"
check "delete with what it has" kctl delete tenant kus --cascade=foreground --timeout=40s
equal "no container stays" "" "$(docker ps -aq --filter "name=^$prefix-kus")"
refuse "no namespace stays" 'namespaces "kus" not found' kctl get ns kus
check "delete --all" kctl delete tenants --all --timeout=20s
equal "no network stays" "" "$(docker network ls -q --filter "name=^$prefix-")"
