#!/bin/bash
# A few MB that behave like an application with a database and a data directory: busybox, psql and the scripts in
# tests/images/tiny. For the fast tests.
#
#   tiny.sh [TAG...]     default: tenantd/tiny:1 tenantd/tiny:2
#
# What follows the colon is the version that the image's /version says. Does nothing when an image of the same
# recipe exists.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/images/lib.sh
. "$here/lib.sh"

[ $# -gt 0 ] || set -- tenantd/tiny:1 tenantd/tiny:2
recipe=$(cat "$here/tiny.sh" "$here"/tiny/* | sha256sum | cut -c1-16)
root=

make_root() {
    local file
    root=$(mktemp -d)
    trap 'rm -rf "$root"' EXIT
    chmod 0755 "$root"
    mkdir -p "$root"/{app,bin,data,etc,run/app,tmp}
    chmod 1777 "$root/tmp"
    # The path is there and the user's, so Docker makes a fresh volume on it the user's, too.
    chown 1000:1000 "$root/data"
    cp "$here"/tiny/* "$root/app/"
    chmod 0755 "$root"/app/*
    echo 'tiny:x:1000:1000::/data:/bin/sh' >"$root/etc/passwd"
    echo 'tiny:x:1000:' >"$root/etc/group"
    cp /bin/busybox "$root/bin/busybox"
    # busybox prints its links as /bin/name and /usr/bin/name; one directory is enough here.
    for file in $(/bin/busybox --list); do
        [ "$file" = busybox ] || ln -s busybox "$root/bin/$file"
    done
    # /usr/bin/psql is a wrapper in Perl; the program itself and what it is linked with.
    file=$(find /usr/lib/postgresql -path '*/bin/psql' | sort -V | tail -n 1)
    cp "$file" "$root/bin/psql"
    ldd "$file" | grep -o '/[^ ]*' | sort -u | while read -r file; do
        mkdir -p "$root${file%/*}"
        cp -L "$file" "$root$file"
    done
}

for tag in "$@"; do
    [ "$(docker image inspect --format '{{index .Config.Labels "recipe"}}' "$tag" 2>/dev/null)" != "$recipe" ] || continue
    [ -n "$root" ] || make_root
    echo "${tag##*:}" >"$root/version"
    tar -C "$root" --numeric-owner --sort=name -c . |
        docker import --change 'USER 1000:1000' --change 'EXPOSE 8080' --change 'CMD ["/app/serve"]' \
            --change 'ENV PATH=/app:/bin' --change 'WORKDIR /data' --change "LABEL recipe=$recipe" - "$tag" >/dev/null
    say "made $tag ($(docker image inspect --format '{{.Size}}' "$tag" | awk '{printf "%d MB", $1 / 1e6}'))"
done
