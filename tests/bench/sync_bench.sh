#!/usr/bin/env bash
# A Source of RECORDS records (1,000): the first sync, one record changed (from the push's webhook to applied, and as found by a sync that
# was asked for), a sync that has nothing to do, and one record put back; CPU of the daemon and its git, memory of the daemon.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/../e2e/lib.sh"
# shellcheck source=tests/e2e/lib_source.sh
source tests/e2e/lib_source.sh
count=${RECORDS:-1000}
rounds=${ROUNDS:-5}
# shellcheck disable=SC2034 # lib.sh reads it
configuration="log: {level: warning}"
set_up >/dev/null || exit 1
app() { # app NUMBER TEXT
    printf 'apiVersion: tenantd/v1\nkind: App\nmetadata: {name: app-%s}\nspec:\n  description: "%s"\n  versions: [{name: "1", image: "example/app:1"}]\n  ports: [{name: http, port: 8080}]\n  dataPath: /data\n  health: {path: /}\n' "$1" "$2"
}
git init -q -b main "$repo"
for i in $(seq "$count"); do app "$i" first >"$repo/$i.yaml"; done

now_ms() { date +%s%3N; }
# The daemon's own time and that of the programs that it has waited for, git's among them.
cpu_ms() { awk -v hz="$(getconf CLK_TCK)" '{ print int(($14 + $15 + $16 + $17) * 1000 / hz) }' "/proc/$daemon/stat"; }
until_synced() { # until_synced COMMIT
    until synced fleet "$1"; do
        [ $SECONDS -lt "${SYNC_LIMIT:-900}" ] || { echo "not synced: $(problems fleet)"; exit 1; }
        sleep 0.02
    done
}
attempt() { src fleet .status.lastSync; }
row() { printf '%-52s %9s %12s\n' "$1" "$2" "$3"; }
best_row() { # best_row WHAT FILE: of the rounds the quickest
    local took spent
    read -r took spent < <(sort -n "$2")
    row "$1" "$took" "$spent"
}

row "$count records in a repository" "ms" "CPU ms"
commit=$(commit)
cpu=$(cpu_ms) began=$(now_ms)
source_of fleet "git: {url: 'file://$repo'}" 'interval: 1h' 'prune: true' | apply >/dev/null
until_synced "$commit"
row "first sync: all are made" $(($(now_ms) - began)) $(($(cpu_ms) - cpu))
sleep 5 # each App is looked at once

printf bench-secret | ctl secret set source/fleet webhook >/dev/null
sleep 5 # that asked for a sync, too
for round in $(seq "$rounds"); do
    app 500 "changed $round" >"$repo/500.yaml"
    commit=$(commit)
    body="{\"after\":\"$commit\"}"
    signature=$(printf %s "$body" | openssl dgst -sha256 -hmac bench-secret -r | cut -d' ' -f1)
    sleep 2
    cpu=$(cpu_ms) began=$(now_ms)
    curl -sk -o /dev/null -H "X-Hub-Signature-256: sha256=$signature" --data-binary "$body" "https://127.0.0.1:$port/hooks/sources/fleet"
    until [ "$(field app app-500 .spec.description)" = "changed $round" ]; do sleep 0.02; done
    took=$(($(now_ms) - began))
    until_synced "$commit"
    echo "$took $(($(cpu_ms) - cpu))" >>"$out/changed"
done
best_row "one changed: from the webhook to applied" "$out/changed"

for round in $(seq "$rounds"); do
    sleep 2
    last=$(attempt) cpu=$(cpu_ms) began=$(now_ms)
    sync_now fleet
    while [ "$(attempt)" = "$last" ]; do sleep 0.02; done
    echo "$(($(now_ms) - began)) $(($(cpu_ms) - cpu))" >>"$out/nothing"
done
best_row "a sync that has nothing to do" "$out/nothing"

for round in $(seq "$rounds"); do
    sleep 2
    cpu=$(cpu_ms) began=$(now_ms)
    kctl patch app app-500 --type merge -p '{"spec":{"description":"by hand"}}' >/dev/null 2>&1
    until [ "$(field app app-500 .spec.description)" = "changed $rounds" ]; do sleep 0.02; done
    echo "$(($(now_ms) - began)) $(($(cpu_ms) - cpu))" >>"$out/back"
done
best_row "one changed by hand: put back" "$out/back"
row "resident memory of the daemon, MB" "$(awk '/^VmRSS/ { printf "%.1f", $2 / 1024 }' "/proc/$daemon/status")" ""
row "at most since its start, MB" "$(awk '/^VmHWM/ { printf "%.1f", $2 / 1024 }' "/proc/$daemon/status")" ""
echo "Beside it, published by its project and not measured here: Flux reconciles 1,000 Kustomizations in 4m15s with 175 MiB."
