#!/usr/bin/env bash
# Containers that carry our labels and are not ours, data and images that are gone: put right, or told and left alone.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/fleet.sh
source tests/e2e/fleet.sh
controller="{resync: 10m, backoffFirst: 500ms, backoffMax: 4s}"
own_image=tenantd/tiny-$number:1
# shellcheck disable=SC2329 # tear_down calls it
clean_up() {
    docker ps -aq --filter "label=tenantd.test=$prefix" | xargs -r docker rm -f >/dev/null 2>&1
    docker rmi "$own_image" >/dev/null 2>&1
}
docker tag tenantd/tiny:1 "$own_image"
set_up
c=$prefix-acme.erp

check "the apps" apply <<<"$(cat tests/e2e/apps/tiny.yaml; echo ---; app own "s,tenantd/tiny:1,$own_image,")"
check "the tenant" apply <<<"$(tenant acme)"
check "instances" apply --wait --timeout=90s <<<"$(spec erp; echo ---; spec lost; echo ---; spec own | sed 's/app: tiny/app: own/')"

# ---- what carries our labels and is not ours ----
# remade WHAT ARGUMENTS...: the container is made anew by hand with our labels; then tenantd makes it as it should be.
remade() {
    local what=$1 labels envs made image=tenantd/tiny:1
    shift
    [ "$1" != --image ] || { image=$2; shift 2; }
    mapfile -t labels < <(label_arguments "$c")
    mapfile -t envs < <(env_arguments "$c")
    volume=$(instance acme/erp .status.storage.volume)
    pause acme/erp
    docker rm -f "$c" >/dev/null
    made=$(docker create --name "$c" --user 1000:1000 --network "$prefix-acme" --entrypoint /app/serve -v "$volume:/data" "${labels[@]}" "${envs[@]}" "$@" "$image")
    docker start "$made" >/dev/null
    resume acme/erp
    new_one() { [ "$(inspect "$c" '{{.Id}}')" != "$made" ] && serves "$c" acme/erp; }
    eventually "made anew by hand with $what: made as it should be" 40 new_one
}
remade "another variable" -e STRANGE=1
remade "another value of ours" -e TINY_GREETING=tampered
absent "the value is ours" tampered "$(inspect "$c" '{{.Config.Env}}')"
remade "another image" --image tenantd/tiny:2
equal "the image is ours" tenantd/tiny:1 "$(inspect "$c" '{{.Config.Image}}')"
remade "another command" --entrypoint sleep
remade "another mount" -v /etc:/host:ro
equal "one mount" /data "$(inspect "$c" '{{range .Mounts}}{{.Destination}}{{end}}')"
remade "another user" --user 0:0

pause acme/erp
docker rm -f "$c" >/dev/null
stranger=$(docker run -d --name "$c" --label "tenantd.test=$prefix" --entrypoint sleep tenantd/tiny:1 1000)
resume acme/erp
eventually "a stranger's container under our name is told" 20 has_reason acme/erp NameTaken
equal "and left alone" "$stranger running" "$(inspect "$c" '{{.Id}} {{.State.Status}}')"
docker rm -f "$c" >/dev/null
eventually "when it has gone, ours is there" 40 serves "$c" acme/erp

# ---- data that is gone ----
lost=$prefix-acme.lost
volume=$(instance acme/lost .status.storage.volume)
pause acme/lost
docker rm -f "$lost" >/dev/null
docker volume rm "$volume" >/dev/null
resume acme/lost
eventually "a volume that is gone is told" 20 has_reason acme/lost DataMissing
equal "phase" Degraded "$(instance acme/lost .status.phase)"
contain "an event says what to do" "DataMissing.*accept-data-loss" "$(ctl events -n acme)"
sleep 2
equal "it is not replaced" "" "$(docker volume ls -q --filter "name=$volume")"
check "the loss is accepted" annotate acme/lost "tenantd/accept-data-loss=$(instance acme/lost .metadata.uid)"
eventually "it begins anew" 40 serves "$lost" acme/lost
equal "the acceptance counted once" null "$(instance acme/lost '.metadata.annotations."tenantd/accept-data-loss"')"

# ---- the image ----
own=$prefix-acme.own
pause acme/own
docker rm -f "$own" >/dev/null
docker rmi "$own_image" >/dev/null
resume acme/own
eventually "an image that no registry has is told" 40 has_reason acme/own ImagePullFailed
contain "with its name" "$own_image" "$(condition acme/own Ready message)"
docker tag tenantd/tiny:1 "$own_image"
eventually "when it is there it runs" 40 serves "$own" acme/own
