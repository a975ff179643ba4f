"""Whole flights: the real payload and the real ground station in a simulated world."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from sim import summary
from sim.balloon import Balloon, distance_m
from sim.world import World
from tests.payload import aboard
from tests.sim.flights import HOP_PEAK_M, ROOT, hop_world, mission
from wire.beacon import Phase
from wire.records import Kind, unpack_body


def _records(path: Path, key: str) -> dict[int, tuple[int, bytes]]:
    db = sqlite3.connect(path)
    rows = db.execute(f"SELECT {key}, kind, body FROM record").fetchall()
    db.close()
    return {number: (kind, body) for number, kind, body in rows}


def _assert_nothing_lost(world: World) -> dict[str, object]:
    """Close the world; what the ground has is what the payload stored, byte for byte."""
    result = summary.finish(world, None)
    aboard = _records(world.payload_path, "id")
    heard = _records(world.archive_path, "record_id")
    assert result["records_lost"] == 0
    assert aboard
    assert set(heard) <= set(aboard)
    for number, (kind, body) in heard.items():
        assert aboard[number][0] == kind
        assert unpack_body(aboard[number][1]) == unpack_body(body)
    return result


@pytest.mark.thorough
def test_three_hours_from_pad_to_landing(tmp_path: Path) -> None:
    """One modelled flight: every phase in order, nearly everything heard, no line twice."""
    world = World(mission(), 7, "scripted", tmp_path)
    world.run_until(world.end_s)
    truth = world.trajectory.state(world.end_s)
    assert world.watchdog.longest_wait_ms <= 2_000
    result = _assert_nothing_lost(world)
    assert set(result) == set(summary.Summary.__annotations__)
    assert result == json.loads((tmp_path / "summary.json").read_text())
    assert (result["sim_s"], result["wall_s"], result["phase_final"]) == (10_800, None, "landed")
    assert 26_000 < result["peak_altitude_m"] < 31_100  # type: ignore[operator]
    landing = result["landing"]
    assert isinstance(landing, dict)
    place = landing["lat_deg"], landing["lon_deg"]
    assert distance_m(place, (truth.latitude_deg, truth.longitude_deg)) < 30
    assert abs(landing["altitude_m"] - truth.altitude_m) < 15
    assert isinstance(world.trajectory, Balloon)
    burst_utc = summary.utc_text(world.clock.start_utc_ms + world.trajectory.burst_s * 1000)
    assert abs(_seconds(str(result["burst_utc"])) - _seconds(burst_utc)) <= 5
    sent, heard = result["beacons_sent"], result["beacons_heard"]
    assert 0.6 < heard / sent < 0.8  # type: ignore[operator]
    assert result["records_heard"] > 0.9 * result["records_stored"]  # type: ignore[operator]
    assert result["api_failures"] > 0.6 * result["api_calls"] > 0  # type: ignore[operator]
    musings = (tmp_path / "musings.txt").read_text().splitlines()
    assert len(musings) == len(set(musings)) == result["musings"] > 40  # type: ignore[operator]
    phases = [
        unpack_body(body)["fields"]["to"]
        for kind, body in _records(world.payload_path, "id").values()
        if kind == Kind.EVENT and unpack_body(body)["event"] == "phase"
    ]
    assert phases == ["ground", "ascent", "descent", "landed"]
    kinds = {kind for kind, _ in _records(world.archive_path, "record_id").values()}
    assert kinds >= {Kind.EVENT, Kind.TRACK, Kind.HOUSEKEEPING, Kind.MUSING, Kind.REPLY,
                     Kind.API_CALL, Kind.THUMBNAIL, Kind.TILE, Kind.QUESTION,
                     Kind.COMMAND_RESULT}
    assert sorted(path.suffix for path in tmp_path.glob("*wal")) == []


def _seconds(utc: str) -> int:
    clock = utc[11:19].split(":")
    return int(clock[0]) * 3600 + int(clock[1]) * 60 + int(clock[2])


def test_reboots_and_a_deaf_station_lose_nothing(tmp_path: Path) -> None:
    """Power cuts on the pad, climbing, at the peak and falling; the station killed three times."""
    world = hop_world(tmp_path)
    for at_s, is_reboot in ((120, True), (200, False), (500, True), (610, False), (906, True),
                            (1_000, True), (1_040, True), (1_100, False)):
        world.run_until(at_s)
        if is_reboot and world.store is not None:
            stored = aboard.records(world.store).keys()
            world.reboot()
            world.run_until(at_s + 25)
            assert world.store is not None
            assert aboard.records(world.store).keys() >= stored
        elif not is_reboot:
            world.restart_ground(down_s=30)
    world.run_until(world.end_s)
    assert world.boots == 6
    assert summary.last_phase(world) is Phase.LANDED
    result = _assert_nothing_lost(world)
    assert abs(float(str(result["peak_altitude_m"])) - HOP_PEAK_M) < 300
    assert result["records_heard"] > 0.9 * result["records_stored"]  # type: ignore[operator]


def test_a_question_is_answered_over_the_air(tmp_path: Path) -> None:
    world = hop_world(tmp_path)
    world.run_until(300)
    assert world.ground is not None
    assert world.archive is not None
    number = world.ground.ask("Is it windy?", world.clock.utc_ms)
    world.run_until(900)
    state = world.archive.db.execute(
        "SELECT state FROM outbox WHERE id = ?", (number,)).fetchone()[0]
    assert state == "answered"
    world.close()


@pytest.mark.thorough
def test_missing_devices_cost_only_what_they_measure(tmp_path: Path) -> None:
    """Sensors, modem and receiver unplugged for a while: the flight goes on and lands."""
    world = hop_world(tmp_path)
    world.run_until(300)
    world.bus.unplug(0x76)
    world.bus.unplug(0x40)
    world.receiver.is_unplugged = True
    world.radio.is_unplugged = True
    world.camera.is_unplugged = True
    world.run_until(400)
    world.receiver.is_unplugged = world.radio.is_unplugged = False
    world.run_until(world.end_s)
    assert summary.last_phase(world) is Phase.LANDED
    _assert_nothing_lost(world)


@pytest.mark.thorough
def test_without_a_mind_it_still_flies(tmp_path: Path) -> None:
    world = hop_world(tmp_path, mind="none")
    world.run_until(world.end_s)
    assert summary.last_phase(world) is Phase.LANDED
    result = _assert_nothing_lost(world)
    assert result["musings"] == 0
    assert (tmp_path / "musings.txt").read_text() == ""


@pytest.fixture(scope="module")
def short_flights(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Six minutes in three processes: one seed with two hash seeds, and another seed."""
    folders = []
    for number, (seed, hash_seed) in enumerate(((11, "1"), (11, "77"), (12, "1"))):
        folder = tmp_path_factory.mktemp("run") / str(number)
        subprocess.run(
            [sys.executable, "-m", "sim", "--headless", "--fast", "--mind", "scripted",
             "--seed", str(seed), "--hours", "0.1", "--out", str(folder)],
            cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": hash_seed}, check=True,
            capture_output=True,
        )
        folders.append(folder)
    return folders


@pytest.mark.parametrize("name", ["musings.txt", "summary.json", "archive.raw"])
def test_a_seed_is_a_flight_byte_for_byte(short_flights: list[Path], name: str) -> None:
    first, other_hash, other_seed = ((f / name).read_bytes() for f in short_flights)
    assert first == other_hash
    assert first != other_seed
