#!/bin/sh
# The disk of the virtual machine: the image, with what stands in for the hardware it lacks.
#
#   sh tests/proof/disk.sh        $PROOF/RELEASE.img, RELEASE.vmlinuz and RELEASE.initrd
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
set -eu
need_root
need_image
need mke2fs e2fsprogs
need cpio cpio

state=$root/var/lib/spacepi
rm -rf "$state/data" "$state/mission.key"
# As a maker enters it, with a KISS modem and a receiver on serial ports, and no camera. One core of
# a busy machine emulates the Pi: a musing takes longer than the minute of a flight.
sed -e 's|^bundle = .*|bundle = "persona"|' -e 's/^callsign = "N0CALL"/callsign = "N0TEST"/' \
    -e 's/^kind = "kiss-tcp"/kind = "kiss-serial"/' \
    -e 's|^host = .*|device = "/dev/ttyS1"|' -e 's/^port = 8001/baud = 9600/' \
    -e 's|^gnss_device = .*|gnss_device = "/dev/ttyS0"|' -e 's/^camera = true/camera = false/' \
    -e 's/^deadline_s = .*/deadline_s = 600/' "$project/mission.toml" >"$state/mission.toml"
head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$state/mission.key"
chmod 600 "$state/mission.key"
in_image chown -R spacepi:spacepi /var/lib/spacepi

install -D -m 644 "$here/fake_bus/smbus2.py" "$root/opt/proof/smbus2.py"
install -D -m 755 "$here/guest.sh" "$root/usr/local/sbin/spacepi-proof"
units=$root/etc/systemd/system
mkdir -p "$units/spacepi-payload.service.d"
printf '[Service]\nEnvironment=PYTHONPATH=/opt/proof\n' \
    >"$units/spacepi-payload.service.d/fake_bus.conf"
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
echo '/dev/vda / ext4 defaults,noatime 0 1' >"$root/etc/fstab"
passwd_line=$(grep '^root:' "$root/etc/shadow")
[ "${passwd_line#root:\*}" = "$passwd_line" ] || in_image passwd -d root >/dev/null

[ -e "$root/lib/modules/$(basename "$root"/lib/modules/*)/modules.dep" ] ||
    depmod -b "$root" "$(basename "$root"/lib/modules/*)"
sh "$here/initrd.sh" "$root" "$proof/$release.initrd"
cp "$root"/boot/vmlinuz-* "$proof/$release.vmlinuz"
rm -f "$proof/$release.img"
mke2fs -q -t ext4 -d "$root" "$proof/$release.img" 3G
say "$proof/$release.img"
