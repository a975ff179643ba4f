"""Goal: two payloads answer each other over the air, and the thread stands in what they store.

Method: two personas under one balloon for half an hour, and for a day in orbit, one behind the
other; real flight cores, stores, transfer and stations.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from payload.mind.neighbour_talk import DAY_MS, OF_ONE_A_DAY_MAX
from payload.ports import HeardFrame
from payload.prompt import PersonaText
from sim.clock import part_rng
from sim.daemon import Observer
from sim.orbit import Orbit, draw_elements
from sim.replay import Replay
from sim.scenario import ORBIT_CADENCE, ORBIT_HARDWARE, ORBIT_MIND_S, Conditions
from sim.swarm import Swarm, in_line, missions, under_one_balloon
from sim.world import PersonaParts, World
from tests.hostile import seals
from tests.payload import aboard
from tests.sim.flights import hop_rows, mission, write_csv
from wire import auth
from wire.mission_orbit import OrbitStation
from wire.records import Kind, Record

NAMES = ("EDDA", "FENN")
PERSONAS = tuple(PersonaParts(text=PersonaText(name, f"You are {name}.", (value,), "A script."))
                 for name, value in (("Edda", "Say what is so."), ("Fenn", "Ask once more.")))
REBOOT_S, END_S = 900, 1_700
REPLAY_MS = 240_000
START_UTC_MS = 1_790_035_200_000  # half of a day is left


def balloon(folder: Path) -> list[World]:
    folder.mkdir(parents=True, exist_ok=True)
    path = Replay(write_csv(folder / "hop.csv", hop_rows()))
    return under_one_balloon(
        missions(mission(), NAMES), 5, folder, Conditions(charge=1.0), path, PERSONAS)


def musings(world: World) -> dict[tuple[int, int, int], Record]:
    """By what an answer names."""
    assert world.store is not None
    node_id, incarnation = world.mission.payload.node_id, world.store.incarnation
    return {(node_id, incarnation, record.record_id): record
            for record in aboard.records(world.store).values() if record.kind is Kind.MUSING}


def answers(found: dict[tuple[int, int, int], Record]) -> dict[tuple[int, int, int], Record]:
    """Those of them that answer another payload, by what they answer."""
    return {tuple(record.body["answers"]): record for record in found.values()
            if "answers" in record.body}


class Attacker(Observer):
    """Whatever one payload sends, the other hears again minutes later,
    and at once under a key that is a stranger's."""

    def __init__(self, heard: World, by: World) -> None:
        self._heard, self._by = heard, by
        heard.observers.append(self)

    def on_send(self, frame: bytes) -> None:
        forged = seals.crc32(
            frame[:-8] + auth.downlink_mac(bytes(32), frame[:-8]) + bytes(4))
        now_ms = self._heard.clock.now_ms
        for data, at_ms in ((forged, now_ms + 900), (frame, now_ms + REPLAY_MS)):
            self._by.at(at_ms, partial(self._by.radio.deliver, HeardFrame(data)))

    def on_crash(self, error: Exception) -> None:
        raise error


@pytest.fixture(scope="module")
def flown(tmp_path_factory: pytest.TempPathFactory) -> list[dict[tuple[int, int, int], Record]]:
    worlds = balloon(tmp_path_factory.mktemp("talk"))
    Attacker(worlds[1], worlds[0])
    swarm = Swarm(worlds, 5, is_talking=True)
    swarm.run_until(REBOOT_S)
    worlds[0].reboot()
    swarm.run_until(END_S)
    assert worlds[0].flight is not None
    assert worlds[0].flight.conversation.stale_musings > 0, "what it had forgotten came again"
    found = [musings(world) for world in worlds]
    swarm.close()
    return found


def test_a_musing_is_answered_and_the_answer_is_heard(
    flown: list[dict[tuple[int, int, int], Record]]
) -> None:
    """And answered in turn: three turns at least, each later than what it answers; while somebody
    repeats all that FENN says, also after a reboot, and says it under another key."""
    edda, fenn = flown
    turns = [(first, second, third)
             for first, second in answers(fenn).items() if first in edda
             for name, made in fenn.items() if made is second
             for asked, third in answers(edda).items() if asked == name]
    assert turns
    for first, second, third in turns:
        assert edda[first].time_ms < second.time_ms < third.time_ms
        assert len({edda[first].body["text"], second.body["text"], third.body["text"]}) == 3


def test_a_musing_is_answered_once_and_what_was_answered_was_said(
    flown: list[dict[tuple[int, int, int], Record]]
) -> None:
    for own, other in (flown, flown[::-1]):
        named = [tuple(record.body["answers"]) for record in own.values()
                 if "answers" in record.body]
        assert len(named) == len(set(named)) and set(named) <= set(other)
        for record in own.values():
            assert (record.body["about"] == "answer") >= ("answers" in record.body)


def test_without_keys_nobody_is_answered(tmp_path: Path) -> None:
    worlds = balloon(tmp_path)
    swarm = Swarm(worlds, 5)
    swarm.run_until(700)
    assert [answers(musings(world)) for world in worlds] == [{}, {}]
    swarm.close()


@pytest.mark.thorough
def test_a_day_of_answers_has_an_end(tmp_path: Path) -> None:
    """One revolution behind the other's heels for a day: as many answers as the bound allows."""
    station = OrbitStation(name="home", latitude_deg=48.1, longitude_deg=11.5)
    orbit = Orbit(START_UTC_MS, draw_elements(part_rng(3, "talk"), station, START_UTC_MS),
                  (station,), 15.5)
    plan = mission()
    plan = plan.model_copy(update={
        "cadence": plan.cadence.model_copy(update=ORBIT_CADENCE),
        "mind": plan.mind.model_copy(update={"every_s": ORBIT_MIND_S})})
    worlds = in_line(missions(plan, NAMES), 5, tmp_path, Conditions(
        orbit=orbit, hardware=ORBIT_HARDWARE, charge=1.0), 60.0, PERSONAS)
    swarm = Swarm(worlds, 5, is_talking=True)
    swarm.run_until(swarm.end_s)
    for world in worlds:
        found = musings(world)
        by_day = Counter(record.time_ms // DAY_MS for record in answers(found).values())
        assert len(found) > 50 and by_day and max(by_day.values()) <= OF_ONE_A_DAY_MAX
        assert world.flight is not None and world.flight.conversation.unanswered_musings > 0
    swarm.close()
