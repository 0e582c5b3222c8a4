#!/usr/bin/env bash
# Records from Git over ssh and https: real servers on loopback; whom they trust, what they refuse, what stalls, what is too large, and what is
# sealed.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/lib_source.sh
source tests/e2e/lib_source.sh
ssh_port=$((17700 + number))
https_port=$((18000 + number))
stall=$home/stall
password="password-of-the-test"

clean_up() { # called by tear_down
    [ -z "${sshd:-}" ] || kill "$sshd" 2>/dev/null
    [ -z "${https:-}" ] || kill "$https" 2>/dev/null
}
set_up

# ---- the servers ----
mkdir -p /run/sshd "$home/ssh" "$home/tls"
for key in host other_host client other_client; do ssh-keygen -q -t ed25519 -N '' -C "$key" -f "$home/ssh/$key"; done
cp "$home/ssh/client.pub" "$home/ssh/authorized"
cat >"$home/ssh/config" <<END
ListenAddress 127.0.0.1
Port $ssh_port
HostKey $home/ssh/host
AuthorizedKeysFile $home/ssh/authorized
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
END
/usr/sbin/sshd -D -e -f "$home/ssh/config" >"$home/ssh/log" 2>&1 8>&- &
sshd=$!
certificate_of() { # certificate_of NAME: an authority that signs itself, for 127.0.0.1
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=$1" -addext subjectAltName=IP:127.0.0.1 \
        -keyout "$home/tls/$1.key" -out "$home/tls/$1.pem" 2>/dev/null
}
certificate_of server
certificate_of stranger
python3 tests/tools/githttp.py "$home" "$https_port" "$home/tls/server.pem" "$home/tls/server.key" "deploy:$password" "$stall" >"$home/https.log" 2>&1 8>&- &
https=$!
listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
eventually "an ssh server" 30 listens "$ssh_port"
eventually "an https server" 30 listens "$https_port"

git init -q -b main "$repo"
tenant acme >"$repo/acme.yaml"
first=$(commit)

# ---- ssh ----
known_hosts() { echo "[127.0.0.1]:$ssh_port $(cut -d' ' -f1,2 "$home/ssh/$1.pub")"; }
ssh_source() { # ssh_source NAME HOST-KEY
    source_of "$1" 'interval: 1h' "git: {url: 'ssh://root@127.0.0.1:$ssh_port$repo', timeout: 20s, knownHosts: '$(known_hosts "$2")'}"
}
secret() { ctl secret set "source/$1" "$2" -f "$3" >/dev/null; } # secret SOURCE NAME FILE
check "a Source over ssh" apply <<<"$(ssh_source viassh host)"
eventually "without a key is refused" 60 says viassh 'secret sshKey'
check "with another's key" secret viassh sshKey "$home/ssh/other_client"
eventually "too" 60 says viassh 'the server does not take the secret sshKey'
check "with its own" secret viassh sshKey "$home/ssh/client"
eventually "it syncs" 60 synced viassh "$first"
check "a host that is another one" apply <<<"$(ssh_source masked other_host)"
check "even with the key" secret masked sshKey "$home/ssh/client"
eventually "is refused" 60 says masked 'the server.s key is none of spec.git.knownHosts'
absent "the key is shown nowhere" "$(sed -n 3p "$home/ssh/client")" "$(kctl get sources,events -A -o yaml; cat "$log")"
lies_nowhere() { ! grep -rqF -- "$1" "$data" --exclude-dir=postgres; } # but for as long as a fetch runs
eventually "and lies about nowhere" 60 lies_nowhere "$(sed -n 3p "$home/ssh/client")"
check "it goes" ctl delete source masked viassh

# ---- https ----
https_source() { # https_source NAME CERTIFICATE PATH EXTRA
    printf 'apiVersion: tenantd/v1\nkind: Source\nmetadata: {name: %s}\nspec:\n  interval: 1h\n  git:\n    url: https://127.0.0.1:%s/%s\n    username: deploy\n    timeout: 5s\n' "$1" "$https_port" "$3"
    [ -z "$2" ] || printf '    ca: |\n%s\n' "$(sed 's/^/      /' "$home/tls/$2.pem")"
}
printf %s "$password" >"$home/password"
printf wrong-password >"$home/wrong"
check "handing over" kctl annotate tenant acme tenantd/adopt=fleet
check "a Source over https" apply <<<"$(https_source fleet server fleet)"
eventually "without a password is refused" 60 says fleet 'secret password'
check "with a wrong one" secret fleet password "$home/wrong"
eventually "too" 60 says fleet 'the server does not take spec.git.username and the secret password'
check "with its own" secret fleet password "$home/password"
eventually "it syncs" 60 synced fleet "$first"
for trusted in stranger ''; do
    check "a server that ${trusted:-nobody} vouches for" apply <<<"$(https_source untrusted "$trusted" fleet)"
    check "is told no password" secret untrusted password "$home/password"
    eventually "but refused" 60 says untrusted "certificate is not trusted"
    check "it goes" ctl delete source untrusted
done
check "a server that sends elsewhere" apply <<<"$(https_source moved server moved/fleet)"
check "is not followed there" secret moved password "$home/password"
eventually "but named" 60 says moved 'sends elsewhere'
check "it goes" ctl delete source moved
check "no such repository" apply <<<"$(https_source nowhere server nothing)"
check "with a password" secret nowhere password "$home/password"
eventually "is told" 60 says nowhere 'no such repository'
check "it goes" ctl delete source nowhere
for text in "$password" "$(printf 'deploy:%s' "$password" | base64)"; do
    absent "the password is shown nowhere" "$text" "$(kctl get sources,events -A -o yaml; cat "$log"; ctl get source fleet -o yaml)"
    eventually "and lies about nowhere" 60 lies_nowhere "$text"
done

# ---- a server that stalls ----
touch "$stall"
tenant acme Later >"$repo/acme.yaml"
later=$(commit)
sync_now fleet
eventually "a stalled server is told" 60 says fleet 'no answer in time'
mkdir -p "$home/tree"
tenant local >"$home/tree/local.yaml"
check "meanwhile another Source" apply <<<"$(source_of local "directory: $home/tree")"
eventually "syncs" 60 shows Synced condition local Synced
equal "and nothing is lost" "Of Git" "$(field tenant acme .spec.displayName)"
rm "$stall"
eventually "a server that answers again is followed" 120 synced fleet "$later"

# ---- what is too large ----
git init -q -b main "$home/huge"
truncate -s 1G "$home/huge/blob.bin"
tenant huge >"$home/huge/huge.yaml"
git -C "$home/huge" config core.compression 0
git -C "$home/huge" config core.bigFileThreshold 1m
commit "$home/huge" >/dev/null
rm "$home/huge/blob.bin"
check "a Source with a blob of 1 GB" apply <<<"$(source_of huge "git: {url: 'file://$home/huge', timeout: 2m}" 'interval: 1h')"
eventually "is refused" 180 says huge 'larger than spec.git.maxBytes'
size=$(du -sk "$data/sources/$(src huge .metadata.uid)" | cut -f1)
check "and its files do not stay ($size KiB)" test "$size" -lt 2000
refuse "nor does what stands beside it" 'not found' ctl get tenant huge
check "it goes" ctl delete source huge
rm -rf "$home/huge"
git init -q -b main "$home/bomb"
truncate -s 200M "$home/bomb/bomb.yaml"
commit "$home/bomb" >/dev/null
check "a manifest that is small only while packed" apply <<<"$(source_of bomb "git: {url: 'file://$home/bomb'}" 'interval: 1h')"
eventually "is refused before it is read" 120 says bomb 'bomb.yaml has 209715200 bytes; a manifest has at most 4 MiB'
check "it goes" ctl delete source bomb

# ---- what leaves the tree ----
git init -q -b main "$home/evil"
blob=$(tenant evil | git -C "$home/evil" hash-object -w --stdin)
# git refuses to make such trees, so they are written as they are: "<mode> <name>\0<20 bytes>".
entry() { printf '%s %s\0' "$1" "$2" && printf '%b' "$(sed 's/../\\x&/g' <<<"$3")"; }
tree() { git -C "$home/evil" hash-object -t tree -w --stdin --literally; }
follow_tree() { # follow_tree TREE
    git -C "$home/evil" update-ref refs/heads/main "$(git -C "$home/evil" commit-tree -m evil "$1")"
}
up=$(entry 100644 evil.yaml "$blob" | tree)
follow_tree "$(entry 40000 .. "$up" | tree)"
check "a tree with a directory .." apply <<<"$(source_of evil "git: {url: 'file://$home/evil'}" 'interval: 1h')"
eventually "is refused" 60 says evil 'objects that git refuses|leaves the tree'
follow_tree "$(entry 100644 ../../evil.yaml "$blob" | tree)"
sync_now evil
eventually "and one with a path in a name" 60 says evil 'objects that git refuses|leaves the tree'
follow_tree "$(entry 40000 .git "$up" | tree)"
sync_now evil
eventually "and one with a .git" 60 says evil 'objects that git refuses|leaves the tree'
link=$(printf ../../../etc/passwd | git -C "$home/evil" hash-object -w --stdin)
follow_tree "$(entry 120000 clusters "$link" | tree)"
check "a path that is a link" kctl patch source evil --type merge -p '{"spec":{"path":"clusters"}}'
eventually "is refused" 60 says evil 'no such directory|no directory of the commit'
refuse "nothing came of it" 'not found' ctl get tenant evil
mkdir -p "$home/outside" && tenant outside >"$home/outside/t.yaml"
ln -s "$home/outside" "$home/tree/out"
sync_now local
eventually "a link out of a directory is refused" 60 says local 'out is a symbolic link'
check "even as the path" kctl patch source local --type merge -p '{"spec":{"path":"out"}}'
eventually "itself" 60 says local 'is no directory'
refuse "nothing came of it" 'not found' ctl get tenant outside

# ---- what is sealed ----
recipient=$(age-keygen -y "$data/backup.identity")
tenant sealed Sealed | age -r "$recipient" -o "$repo/sealed.age.yaml"
sealed=$(commit)
sync_now fleet
eventually "a sealed manifest is opened" 60 synced fleet "$sealed"
equal "and applied" Sealed "$(field tenant sealed .spec.displayName)"
tenant sealed Changed | age -r "$(age-keygen 2>/dev/null | age-keygen -y)" -o "$repo/sealed.age.yaml"
commit >/dev/null
sync_now fleet
eventually "one for somebody else is told by its name" 60 says fleet 'sealed.age.yaml'
equal "and changes nothing" Sealed "$(field tenant sealed .spec.displayName)"
tenant sealed Open >"$repo/sealed.age.yaml"
commit >/dev/null
sync_now fleet
eventually "one that is not sealed, too" 60 says fleet 'sealed.age.yaml'
equal "the revision is the old one" "$sealed" "$(src fleet .status.revision)"
