#!/usr/bin/env bash
# 1,000 watchers and some 200 requests a second at once, reads and writes: no error, nobody is dropped, memory stays. LOAD_SECONDS=60
# for longer.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
seconds=${LOAD_SECONDS:-20}
watchers=${WATCHERS:-1000}
plain=$((port + 250))
set_up_listen="{address: \"127.0.0.1:$port\", plain: \"127.0.0.1:$plain\"}"
# shellcheck disable=SC2034 # lib.sh reads it
configuration="log: {level: warning}"
prepare() { sed -i "s|^listen: .*|listen: $set_up_listen|" "$home/tenantd.yaml"; }
set_up
ulimit -n "$(ulimit -Hn)"

token=$(cat "$data/admin.token")
records=/apis/tenantd/v1
metric() { curl -s -H "Authorization: Bearer $token" "http://127.0.0.1:$plain/metrics" | awk -v name="$1" '$1 == name { print $2 }'; }
rss_kb() { awk '/^VmRSS/ { print $2 }' "/proc/$daemon/status"; }
for i in $(seq 100); do printf -- '---\napiVersion: tenantd/v1\nkind: Tenant\nmetadata: {name: t%s}\nspec: {displayName: Load, owner: a@b.example}\n' "$i"; done >"$out/tenants.yaml"
check "an app and 100 tenants" ctl apply -f tests/e2e/apps/tiny.yaml -f "$out/tenants.yaml"

# ---- watchers ----
python3 tests/tools/watchers.py 127.0.0.1 "$plain" "$token" "$records/apps?watch=true" "$watchers" $((seconds + 300)) '"load":"over"' >"$out/watchers" &
watching=$!
opened() { grep -q '^open' "$out/watchers"; }
eventually "the watchers come" 150 opened
equal "all of them" "open $watchers" "$(cat "$out/watchers")"

# ---- requests: each of 50 connections waits 200 ms before each ----
cat >"$out/mix.lua" <<END
local paths = { "$records/tenants/t1", "$records/tenants/t2", "$records/tenants?limit=20", "$records/apps", "/api/v1/tenants/?page_size=10", "/auth/me", "/healthz" }
local count = 0
wrk.headers["Authorization"] = "Bearer $token"
function delay() return 200 end
function request()
    count = count + 1
    if count % 20 == 0 then
        return wrk.format("PATCH", "$records/apps/tiny", { ["Authorization"] = "Bearer $token", ["Content-Type"] = "application/merge-patch+json" },
            string.format('{"metadata":{"labels":{"load":"%d"}}}', count))
    end
    return wrk.format("GET", paths[count % #paths + 1])
end
END
load() { wrk -t 1 -c 50 -d "$1s" --timeout 30s --latency -s "$out/mix.lua" "https://127.0.0.1:$port" >"$2" 2>&1; }
# What was refused before is of those who asked whether something is there.
refused() { curl -s -H "Authorization: Bearer $token" "http://127.0.0.1:$plain/metrics" | grep '^tenantd_api_requests_total' | grep -v 'code="2'; }
refused_before=$(refused)
check "the load begins" load 5 "$out/warm"
(while sleep 1; do rss_kb; done) >"$out/rss" &
sampling=$!
check "and goes on" load "$seconds" "$out/load"
kill $sampling
samples=$(wc -l <"$out/rss")
first_kb=$(head -$((samples / 2)) "$out/rss" | sort -n | tail -1)
last_kb=$(tail -$((samples / 3)) "$out/rss" | sort -n | tail -1)
sed 's/^/# /' "$out/load"
absent "no connection broke, none timed out" 'Socket errors' "$(cat "$out/load")"
absent "every answer was a good one" 'Non-2xx' "$(cat "$out/load")"
equal "by our own count, too" "$refused_before" "$(refused)"
check "there were requests" grep -qE '[1-9][0-9]* requests in' "$out/load"
equal "all watchers are there still" "$watchers" "$(metric tenantd_api_watches)"
# What the watchers have not read yet comes and goes, up to 32 KB for each; a leak would raise the top further.
echo "# resident: at most $first_kb KB in the first half, $last_kb KB in the last third of $seconds s"
check "memory stays" test "$last_kb" -le $((first_kb + 32768))

# ---- and each watcher has heard all of it ----
check "the last change" kctl label app tiny load=over --overwrite
wait $watching
told=$(tail -1 "$out/watchers")
echo "# $told"
equal "every watcher hears it" "$watchers $watchers" "$(jq -r '[.seen, .open] | join(" ")' <<<"$told")"
changes=$(jq -r --argjson count "$watchers" '.lines / $count | floor' <<<"$told")
check "and heard the others" test "$changes" -ge 5
left() { [ "$(metric tenantd_api_streams)" = 0 ]; }
eventually "who leaves is forgotten" 60 left
absent "nothing in the log" 'level=error| error ' "$(cat "$log")"
