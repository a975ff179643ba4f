#!/bin/sh
# An hour of a simulated flight on an arm64 processor (emulated), by the image's Python and the
# packages that install.sh laid there: the same bytes as this machine computes. What the simulator
# needs beyond them comes from the same lock.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
set -eu
need_root
need_image

stage=$root/var/tmp/hour
rm -rf "$stage"
mkdir -p "$stage/packages"
for part in wire payload sim groundstation host_training mission.toml; do
    tar -C "$project" --exclude=node_modules --exclude=vendor --exclude=examples --exclude='*.pyc' \
        -c "$part" | tar -x -C "$stage"
done
# What install.sh laid there stays; it leaves out what is only for the colours of a terminal.
known=$(cat "$project/lock/payload.txt" "$project/lock/mind.txt" |
    sed -n 's/^\([a-z][^=]*\)==.*/\1/p' |
    grep -vxE 'rich|pygments|markdown-it-py|mdurl')
KNOWN=$(echo "$known" | tr '\n' ' ') awk '
    /^[^ #]/ { split($0, word, "=="); keep = !index(" " ENVIRON["KNOWN"], " " word[1] " ") }
    keep' "$project/lock/sim.txt" >"$stage/sim.txt"
interpreter=$(basename "$root"/opt/spacepi/lib/python3.*)
# shellcheck disable=SC2046 # two words for each platform
"$python" -m pip install --quiet --disable-pip-version-check --no-deps --no-compile \
    --require-hashes --only-binary :all: --python-version "${interpreter#python}" \
    $(printf -- '--platform manylinux_2_%s_aarch64 ' 17 24 26 27 28 31 34) \
    --platform manylinux2014_aarch64 --target "$stage/packages" -r "$stage/sim.txt"

flight="-m sim --headless --fast --seed 7 --mind scripted --hours 1"
began=$(date +%s)
# shellcheck disable=SC2086 # several words
in_image env PYTHONPATH=/var/tmp/hour:/var/tmp/hour/packages PYTHONDONTWRITEBYTECODE=1 \
    /opt/spacepi/bin/python $flight --mission /var/tmp/hour/mission.toml \
    --out /var/tmp/hour/there >&2
took_s=$(seconds_since "$began")
cd "$project"
# shellcheck disable=SC2086
PYTHONPATH=$project "$python" $flight --out "$stage/here" >&2
for file in musings.txt summary.json; do
    cmp "$stage/there/$file" "$stage/here/$file" >&2 ||
        fail "$file is not what this machine computes"
done
result "an hour of a simulated flight in $took_s s (emulated): musings.txt and summary.json are" \
    "byte for byte those of $(uname -m)"
