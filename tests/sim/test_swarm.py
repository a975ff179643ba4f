"""Goal: what one payload of a swarm cannot say to the ground, another one carries home.

Method: two payloads under one balloon for half an hour, on one channel, with the real flight core,
store, transfer and stations; then the second one's antenna breaks.
"""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sim.daemon import Observer
from sim.orbit import behind
from sim.replay import Replay
from sim.scenario import Conditions
from sim.swarm import Swarm, missions, under_one_balloon
from sim.world import World
from tests.sim.flights import hop_rows, hop_world, mission, write_csv
from tests.wire.orbits import ISS
from wire.mission_swarm import Neighbour, SwarmSection
from wire.orbit import Elements
from wire.records import Kind

BROKEN_S, END_S = 400, 1_000
SAID = f"node_id = 8 AND kind IN ({int(Kind.MUSING)}, {int(Kind.REPLY)}, {int(Kind.EVENT)})"


class Sent(Observer):
    """The digest of every frame."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()

    def on_send(self, frame: bytes) -> None:
        self.digest.update(frame)

    def on_crash(self, error: Exception) -> None:
        raise error


def fly(folder: Path, end_s: float = END_S) -> tuple[list[World], str]:
    """Both worlds at their end, closed, and a digest of all that was sent."""
    folder.mkdir(parents=True, exist_ok=True)
    path = Replay(write_csv(folder / "hop.csv", hop_rows()))
    worlds = under_one_balloon(
        missions(mission(), ("EDDA", "FENN")), 5, folder, Conditions(charge=1.0), path)
    sent = Sent()
    for world in worlds:
        world.observers.append(sent)
    swarm = Swarm(worlds, 5)
    swarm.run_until(min(BROKEN_S, end_s))
    worlds[1].channel.down.is_cut = worlds[1].channel.up.is_cut = True
    swarm.run_until(end_s)
    swarm.close()
    return worlds, sent.digest.hexdigest()


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute(query).fetchall()


@pytest.fixture(scope="module")
def flown(tmp_path_factory: pytest.TempPathFactory) -> list[World]:
    return fly(tmp_path_factory.mktemp("swarm"))[0]


def test_words_come_home_through_the_neighbour(flown: list[World]) -> None:
    """Verified, and after its own antenna broke."""
    begun_ms = flown[0].clock.start_utc_ms + BROKEN_S * 1000
    found = rows(flown[1].archive_path,
                 f"SELECT authenticity, time_ms FROM record WHERE {SAID} AND time_ms > {begun_ms}")
    assert len(found) >= 2 and {each[0] for each in found} == {"genuine"}
    via = rows(flown[1].archive_path, "SELECT DISTINCT station FROM ear WHERE node_id = 8")
    assert ("via EDDA",) in via


def test_where_it_is_comes_home_too(flown: list[World]) -> None:
    begun_ms = flown[0].clock.start_utc_ms + (BROKEN_S + 60) * 1000
    assert rows(flown[1].archive_path, "SELECT 1 FROM beacon WHERE node_id = 8"
                f" AND authenticity = 'genuine' AND utc_ms > {begun_ms}")


def test_custody_ends_when_the_ground_confirms(flown: list[World]) -> None:
    """The carrier's own store says which parcels are home; the origin keeps what nobody told it."""
    states = rows(flown[0].payload_path,
                  f"SELECT state FROM record WHERE kind = {int(Kind.RELAYED)}")
    assert (2,) in states
    assert rows(flown[1].payload_path, f"SELECT 1 FROM record WHERE kind = {int(Kind.MUSING)}"
                " AND state < 2")


def test_the_carrier_says_all_that_it_has_to_say(flown: list[World]) -> None:
    """Own words first."""
    world = flown[0]
    said = f"kind = {int(Kind.MUSING)} AND time_ms < {world.clock.utc_ms - 180_000}"
    made = {row[0] for row in rows(world.payload_path, f"SELECT id FROM record WHERE {said}")}
    home = {row[0] for row in rows(
        world.archive_path, f"SELECT record_id FROM record WHERE node_id = 7 AND {said}")}
    assert made and made == home


def test_no_decoder_raised_and_nothing_was_refused(flown: list[World]) -> None:
    for world in flown:
        tally = {str(name) for (name,) in rows(world.archive_path, "SELECT name FROM tally")}
        assert not {name for name in tally if name.startswith("relay_")}
        assert not tally & {"undecodable", "impostor"}


@pytest.mark.thorough
def test_the_same_seed_sends_the_same_bytes(tmp_path: Path) -> None:
    assert fly(tmp_path / "one", 300)[1] == fly(tmp_path / "other", 300)[1]


def test_who_hears_nobody_sends_what_one_without_a_swarm_sends(tmp_path: Path) -> None:
    """The listed neighbour is on another flight."""
    sent = []
    swarm = SwarmSection(neighbours=(Neighbour(name="FENN", node_id=8),))
    for name, plan in (("alone", mission()), ("swarm", mission().model_copy(
            update={"swarm": swarm}))):
        world, observer = hop_world(tmp_path / name, flown=plan), Sent()
        world.observers.append(observer)
        world.run_until(600)
        world.close()
        sent.append(observer.digest.hexdigest())
    assert sent[0] == sent[1]


def test_whoever_follows_is_where_the_first_was() -> None:
    first = Elements(*ISS)
    second = behind(first, 60.0)
    here, there = first.at(first.epoch_ms), second.at(first.epoch_ms + 60_000)
    # The Earth has turned for a minute, 30 km at most.
    assert abs(here.z_m - there.z_m) < 5_000 and abs(here.x_m - there.x_m) < 40_000
