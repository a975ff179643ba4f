#!/bin/sh
# The installed payload on an arm64 processor (emulated by program), with a receiver, stand-ins for
# the chips on I2C, and Dire Wolf on a loopback of sound: preflight finds nothing amiss but the
# watchdog, which only a machine of its own has; then the flight core flies a hop, and the mind
# worker thinks, until a musing has been heard.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/direwolf.sh"
set -eu
need_root
need direwolf direwolf
need_image
limit_s=${LIMIT_S:-1800}

# As the units run them, but that there is no systemd: a mission and a store of their own.
flight=$root/var/tmp/proof
rm -rf "$flight"
mkdir -p "$flight/bus" "$flight/run"
cp "$here/fake_bus/smbus2.py" "$flight/bus/"
receiver=$flight/gnss
bundle=/var/lib/spacepi/persona
if [ -n "${PERSONA:-}" ]; then # a small model, as disk.sh has it
    bundle=/var/tmp/proof/other
    cp -R "$PERSONA" "$flight/other"
fi
# One core of a busy machine emulates another: a musing takes longer than the minute of a flight.
sed -e "s|^bundle = .*|bundle = \"$bundle\"|" -e 's/^port = 8001/port = 18001/' \
    -e 's/^rate_bps = 2400/rate_bps = 1200/' \
    -e 's|^gnss_device = .*|gnss_device = "/var/tmp/proof/gnss"|' \
    -e 's/^callsign = "N0CALL"/callsign = "N0TEST"/' -e 's/^camera = true/camera = false/' \
    -e 's/^deadline_s = .*/deadline_s = 600/' "$project/mission.toml" >"$flight/mission.toml"
head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$flight/mission.key"
chmod 600 "$flight/mission.key"
# The station's copy knows the persona by its own path.
sed "s|^bundle = \"|&$root|" "$flight/mission.toml" \
    >"$flight/station.toml"

cd "$project"
direwolfs="" around="" core=""
trap 'end $direwolfs $around; stop payload; stop mind' EXIT
trap 'exit 130' HUP INT TERM
direwolf_pair "$flight" 18001 18003
sleep 5
PYTHONPATH=$project "$python" -m tests.proof.surroundings --mission "$flight/station.toml" \
    --receiver "$receiver" --ear 18003 --seconds "$limit_s" >"$flight/heard" &
around=$!
while [ ! -s "$flight/heard" ]; do
    kill -0 "$around" || fail "Dire Wolf does not hear: $(tail -n 3 "$flight/hear.log")"
    sleep 1
done

# as_unit NAME COMMAND...: on those stand-ins, as the unit of that name. Its own number is in the file
# NAME.pid: to end the shell that waits for it would leave it running, with the store locked.
as_unit() {
    name=$1
    shift
    # shellcheck disable=SC2016 # $$, $0 and $@ are those of the inner shell
    in_image env PYTHONPATH=/var/tmp/proof/bus RUNTIME_DIRECTORY=/var/tmp/proof/run \
        sh -c 'echo $$ >"/var/tmp/proof/$0.pid"; exec "$@"' "$name" "$@" \
        --mission /var/tmp/proof/mission.toml
}
payload() { as_unit payload /opt/spacepi/bin/spacepi-payload "$@"; }
stop() { end "$(cat "$flight/$1.pid" 2>/dev/null)"; }

# The mind has a process of its own, and is not waited for in flight: emulated it may take longer to
# load its model than a flight core has patience.
as_unit mind /opt/spacepi/bin/python -m payload.mind_start --socket /var/tmp/proof/run/mind.sock \
    --cache /var/tmp/proof/cache >"$flight/mind.log" 2>&1 &
mind=$!
until [ "$(count model_loaded "$flight/mind.log")" -gt 0 ]; do
    kill -0 "$mind" 2>/dev/null || fail "the mind ended: $(tail -n 3 "$flight/mind.log")"
    sleep 1
done

payload preflight --seconds 600 >"$flight/page" 2>"$flight/log" || [ $? = 1 ] ||
    fail "preflight ended: $(tail -n 3 "$flight/log")"
cat "$flight/page" >&2
flaws=$(grep '^ *no-go ' "$flight/page" | grep -v ' watchdog ' || true)
[ -z "$flaws" ] || fail "preflight: $flaws"
[ "$(grep -c '^ *go ' "$flight/page")" -gt 0 ] || fail "preflight found nothing"

payload run >"$flight/log" 2>&1 &
core=$!

# heard PATTERN: seconds at which the first line with it was told.
heard() { sed -n "/$1/{s/.*\"at_s\": \([0-9.]*\).*/\1/p;q}" "$flight/heard"; }
count_beacons() { grep -c '"beacon"' "$flight/heard"; }
thought='"by": "model"'
while [ -z "$(heard "$thought")" ]; do
    kill -0 "$core" 2>/dev/null || fail "the flight core ended: $(tail -n 3 "$flight/log")"
    kill -0 "$around" 2>/dev/null || fail "no thought in $limit_s s: $(tail -n 3 "$flight/log")"
    sleep 5
done
stop payload
wait "$core" 2>/dev/null || true
kill "$around"
wait "$around" || true
judged=$(PYTHONPATH=$project "$python" -m tests.proof.surroundings \
    --store "$flight/data/payload.sqlite" --heard "$flight/heard") || fail "$judged"
musing=$(sed -n "/$thought/{s/.*\"text\": \"\([^\"]*\)\".*/\1/p;q}" "$flight/heard")
lines() { grep -c "^$1 " "$flight/page" || true; }
result "preflight: $(lines go) lines go, $(lines judge)" \
    "for the operator, no-go for the watchdog alone; thought heard after $(heard "$thought") s" \
    "(emulated): \"$musing\"; $(count_beacons) beacons and $judged"
