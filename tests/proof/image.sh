#!/bin/sh
# An arm64 image made as docs/pi.md says: Debian as it comes, then install.sh --root, with the
# wheels of `make wheels` and without a compiler. The other proofs use it.
#
#   RELEASE=bookworm sh tests/proof/image.sh       or trixie, which is the default
#
# Debian is kept as $PROOF/RELEASE.tar, which stands for the file that Raspberry Pi Imager writes;
# what is installed to it is removed and installed again each time.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
set -eu
need_root
need mmdebstrap mmdebstrap
[ -e /proc/sys/fs/binfmt_misc/qemu-aarch64 ] ||
    fail "this machine runs no arm64 programs: sudo apt install qemu-user-static binfmt-support," \
        "and in a container: mount -t binfmt_misc none /proc/sys/fs/binfmt_misc," \
        "update-binfmts --enable"
ls "$project"/dist/llama_cpp_python-*-80-*aarch64.whl "$project"/dist/python3.*/numpy-*.whl \
    >/dev/null 2>&1 || fail "needs the wheels: make wheels"
[ -e "$project/host_training/examples/edda.bundle/assembled.json" ] ||
    fail "needs Edda's model, as docs/pi.md copies it to the Pi: make flight"

# What Raspberry Pi OS Lite has and a minimal Debian has not.
base=$proof/$release.tar
if [ ! -e "$base" ]; then
    began=$(date +%s)
    mmdebstrap --mode=root --architectures=arm64 --variant=minbase --format=tar \
        --include=python3,ca-certificates,systemd,systemd-sysv,udev,kmod,dbus,busybox-static \
        "$release" "$base.part"
    mv "$base.part" "$base"
    say "Debian $release in $(seconds_since "$began") s"
fi
rm -rf "$root"
mkdir -p "$root"
tar -x --numeric-owner --xattrs -f "$base" -C "$root"
mkdir -p "$root/boot/firmware"
echo 'dtparam=audio=on' >"$root/boot/firmware/config.txt"
echo 'console=serial0,115200 console=tty1 root=/dev/mmcblk0p2 rootwait' \
    >"$root/boot/firmware/cmdline.txt"

began=$(date +%s)
unset PYTHONDONTWRITEBYTECODE # as on a Pi
with_mounts sh "$project/systemd/install.sh" --root "$root" >&2
took_s=$(seconds_since "$began")
if in_image sh -c 'command -v cc gcc g++ clang' >&2; then fail "there is a compiler in the image"; fi

# Plain Debian has no picamera2 and no lgpio; everything else is in place.
missing=$(with_mounts sh "$project/systemd/install.sh" --root "$root" --check |
    grep -v '^ok ' | grep -v 'camera and cutdown pin' || true)
[ -z "$missing" ] || fail "install.sh leaves out: $missing"
size_mb=$(du -sm "$root/opt/spacepi" | cut -f1)
result "installed from the wheels in $took_s s (emulated), $size_mb MB in /opt/spacepi," \
    "no compiler; every line of --check but camera and cutdown (not in Debian) is ok"
