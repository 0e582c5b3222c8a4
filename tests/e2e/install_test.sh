#!/usr/bin/env bash
# `make install` puts everything below DESTDIR where PREFIX says, and an administrator's own configuration stays.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
rm -rf "$home"
mkdir -p "$home"
root=$home/root
install() { make --no-print-directory install DESTDIR="$root" PREFIX=/opt/tenantd SYSCONFDIR=/opt/etc; }

check "installs" install
version=$("$root/opt/tenantd/bin/tenantd" --version)
contain "tenantd runs from there" '^tenantd [0-9]+[.]' "$version"
equal "tenantctl, too" "tenantctl ${version#tenantd }" "$("$root/opt/tenantd/bin/tenantctl" version --client)"
unit=$root/opt/tenantd/lib/systemd/system/tenantd.service
contain "the unit starts what was installed" '^ExecStart=/opt/tenantd/bin/tenantd .*--config=/opt/etc/tenantd/tenantd.yaml' "$(cat "$unit")"
absent "and has no place left open" '@' "$(cat "$unit")"
check "the configuration can be read" "$root/opt/tenantd/bin/tenantd" check-config --config="$root/opt/etc/tenantd/tenantd.yaml"
equal "and is for its owner alone" 600 "$(stat -c %a "$root/opt/etc/tenantd/tenantd.yaml")"
for page in man8/tenantd.8 man1/tenantctl.1; do
    equal "man page $page has no error" "" "$(LC_ALL=C.UTF-8 groff -man -Tutf8 -ww -z "$root/opt/tenantd/share/man/$page" 2>&1)"
done
check "completion is bash" bash -n "$root/opt/tenantd/share/bash-completion/completions/tenantctl"
check "examples come along" test -s "$root/opt/tenantd/share/doc/tenantd/examples/apps/odoo.yaml"

echo "prefix: mine" >"$root/opt/etc/tenantd/tenantd.yaml"
check "installs again" install
equal "an own configuration stays" "prefix: mine" "$(cat "$root/opt/etc/tenantd/tenantd.yaml")"
rm -rf "$home"
exit $((failures > 0))
