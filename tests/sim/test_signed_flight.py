"""A whole signed flight with somebody on the channel who lies and somebody who plays it back."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from groundstation.archive.archive import Archive
from groundstation.archive.track import Point
from groundstation.ground import Ground
from groundstation.reading.reader import FlightReader
from sim.replay import Replay
from sim.world import World
from tests.sim.flights import hop_rows, mission, write_csv
from wire import beacon
from wire.auth import Authenticity
from wire.frames import BeaconFrame, FrameCounter, decode_downlink, encode_downlink
from wire.mission import Mission

HOUR_S = 3600


def overhear(world: World, frame: bytes) -> None:
    """Somebody else sends ``frame``, and the station hears it."""
    world.air.ground_hears(frame)


def marker(world: World) -> tuple[Point, object]:
    """What the page shows as the place now: the end of the track, and the newest beacon."""
    reader = FlightReader(world.archive_path, world.mission)
    shown = reader.tracks().verified[-1], reader.latest_beacon()
    reader.close()
    return shown


def lie(world: World) -> bytes:
    """A beacon like the newest, two degrees away, in the payload's name."""
    assert world.last_beacon is not None
    state = beacon.decode(world.last_beacon.state)
    assert state.latitude_deg is not None
    elsewhere = replace(state, latitude_deg=state.latitude_deg + 2, phase=beacon.Phase.LANDED)
    return encode_downlink(BeaconFrame(
        world.mission.payload.node_id, FrameCounter(1, 4000), beacon.encode(elsewhere), True
    ))


@pytest.fixture(scope="module")
def flown(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Three hours, station down for a while in the middle; lies and replays from an hour ago."""
    world = World(mission(), 7, "scripted", tmp_path_factory.mktemp("signed"))
    for at_s in (4_000, 5_500, 8_000, 10_000):
        world.run_until(at_s)
        assert world.archive is not None
        before = marker(world)
        overhear(world, lie(world))
        assert marker(world) == before, "a lie moved the marker"
        recorded = [
            reception.raw for reception in world.archive.receptions()
            if abs(world.clock.utc_ms - HOUR_S * 1000 - reception.utc_ms) < 60_000
            and isinstance(decode_downlink(reception.raw), BeaconFrame)
        ]
        assert recorded
        for frame in recorded:
            overhear(world, frame)
        assert marker(world) == before, "an old beacon moved the marker"
        if at_s == 5_500:
            world.restart_ground(down_s=600)
    world.run_until(world.end_s)
    world.close()
    return world


def rows(world: World, sql: str) -> list[tuple[object, ...]]:
    db = sqlite3.connect(world.archive_path)
    found = db.execute(sql).fetchall()
    db.close()
    return found


@pytest.mark.thorough
def test_every_record_and_beacon_of_a_signed_flight_is_genuine(flown: World) -> None:
    for table, at_least in (("record", 900), ("beacon", 400)):
        found = rows(flown, f"SELECT authenticity, COUNT(*) FROM {table} GROUP BY 1")
        assert len(found) == 1 and found[0][0] == "genuine", (table, found)
        assert int(str(found[0][1])) > at_least, (table, found)


@pytest.mark.thorough
def test_lies_and_replays_are_counted_and_in_the_raw_log(flown: World) -> None:
    tally = dict(rows(flown, "SELECT name, value FROM tally"))
    assert tally["impostor"] == 4
    assert int(str(tally["old_beacons"])) >= 8
    span = rows(flown, "SELECT MAX(latitude_deg) - MIN(latitude_deg) FROM beacon")[0][0]
    assert float(str(span)) < 1.9, "the lies were two degrees off"
    heard = [decode_downlink(bytes(raw)) for (raw,) in rows(flown, "SELECT raw FROM reception")]
    unsigned = [f for f in heard if f is not None and f.authenticity is Authenticity.UNSIGNED]
    assert len(unsigned) == 4


@pytest.mark.thorough
def test_what_is_live_was_never_called_old(flown: World) -> None:
    """The station was down for ten minutes and started again: not one live beacon was lost."""
    live = flown.channel.heard["beacon"]  # what strangers sent is not counted there
    assert rows(flown, "SELECT COUNT(*) FROM beacon") == [(live,)]


@pytest.mark.thorough
def test_a_station_without_the_key_reads_the_whole_flight(flown: World, tmp_path: Path) -> None:
    archive = Archive(tmp_path / "copy.sqlite", is_durable=False)
    station = Ground(flown.mission, archive, None)
    with sqlite3.connect(flown.archive_path) as db:
        for raw, utc_ms in db.execute("SELECT raw, utc_ms FROM reception ORDER BY id"):
            station.receive(raw, utc_ms)
    count = archive.db.execute("SELECT COUNT(*) FROM record").fetchone()[0]
    assert (count,) == rows(flown, "SELECT COUNT(*) FROM record")[0]
    kinds = {row[0] for row in archive.db.execute("SELECT authenticity FROM record")}
    beacons = {row[0] for row in archive.db.execute("SELECT authenticity FROM beacon")}
    assert kinds == {"unverified"} and beacons == {"unverified", "unsigned"}
    archive.close()


def unsigned_mission() -> Mission:
    plan = mission()
    return plan.model_copy(update={"keys": plan.keys.model_copy(update={"downlink_mac": False})})


@pytest.mark.thorough
def test_an_unsigned_mission_flies_as_before(tmp_path: Path) -> None:
    recorded = Replay(write_csv(tmp_path / "hop.csv", hop_rows()))
    world = World(unsigned_mission(), 5, "scripted", tmp_path, recorded)
    world.run_until(world.end_s)
    world.close()
    found = rows(world, "SELECT authenticity, COUNT(*) FROM record GROUP BY 1")
    assert found[0][0] == "unsigned" and len(found) == 1 and int(str(found[0][1])) > 100
