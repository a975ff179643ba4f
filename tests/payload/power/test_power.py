"""Power: millivolts by the second; modes may change only when they mean it."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payload.power.power import DEBOUNCE_MS, UNDERVOLT_HOLD_MS, PowerManager
from wire.beacon import PowerMode
from wire.mission import PowerSection

SECTION = PowerSection(capacity_mah=3000, eco_mv=3600, low_mv=3400, critical_mv=3200)


class Bench:
    """A power manager fed once a second."""

    def __init__(self) -> None:
        self.power = PowerManager(SECTION)
        self.now_ms = 0
        self.events: list[dict] = []

    def hold(self, mv: float | None, seconds: int = 30, undervolted: bool | None = None) -> None:
        for _ in range(seconds):
            notes = self.power.update(mv, undervolted, self.now_ms)
            self.events += [note.body for note in notes]
            self.now_ms += 1000


@pytest.mark.parametrize(
    ("mv", "mode", "word", "factor", "may_think"),
    [(3600, PowerMode.NOMINAL, "good", 1, True), (3599, PowerMode.ECO, "fair", 2, True),
     (3400, PowerMode.ECO, "fair", 2, True), (3399, PowerMode.LOW, "low", 2, False),
     (3200, PowerMode.LOW, "low", 2, False), (3199, PowerMode.CRITICAL, "low", 2, False),
     (None, PowerMode.UNKNOWN, None, 2, True)])
def test_each_mode_and_what_follows(
    mv: float | None, mode: PowerMode, word: str | None, factor: int, may_think: bool
) -> None:
    """Goal: the whole table, at each threshold. Method: hold one voltage for half a minute."""
    bench = Bench()
    bench.hold(mv)
    power = bench.power
    assert (power.mode, power.battery_word(), power.think_interval_factor) == (mode, word, factor)
    assert power.may_think is power.may_picture is may_think


LEVELS = (PowerMode.NOMINAL, PowerMode.ECO, PowerMode.LOW, PowerMode.CRITICAL)
MIDDLE_MV = {PowerMode.NOMINAL: 4000, PowerMode.ECO: 3500, PowerMode.LOW: 3300,
             PowerMode.CRITICAL: 3000, PowerMode.UNKNOWN: None}


@pytest.mark.parametrize("origin", MIDDLE_MV)
@pytest.mark.parametrize("target", MIDDLE_MV)
def test_every_transition(origin: PowerMode, target: PowerMode) -> None:
    """Goal: all 25 ways, one event each. Method: hold the one, then a voltage for the other.

    Going up, the middle of the target is still within the hysteresis of its lower edge, so that
    ECO and LOW are reached from below only 150 mV above it.
    """
    rise_mv = {PowerMode.ECO: 3590, PowerMode.LOW: 3390}
    bench = Bench()
    bench.hold(MIDDLE_MV[origin])
    assert bench.power.mode is origin
    bench.events.clear()
    is_rise = origin in LEVELS and target in LEVELS and (
        LEVELS.index(target) < LEVELS.index(origin))
    bench.hold(rise_mv.get(target, MIDDLE_MV[target]) if is_rise else MIDDLE_MV[target])
    assert bench.power.mode is target
    assert [e["fields"]["to"] for e in bench.events] == (
        [] if origin is target else [target.name.lower()])


def test_rising_needs_the_hysteresis() -> None:
    """Goal: 3749 stays ECO, 3750 is NOMINAL. Method: hold just below and at the edge."""
    bench = Bench()
    bench.hold(3500)
    bench.hold(3749)
    assert bench.power.mode is PowerMode.ECO
    bench.hold(3750)
    assert bench.power.mode is PowerMode.NOMINAL


def test_the_debounce_is_ten_seconds() -> None:
    """Goal: nine seconds of low battery are nothing. Method: count from the change."""
    bench = Bench()
    bench.hold(4000)
    bench.hold(3300, 9)
    assert bench.power.mode is PowerMode.NOMINAL
    bench.hold(3300, 8)
    assert bench.power.mode is PowerMode.LOW
    assert DEBOUNCE_MS == 10_000


def test_dips_at_every_transmission_are_ignored() -> None:
    """Goal: fault 25. Method: one second in five at 3.1 V, for ten minutes."""
    bench = Bench()
    bench.hold(4000)
    bench.events.clear()
    for _ in range(120):
        bench.hold(4000, 4)
        bench.hold(3100, 1)
    assert bench.power.mode is PowerMode.NOMINAL
    assert bench.events == []


def test_it_does_not_flap_in_a_hundred_ramps() -> None:
    """Goal: fault 24. Method: noisy ramps around LOW, narrower than the hysteresis."""
    bench = Bench()
    rng = random.Random(1)
    bench.hold(3500)
    bench.events.clear()
    for _ in range(100):
        for step in (*range(20), *range(20, 0, -1)):
            bench.hold(3340 + 6 * step + rng.uniform(-10, 10), 1)
    assert [e["fields"]["to"] for e in bench.events] == ["low"]


def test_a_cold_cell_that_sags_at_each_thought_does_not_flap() -> None:
    """Goal: an hour of sag and recovery is a few changes, and the first recovery is quick.

    Method: 600 mV down while it may think for 40 s, up again while it may not; then warm.
    """
    bench = Bench()
    bench.hold(3700)
    bench.events.clear()
    for _ in range(3600):
        bench.hold(3300 if bench.power.may_think and bench.now_ms % 100_000 < 40_000 else 3900, 1)
    assert 2 < len(bench.events) <= 16
    bench.hold(3900, 1300)
    assert bench.power.mode is PowerMode.NOMINAL
    bench.hold(3300, 20)
    bench.hold(3900, 20)
    assert bench.power.mode is PowerMode.NOMINAL


def test_a_cold_sag_comes_back() -> None:
    """Goal: fault 29. Method: sag to CRITICAL for an hour, then warm up."""
    bench = Bench()
    bench.hold(3900)
    bench.hold(3000, 3600)
    assert bench.power.mode is PowerMode.CRITICAL
    bench.hold(3900)
    assert bench.power.mode is PowerMode.NOMINAL


def test_a_lost_gauge_is_unknown_never_low() -> None:
    """Goal: nine silent seconds keep the mode, more are UNKNOWN. Method: None by the second."""
    bench = Bench()
    bench.hold(3900)
    bench.hold(None, 9)
    assert bench.power.mode is PowerMode.NOMINAL
    bench.hold(None, 3)
    assert bench.power.mode is PowerMode.UNKNOWN
    assert bench.power.may_think


def test_undervoltage_stops_the_mind_at_once_and_for_a_minute() -> None:
    """Goal: the board's word counts now, and once. Method: a flag that blinks."""
    bench = Bench()
    bench.hold(4000)
    bench.events.clear()
    bench.hold(4000, 1, undervolted=True)
    assert not bench.power.may_think
    bench.hold(4000, 20, undervolted=False)
    bench.hold(4000, 1, undervolted=True)
    bench.hold(4000, UNDERVOLT_HOLD_MS // 1000 - 1, undervolted=None)
    assert not bench.power.may_think
    bench.hold(4000, 2, undervolted=None)
    assert bench.power.may_think
    assert [e["event"] for e in bench.events] == ["undervoltage", "undervoltage_over"]
    assert bench.power.mode is PowerMode.NOMINAL


@settings(max_examples=30, deadline=None)
@given(st.lists(st.one_of(st.none(), st.floats(2500, 4300)), min_size=1, max_size=80))
def test_no_two_changes_within_the_debounce(readings: list[float | None]) -> None:
    """Goal: any readings change the mode at most every ten seconds, but for a lost gauge."""
    bench = Bench()
    changes: list[int] = []
    for mv in readings:
        before = bench.power.mode
        bench.hold(mv, 1)
        if bench.power.mode not in (before, PowerMode.UNKNOWN):
            changes.append(bench.now_ms)
    assert all(b - a >= DEBOUNCE_MS for a, b in itertools.pairwise(changes))
