# Sourced after lib.sh: repositories, and what a Source says of them.
# shellcheck shell=bash disable=SC2154
repo=$home/fleet
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@t.example GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@t.example

apply() { ctl apply -f -; }
tenant() { printf 'apiVersion: tenantd/v1\nkind: Tenant\nmetadata: {name: %s}\nspec: {displayName: "%s"}\n' "$1" "${2:-Of Git}"; }
commit() { git -C "${1:-$repo}" add -A && git -C "${1:-$repo}" commit -q --allow-empty -m change && git -C "${1:-$repo}" rev-parse HEAD; }
source_of() { # source_of NAME SPEC-LINES...
    printf 'apiVersion: tenantd/v1\nkind: Source\nmetadata: {name: %s}\nspec:\n' "$1"
    shift
    printf '  %s\n' "$@"
}
src() { field source "$1" "$2"; } # src NAME JQ
condition() { src "$1" ".status.conditions[] | select(.type==\"$2\") | .reason"; }
synced() { [ "$(src "$1" .status.revision)" = "$2" ] && [ "$(condition "$1" Synced)" = Synced ]; } # synced NAME COMMIT
problems() { src "$1" '.status.problems[]?, .status.message'; }
says() { grep -qE -- "$2" <<<"$(problems "$1")"; } # says NAME PATTERN
sync_now() { ctl source sync "$1" >/dev/null; }
is_missing() { [[ $(ctl get "$@" 2>&1) == *"not found"* ]]; } # is_missing KIND NAME...
