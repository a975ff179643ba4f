#!/bin/sh
# Installs the spacepi units on a Pi, or into an image with --root. Repeated runs change nothing.
#
#   sudo sh systemd/install.sh                   units, user, virtual environment, start at boot
#   sh systemd/install.sh --root DIR             the same files into the tree DIR, no environment
#   sh systemd/install.sh [--root DIR] --dry-run   print what would be done
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=
dry=no
while [ $# -gt 0 ]; do
    case $1 in
        --root) [ $# -ge 2 ] || { echo "install.sh: --root requires a directory" >&2; exit 2; }
                root=${2%/}; shift ;;
        --dry-run) dry=yes ;;
        *) echo "usage: install.sh [--root DIR] [--dry-run]" >&2; exit 2 ;;
    esac
    shift
done

run() {
    if [ "$dry" = yes ]; then echo "would run: $*"; else "$@"; fi
}

# put SOURCE TARGET [MODE]: copy when it differs, so that a second run leaves the files alone.
put() {
    if cmp -s "$here/$1" "$root$2"; then return; fi
    echo "$root$2"
    run install -D -m "${3:-644}" "$here/$1" "$root$2"
}

if [ -z "$root" ] && [ "$dry" = no ] && [ "$(id -u)" != 0 ]; then
    echo "install.sh: run it with sudo, or with --root DIR" >&2
    exit 1
fi

put spacepi-payload.service /etc/systemd/system/spacepi-payload.service
put spacepi-mind.service /etc/systemd/system/spacepi-mind.service
put watchdog.conf /etc/systemd/system.conf.d/90-spacepi-watchdog.conf
put panic.conf /etc/sysctl.d/90-spacepi-panic.conf
put spacepi.sysusers /etc/sysusers.d/spacepi.conf
put spacepi-preflight /usr/local/bin/spacepi-preflight 755

# Enabling is a link; made by hand it is the same on a running Pi and in an image.
wants=$root/etc/systemd/system/multi-user.target.wants
for unit in spacepi-payload.service spacepi-mind.service; do
    if [ ! -L "$wants/$unit" ]; then
        run mkdir -p "$wants"
        run ln -s "../$unit" "$wants/$unit"
    fi
done

if [ -n "$root" ]; then exit 0; fi

run systemd-sysusers /etc/sysusers.d/spacepi.conf
run install -d -m 750 -o spacepi -g spacepi /var/lib/spacepi
# picamera2 and lgpio come from apt and are seen through --system-site-packages.
if [ ! -x /opt/spacepi/bin/python ]; then
    run python3 -m venv --system-site-packages /opt/spacepi
fi
# From the lock, each file checked against its hash, then wire and payload alone. Where apt has numpy it stays: picamera2's
# extensions are compiled against that one, and do not load beside another.
locked=$here/../lock/payload.txt
if python3 -c 'import numpy' 2>/dev/null; then
    locked=$(mktemp)
    trap 'rm -f "$locked"' EXIT
    awk '/^[^ #]/ { skip = /^numpy==/ } !skip' "$here/../lock/payload.txt" >"$locked"
fi
pip="/opt/spacepi/bin/pip install --quiet --no-deps --no-build-isolation"
run $pip --require-hashes -r "$here/../lock/build.txt"
run $pip --require-hashes -r "$locked"
run $pip "$here/wheel"
mission=/var/lib/spacepi/mission.toml
if [ ! -e "$mission" ]; then
    edited=$(mktemp)
    sed 's|^bundle = .*|bundle = "persona"|' "$here/../mission.toml" >"$edited"
    run install -m 640 -o spacepi -g spacepi "$edited" "$mission"
    rm "$edited"
    echo "Now edit $mission (callsign) and copy the key to /var/lib/spacepi/mission.key."
fi
# Edda, unless another persona was copied there. The model of an adapter bundle is assembled once, from
# a base that is downloaded once; without it the payload flies without a mind.
persona=/var/lib/spacepi/persona
if [ ! -e "$persona" ]; then
    run cp -r "$here/../host_training/examples/edda.bundle" "$persona"
fi
if [ -e "$persona/adapter.gguf" ]; then
    run /opt/spacepi/bin/spacepi-payload assemble --mission "$mission" ||
        echo "The persona has no model yet; with a network run install.sh again."
fi
run chown -R spacepi:spacepi "$persona"
run systemctl daemon-reload
echo "Reboot to start the payload and to arm the hardware watchdog. Before a launch run spacepi-preflight."
