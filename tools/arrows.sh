#!/usr/bin/env bash
# Which way rooms may look (docs/architecture.md): each includes only rooms before it. Prints each arrow that points the wrong way.
set -euo pipefail
cd "$(dirname "$0")/.."

declare -A may=(
    [base]="base"
    [specs]="base specs"
    [clients]="base clients"
    [store]="base specs clients store"
    [reconcilers]="base specs clients store reconcilers"
    [controller]="base specs clients store reconcilers controller"
    [api]="base specs clients store reconcilers api"
    [cli]="base specs clients/http cli"
)
wrong=0
complain() {
    echo "$1"
    wrong=1
}

for room in "${!may[@]}"; do
    [ -d "$room" ] || continue
    while IFS=: read -r file _ line; do
        included=$(sed -E 's/.*"([^"]+)".*/\1/' <<<"$line")
        allowed=no
        for prefix in ${may[$room]}; do
            case $included in "$prefix"/*) allowed=yes ;; esac
        done
        [ $allowed = yes ] || complain "$file includes $included: $room may look at ${may[$room]} only"
    done < <(grep -rnE '^#include "' "$room" --include='*.[ch]')
done

# A header named *_internal.h is for its own folder.
while IFS=: read -r file _ line; do
    included=$(sed -E 's/.*"([^"]+)".*/\1/' <<<"$line")
    case $file in tests/*) continue ;; esac
    [ "$(dirname "$file")" = "$(dirname "$included")" ] || complain "$file includes $included, which is private to $(dirname "$included")"
done < <(grep -rnE --exclude-dir=build '^#include ".*_internal\.h"' --include='*.[ch]' .  | sed 's,^\./,,')

# Plans are pure: their objects call nothing of the rooms that act or remember.
build=${BUILD:-build}
for object in "$build"/obj/reconcilers/*/plan*.o; do
    [ -e "$object" ] || continue
    impure=$(nm -u "$object" | awk '{print $2}' | grep -E '^(docker|container_|network_|volume_|image_|server_|role_|database_|store_|world_|clock_|log_|random_|ev_|curl_)' || true)
    [ -z "$impure" ] || complain "$object is to be pure, and calls $(tr '\n' ' ' <<<"$impure")"
done
exit $wrong
