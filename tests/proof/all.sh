#!/bin/sh
# Every proof, one after the other, or those that are named: `make proof`, `make proof NAME=units`.
# Each replaces its line in docs/promises.md; one that fails leaves it, and is named at the end.
set -u
here=$(cd "$(dirname "$0")" && pwd)
[ $# -gt 0 ] || set -- units blocks image hour chroot machine
failed=
for name in "$@"; do
    if [ ! -f "$here/$name.sh" ]; then
        echo "there is no proof $name in tests/proof" >&2
        exit 2
    fi
    sh "$here/$name.sh" || failed="$failed $name"
done
[ -z "$failed" ] || { echo "not proven:$failed" >&2; exit 1; }
