#!/bin/sh
# The disks of the virtual machine: the image, with what stands in for the hardware it lacks, as a
# root that nobody writes to, and an empty one for /data, as docs/pi.md says.
#
#   sh tests/proof/disk.sh        $PROOF/RELEASE.img, RELEASE.vmlinuz and RELEASE.initrd; data.img
#
# PERSONA is a bundle to fly in place of the installed one: emulated on a busy machine, a small model
# thinks in minutes what the installed one needs the hour for.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
set -eu
need_root
need_image
need mke2fs e2fsprogs
need depmod kmod
need cpio cpio

state=$root/var/lib/spacepi
rm -rf "$state/data" "$state/mission.key" "$state/other"
bundle=persona
if [ -n "${PERSONA:-}" ]; then
    bundle=other
    cp -R "$PERSONA" "$state/other"
fi
# As a maker enters it, with a KISS modem and a receiver on serial ports, and no camera. One core of
# a busy machine emulates the Pi: a musing takes longer than the minute of a flight.
sed -e "s|^bundle = .*|bundle = \"$bundle\"|" -e 's/^callsign = "N0CALL"/callsign = "N0TEST"/' \
    -e 's/^kind = "kiss-tcp"/kind = "kiss-serial"/' \
    -e 's|^host = .*|device = "/dev/ttyS1"|' -e 's/^port = 8001/baud = 9600/' \
    -e 's/^rate_bps = 2400/rate_bps = 1200/' \
    -e 's|^gnss_device = .*|gnss_device = "/dev/ttyS0"|' -e 's/^camera = true/camera = false/' \
    -e 's|^data_dir = .*|data_dir = "/data"|' -e 's/^deadline_s = .*/deadline_s = 600/' \
    "$project/mission.toml" >"$state/mission.toml"
head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$state/mission.key"
chmod 600 "$state/mission.key"
in_image chown -R spacepi:spacepi /var/lib/spacepi

install -D -m 644 "$here/fake_bus/smbus2.py" "$root/opt/proof/smbus2.py"
install -D -m 755 "$here/guest.sh" "$root/usr/local/sbin/spacepi-proof"
units=$root/etc/systemd/system
mkdir -p "$units/spacepi-payload.service.d"
# An emulated start takes longer than the minute that the unit allows.
cat >"$units/spacepi-payload.service.d/proof.conf" <<END
[Service]
Environment=PYTHONPATH=/opt/proof
TimeoutStartSec=600
WatchdogSec=300
END
cat >"$units/spacepi-proof.service" <<END
[Service]
ExecStart=/usr/local/sbin/spacepi-proof
StandardOutput=tty
TTYPath=/dev/ttyAMA0
[Install]
WantedBy=multi-user.target
END
mkdir -p "$units/multi-user.target.wants"
ln -sf ../spacepi-proof.service "$units/multi-user.target.wants/"
# The table of docs/pi.md; an emulated machine takes longer to find its disks.
{
    echo '/dev/vda / ext4 ro 0 1'
    # shellcheck disable=SC2016 # the three are Markdown's
    sed -n '/^LABEL=data /,/^```/{/^```/d;s/timeout=30s/timeout=300s/;p}' "$project/docs/pi.md"
} >"$root/etc/fstab"
grep -q '^LABEL=data' "$root/etc/fstab" || fail "docs/pi.md has no table of file systems"
mkdir -p "$root/data" "$root/var/cache/spacepi"
# Nothing is to be brought up to date at the first boot, as on a Pi that has booted before.
touch -r "$root/usr" "$root/etc/.updated" "$root/var/.updated"

# Debian's kernel, unpacked and not installed: an initial file system of its own takes minutes to
# make in emulation, and initrd.sh makes a smaller one. This machine's apt fetches it, as it did the
# image, and $PROOF keeps it.
kernel=$proof/$release.linux.deb
if [ ! -e "$kernel" ]; then
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    mkdir -p "$scratch/state/lists/partial" "$scratch/cache/archives/partial"
    echo "deb http://deb.debian.org/debian $release main" >"$scratch/sources.list"
    cat >"$scratch/apt.conf" <<END
APT { Architecture "arm64"; Architectures { "arm64"; }; Sandbox::User "root"; };
Dir { State "$scratch/state"; State::status "/dev/null"; Cache "$scratch/cache"; };
Dir::Etc { SourceList "$scratch/sources.list"; SourceParts "/dev/null"; };
END
    export APT_CONFIG="$scratch/apt.conf"
    apt-get update -qq
    name=$(apt-cache depends linux-image-arm64 |
        sed -n 's/.*Depends: \(linux-image-[^ ]*\)/\1/p' | head -n 1)
    (cd "$scratch" && apt-get download -qq "$name")
    unset APT_CONFIG
    mv "$scratch"/linux-image-*.deb "$kernel"
fi
if [ ! -d "$root/lib/modules" ]; then
    dpkg-deb --fsys-tarfile "$kernel" | tar -x --keep-directory-symlink -C "$root"
    depmod -b "$root" "$(basename "$root"/lib/modules/*)"
fi
sh "$here/initrd.sh" "$root" "$proof/$release.initrd"
cp "$root"/boot/vmlinuz-* "$proof/$release.vmlinuz"
rm -f "$proof/$release.img"
mke2fs -q -t ext4 -d "$root" "$proof/$release.img" 3G >/dev/null
owner=$(in_image stat -c %u:%g /var/lib/spacepi)
rm -f "$proof/data.img"
mke2fs -q -t ext4 -L data -E "root_owner=$owner" "$proof/data.img" 256M >/dev/null
say "$proof/$release.img, $proof/data.img"
