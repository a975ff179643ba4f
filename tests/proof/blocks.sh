#!/bin/sh
# The power is cut at any block that reaches an ext4 disk (FUSE and a loop device), while the real
# store writes: tests/crash/explore_blocks.py.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
set -eu
need_root
need mkfs.ext4 e2fsprogs
for device in /dev/fuse /dev/loop-control; do
    [ -e "$device" ] || fail "needs $device, which this machine has not"
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$project"
unshare --mount --propagation private "$python" -m tests.crash.explore_blocks \
    payload 60 150 1 "$work" >"$work/found" || fail "the explorer ended: $(cat "$work/found")"
result "$("$python" -c '
import json, sys
found = json.load(sys.stdin)
if "no_device" in found or found["broken"]:
    sys.exit(str(found))
print(found["states"], "states of", found["writes"], "writes,", len(found["broken"]),
      "of them lose a record,", found["unmountable"], "cannot be mounted")' <"$work/found")"
