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

# ---- a volume whose making was cut short: empty, and without labels ----
check "an instance whose init fails" apply <<<"$(spec half 'env: {TINY_FAIL_INIT: "1"}')"
init_failed() { [ "$(instance acme/half .status.failure.step)" = initialise ]; }
eventually "fails" 40 init_failed
volume=$(instance acme/half .status.storage.volume)
put_half() { # put_half [FILE]: one without labels, in place of the instance's own
    pause acme/half
    docker ps -aq --filter "name=^$prefix-acme.half" | xargs -r docker rm -f >/dev/null
    docker volume rm "$volume" >/dev/null
    docker volume create "$volume" >/dev/null
    [ $# -eq 0 ] || docker run --rm --user 0:0 --network none -v "$volume:/kept" --entrypoint sh tenantd/tiny:1 -c "echo mine >/kept/$1"
    resume acme/half
}
put_half precious
is_left_alone() { instance acme/half .status.message | grep -q "volume $volume carries no labels and is not empty"; }
eventually "one with a file in it is told" 40 is_left_alone
equal "and left alone" mine "$(docker run --rm --user 0:0 --network none -v "$volume:/kept" --entrypoint cat tenantd/tiny:1 /kept/precious)"
put_half
has_labels() { [ "$(docker volume inspect -f '{{index .Labels "tenantd.uid"}}' "$volume")" = "$(instance acme/half .metadata.uid)" ]; }
eventually "an empty one is made as it should be" 40 has_labels
check "with an init that does not fail" apply <<<"$(spec half)"
eventually "it runs" 40 serves "$prefix-acme.half" acme/half

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
