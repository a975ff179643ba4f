"""Flights heard in strangers' formats: Horus beside our own beacons, and in their place."""

from __future__ import annotations

from pathlib import Path

import pytest

from groundstation.reading.reader import FlightReader
from payload.link import downlink
from sim import summary
from sim.balloon import distance_m
from sim.world import World
from tests.sim.flights import hop_world
from wire import horus, ukhas
from wire.beacon import Phase

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # asn1tools' own


def no_beacon(*_: object) -> bytes:
    raise RuntimeError("a mistake of ours")


def truth_m(world: World, at_s: float, place: tuple[float, float]) -> float:
    state = world.trajectory.state(at_s)
    return float(distance_m(place, (state.latitude_deg, state.longitude_deg)))


def sightings(world: World) -> list[dict]:
    assert world.archive is not None
    return [dict(row) for row in world.archive.db.execute("SELECT * FROM sighting ORDER BY id")]


def test_horus_packets_are_sent_heard_and_counted(tmp_path: Path) -> None:
    world = hop_world(tmp_path)
    world.run_until(world.end_s)
    rows = sightings(world)
    reader = FlightReader(world.archive_path, world.mission)
    assert reader.sighting() is None, "our own beacons were heard to the end"
    reader.close()
    result = summary.finish(world, None)
    sent, heard = result["horus_sent"], result["horus_heard"]
    assert 80 <= sent <= 120 and 0.4 < heard / sent < 0.95
    assert {row["via"] for row in rows} == {"horus"}
    assert heard <= len(rows) <= heard + 3, "the channel doubles a frame now and then"
    assert 0.4 < sent / result["beacons_sent"] < 0.6, "one to two of our own"
    assert f"as Horus packets {sent} and {heard}" in " ".join(summary.sentences(result, tmp_path))
    with_line = [row["musing"] for row in rows if row["musing"]]
    aboard = {horus.sanitise(line) for line in (tmp_path / "musings.txt").read_text().splitlines()}
    assert with_line
    for line in with_line:
        assert any(said.startswith(line.removesuffix("...").rstrip(" -.")) for said in aboard)


@pytest.mark.thorough
def test_without_our_own_beacon_horus_still_says_where_it_is(
    tmp_path: Path, monkeypatch
) -> None:
    """From mid-climb on, no beacon of ours can be made: positions go on to the landing."""
    world = hop_world(tmp_path)
    world.run_until(400)
    monkeypatch.setattr(downlink.beacon_codec, "encode", no_beacon)
    world.run_until(world.end_s)
    assert world.archive is not None
    last_own_ms = world.archive.db.execute("SELECT MAX(utc_ms) FROM beacon").fetchone()[0]
    assert last_own_ms <= world.clock.start_utc_ms + 401_000
    late = [row for row in sightings(world) if row["utc_ms"] > last_own_ms]
    assert {row["via"] for row in late} == {"horus", "ukhas"}
    assert Phase.LANDED in {row["phase"] for row in late}
    for row in late:
        at_s = (row["utc_ms"] - world.clock.start_utc_ms) / 1000 - row["fix_age_s"]
        place = row["latitude_deg"], row["longitude_deg"]
        assert truth_m(world, at_s, place) < 50, row
    reader = FlightReader(world.archive_path, world.mission)
    shown = reader.flight()["sighting"]
    assert shown is not None and shown["via"] in ("horus", "ukhas")
    end_s = (world.clock.utc_ms - shown["utc_ms"]) / 1000
    assert end_s < 120 and world.trajectory.state(world.end_s).altitude_m == pytest.approx(
        shown["altitude_m"], abs=15)
    tracks = reader.tracks()
    assert tracks.verified[-1].utc_ms > last_own_ms + 1_000_000, "the rows of the track still come"
    assert tracks.unverified == [], "and leave no gap for what others' formats say"
    reader.close()
    world.close()


@pytest.mark.thorough
def test_with_no_horus_either_the_dumb_sentence_does(tmp_path: Path, monkeypatch) -> None:
    world = hop_world(tmp_path)
    world.run_until(400)
    monkeypatch.setattr(downlink.beacon_codec, "encode", no_beacon)
    monkeypatch.setattr(horus, "encode", no_beacon)
    world.run_until(700)
    late = [row for row in sightings(world) if row["via"] == "ukhas"]
    assert len(late) >= 12
    assert world.channel.sent["ukhas"] >= 25, "every ten seconds"
    place = late[-1]["latitude_deg"], late[-1]["longitude_deg"]
    at_s = (late[-1]["utc_ms"] - world.clock.start_utc_ms) / 1000
    assert truth_m(world, at_s, place) < 100
    world.close()


def test_their_decoder_reads_all_that_was_sent(tmp_path: Path, monkeypatch) -> None:
    decoder = pytest.importorskip("horusdemodlib.decoder", reason="horusdemodlib")
    world = hop_world(tmp_path)
    sent: list[bytes] = []
    send = world.channel.send_down
    monkeypatch.setattr(
        world.channel, "send_down", lambda frame: sent.append(frame) or send(frame))
    world.run_until(600)
    monkeypatch.setattr(downlink.beacon_codec, "encode", no_beacon)
    world.run_until(900)
    packets = [decoder.decode_packet(frame) for frame in sent if horus.is_frame(frame)]
    lines = [decoder.parse_ukhas_string(frame.decode().strip())
             for frame in sent if ukhas.parse(frame)]
    assert len(packets) >= 30 and len(lines) >= 25
    assert {told["callsign"] for told in packets + lines} == {"N0CALL"}
    assert any("musing_0" in told for told in packets)
    assert all(told["altitude"] > 250 for told in lines)
    world.close()
