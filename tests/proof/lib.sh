# shellcheck shell=sh
# What the proofs share. A proof is a script that ends with `result`; as root, in its own mount
# namespace where it mounts something. PROOF (default build/proof) is where images and results lie.

here=$(cd "$(dirname "$0")" && pwd)
project=$(dirname "$(dirname "$here")")
proof=${PROOF:-$project/build/proof}
release=${RELEASE:-trixie}
root=$proof/$release
# shellcheck disable=SC2034 # used by those who read this
python=$project/.venv/bin/python
mkdir -p "$proof"

say() { printf '%s\n' "$*" >&2; }

fail() {
    say "$(basename "$0"): $*"
    exit 1
}

# need PROGRAM PACKAGE: a proof without its program is not a proof.
need() { command -v "$1" >/dev/null || fail "needs $1: sudo apt install $2"; }

need_root() { [ "$(id -u)" = 0 ] || fail "needs root: it mounts, and owns files as an image does"; }

need_image() {
    [ -x "$root/opt/spacepi/bin/spacepi-payload" ] || fail "needs the image: sh tests/proof/image.sh"
}

# result TEXT: the one line, which replaces that of the table in docs/promises.md.
result() {
    name=$(basename "$0" .sh)
    [ "$release" = trixie ] || name="$name $release"
    printf '%-16s %s\n' "$name" "$*"
    table=${PROMISES:-$project/docs/promises.md}
    NAME="$name" TEXT="$*" awk '
        index($0, "| `" ENVIRON["NAME"] "` |") == 1 {
            print "| `" ENVIRON["NAME"] "` | " ENVIRON["TEXT"] " |"; next
        }
        { print }' "$table" >"$proof/table.new"
    cmp -s "$proof/table.new" "$table" || cp "$proof/table.new" "$table"
}

# with_mounts COMMAND...: with the devices, processes and network names of this machine in $root.
with_mounts() {
    # shellcheck disable=SC2016 # $root and $@ are those of the inner shell
    root=$root unshare --mount sh -eu -c '
        mount --rbind /dev "$root/dev"
        mount --rbind /proc "$root/proc"
        mount -t tmpfs tmpfs "$root/run"
        mount -t tmpfs tmpfs "$root/tmp"
        for file in /etc/resolv.conf /etc/ssl/certs/ca-certificates.crt; do
            [ ! -e "$file" ] || [ ! -e "$root$file" ] || mount --bind "$file" "$root$file"
        done
        exec "$@"' sh "$@"
}

in_image() { with_mounts chroot "$root" "$@"; }

# end PID...: end what still runs of these; that some of it does not is no failure of a proof.
end() { kill "$@" 2>/dev/null || true; }

# count PATTERN FILE: lines with it so far; 0 as long as there is no such file.
count() { if [ -e "$2" ]; then grep -c -- "$1" "$2" || true; else echo 0; fi; }

seconds_since() { echo $(($(date +%s) - $1)); }
