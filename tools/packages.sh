#!/bin/bash
# Installs the Debian packages that one kind of work needs, and only those that are missing.
#
#   packages.sh build|run|test|bench...
#
# When all is there this is one dpkg-query and needs neither root nor the network.
set -euo pipefail

# Compile tenantd and tenantctl.
build=(gcc libc6-dev libcrypt-dev make pkg-config
    libcmocka-dev libcurl4-openssl-dev libev-dev libexpat1-dev libjansson-dev libmicrohttpd-dev libpq-dev libssl-dev
    libyaml-dev libzstd-dev)
# Run tenantd with its embedded default, and make Odoo's image where no registry answers.
# apparmor: dockerd asks for apparmor_parser wherever the kernel has AppArmor.
run=(apparmor ca-certificates curl docker.io git iproute2 iptables mmdebstrap openssh-client openssl postgresql-15 util-linux zstd)
# Run every test and check.
test=(
    age
    busybox-static
    ceph-mon
    ceph-osd
    clang
    clang-14
    clang-format
    clang-tidy
    cppcheck
    groff-base
    jq
    kubernetes-client
    libclang-rt-14-dev
    llvm-14
    openapi-specification
    openssh-server
    postgresql-client
    procps
    python3
    python3-boto3
    python3-jsonschema
    python3-yaml
    radosgw
    shellcheck
    wrk
)

# What the benchmarks stand beside.
bench=(docker-compose restic)

say() { printf '%s\n' "packages.sh: $*" >&2; }

wanted=()
[ $# -gt 0 ] || { say "usage: packages.sh build|run|test|bench..."; exit 2; }
for set in "$@"; do
    case $set in
    build) wanted+=("${build[@]}") ;;
    run) wanted+=("${run[@]}") ;;
    test) wanted+=("${test[@]}") ;;
    bench) wanted+=("${bench[@]}") ;;
    *) say "unknown set '$set'; there are build, run, test and bench"; exit 2 ;;
    esac
done

# dpkg-query fails when it does not know one of the names; what it does know it still prints.
list_missing() {
    local installed package
    # shellcheck disable=SC2016 # the ${...} are dpkg-query's own
    installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null || true)
    for package in "${wanted[@]}"; do
        grep -qxF "installed $package" <<<"$installed" || printf '%s\n' "$package"
    done
}

# The tests want Debian's kubectl 1.20. Where /usr/bin/kubectl is another package's, that one stays, and Debian's
# is unpacked into the checkout instead, for the tests to find.
kubectl=$(cd "$(dirname "$0")/.." && pwd)/var/tools/kubectl
kubectl_is_anothers() {
    local owner
    owner=$(dpkg-query -S /usr/bin/kubectl 2>/dev/null) && [[ $owner != kubernetes-client:* ]]
}
unpack_kubectl() {
    # apt gives up root for a download, to a user who may not write into our directory.
    (cd "$work" && apt-get -q -o APT::Sandbox::User=root download kubernetes-client && dpkg-deb -x kubernetes-client_*.deb .)
    mkdir -p "${kubectl%/*}"
    mv -f "$work/usr/bin/kubectl" "$kubectl"
}
if [[ " ${wanted[*]} " == *" kubernetes-client "* ]] && kubectl_is_anothers; then
    mapfile -t wanted < <(printf '%s\n' "${wanted[@]}" | grep -vx kubernetes-client)
    needs_kubectl() { [ ! -x "$kubectl" ]; }
else
    needs_kubectl() { false; }
fi

mapfile -t missing < <(list_missing)
[ ${#missing[@]} -gt 0 ] || needs_kubectl || exit 0
if [ "$(id -u)" != 0 ]; then
    say "not root; please have these installed: apt-get install --no-install-recommends ${missing[*]}"
    exit 1
fi

# Two of us at once would fail on apt's lock: the second one waits, then looks again.
exec 9>/run/lock/tenantd-packages
flock 9
mapfile -t missing < <(list_missing)
[ ${#missing[@]} -gt 0 ] || needs_kubectl || exit 0

work=$(mktemp -d)
made=("$work") # what is removed again at the end
clean_up() { rm -rf "${made[@]}"; }
trap clean_up EXIT
trap 'exit 1' INT TERM

# PostgreSQL's package makes and starts a cluster "main" when it is installed. We bring our own, so a
# machine without PostgreSQL must not end up with a second one; an existing installation is left alone.
# Both files below live only as long as this installation does.
no_cluster=/etc/postgresql-common/createcluster.d/tenantd-none.conf
if [[ " ${missing[*]} " == *" postgresql-15 "* ]]; then
    mkdir -p "${no_cluster%/*}"
    made+=("$no_cluster")
    echo 'create_main_cluster = false' >"$no_cluster"
fi
# Without systemd the packages' init scripts would start daemons that nobody watches over (dockerd among them).
policy=/usr/sbin/policy-rc.d
if [ ! -d /run/systemd/system ] && [ ! -e "$policy" ]; then
    made+=("$policy")
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 0755 "$policy"
fi

install_missing() {
    apt-get -q -o DPkg::Lock::Timeout=300 update
    [ ${#missing[@]} -eq 0 ] || apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 \
        -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold \
        install --no-install-recommends "${missing[@]}"
    ! needs_kubectl || unpack_kubectl
}

if needs_kubectl; then
    say "installing ${missing[*]} and an own kubectl"
else
    say "installing ${missing[*]}"
fi
start=$SECONDS
export DEBIAN_FRONTEND=noninteractive
log=$work/log
# In a process of its own, because "set -e" does not work inside a condition. 9>&-: what a package starts must not
# inherit our lock.
set +e
(set -e; install_missing) >"$log" 2>&1 </dev/null 9>&-
failed=$?
set -e
if [ $failed -ne 0 ]; then
    tail -n 30 "$log" >&2
    say "apt-get failed after $((SECONDS - start)) s; its last lines are above"
    exit 1
fi
say "done in $((SECONDS - start)) s"
