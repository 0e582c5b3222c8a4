# The tiny fleet that suites about self-healing share: records, and what one does to their containers behind tenantd's back.
# shellcheck shell=bash
# shellcheck disable=SC2120 # called through check, too
apply() { ctl apply -f - "$@"; }
spec() { # spec NAME EXTRA...: an instance of tenant acme
    printf 'apiVersion: tenantd/v1\nkind: Instance\nmetadata: {name: %s, namespace: acme}\nspec:\n  app: tiny\n  version: "1"\n  deletionPolicy: Delete\n  resources: {cpu: "0.5", memory: 64Mi, storage: 1Gi}\n' "$1"
    shift
    [ $# -eq 0 ] || printf '  %s\n' "$@"
}
tenant() { printf 'apiVersion: tenantd/v1\nkind: Tenant\nmetadata: {name: %s}\nspec: {displayName: Test, owner: a@b.example%s}\n' "$1" "${2:+, $2}"; }
# An App like tiny under another name: app NAME SED-EXPRESSION...
app() {
    local name=$1 expression expressions=()
    shift
    for expression in "$@"; do expressions+=(-e "$expression"); done
    sed -e "s/^  name: tiny$/  name: $name/" "${expressions[@]}" tests/e2e/apps/tiny.yaml
}
patch() { kctl patch instance "${1#*/}" -n "${1%/*}" --type merge -p "{\"spec\":$2}" >/dev/null; }
annotate() { kctl annotate --overwrite instance "${1#*/}" -n "${1%/*}" "$2" >/dev/null; }
pause() { annotate "$1" "tenantd/paused=a test"; }
resume() { annotate "$1" tenantd/paused-; }
condition() { instance "$1" ".status.conditions[] | select(.type==\"$2\") | .$3"; } # condition acme/erp Ready reason
serves() { [ "$(inspect "$1" '{{.State.Status}}' 2>/dev/null)" = running ] && ready "$2"; } # serves CONTAINER acme/erp
row() { sql "$1" "select v from tiny where k = '$2'"; }
# The labels of a container as arguments for docker run, one a line.
label_arguments() { docker inspect "$1" | jq -r '.[0].Config.Labels | to_entries[] | "--label=\(.key)=\(.value)"'; }
# The environment that an instance was given as arguments for docker run.
env_arguments() { docker inspect "$1" | jq -r '.[0].Config.Env[] | select(startswith("PATH=") | not) | "--env=\(.)"'; }
