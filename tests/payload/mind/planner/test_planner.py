"""The planner on a straight flight: it thinks when it matters, and keeps the reserve."""

from __future__ import annotations

from dataclasses import replace

import pytest

from payload.mind.planner.planner import Planner
from payload.power.charge import ChargeCount
from payload.situation import Situation
from wire.beacon import Phase
from wire.mission import FlightSection, PowerSection

POWER = PowerSection(capacity_mah=3000, eco_mv=3600, low_mv=3400, critical_mv=3200)
UP = Situation(now_ms=0, phase=Phase.ASCENT, altitude_m=5_000.0, climb_mps=5.0,
               battery_mv=3_900.0, current_ma=300.0)


class Box:
    """A planner whose battery has had ``used_mah`` drawn from it."""

    def __init__(self, used_mah: float, power: PowerSection = POWER) -> None:
        self.planner = Planner(power, FlightSection(), 150)
        self.charge = ChargeCount(power, used_mah)
        self.now_ms = 0

    def run(self, seconds: int, situation: Situation = UP) -> int:
        """How many thoughts begin; each is over at once."""
        count = 0
        for _ in range(seconds):
            self.planner.update(replace(situation, now_ms=self.now_ms), self.charge, 0.0, False)
            if self.planner.price is not None and self.planner.is_worth_it(self.now_ms):
                self.planner.note_thought(self.now_ms)
                count += 1
            self.now_ms += 1000
        return count


def test_less_left_is_fewer_thoughts_and_nothing_left_is_none() -> None:
    counts = [Box(used_mah).run(1_800) for used_mah in (0, 1_050, 1_150, 2_000)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] == 29 and counts[-1] == 0  # one each spacing of 60 s


def test_news_is_told_at_once_where_an_ordinary_moment_is_not() -> None:
    box = Box(1_150)
    box.run(100)
    assert box.planner.price is not None and 0.5 < box.planner.price < 10
    assert not box.planner.is_worth_it(box.now_ms)
    box.planner.note("burst", box.now_ms)
    assert box.planner.is_worth_it(box.now_ms)
    box.planner.note_thought(box.now_ms)
    assert not box.planner.is_worth_it(box.now_ms + 59_000)


def test_after_the_rest_only_what_is_above_the_reserve_is_thought_away() -> None:
    lying = replace(UP, phase=Phase.LANDED, phase_since_ms=-10_000_000, altitude_m=0.0)
    assert Box(0).run(600, lying) > 0
    assert Box(2_200).run(600, lying) == 0
    without = POWER.model_copy(update={"reserve_h": 0.0})
    assert Box(2_200, without).run(600, lying) > 0


@pytest.mark.parametrize("missing", ["battery_mv", "current_ma"])
def test_what_is_not_measured_has_no_price(missing: str) -> None:
    box = Box(0)
    box.run(30, replace(UP, **{missing: None}))
    assert box.planner.price is None
    box.run(30)
    assert box.planner.price is not None


def test_an_uncertain_battery_silences_nobody() -> None:
    """Two of 150 drawn flights said nothing from before launch until landed: as much was left as
    expected, and the margin was more than that. What comes once is told from a part of the margin,
    and so is a word after half an hour."""
    box = Box(1_250)
    assert box.run(1_000) == 0
    assert box.planner.thoughts_left < 1 < box.planner.thoughts_likely
    box.planner.note("call-failed", box.now_ms)
    assert not box.planner.is_worth_it(box.now_ms)
    box.planner.note("burst", box.now_ms)
    assert box.planner.is_worth_it(box.now_ms)
    assert not box.planner.is_worth_it(box.now_ms + 180_000), "it is old"
    assert box.run(3_600) == 2


def test_a_battery_that_is_as_good_as_empty_tells_nothing() -> None:
    box = Box(1_500)
    box.run(100)
    assert box.planner.thoughts_likely == 0
    box.planner.note("burst", box.now_ms)
    assert not box.planner.is_worth_it(box.now_ms)
    assert box.run(7_200) == 0


def test_the_last_kilometre_is_told_as_it_begins_not_a_minute_late() -> None:
    """Without the wait a thought of nothing in particular comes just before, and delays it."""
    box, told_s = Box(0), 0
    for second in range(240):
        height_m = 1_700.0 - 5 * second
        falling = replace(UP, phase=Phase.DESCENT, altitude_m=height_m, climb_mps=-5.0)
        if height_m == 1_000:
            box.planner.note("landing", box.now_ms)
        if box.run(1, falling) and height_m <= 1_000 and not told_s:
            told_s = second
    assert told_s == 140


def test_where_the_reserve_is_drawn_it_is_as_warm_as_the_pad_was() -> None:
    """A cell that is carried out of a warm car is not read at its coldest, nor at its warmest."""
    pad = replace(UP, phase=Phase.GROUND, altitude_m=0.0, climb_mps=0.0)
    lefts = []
    for degrees in ((20, 20), (20, 0), (0, 0)):
        box = Box(900)
        for celsius in degrees:
            box.charge.cell_c = float(celsius)
            box.run(600, pad)
        box.charge.cell_c = -15.0
        box.run(60, replace(UP, altitude_m=2_000.0))
        lefts.append(box.planner.thoughts_likely)
    assert lefts[0] > lefts[1] > lefts[2]
    assert lefts[1] == pytest.approx((lefts[0] + lefts[2]) / 2, rel=0.1)
