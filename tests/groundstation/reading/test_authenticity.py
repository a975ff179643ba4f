"""Who said it: a station with the key, one without, impostors, and beacons played again."""

from __future__ import annotations

import csv
import json
import stat
import sys
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from groundstation.__main__ import main
from groundstation.archive.archive import Archive
from groundstation.export.export import write_all
from groundstation.ground import Ground, HeardBytes
from groundstation.reading.reader import FlightReader
from groundstation.web.stream import PageFeed
from tests.groundstation.far_end import (
    MASTER_KEY,
    MISSION,
    SIGNED_MISSION,
    START_MS,
    FarEnd,
    state_at,
)
from wire import auth, beacon, frames
from wire.auth import Direction
from wire.frames import BeaconFrame, FrameCounter, IdentFrame
from wire.records import Kind

UPLINK_KEY = auth.derive_key(MASTER_KEY, 7, Direction.UPLINK)
KEY = SIGNED_MISSION.downlink_key(MASTER_KEY)
HERE = state_at(1000)
ELSEWHERE = replace(HERE, latitude_deg=10.0, longitude_deg=10.0, altitude_m=5.0)


@pytest.fixture
def station(archive):
    return Ground(SIGNED_MISSION, archive, UPLINK_KEY, KEY)


def signer(**options):
    return FarEnd(UPLINK_KEY, SIGNED_MISSION, **options)


def impostor(key=None, **options):
    """Somebody who knows the protocol and not the key."""
    far = FarEnd(None, SIGNED_MISSION, **options)
    far.downlink_key = key
    return far


def page_state(archive, mission=SIGNED_MISSION):
    reader = FlightReader(archive.path, mission)
    state = reader.flight()
    reader.close()
    return state


def tally(archive, name):
    row = archive.db.execute("SELECT value FROM tally WHERE name = ?", (name,)).fetchone()
    return row[0] if row else 0


def column(archive, table, name="authenticity"):
    return [row[0] for row in archive.db.execute(f"SELECT {name} FROM {table} ORDER BY id")]


def muse(far, ground, text, now_ms):
    """Tell which session this is, and a line in it."""
    ground.receive(far.tell(), now_ms)
    far.push(Kind.MUSING, now_ms, {"text": text, "by": "model"})
    ground.receive(far.data(now_ms + 5_000), now_ms + 5_000)


# -- with the key ---------------------------------------------------------------------------


def test_what_the_payload_signed_enters_as_genuine(archive, station):
    far = signer()
    station.receive(far.beacon(HERE), START_MS)
    muse(far, station, "It is me.", START_MS + 1000)
    assert column(archive, "beacon") == column(archive, "record") == ["genuine"]
    state = page_state(archive)
    assert state["is_verifying"] and state["is_signed"]
    assert state["beacon"]["authenticity"] == "genuine" and state["link"].get("impostor") is None


@pytest.mark.parametrize("key", [None, UPLINK_KEY, bytes(32), auth.derive_key(
    MASTER_KEY, 8, Direction.DOWNLINK)], ids=["unsigned", "uplink key", "zeros", "other node"])
def test_an_impostor_is_counted_and_believed_in_nothing(archive, station, key):
    far, liar = signer(), impostor(key, boot=2)
    station.receive(far.beacon(HERE), START_MS)
    before = page_state(archive)
    station.ask("Where are you?", START_MS)
    station.receive(liar.beacon(ELSEWHERE, is_listening=True), START_MS + 1000)
    liar.push(Kind.MUSING, START_MS, {"text": "I have landed in your garden.", "by": "model"})
    liar.push(Kind.TRACK, START_MS, {"lat": 100_000_000, "lon": 100_000_000, "alt": 5})
    station.receive(liar.data(START_MS + 6000), START_MS + 6000)
    ident = frames.encode_downlink(IdentFrame(7, "DE 0WNED"), liar.downlink_key)
    station.receive(ident, START_MS + 6500)
    assert station.next_uplink(START_MS + 6600) is None, "its window is not the payload's"
    after = page_state(archive)
    assert after["beacon"] == before["beacon"] and after["phases"] == before["phases"]
    assert after["counts"] == {} and column(archive, "record") == []
    unplaced = after["link"].get("unplaced", 0)
    assert unplaced == (key is not None), "of no session that is known: forged, or not told yet"
    assert after["link"]["impostor"] + unplaced == 3
    assert after["link"]["heard"] == before["link"]["heard"]
    assert archive.db.execute("SELECT frames, ident FROM node").fetchall()[0][:] == (1, None)
    assert len(list(archive.receptions())) == 4, "the raw log keeps them"
    assert station.loss() == 0, "nor do its counters say what was lost"


def test_the_first_impostor_is_logged_and_the_rest_are_counted(archive, station):
    liar = impostor()
    with capture_logs() as logs:
        for i in range(5):
            station.receive(liar.beacon(state_at(i)), START_MS + i * 1000)
        station.receive_many(
            HeardBytes(liar.beacon(state_at(i)), START_MS + i * 1000) for i in range(5, 400)
        )
    heard = [entry for entry in logs if entry["event"] == "impostor_heard"]
    assert heard == [{"event": "impostor_heard", "log_level": "warning", "node_id": 7,
                      "frame": "unsigned"}]
    assert tally(archive, "impostor") == 400
    changes = archive.db.execute("SELECT COUNT(*) FROM change WHERE what = 'impostor'")
    assert changes.fetchone()[0] == 6, "one line of the change log for what came together"


def test_an_open_page_hears_of_an_impostor_at_once(archive, station):
    feed = PageFeed(FlightReader(archive.path, SIGNED_MISSION), lambda: START_MS)
    at, _ = feed.step(None)
    station.receive(impostor().beacon(ELSEWHERE), START_MS)
    _, message = feed.step(at)
    assert message is not None
    update = json.loads(message.split("data: ", 1)[1])
    assert update["flight"]["link"]["impostor"] == 1
    assert update["verified"] == update["unverified"] == update["state"] == []


def test_another_payload_is_not_judged_by_our_key(archive, station):
    """Foreign payloads sign with keys of their own, or not at all; their symbols are theirs."""
    plain = FarEnd(None, MISSION, node_id=9)
    signed = impostor(auth.derive_key(bytes(32), 8, Direction.DOWNLINK), node_id=8)
    for far in (plain, signed):
        far.push(Kind.MUSING, START_MS, {"text": "x" * 500 + str(far.node_id), "by": "model"})
        for i in range(1, 4):
            station.receive(far.data(START_MS + i * 5000), START_MS + i * 5000)
    rows = archive.db.execute("SELECT node_id, authenticity FROM record ORDER BY node_id")
    assert [tuple(row) for row in rows] == [(8, "unverified"), (9, "unsigned")]
    assert tally(archive, "impostor") == 0


# -- without the key ------------------------------------------------------------------------


def test_a_station_without_the_key_reads_everything_and_vouches_for_nothing(archive):
    with capture_logs() as logs:
        ground = Ground(SIGNED_MISSION, archive, None)
    assert [e["event"] for e in logs if e["event"] == "not_verifying"] == ["not_verifying"]
    far = signer()
    ground.receive(far.beacon(HERE), START_MS)
    muse(far, ground, "Believe me.", START_MS + 1000)
    ground.receive(impostor(boot=2).beacon(ELSEWHERE), START_MS + 10_000)
    assert column(archive, "beacon") == ["unverified", "unsigned"]
    assert column(archive, "record") == ["unverified"]
    state = page_state(archive)
    assert state["is_signed"] and not state["is_verifying"]


def test_a_mission_that_does_not_sign_says_so(archive):
    far, ground = FarEnd(), Ground(MISSION, archive, UPLINK_KEY)
    ground.receive(far.beacon(HERE), START_MS)
    muse(far, ground, "Anyone.", START_MS + 1000)
    assert column(archive, "beacon") == column(archive, "record") == ["unsigned"]
    state = page_state(archive, MISSION)
    assert not state["is_signed"] and not state["is_verifying"]


def test_a_key_that_comes_later_decodes_everything_again(archive):
    """What an impostor said while nobody could tell goes; what it stood in the way of comes."""
    far, liar = signer(), impostor(boot=1)
    ground = Ground(SIGNED_MISSION, archive, None)
    muse(liar, ground, "The false first line.", START_MS)
    muse(far, ground, "The true first line.", START_MS + 60_000)
    ground.receive(far.beacon(HERE), START_MS + 70_000)
    texts = [e["text"] for e in FlightReader(archive.path, SIGNED_MISSION).entries(None, 9)]
    assert texts == ["The false first line."], "the same record number: the first one heard stays"
    with capture_logs() as logs:
        Ground(SIGNED_MISSION, archive, UPLINK_KEY, KEY)
    assert [e["event"] for e in logs].count("decoding_again") == 1
    entries = FlightReader(archive.path, SIGNED_MISSION).entries(None, 9)
    shown = [(e["text"], e["authenticity"]) for e in entries]
    assert shown == [("The true first line.", "genuine")]
    assert tally(archive, "impostor") == 2 and tally(archive, "conflicts") == 0
    with capture_logs() as logs:
        Ground(SIGNED_MISSION, archive, UPLINK_KEY, KEY)
    assert "decoding_again" not in [e["event"] for e in logs], "once is enough"
    Ground(SIGNED_MISSION, archive, None)
    assert column(archive, "record") == ["unsigned"] and tally(archive, "impostor") == 0


def test_the_key_is_in_no_file_of_the_archive(tmp_path):
    archive = Archive(tmp_path / "flight.sqlite")
    ground = Ground(SIGNED_MISSION, archive, UPLINK_KEY, KEY)
    ground.receive(signer().beacon(HERE), START_MS)
    archive.close()
    for path in tmp_path.iterdir():
        data = path.read_bytes()
        for secret in (KEY, UPLINK_KEY, MASTER_KEY):
            assert secret not in data and secret.hex().encode() not in data, path.name


# -- played again ---------------------------------------------------------------------------


def test_an_old_beacon_played_again_moves_nothing(archive, station):
    far = signer()
    recorded = []
    for i in range(0, 4000, 10):
        recorded.append(far.beacon(state_at(i), is_listening=i % 20 == 0))
        for _ in range(9):
            far._counter()  # nine data frames between two beacons
        station.receive(recorded[-1], START_MS + i * 1000)
    before = page_state(archive)
    now = START_MS + 3_995_000
    for old in (recorded[0], recorded[40], recorded[200], recorded[330]):  # and in every order
        station.receive(old, now)
    after = page_state(archive)
    assert after["beacon"] == before["beacon"] and len(column(archive, "beacon")) == 400
    assert after["link"]["old_beacons"] == 4
    assert after["link"]["heard"] == before["link"]["heard"]
    station.ask("Is anybody there?", now)
    assert station.next_uplink(now + 100) is None, "it listened an hour ago"
    station.receive(far.beacon(state_at(4000)), START_MS + 4_000_000)
    assert page_state(archive)["beacon"]["utc_ms"] == START_MS + 4_000_000


def test_an_old_beacon_stays_old_after_a_restart(archive, station):
    far = signer()
    sent = [(far.beacon(state_at(i)), START_MS + i * 1000) for i in range(0, 3600, 40)]
    for data, now in sent:
        station.receive(data, now)
    again = Ground(SIGNED_MISSION, archive, UPLINK_KEY, KEY)
    again.receive(sent[0][0], START_MS + 3_605_000)
    assert len(column(archive, "beacon")) == 90 and tally(archive, "old_beacons") == 1
    archive.rebuild()
    Ground(SIGNED_MISSION, archive, UPLINK_KEY, KEY)
    assert len(column(archive, "beacon")) == 90 and tally(archive, "old_beacons") == 1


def test_old_data_played_again_changes_no_record(archive, station):
    far = signer()
    far.push(Kind.MUSING, START_MS, {"text": "Once.", "by": "model"})
    data = far.data(START_MS + 5000)
    station.receive(data, START_MS + 5000)
    for i in range(80):  # past what is remembered byte for byte
        station.receive(far.beacon(state_at(i)), START_MS + i * 1000 + 6000)
    rows = archive.db.execute("SELECT * FROM record").fetchall()
    station.receive(data, START_MS + 90_000)
    assert archive.db.execute("SELECT * FROM record").fetchall() == rows


def test_nobody_can_send_what_is_not_signed_into_the_future(archive, station):
    """A forged beacon far ahead must not make the true ones look old."""
    far = signer()
    station.receive(far.beacon(state_at(0)), START_MS)
    ahead = BeaconFrame(7, FrameCounter(15, 4095), beacon.encode(state_at(7000)), False)
    for key in (None, UPLINK_KEY):
        station.receive(frames.encode_downlink(ahead, key), START_MS + 1000)
    station.receive(far.beacon(state_at(10)), START_MS + 10_000)
    assert len(column(archive, "beacon")) == 2 and tally(archive, "old_beacons") == 0


def test_without_the_key_nothing_is_called_old(archive):
    """Whoever can say anything could otherwise silence the payload by one beacon from tomorrow."""
    ground, far = Ground(SIGNED_MISSION, archive, None), signer()
    ground.receive(impostor(boot=9).beacon(state_at(9000)), START_MS)
    ground.receive(far.beacon(state_at(10)), START_MS + 10_000)
    assert len(column(archive, "beacon")) == 2


# -- what people get ------------------------------------------------------------------------


def test_exports_say_who_said_it(archive, station, tmp_path):
    far = signer()
    station.receive(far.beacon(HERE), START_MS)
    far.push(Kind.MUSING, START_MS, {"text": "Here.", "lat": 521_000_000, "lon": 130_000_000})
    station.receive(far.tell(), START_MS + 1000)
    station.receive(far.data(START_MS + 5000), START_MS + 5000)
    write_all(FlightReader(archive.path, SIGNED_MISSION), tmp_path / "out")
    for name in ("diary.csv", "telemetry.csv"):
        rows = list(csv.DictReader((tmp_path / "out" / name).open()))
        assert [row["authenticity"] for row in rows] == ["genuine"], name
    features = json.loads((tmp_path / "out" / "track.geojson").read_text())["features"]
    assert features[-1]["properties"]["authenticity"] == "genuine"


def test_the_command_verifies_with_the_key_file(tmp_path, monkeypatch, capsys):
    """``receive --replay`` of a flight with an impostor in it, then ``rebuild`` without the key."""
    other = Archive(tmp_path / "other" / "flight.sqlite")
    heard = Ground(SIGNED_MISSION, other, None)
    heard.receive(signer().beacon(HERE), START_MS)
    heard.receive(impostor().beacon(ELSEWHERE), START_MS + 1000)
    other.close()
    mission = tmp_path / "mission.toml"
    mission.write_text(
        '[payload]\nname = "EDDA"\ncallsign = "N0CALL"\nnode_id = 7\n[radio]\nkind = "none"\n'
        "[power]\ncapacity_mah = 3000\neco_mv = 3600\nlow_mv = 3400\ncritical_mv = 3200\n"
        "[keys]\ndownlink_mac = true\n"
    )
    key_path = tmp_path / "mission.key"
    key_path.write_text(MASTER_KEY.hex())
    key_path.chmod(stat.S_IRUSR)

    def command(*words):
        monkeypatch.setattr(sys, "argv", ["spacepi-ground", *map(str, words), "-m", str(mission)])
        with pytest.raises(SystemExit, match="0"):
            main()
        return capsys.readouterr()

    def authenticities():
        archive = Archive(tmp_path / "archive" / "archive.sqlite")
        found = column(archive, "beacon"), tally(archive, "impostor")
        archive.close()
        return found

    said = command("receive", "--replay", other.raw_path)
    assert said.err.count("impostor_heard") == 1
    assert authenticities() == (["genuine"], 1)
    said = command("export", tmp_path / "out")
    assert "Frames not exported: 1, in the name of EDDA but not signed by it." in said.out
    key_path.rename(tmp_path / "away.key")
    assert command("rebuild").err.count("not_verifying") == 1
    assert authenticities() == (["unverified", "unsigned"], 0)
    assert "left out" not in command("export", tmp_path / "out").out
