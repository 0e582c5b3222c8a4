#!/usr/bin/env bash
# Records from Git, in a real repository: what is put back, what is refused, what is pruned, and what no repository can do.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/lib_source.sh
source tests/e2e/lib_source.sh
set_up

git init -q -b main "$repo"
tenant acme >"$repo/acme.yaml"
first=$(commit)

# ---- a repository's records ----
check "a Source" apply <<<"$(source_of fleet "git: {url: 'file://$repo'}" 'interval: 1h' 'prune: true')"
eventually "syncs" 60 synced fleet "$first"
equal "the tenant is there" "Of Git" "$(field tenant acme .spec.displayName)"
equal "and carries the Source's uid" "fleet/$(src fleet .metadata.uid)" "$(field tenant acme '.metadata.annotations["tenantd/source"]')"

# ---- by hand ----
contain "kubectl is warned" "Source fleet" "$(kctl patch tenant acme --type merge -p '{"spec":{"displayName":"By hand"}}' 2>&1)"
eventually "what is stated is put back at once" 30 shows "Of Git" field tenant acme .spec.displayName
put_back() { kctl get events -A -o json | jq -r '.items[] | select(.reason=="PutBack") | .message' | grep -q 'spec.displayName: changed by admin'; }
eventually "an event says who changed it" 20 put_back
check "what is not stated is left alone" kctl patch tenant acme --type merge -p '{"spec":{"plan":"gold"}}'
sync_now fleet
sleep 2
equal "still" gold "$(field tenant acme .spec.plan)"
refuse "tenantctl delete refuses beforehand" "Source fleet" ctl delete tenant acme
sed 's/Of Git/By hand/' "$repo/acme.yaml" >"$home/acme.yaml"
refuse "and apply" "spec.displayName is stated by Source fleet" ctl apply -f "$home/acme.yaml"
check "opting out" kctl annotate tenant acme tenantd/sync=ignore
check "then it may be changed" ctl apply -f "$home/acme.yaml"
sync_now fleet
sleep 2
equal "and stays so" "By hand" "$(field tenant acme .spec.displayName)"
check "opting in" kctl annotate tenant acme tenantd/sync-
eventually "puts it back" 30 shows "Of Git" field tenant acme .spec.displayName

# ---- one bad file applies nothing ----
tenant acme Changed >"$repo/acme.yaml"
printf 'apiVersion: tenantd/v1\nkind: Tenant\nmetadata: {name: beta}\nspec:\n  plan: ok\n  bogus: 1\n' >"$repo/beta.yaml"
commit >/dev/null
sync_now fleet
eventually "file, line and field are named" 30 says fleet 'beta.yaml:6: Tenant beta: spec.bogus'
equal "nothing was applied" "Of Git" "$(field tenant acme .spec.displayName)"
equal "the revision is the old one" "$first" "$(src fleet .status.revision)"
contain "diff says it, too" 'beta.yaml:6' "$(ctl source diff fleet 2>&1)"
tenant beta >"$repo/beta.yaml"
mkdir -p "$repo/k" && echo 'resources: []' >"$repo/k/kustomization.yaml"
commit >/dev/null
sync_now fleet
eventually "kustomization is refused with a hint" 30 says fleet 'kustomize build'
rm -r "$repo/k"
ln -s /etc/passwd "$repo/passwd.yaml"
commit >/dev/null
sync_now fleet
eventually "a symbolic link is refused" 30 says fleet 'passwd.yaml is a symbolic link'
rm "$repo/passwd.yaml"
git -C "$repo" update-index --add --cacheinfo "160000,$first,elsewhere"
git -C "$repo" commit -q -m submodule
sync_now fleet
eventually "and a submodule" 30 says fleet 'elsewhere is a submodule'
git -C "$repo" rm -q --cached elsewhere
printf '*.yaml filter=evil diff=evil\n' >"$repo/.gitattributes"
git -C "$repo" config filter.evil.smudge "touch $home/pwned"
git -C "$repo" config core.fsmonitor "touch $home/pwned"
git -C "$repo" config uploadpack.packObjectsHook "touch $home/pwned"
good=$(git -C "$repo" -c core.fsmonitor=false add -A && git -C "$repo" -c core.fsmonitor=false commit -q -m poisoned && git -C "$repo" rev-parse HEAD)
git -C "$repo" config --unset core.fsmonitor
rm -f "$home/pwned"
sync_now fleet
eventually "a poisoned repository is followed" 30 synced fleet "$good"
check "and did nothing" test ! -e "$home/pwned"
equal "all of it is applied" "Changed Of Git" "$(field tenant acme .spec.displayName) $(field tenant beta .spec.displayName)"
equal "no difference is left" "" "$(ctl source diff fleet)"

# ---- ownership ----
check "a record made by hand" apply <<<"$(tenant hand Mine)"
tenant hand Git >"$repo/hand.yaml"
commit >/dev/null
sync_now fleet
eventually "is not taken over" 30 says fleet 'Tenant/hand: was made by hand, not Source fleet'
equal "nor changed" Mine "$(field tenant hand .spec.displayName)"
mkdir -p "$home/other" && tenant acme Other >"$home/other/acme.yaml"
check "another Source" apply <<<"$(source_of other "directory: $home/other" 'interval: 10s')"
eventually "does not fight" 30 says other "Tenant/acme: is Source fleet's, not Source other's"
equal "the first one has it" Changed "$(field tenant acme .spec.displayName)"
check "handing over" kctl annotate tenant hand tenantd/adopt=fleet
eventually "takes it over" 30 shows Git field tenant hand .spec.displayName

# ---- pruning ----
git -C "$repo" rm -q --cached hand.yaml beta.yaml && rm "$repo/hand.yaml" "$repo/beta.yaml"
pruned=$(commit)
sync_now fleet
eventually "two of three are too many" 30 says fleet 'would be pruned, and pruneLimit allows 1'
check "both are there" ctl get tenant hand
check "confirmed" kctl annotate source fleet "tenantd/confirm-prune=$pruned"
gone_tenant() { ! ctl get tenant "$1" >/dev/null 2>&1; }
eventually "they go" 60 gone_tenant hand
eventually "both" 60 gone_tenant beta
git -C "$repo" rm -q acme.yaml
echo 'kind: [' >"$repo/bad.yaml"
commit >/dev/null
sync_now fleet
eventually "a bad file" 30 says fleet 'bad.yaml:'
check "prunes nothing" ctl get tenant acme
contain "failures are counted" 'tenantd_source_syncs_total\{source="fleet",result="InvalidManifests"\} [1-9]' "$(kctl get --raw /metrics)"
rm "$repo/bad.yaml"
check "protection" kctl annotate tenant acme tenantd/protect=yes
tenant dora >"$repo/dora.yaml"
commit >/dev/null
sync_now fleet
eventually "outlasts the manifest" 30 shows "Tenant/acme: is protected by annotation tenantd/protect" src fleet '.status.kept[0]'
git -C "$repo" rm -q dora.yaml
commit >/dev/null
sync_now fleet
eventually "an empty tree prunes nothing" 30 shows TreeIsEmpty condition fleet Synced
check "dora stays" ctl get tenant dora
tenant dora >"$repo/dora.yaml"
commit >/dev/null

# ---- history ----
git -C "$repo" commit -q --amend -m rewritten
forced=$(git -C "$repo" rev-parse HEAD)
sync_now fleet
eventually "a rewritten history is followed" 30 synced fleet "$forced"
git -C "$repo" branch -m main elsewhere
sync_now fleet
eventually "a deleted branch is said" 30 says fleet 'has no refs/heads/main'
check "and prunes nothing" ctl get tenant dora
git -C "$repo" branch -m elsewhere main

# ---- a tag, a commit ----
git -C "$repo" tag -a -m release v1 HEAD
tagged=$(git -C "$repo" rev-parse HEAD)
check "a Source of a tag, that looks on" apply <<<"$(source_of pinned "git: {url: 'file://$repo', tag: v1}" 'mode: DetectOnly')"
eventually "has looked at its commit" 30 shows "$tagged" src pinned .status.attemptedRevision
contain "and sees whose the records are" 'Tenant/dora: is Source fleet' "$(src pinned '.status.conflicts[]')"
check "of a commit" kctl patch source pinned --type merge -p "{\"spec\":{\"git\":{\"tag\":null,\"commit\":\"$good\"}}}"
eventually "it looks at that" 30 shows "$good" src pinned .status.attemptedRevision
check "it goes" ctl delete source pinned

# ---- hooks ----
printf 'hook-secret-of-the-test' | ctl secret set source/fleet webhook >/dev/null
tenant dora Hooked >"$repo/dora.yaml"
hooked=$(commit)
body="{\"ref\":\"refs/heads/main\",\"after\":\"$hooked\"}"
signature=sha256=$(printf %s "$body" | openssl dgst -sha256 -hmac hook-secret-of-the-test -r | cut -d' ' -f1)
hook() { curl -sk -o /dev/null -w '%{http_code}' -H "X-Hub-Signature-256: $1" --data-binary "$2" "https://127.0.0.1:$port/hooks/sources/${3:-fleet}"; }
equal "an unsigned hook is refused" 401 "$(curl -sk -o /dev/null -w '%{http_code}' --data-binary "$body" "https://127.0.0.1:$port/hooks/sources/fleet")"
equal "a wrong signature" 401 "$(hook "sha256=$(tr '0-9a-f' '1-9a-f0' <<<"${signature#*=}")" "$body")"
equal "another body" 401 "$(hook "$signature" "$body ")"
equal "no such Source tells no more" 401 "$(hook "$signature" "$body" nobody)"
began_ms=$(date +%s%3N)
contain "a signed one is taken" '^20[02]$' "$(hook "$signature" "$body")" # 200: the interval's own sync was quicker
eventually "and followed" 30 synced fleet "$hooked"
echo "# from the hook to applied: $(($(date +%s%3N) - began_ms)) ms"
equal "a replay does nothing" 200 "$(hook "$signature" "$body")"
# An old one that was recorded is as good as a flood: it asks for what is newest, and many ask for it once.
old="{\"ref\":\"refs/heads/main\",\"after\":\"$first\"}"
old_signature=sha256=$(printf %s "$old" | openssl dgst -sha256 -hmac hook-secret-of-the-test -r | cut -d' ' -f1)
syncs() { kctl get --raw /metrics | sed -n 's/^tenantd_source_syncs_total{source="fleet",result="ok"} //p'; }
seen=$(syncs) began=$SECONDS
floods=()
for _ in $(seq 8); do
    curl -skZ --parallel-max 8 -H "X-Hub-Signature-256: $old_signature" --data-binary "$old" "https://127.0.0.1:$port/hooks/sources/fleet?[1-25]" >/dev/null 2>&1 &
    floods+=($!)
done
wait "${floods[@]}"
sleep 2
most=$((seen + 2 * (SECONDS - began + 1) + 1))
check "of 200 at once, a second has two syncs ($seen before, $(syncs) after, at most $most)" test "$(syncs)" -le "$most" -a "$(syncs)" -gt "$seen"
equal "and nothing goes back" Hooked "$(field tenant dora .spec.displayName)"
head -c 1100000 /dev/zero >"$home/big"
equal "too large a body" 413 "$(curl -sk -o /dev/null -w '%{http_code}' -H "X-Hub-Signature-256: $signature" --data-binary "@$home/big" "https://127.0.0.1:$port/hooks/sources/fleet")"
absent "the secret is shown nowhere" hook-secret "$(ctl get source fleet -o yaml; cat "$log")"

# ---- looking on, resting ----
check "DetectOnly" kctl patch source fleet --type merge -p '{"spec":{"mode":"DetectOnly"}}'
check "a change by hand" kctl patch tenant dora --type merge -p '{"spec":{"displayName":"Drifted"}}'
eventually "is told" 30 shows Drifted condition fleet Ready
equal "and left" Drifted "$(field tenant dora .spec.displayName)"
check "Apply again" kctl patch source fleet --type merge -p '{"spec":{"mode":"Apply"}}'
eventually "puts it back" 30 shows Hooked field tenant dora .spec.displayName
check "suspended for a while" ctl source suspend fleet --for=8s
eventually "it rests" 20 shows Suspended src fleet .status.phase
check "changed meanwhile" kctl patch tenant dora --type merge -p '{"spec":{"displayName":"Drifted"}}'
eventually "and goes on by itself" 60 shows Hooked field tenant dora .spec.displayName

# ---- export ----
check "export" ctl export -A -o "$home/exported"
equal "what one would commit" 'apiVersion: tenantd/v1 kind: Tenant metadata: name: dora spec: displayName: Hooked' "$(tr -s '\n ' '  ' <"$home/exported/tenants/dora.yaml" | sed 's/ $//')"

# ---- limits, credentials ----
git init -q -b main "$home/large"
head -c 3000000 /dev/urandom >"$home/large/blob.bin"
tenant large >"$home/large/large.yaml"
commit "$home/large" >/dev/null
check "a Source of a large file" apply <<<"$(source_of large "git: {url: 'file://$home/large', maxBytes: 1Mi}")"
eventually "is refused" 60 says large 'larger than spec.git.maxBytes'
size=$(du -sk "$data/sources/$(src large .metadata.uid)" | cut -f1)
check "without filling the disk ($size KiB)" test "$size" -lt 2000
refuse "no password in a URL" 'holds a user or password' apply <<<"$(source_of bad "git: {url: 'https://u:p@example.com/x.git'}")"
refuse "no ssh without the host's key" 'knownHosts' apply <<<"$(source_of bad "git: {url: 'ssh://git@example.com/x.git'}")"
refuse "no way out of the tree" 'is not a path inside' apply <<<"$(source_of bad "git: {url: 'file:///x'}" 'path: ../x')"
contain "metrics" 'tenantd_source_last_sync_timestamp_seconds\{source="fleet"\}' "$(kctl get --raw /metrics)"

# ---- narrowed to one tenant, by the clock ----
narrow=$home/narrow
resting() { printf 'apiVersion: tenantd/v1\nkind: Instance\nmetadata: {name: %s%s}\nspec: {app: tiny, version: "1", state: Stopped, resources: {cpu: "0.5", memory: 64Mi, storage: 1Gi}}\n' "$1" "${2:+, namespace: $2}"; }
git init -q -b main "$narrow"
resting web >"$narrow/web.yaml"
narrowed=$(commit "$narrow")
check "an app, and a second tenant" apply <<<"$(cat tests/e2e/apps/tiny.yaml; echo ---; tenant gamma)"
check "a Source of one tenant" apply <<<"$(source_of narrow "git: {url: 'file://$narrow'}" 'tenant: gamma' 'interval: 10s')"
eventually "syncs" 60 synced narrow "$narrowed"
equal "what names no tenant is that one's" tiny "$(instance gamma/web .spec.app)"
resting other dora >"$narrow/other.yaml"
commit "$narrow" >/dev/null
eventually "another tenant's record is refused, by the clock alone" 60 says narrow "other.yaml.*spec.tenant says"
refuse "and not made" 'not found' ctl get instance other -n dora
tenant delta >"$narrow/other.yaml"
commit "$narrow" >/dev/null
eventually "and what is of no tenant" 60 says narrow "other.yaml.*is of no tenant"
refuse "nor that" 'not found' ctl get tenant delta
sed 's/version: "1"/version: "2"/' "$narrow/web.yaml" >"$narrow/other.yaml"
mv "$narrow/other.yaml" "$narrow/web.yaml"
commit "$narrow" >/dev/null
eventually "what it may touch goes on" 60 shows 2 instance gamma/web .spec.version
# Of Sources with one interval not all come at one moment: each rests for a time of its own, a tenth more or less.
for each in 1 2 3 4 5 6; do source_of "many$each" "git: {url: 'file://$narrow'}" 'tenant: gamma' 'interval: 1h' 'mode: DetectOnly' && echo ---; done >"$home/many.yaml"
check "six Sources" ctl apply -f "$home/many.yaml"
rests() { sql tenantd "select (document->>'nextFetchMs')::bigint - (document->>'fetchedMs')::bigint from store.state join store.record using (uid) where kind = 'Source' and name like 'many%' and document->>'nextFetchMs' is not null"; }
all_rest() { [ "$(rests | wc -l)" = 6 ]; }
eventually "are fetched" 60 all_rest
equal "and again in an hour, a tenth more or less" "" "$(rests | awk '$1 < 3240000 || $1 > 4020000')" # and what the fetch took
check "not at one moment ($(rests | tr '\n' ' '))" test "$(rests | awk '{ print int($1 / 1000) }' | sort -u | wc -l)" -gt 3
check "the Sources go" ctl delete -f "$home/many.yaml"

# ---- a Source that goes ----
check "the Source is deleted" ctl delete source fleet
equal "its records stay, and are nobody's" null "$(field tenant dora '.metadata.annotations["tenantd/source"]')"
