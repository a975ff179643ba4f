"""Time slots: every payload counts the same ones, and they never touch."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payload.link.time_slots import OwnSlot, TimeSlots
from wire import mission
from wire.airtime import Airtime
from wire.mission import Mission
from wire.mission_swarm import SLOT_GUARD_MS, Neighbour, SwarmSection

MISSION = mission.load(Path(__file__).resolve().parents[3] / "mission.toml")
FRAME_MS = Airtime.of(MISSION.radio).on_air_ms(MISSION.radio.mtu_bytes)
SLOT_S = 10
SPOKEN_MS = 1000 * SLOT_S - SLOT_GUARD_MS  # of a slot
UTC_MS = 1_800_000_000_000 // 60_000 * 60_000  # a round of six begins


def one_of(ids: list[int], own_id: int, slot_s: int | None = SLOT_S) -> Mission:
    """The mission of one of them, which lists the others in any order."""
    others = tuple(Neighbour(name=f"N{each}", node_id=each) for each in ids if each != own_id)
    return MISSION.model_copy(update={
        "payload": MISSION.payload.model_copy(update={"node_id": own_id}),
        "swarm": SwarmSection(neighbours=others, slot_s=slot_s)})


def slots(own_id: int, ids: list[int] | None = None) -> TimeSlots:
    return TimeSlots(one_of(ids or [9, 3, 200, 7, 50, 8], own_id))


@pytest.mark.parametrize(("own_id", "begin_s"), [(3, 0), (7, 10), (8, 20), (9, 30), (200, 50)])
def test_the_order_is_that_of_the_node_ids(own_id: int, begin_s: int) -> None:
    turn = slots(own_id).next_slot(UTC_MS, 5_000)
    from_ms = 5_000 + 1000 * begin_s
    assert turn == OwnSlot(from_ms, from_ms + SPOKEN_MS)


@pytest.mark.parametrize(("into_ms", "is_now"), [
    (0, True), (SPOKEN_MS - FRAME_MS, True), (SPOKEN_MS - FRAME_MS + 1, False), (-1, False)])
def test_it_is_the_turn_while_a_full_frame_has_room(into_ms: int, is_now: bool) -> None:
    turn = slots(7).next_slot(UTC_MS + 10_000 + into_ms, 70_000)
    assert turn is not None and (turn.from_ms <= 70_000) is is_now
    assert turn.from_ms in {70_000 - into_ms, 130_000 - into_ms}
    assert turn.holds(70_000, FRAME_MS) is is_now and not turn.holds(70_000, 1000 * SLOT_S)


@settings(deadline=None)
@given(st.integers(2**40, 2**41), st.sets(st.integers(1, 254), min_size=2, max_size=12),
       st.integers(6, 60))
def test_no_two_have_their_turn_at_once_and_each_has_one_in_a_round(
    utc_ms: int, ids: set[int], slot_s: int
) -> None:
    turns = [TimeSlots(one_of(list(ids), own_id, slot_s)).next_slot(utc_ms, 0) for own_id in ids]
    spans = sorted(turn for turn in turns if turn is not None)
    assert len(spans) == len(ids)
    assert spans[-1].from_ms - spans[0].from_ms < 1000 * slot_s * len(ids)
    for one, other in pairwise(spans):
        assert one.until_ms + SLOT_GUARD_MS <= other.from_ms


@pytest.mark.parametrize("plan", [MISSION, one_of([7, 8], 7, None)])
def test_without_slots_it_may_send_at_any_time(plan: Mission) -> None:
    assert TimeSlots(plan).next_slot(UTC_MS, 0) is None


def test_without_a_steady_clock_it_may_send_at_any_time() -> None:
    assert slots(7).next_slot(None, 0) is None
