"""The downlink where payloads take turns, and where a pass begins."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from payload.link.downlink import OVERDUE_MS, Downlink
from payload.link.pass_plan import Reach
from payload.link.time_slots import OwnSlot, TimeSlots
from sim.fakes.card_disk import DeskStore
from tests.payload.fakes import FakeRadio
from tests.payload.link.test_time_slots import MISSION, one_of
from wire import frames
from wire.airtime import Airtime
from wire.airtime_budget import AirtimeBudget
from wire.beacon import Beacon, Phase, PowerMode
from wire.frames import BEACON_BYTES, BeaconFrame, DataFrame, FeedbackFrame, IdentFrame
from wire.mission import Mission
from wire.mission_radio import RadioSection, Sx1276Section
from wire.mission_swarm import SLOT_GUARD_MS
from wire.records import Kind, TimeQuality

PLAN = one_of([7, 8, 9], 8)  # a round of 30 s, and its slot from 10 to 20 s
ROUND_MS, BEGIN_MS, END_MS = 30_000, 10_000, 20_000 - SLOT_GUARD_MS
AIRTIME = Airtime.of(MISSION.radio)
BUDGET = AirtimeBudget(PLAN)


class Desk:
    """A downlink with words to say; its UTC is ``now_ms`` and ``clock_ms`` more."""

    def __init__(self, folder: Path, plan: Mission = PLAN) -> None:
        self.radio = FakeRadio()
        self.store = DeskStore(folder / "s.sqlite")
        self.downlink = Downlink(plan, self.radio, self.store)
        self.slots = TimeSlots(plan)
        self.clock_ms: int | None = 0
        self.now_ms = 0
        for number in range(40):
            self.store.append(Kind.MUSING, {"text": f"thought {number} " * 9}, 0, 0,
                              TimeQuality.NONE)
        self.store.commit(0)

    def run(
        self, seconds: int, reach: Reach = Reach.STATION, turn: OwnSlot | None = None,
    ) -> None:
        end_ms = self.now_ms + seconds * 1000
        while self.now_ms < end_ms:
            utc_ms = None if self.clock_ms is None else self.now_ms + self.clock_ms
            self.downlink.note_slot(turn or self.slots.next_slot(utc_ms, self.now_ms))
            self.downlink.note_reach(reach, False, self.now_ms)
            due_ms = self.downlink.step(
                self.now_ms, Phase.FLOAT, PowerMode.NOMINAL, 500_000.0, Beacon)
            self.store.commit(self.now_ms)
            self.now_ms = min(due_ms, self.now_ms + 5_000, end_ms)

    def sent(self, kind: type) -> list[tuple[int, object]]:
        decoded = [(ms, frames.decode_downlink(data)) for ms, data in self.radio.sent]
        return [(ms, frame) for ms, frame in decoded if isinstance(frame, kind)]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_everything_goes_in_the_own_slot_and_the_slot_is_used(desk: Desk) -> None:
    desk.run(300)
    rest = desk.radio.sent[1:]  # the first beacon of a boot waits for nobody
    assert all(ms % ROUND_MS >= BEGIN_MS
               and ms % ROUND_MS + AIRTIME.on_air_ms(len(data)) <= END_MS for ms, data in rest)
    frame_ms = AIRTIME.on_air_ms(MISSION.radio.mtu_bytes)
    lasts = [max(ms % ROUND_MS for ms, _ in rest if ms // ROUND_MS == at) for at in range(1, 9)]
    assert min(lasts) >= END_MS - 2 * frame_ms


def test_each_turn_begins_with_a_beacon_and_its_window(desk: Desk) -> None:
    desk.run(300)
    found = desk.sent(BeaconFrame)[1:]
    assert [ms for ms, _ in found] == [BEGIN_MS + at * ROUND_MS for at in range(1, 10)]
    for ms, frame in found:
        assert frame.is_listening
        assert not [at for at, _ in desk.radio.sent if ms < at < ms + BUDGET.silence_ms]


def test_a_beacon_waits_for_its_turn_as_far_as_its_bound_allows(desk: Desk) -> None:
    """A clock that is set forward again and again, so that the own slot never comes."""
    desk.run(25)
    while desk.now_ms < 300_000:
        desk.clock_ms = (BEGIN_MS - 6_000 - desk.now_ms) % ROUND_MS
        desk.run(5)
    found = [ms for ms, frame in desk.sent(BeaconFrame)][1:]
    assert desk.radio.sent[-1][0] == found[-1] and len(found) >= 4
    assert {late - early for early, late in pairwise(found)} <= set(
        range(2 * ROUND_MS - OVERDUE_MS, 2 * ROUND_MS))
    assert not any(frame.is_listening for _, frame in desk.sent(BeaconFrame)[2:])


def test_without_a_steady_clock_it_sends_at_any_time(desk: Desk) -> None:
    desk.clock_ms = None
    desk.run(60)
    assert {ms % ROUND_MS // 10_000 for ms, _ in desk.radio.sent} == {0, 1, 2}


def test_a_neighbour_that_listens_delays_nothing_in_the_own_slot(desk: Desk) -> None:
    desk.run(BEGIN_MS // 1000 - 1)
    desk.downlink.keep_quiet(desk.now_ms)
    desk.run(2)
    assert next(ms for ms, _ in desk.radio.sent if ms > 0) == BEGIN_MS


def seldom(slot_s: int) -> Mission:
    """It may send for a tenth of the time: a slot has room for a beacon and one frame."""
    plan = one_of([7, 8, 9, 10, 11, 12], 8, slot_s)
    return plan.model_copy(
        update={"radio": plan.radio.model_copy(update={"duty_percent": 10, "framing": "ax25"})})


def test_the_callsign_in_a_slot_moves_no_beacon_out_of_its_turn(tmp_path: Path) -> None:
    """It takes the room of the words; those go behind the beacon of the next slot."""
    plan = seldom(12)
    desk = Desk(tmp_path, plan)
    desk.run(2_000)
    assert len(desk.sent(IdentFrame)) >= 3
    assert {ms % (6 * 12_000) for ms, _ in desk.sent(BeaconFrame)[1:]} == {12_000}


@pytest.mark.parametrize("turns_missed", [0, 1])
def test_a_beacon_that_is_nearly_too_late_goes_before_words(
    tmp_path: Path, turns_missed: int
) -> None:
    plan = seldom(12)
    desk = Desk(tmp_path, plan)
    cadence_ms = 6 * 12_000
    for _ in range(turns_missed):  # and goes out of turn at last
        desk.run(2 * cadence_ms // 1000 - 1, turn=OwnSlot(10**9, 10**9))
    begin_ms = desk.sent(BeaconFrame)[-1][0] if turns_missed else 0
    turn = OwnSlot(begin_ms + 2 * cadence_ms - 3_000, begin_ms + 2 * cadence_ms + 7_000)
    desk.run(2 * cadence_ms // 1000 + 60, turn=turn)
    found = [ms for ms, _ in desk.sent(BeaconFrame)]
    assert max(late - early for early, late in pairwise(found)) <= 2 * cadence_ms


def test_a_beacon_asked_for_while_one_is_late_is_late_no_longer_than_that_one(desk: Desk) -> None:
    desk.run(1)
    never = OwnSlot(10**9, 10**9)
    desk.run(50, turn=never)
    desk.downlink.note_phase(desk.now_ms)
    desk.run(100, turn=never)
    found = [ms for ms, _ in desk.sent(BeaconFrame)]
    assert max(late - early for early, late in pairwise(found)) <= 2 * ROUND_MS


def test_a_chip_is_looked_at_before_a_neighbours_next_frame_takes_the_place_of_the_first(
    tmp_path: Path,
) -> None:
    """It holds one frame; nobody talks to neighbours while the payload is away."""
    radio = RadioSection(kind="sx1276", sx1276=Sx1276Section(frequency_khz=868_500))
    plan = PLAN.model_copy(update={"radio": radio})
    desk = Desk(tmp_path, plan)
    beacon_ms = Airtime.of(radio).on_air_ms(BEACON_BYTES)
    for is_away, is_soon in [(False, True), (True, False)]:
        desk.downlink.note_slot(OwnSlot(10**9, 10**9))
        desk.downlink.note_reach(Reach.NOBODY if is_away else Reach.STATION, False, 1_000)
        for now_ms in (1_000, 5_000):
            due_ms = desk.downlink.step(now_ms, Phase.FLOAT, PowerMode.NOMINAL, 5e5, Beacon)
        assert (due_ms <= now_ms + beacon_ms) is is_soon


def _words(desk: Desk, from_ms: int) -> list[tuple[int, int]]:
    """Source symbols that went since ``from_ms``, as (block, number)."""
    return [(frame.block, frame.esi) for ms, frame in desk.sent(DataFrame)
            if ms >= from_ms and frame.esi < frame.block_symbols]


def test_a_pass_repeats_what_went_since_the_last_report(desk: Desk) -> None:
    desk.run(60)
    session, upto = desk.downlink.session, desk.sent(DataFrame)[-1][1].counter
    first = _words(desk, 0)
    confirmed = max(block for block, _ in first) + 1
    desk.downlink.on_report(
        FeedbackFrame(8, 0, 1, 128, upto, 0, confirmed, (), session), desk.now_ms)
    begin_ms = desk.now_ms
    desk.run(120)
    unheard = _words(desk, begin_ms)
    desk.run(60, Reach.NOBODY)
    assert unheard and _words(desk, desk.now_ms - 60_000) == [], "only beacons while away"
    begin_ms = desk.now_ms
    desk.run(600)
    again = _words(desk, begin_ms)
    assert set(unheard) - set(first) <= set(again)
