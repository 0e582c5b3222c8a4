# shellcheck shell=bash
# What the scripts that make images have in common. No registry is needed: everything comes from Debian's packages.

say() { printf '%s\n' "${0##*/}: $*" >&2; }

image_exists() { docker image inspect "$1" >/dev/null 2>&1; }

# debian_mirror: the first mirror of Debian's main archive that apt is set up with.
# IMAGE_MIRROR names another one, for example when a suite has moved to the archive.
debian_mirror() {
    local uris
    if [ -n "${IMAGE_MIRROR:-}" ]; then
        printf '%s\n' "$IMAGE_MIRROR"
        return
    fi
    # shellcheck disable=SC2016 # $(REPO_URI) is apt's own
    uris=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian')
    [ -n "$uris" ] || { say "apt knows no mirror of Debian (has apt-get update run?); set IMAGE_MIRROR"; return 1; }
    printf '%s\n' "${uris%%$'\n'*}"
}

# Turns mmdebstrap's messages into short lines with the seconds since the start, and says something at least every
# 15 seconds, because one of its phases takes more than a minute.
show_progress() {
    local line step='' status
    while true; do
        status=0
        IFS= read -r -t 15 line || status=$?
        if [ $status -gt 128 ]; then
            say "$SECONDS s ... still $step"
        elif [ $status -ne 0 ]; then
            return 0
        elif [[ $line == "I: "*... && $line != *tempdir* ]]; then
            step=${line#I: }
            step=${step%...}
            say "$SECONDS s $step"
        fi
    done
}

# make_debian_image TAG SUITE PACKAGES DIR [OPTION...]: an image with the PACKAGES (comma-separated) of a Debian
# release. The array "changes" holds Dockerfile lines for it; OPTIONs go to mmdebstrap. The chroot lives in DIR.
#
# mmdebstrap rather than debootstrap: one run of apt instead of three, a tar that goes straight into Docker, and it
# clears its chroot away on failure and on Ctrl-C by itself.
make_debian_image() {
    local tag=$1 suite=$2 packages=$3 dir=$4 mirror id began=$SECONDS change line options=()
    shift 4
    mkdir -p "$dir"
    dir=$(cd "$dir" && pwd)
    # What a kill -9 left. Mounts are none: they died with the mount namespace.
    rm -rf --one-file-system "$dir"/mmdebstrap.*
    mirror=$(debian_mirror)
    # shellcheck disable=SC2154 # the caller's
    for change in "${changes[@]}"; do
        options+=(--change "$change")
    done
    # A proxy, and whatever this machine needs to accept its mirror.
    while IFS= read -r line; do
        set -- "$@" --aptopt="$line"
    done < <(apt-config dump | grep -E '^Acquire::(https?::Proxy|Check-Valid-Until|Check-Date) ' || true)

    # Where the packages came from is of no use inside the image.
    # shellcheck disable=SC2016 # $1 is the chroot, to mmdebstrap
    set -- "$@" --customize-hook='rm -f "$1"/etc/apt/sources.list "$1"/etc/apt/apt.conf.d/99mmdebstrap'

    say "making $tag from Debian $suite"
    # Untagged until the whole pipeline has succeeded: a broken-off tar also makes an image.
    if ! id=$(set -o pipefail
        TMPDIR=$dir mmdebstrap --mode=root --variant=minbase --include="$packages" \
            --aptopt='APT::Install-Recommends "false"' \
            --dpkgopt=force-unsafe-io \
            --dpkgopt='path-exclude=/usr/share/doc/*' \
            --dpkgopt='path-exclude=/usr/share/man/*' \
            --dpkgopt='path-exclude=/usr/share/info/*' \
            --dpkgopt='path-exclude=/usr/share/locale/*' \
            "$@" \
            "$suite" - "$mirror" 2> >(tee "$dir/${tag//[\/:]/-}.log" | show_progress) |
            docker import "${options[@]}" - 2>&1); then
        say "making $tag failed after $((SECONDS - began)) s:"
        grep -v '^I: ' "$dir/${tag//[\/:]/-}.log" | tail -n 20 >&2
        [[ $id != sha256:* ]] || docker rmi "$id" >/dev/null
        return 1
    fi
    docker tag "$id" "$tag"
    say "made $tag ($(docker image inspect --format '{{.Size}}' "$tag" | awk '{printf "%d MB", $1 / 1e6}')) in $((SECONDS - began)) s"
}
