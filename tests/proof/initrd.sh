#!/bin/sh
# The first file system of machine.sh's kernel: busybox, the modules of the disk, and one step.
#
#   sh initrd.sh ROOT OUT
set -eu
root=$1
out=$2
modules=$(basename "$root"/lib/modules/*)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$scratch/bin" "$scratch/lib" "$scratch/system" "$scratch/dev" "$scratch/proc" "$scratch/sys"
cp "$root/usr/bin/busybox" "$scratch/bin/busybox" 2>/dev/null ||
    cp "$root/bin/busybox" "$scratch/bin/busybox"

# in_order MODULE...: the files to load, each after those it needs.
in_order() {
    for name in "$@"; do
        line=$(grep "/$name\.ko[^:]*:" "$root/lib/modules/$modules/modules.dep") || continue
        for file in ${line#*:}; do echo "$file"; done | tac
        echo "${line%%:*}"
    done | awk '!seen[$0]++'
}

load=
for file in $(in_order virtio_pci virtio_mmio virtio_blk crc32c_generic ext4); do
    name=$(basename "$file")
    case $name in
        *.xz) xz -dc "$root/lib/modules/$modules/$file" >"$scratch/lib/${name%.xz}" ;;
        *) cp "$root/lib/modules/$modules/$file" "$scratch/lib/" ;;
    esac
    load="$load ${name%.xz}"
done
cat >"$scratch/init" <<END
#!/bin/busybox sh
/bin/busybox mount -t devtmpfs devtmpfs /dev
for module in$load; do /bin/busybox insmod /lib/\$module; done
while ! /bin/busybox mount -r -t ext4 /dev/vda /system 2>/dev/null; do /bin/busybox sleep 1; done
/bin/busybox mount --move /dev /system/dev
exec /bin/busybox switch_root /system /sbin/init
END
chmod 755 "$scratch/init"
(cd "$scratch" && find . | cpio --quiet -o -H newc | gzip -1) >"$out"
