#!/usr/bin/env bash
# An edited App reaches its instances one at a time, stops at the first that does not become healthy, and goes on when that one is mended;
# another build of tenantd re-creates nothing.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/fleet.sh
source tests/e2e/fleet.sh
controller="{resync: 10m, backoffFirst: 500ms, backoffMax: 4s}"
set_up

# edit EXPRESSION...: the App as in the file, with changes.
edit() { app tiny 's/startupTimeout: 20s, failureThreshold: 3/startupTimeout: 4s, failureThreshold: 2/' "$@" | apply; }
names=(a b c d)
check "the app" edit
check "the tenant" apply <<<"$(tenant acme)"
check "four instances" apply --wait --timeout=90s <<<"$(for one in "${names[@]}"; do spec "$one"; echo ---; done)"
greeting() { inspect "$prefix-acme.$1" '{{range .Config.Env}}{{println .}}{{end}}' 2>/dev/null | sed -n 's/^TINY_MORE=//p'; }
rolled_out() { field app tiny '.status.conditions[] | select(.type=="RolledOut") | .reason'; }
all_have() { local one; for one in "${names[@]}"; do [ "$(greeting "$one")" = "$1" ] && ready "acme/$one" || return 1; done; }
ids() { local one; for one in "${names[@]}"; do inspect "$prefix-acme.$one" '{{.Id}}'; done; }

# ---- one at a time ----
before=$(ids)
# All that die for this: while one does, the others must run. The watcher is Docker's own record of it.
docker events --filter "label=tenantd.purpose=app" --filter "label=tenantd.namespace=acme" --filter event=die --filter event=start \
    --format '{{.Action}} {{index .Actor.Attributes "name"}}' >"$out/events" 8>&- &
watcher=$!
check "the app is edited" edit 's/^  env:/  env:\n    TINY_MORE: two/'
eventually "all are as it is now" 90 all_have two
eventually "the app says so" 20 shows UpToDate rolled_out
kill $watcher
most=$(grep " $prefix-" "$out/events" | awk '$1 == "die" { down++; if (down > most) most = down } $1 == "start" { down-- } END { print most }')
equal "never more than one was down" 1 "$most"
equal "each was made anew" 0 "$(comm -12 <(sort <<<"$before") <(ids | sort) | wc -l)"
before=$(ids)
check "the same again" edit 's/^  env:/  env:\n    TINY_MORE: two/'
sleep 2
equal "re-creates none" "$before" "$(ids)"

# ---- the first failure stops it ----
check "a bad edit" edit 's/^  env:/  env:\n    TINY_MORE: bad\n    TINY_UNHEALTHY: "1"/'
eventually "it stops at the first that is not healthy" 90 shows RolloutStopped rolled_out
failed=$(for one in "${names[@]}"; do [ "$(greeting "$one")" = bad ] && echo "$one"; done)
equal "one was made anew" 1 "$(wc -w <<<"$failed")"
contain "the app says which one failed" "acme/$failed" "$(field app tiny '.status.conditions[] | select(.type=="RolledOut") | .message')"
contain "an event says it" "RolloutStopped" "$(ctl events)"
waiting=$(for one in "${names[@]}"; do [ "$one" = "$failed" ] || echo "$one"; done | head -1)
eventually "who waits says whom it waits for" 20 shows "RolloutStopped" condition "acme/$waiting" RolloutPending reason
contain "by name" "acme/$failed" "$(condition "acme/$waiting" RolloutPending message)"
equal "and is Ready as it was" "two True" "$(greeting "$waiting") $(condition "acme/$waiting" Ready status)"
check "who edits his own instance does not wait" patch "acme/$waiting" '{"env":{"OWN":"1","TINY_UNHEALTHY":"0"}}'
own() { [ "$(greeting "$waiting")" = bad ] && ready "acme/$waiting"; }
eventually "it is made anew at once" 40 own
others=$(for one in "${names[@]}"; do [ "$(greeting "$one")" = two ] && echo "$one"; done | wc -l)
equal "the others still wait" 2 "$others"

# ---- on again ----
check "the failed one is mended" patch "acme/$failed" '{"env":{"TINY_UNHEALTHY":"0"}}'
third() { [ "$(for one in "${names[@]}"; do [ "$(greeting "$one")" = two ] && echo "$one"; done | wc -l)" -lt 2 ]; }
eventually "the next one follows" 60 third
eventually "and stops it again" 60 shows RolloutStopped rolled_out
check "the app is mended" edit 's/^  env:/  env:\n    TINY_MORE: good/'
eventually "all are as it is now" 90 all_have good
eventually "the app says so" 20 shows UpToDate rolled_out
for one in "${names[@]}"; do equal "$one waits for nothing" "" "$(condition "acme/$one" RolloutPending reason)"; done

# ---- a new build of tenantd ----
# A container as an older build left it: the same request under another render version and hash.
old=$prefix-acme.a
mapfile -t labels < <(docker inspect "$old" | jq -r '.[0].Config.Labels | to_entries[] | select(.key != "tenantd.hash" and .key != "tenantd.render") | "--label=\(.key)=\(.value)"')
mapfile -t envs < <(env_arguments "$old")
volume=$(instance acme/a .status.storage.volume)
daemon_stop
docker rm -f "$old" >/dev/null
docker create --name "$old" --user 1000:1000 --network "$prefix-acme" --entrypoint /app/serve -v "$volume:/data" --add-host tenantd-database:host-gateway \
    --memory 64m --memory-swap 64m --cpus 0.5 --pids-limit 512 "${labels[@]}" "${envs[@]}" --label tenantd.hash=0123 --label tenantd.render=0 tenantd/tiny:1 >/dev/null
docker start "$old" >/dev/null
before=$(ids)
check "another build starts" daemon_start
eventually "it finds all well" 60 all_have good
sleep 3
equal "and re-creates no container" "$before" "$(ids)"
