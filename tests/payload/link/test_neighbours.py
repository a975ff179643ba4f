"""Whom a payload listens for, what it owes them, and when it speaks to them alone."""

from __future__ import annotations

import random
from pathlib import Path

from payload.flight import Flight, FlightPorts
from payload.link.neighbours import COURTESY_EVERY_MS, TALK_EVERY_MS, TALK_MS, Neighbours
from sim.fakes.card_disk import DeskStore
from tests.payload.fakes import FakeRadio
from wire import frames
from wire.frames import BeaconFrame, DataFrame, FrameCounter
from wire.mission import load
from wire.mission_swarm import Neighbour, SwarmSection
from wire.outgoing import Lane
from wire.records import Kind, Priority

KEY = bytes(range(32))
SWARM = SwarmSection(neighbours=(Neighbour(name="FENN", node_id=8),))


def beacon(node_id: int = 8, is_listening: bool = False) -> bytes:
    return frames.encode_downlink(
        BeaconFrame(node_id, FrameCounter(1, 1), bytes(24), is_listening), KEY)


def words(node_id: int = 8, lane: Lane = Lane.PRECIOUS) -> bytes:
    return frames.encode_downlink(
        DataFrame(node_id, FrameCounter(1, 2), lane, 0, 1, 0, b"\0abc", False), KEY)


def test_without_a_swarm_nobody_is_listened_for() -> None:
    alone = Neighbours(None)
    assert not alone.hear(beacon(is_listening=True), 0)
    assert alone.notes(10_000_000) == [] and not alone.is_talked_to(0)


def test_only_those_listed_are_kept() -> None:
    listener = Neighbours(SWARM)
    for data in (words(9), words(7), b"", b"\x69", b"\x69\x08noise"):
        assert not listener.hear(data, 0)
    assert listener.heard_frames == 0
    listener.hear(words(), 0)
    assert [note.body["event"] for note in listener.notes(0)] == ["neighbour_heard"]
    assert [note.kind for note in listener.notes(60_000)] == [Kind.RELAYED]


def test_what_was_relayed_once_is_not_relayed_again() -> None:
    """Parcels travel in the lane of pictures."""
    listener = Neighbours(SWARM)
    listener.hear(words(lane=Lane.PICTURE), 0)
    assert listener.heard_frames == 0 and listener.notes(10_000_000) == []


def test_a_listening_neighbour_is_let_listen_though_not_for_ever() -> None:
    listener = Neighbours(SWARM)
    assert not listener.hear(beacon(), 0)
    assert listener.hear(beacon(is_listening=True), 0)
    assert not listener.hear(beacon(is_listening=True), COURTESY_EVERY_MS - 1)
    assert listener.hear(beacon(is_listening=True), COURTESY_EVERY_MS)


def test_a_neighbour_in_reach_is_spoken_to_seldom() -> None:
    listener = Neighbours(SWARM)
    spoken_ms = 0
    for now_ms in range(0, 4 * TALK_EVERY_MS, 10_000):
        listener.hear(beacon(), now_ms)
        spoken_ms += 10_000 * listener.is_talked_to(now_ms)
    assert spoken_ms == 4 * TALK_MS


def test_one_that_is_gone_is_not_spoken_to() -> None:
    listener = Neighbours(SWARM)
    listener.hear(beacon(), 0)
    assert not listener.is_talked_to(TALK_MS)


def test_a_share_that_is_full_is_told_once_in_ten_minutes() -> None:
    listener = Neighbours(SWARM)
    for block in range(400):
        listener.hear(frames.encode_downlink(DataFrame(
            8, FrameCounter(1, block), Lane.PRECIOUS, block, 1, 0, bytes(200), False), KEY), 0)
    told = [note.body for now_ms in (0, 1_000, 599_999, 600_000) for note in listener.notes(now_ms)
            if note.body.get("event") == "relay_share_full"]
    assert len(told) == 1 and told[0]["fields"]["refused_frames"] > 0


def test_a_flight_is_silent_while_its_neighbour_listens(tmp_path: Path) -> None:
    """And sends what it heard as a record of its own."""
    mission = load(Path(__file__).parents[3] / "mission.toml").model_copy(update={"swarm": SWARM})
    radio, store = FakeRadio(), DeskStore(tmp_path / "s.sqlite", is_durable=False)
    flight = Flight(mission, FlightPorts(radio=radio), store, None, None, None, random.Random(1))
    for now_ms in range(0, 30_000, 500):
        if now_ms == 8_000:
            radio.heard += [words(), beacon(is_listening=True)]
        flight.step(now_ms)
    sent = [at_ms for at_ms, _ in radio.sent]
    assert any(5_000 < at_ms < 8_000 for at_ms in sent) and any(at_ms > 13_000 for at_ms in sent)
    assert not any(8_000 <= at_ms < 11_000 for at_ms in sent)
    flight.step(70_000)
    assert [record.body["frames"] for record in store.queued(Priority.RELAY, 9)] == [
        [beacon(is_listening=True), words()]]
    store.close()
