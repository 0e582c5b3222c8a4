#!/usr/bin/env bash
# kill -9 of tenantd before and after each step of a sync, and before each thing that it records. Whatever was going on, the sync is gone on
# with by itself, nothing is lost and nothing is there that the repository does not state.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/lib_source.sh
source tests/e2e/lib_source.sh
# shellcheck source=tests/e2e/lib_supervised.sh
source tests/e2e/lib_supervised.sh
set_up
daemon=

document() { cat >"$out/document.yaml"; again ctl apply -f "$out/document.yaml" >/dev/null; }
tenants() { again ctl get tenants -o json | jq -r '[.items[] | "\(.metadata.name)=\(.spec.displayName)"] | sort | join(" ")'; }
owned() { again ctl get tenants -o json | jq -r "[.items[] | select(.metadata.annotations[\"tenantd/source\"] == \"fleet/$1\") | .metadata.name] | sort | join(\" \")"; }

git init -q -b main "$repo"
for name in ada bob cleo; do tenant $name >"$repo/$name.yaml"; done
first=$(commit)

# ---- made ----
check "a tenant made by hand" document <<<"$(tenant hand Mine)"
check "a Source" document <<<"$(source_of fleet "git: {url: 'file://$repo'}" 'interval: 1h' 'prune: true' 'pruneLimit: 50')"
eventually "syncs" 180 synced fleet "$first"
uid=$(src fleet .metadata.uid)
equal "all is there" "ada=Of Git bob=Of Git cleo=Of Git hand=Mine" "$(again tenants)"
equal "and the Source's" "ada bob cleo" "$(again owned "$uid")"

# ---- changed, adopted, pruned, made: one commit ----
tenant ada Changed >"$repo/ada.yaml"
tenant dora >"$repo/dora.yaml"
tenant hand Handed >"$repo/hand.yaml"
git -C "$repo" rm -q cleo.yaml
second=$(commit)
check "handing over" again kctl annotate --overwrite tenant hand tenantd/adopt=fleet
check "a sync is asked for" again sync_now fleet
eventually "and comes to its end" 180 synced fleet "$second"
eventually "the pruned one goes" 120 is_missing tenant cleo
equal "all is as stated" "ada=Changed bob=Of Git dora=Of Git hand=Handed" "$(again tenants)"
equal "and the Source's" "ada bob dora hand" "$(again owned "$uid")"
check "it is put back when changed by hand" again kctl patch tenant bob --type merge -p '{"spec":{"displayName":"By hand"}}'
eventually "as ever" 60 shows "Of Git" field tenant bob .spec.displayName

# ---- the end of the Source ----
check "the Source is deleted" again ctl delete source fleet --wait=false
eventually "goes" 120 is_missing source fleet
equal "its records stay" "ada=Changed bob=Of Git dora=Of Git hand=Handed" "$(again tenants)"
equal "and are nobody's" "" "$(again owned "$uid")"
equal "its files are gone" "" "$(ls "$data/sources")"

echo "# $(grep -c '' "$points") crashes"
"$build/tests/e2e/crashing_tenantd" print-points | grep '^Source/' | sort >"$out/all"
sort -u "$points" >"$out/met"
equal "every step of the code's tables was met" "" "$(comm -23 "$out/all" "$out/met")"
