#!/bin/sh
# The units are what systemd understands, and how exposed it finds them: 0 is best, 10 worst.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
set -eu
need systemd-analyze systemd

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for unit in "$project"/systemd/*.service; do
    # The programs of the units are on the Pi; here another takes their place.
    sed 's|/opt/spacepi/bin/[a-z-]*|/bin/true|' "$unit" >"$folder/$(basename "$unit")"
done

# It ends well whatever it does not understand, and says so on standard error.
SYSTEMD_UNIT_PATH="$folder:" systemd-analyze verify --man=no "$folder"/*.service \
    2>"$folder/said" || true
if grep spacepi "$folder/said" >&2; then fail "systemd does not understand a line of a unit"; fi

scores=
for unit in "$folder"/*.service; do
    score=$(systemd-analyze security --offline=true --no-pager "$unit" |
        sed -n 's/.*Overall exposure level for .*: \([0-9.]*\).*/\1/p')
    [ -n "$score" ] || fail "systemd gives $(basename "$unit") no score"
    scores="$scores, $(basename "$unit") $score"
done
result "every line understood; exposure${scores#,}" \
    "(systemd $(systemd-analyze --version | awk 'NR == 1 { print $2 }'))"
