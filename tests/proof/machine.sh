#!/bin/sh
# A whole arm64 machine with 512 MB, in QEMU, on a root that nobody writes to, with stand-ins for the
# chips on I2C, a receiver on a serial port, and Dire Wolf on a loopback of sound behind another:
# Debian's kernel boots into the units, spacepi-preflight says GO, the mind thinks below its memory limit, the services are
# killed with -9 KILLS times (20) and the machine itself POWER_CUTS times (3, at least once), and
# everything that was heard on the air is in the store.
#
# The machine's clock counts instructions, 2 ns each, all processors together (a Zero 2 W has four
# cores of 1 GHz). So what it says of the first beacon, and every time limit in it, does not depend
# on how slowly it is emulated; receiver and modem keep to the clock outside.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/direwolf.sh"
set -eu
need_root
need qemu-system-aarch64 qemu-system-arm
need debugfs e2fsprogs
need direwolf direwolf
limit_s=${LIMIT_S:-7200}
kills=${KILLS:-20}
cuts=${POWER_CUTS:-3}

sh "$here/disk.sh"
flight=$proof/machine
rm -rf "$flight"
mkdir -p "$flight"
image=$proof/$release.img
cp "$root/var/lib/spacepi/mission.key" "$flight/mission.key"
chmod 600 "$flight/mission.key"
sed "s|^bundle = \"\(.*\)\"|bundle = \"$root/var/lib/spacepi/\1\"|" \
    "$root/var/lib/spacepi/mission.toml" >"$flight/mission.toml"

cd "$project"
machine="" direwolfs="" around=""
trap 'kill -9 $around $machine $direwolfs 2>/dev/null || true' EXIT
trap 'exit 130' HUP INT TERM
direwolf_pair "$flight" 18001 18003
sleep 5
PYTHONPATH=$project "$python" -m tests.proof.surroundings --mission "$flight/mission.toml" \
    --receiver "$flight/gnss" --ear 18003 --seconds "$limit_s" >"$flight/heard" &
around=$!
while [ ! -s "$flight/heard" ]; do
    kill -0 "$around" || fail "Dire Wolf does not hear: $(tail -n 3 "$flight/hear.log")"
    sleep 1
done

# boot WORDS: power on, with words for guest.sh. A watchdog as a Pi has one, the receiver on ttyS0,
# Dire Wolf on ttyS1. A login on the console would hang up on guest.sh.
boot() {
    qemu-system-aarch64 -icount shift=1 -M virt -cpu cortex-a72 -m 512 -smp 2 -display none -nic none \
        -kernel "$proof/$release.vmlinuz" -initrd "$proof/$release.initrd" \
        -append "console=ttyAMA0 root=/dev/vda ro quiet systemd.journald.forward_to_console=1 \
systemd.journald.max_level_console=warning systemd.mask=serial-getty@ttyAMA0.service $1" \
        -drive "file=$image,if=virtio,format=raw" \
        -drive "file=$proof/data.img,if=virtio,format=raw" -device i6300esb \
        -chardev "serial,id=gnss,path=$flight/gnss" -device pci-serial,chardev=gnss \
        -chardev socket,id=tnc,host=127.0.0.1,port=18001 -device pci-serial,chardev=tnc \
        -chardev "file,id=console,path=$flight/console,append=on" -serial chardev:console \
        >"$flight/qemu" 2>&1 &
    machine=$!
}

# until_more PATTERN FILE N WHAT: wait until more than N lines of FILE have the pattern.
until_more() {
    while [ "$(count "$1" "$2")" -le "$3" ]; do
        kill -0 "$machine" 2>/dev/null || fail "the machine ended: $(tail -n 3 "$flight/qemu")"
        kill -0 "$around" 2>/dev/null || fail "$4: not within $limit_s s"
        sleep 2
    done
}

# cut: the power goes without a word, and what the kernel had not written is lost.
cut() {
    kill -9 "$machine"
    wait "$machine" 2>/dev/null || true
}

# clock_s FIELD: of the guest's first line, in seconds of its clock.
clock_s() {
    sed -n "s/.*proof: .* $1=\([0-9]*\).*/\1/p" "$flight/console" | head -n 1 |
        awk '{ printf "%.1f", $1 / 1e6 }'
}

# mb FIELD: the highest of the guest's lines.
mb() {
    sed -n "s/.*proof: .* $1=\([0-9]*\).*/\1/p" "$flight/console" | sort -n | tail -n 1 |
        awk '{ printf "%.0f", $1 / 1024 }'
}

boot "proof.preflight proof.kills=$kills"
until_more 'proof: .* ready_us=[1-9]' "$flight/console" 0 "no first step"
until_more '"beacon"' "$flight/heard" 0 "no beacon"
say "first beacon $(clock_s ready_us) s after the kernel's start"
until_more 'proof page: \(GO\|NO-GO\)' "$flight/console" 0 "no page of preflight"
page=$(sed -n 's/.*proof page: \(.*\)/\1/p' "$flight/console" | tr -d '\r')
say "$page"
verdict=$(echo "$page" | sed -n '/^\(GO\|NO-GO\)/p')
until_more 'proof: page_s=' "$flight/console" 0 "no end of preflight"
case $verdict in GO*) ;; *) fail "preflight says $verdict" ;; esac
until_more "proof: .* kills=$kills\>" "$flight/console" 0 "the kills"
until_more '"by": "model"' "$flight/heard" 0 "no thought"
for _ in $(seq 2 "$cuts"); do
    cut
    heard=$(count '"event": "boot"' "$flight/heard")
    boot ""
    until_more '"event": "boot"' "$flight/heard" "$heard" "no boot after a power cut"
done
cut
kill "$around"
wait "$around" || true

e2fsck -fy "$proof/data.img" >"$flight/fsck" 2>&1 || [ $? -lt 4 ] || fail "the file system is broken"
for suffix in "" -wal; do
    debugfs -R "dump /payload.sqlite$suffix $flight/payload.sqlite$suffix" "$proof/data.img" \
        2>/dev/null
done
judged=$(PYTHONPATH=$project "$python" -m tests.proof.surroundings \
    --store "$flight/payload.sqlite" --heard "$flight/heard") || fail "$judged"

page_s=$(sed -n 's/.*proof: page_s=\([0-9]*\).*/\1/p' "$flight/console" | head -n 1)
limit_mb=$(sed -n 's/.*mind_max=\([0-9]*\).*/\1/p' "$flight/console" | tail -n 1 |
    awk '{ printf "%.0f", $1 / 1048576 }')
result "first beacon $(clock_s ready_us) s after the kernel's start, by a clock of 2 ns an" \
    "instruction (the kernel until $(clock_s units_us) s, systemd and its units until" \
    "$(clock_s exec_us) s, the flight core the rest); spacepi-preflight: $verdict, $page_s s" \
    "after the kernel's start; flight core" \
    "$(mb core_kb) MB (peak $(mb core_peak_kb)), mind $(mb mind_kb) MB with its model" \
    "($(mb model_kb) MB) of $limit_mb MB allowed, and its thought was heard; $kills kills -9, $cuts" \
    "power cut(s): $judged"
