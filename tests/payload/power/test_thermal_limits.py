"""Thermal limits: what the temperatures forbid, at each limit and just beside it."""

from __future__ import annotations

from typing import Any

import pytest

from payload.power.power import PowerManager
from payload.power.thermal_limits import BATTERY_WARM_MS, STEADY_MS, TELL_MS_MAX
from wire.mission import PowerSection

SECTION = PowerSection(capacity_mah=3000, eco_mv=3600, low_mv=3400, critical_mv=3200)
STEADY_S, WARM_S = STEADY_MS // 1000, BATTERY_WARM_MS // 1000


class Bench:
    """A power manager on a good battery, its limits fed once a second."""

    def __init__(self) -> None:
        self.power = PowerManager(SECTION)
        self.now_ms = 0
        self.events: list[tuple[str, dict[str, Any]]] = []
        for now_ms in range(0, 30_000, 1000):
            self.power.update(4000, None, now_ms)

    def hold(
        self, soc_c: float | None = None, inside_c: float | None = None,
        seconds: int = STEADY_S + 1,
    ) -> None:
        for _ in range(seconds):
            notes = self.power.thermal.update(soc_c, inside_c, self.now_ms)
            self.events += [(note.body["event"], note.body.get("fields", {})) for note in notes]
            self.now_ms += 1000


def test_a_hot_processor_takes_no_pictures() -> None:
    """Goal: off at 82.0, not at 81.9; back at 72.0, not at 72.1; two events with the numbers."""
    bench = Bench()
    bench.hold(soc_c=81.9)
    assert bench.power.may_picture
    bench.hold(soc_c=82.0)
    assert not bench.power.may_picture
    bench.hold(soc_c=72.1, seconds=900)
    assert not bench.power.may_picture
    bench.hold(soc_c=72.0)
    assert bench.power.may_picture
    of_the_camera = [told for told in bench.events if told[0].startswith("camera")]
    assert of_the_camera == [("camera_hot", {"soc_c": 82.0}), ("camera_hot_over", {"soc_c": 72.0})]


def test_a_hot_processor_does_not_think_and_stops_at_once() -> None:
    """Goal: off at 75.0, not at 74.9; back at 65.0, not at 65.1; without ten steady seconds."""
    bench = Bench()
    bench.hold(soc_c=74.9)
    assert bench.power.may_think
    bench.hold(soc_c=75.0, seconds=1)
    assert not bench.power.may_think
    assert bench.power.may_picture
    bench.hold(soc_c=65.1, seconds=900)
    assert not bench.power.may_think
    bench.hold(soc_c=65.0, seconds=1)
    assert bench.power.may_think
    assert bench.events == [("mind_paused", {"soc_c": 75.0}), ("mind_resumed", {"soc_c": 65.0})]


def test_a_cold_battery_has_half_the_thoughts() -> None:
    """Goal: half the pace at -10.0, not at -9.9; all of it after ten minutes at -7.0."""
    bench = Bench()
    bench.hold(inside_c=-9.9)
    assert bench.power.think_interval_factor == 1
    bench.hold(inside_c=-10.0)
    assert bench.power.think_interval_factor == 2
    assert bench.power.may_think
    bench.hold(inside_c=-7.1, seconds=2 * WARM_S)
    assert bench.power.think_interval_factor == 2
    bench.hold(inside_c=-7.0, seconds=WARM_S)
    assert bench.power.think_interval_factor == 2
    bench.hold(inside_c=-7.0, seconds=1)
    assert bench.power.think_interval_factor == 1
    assert bench.events == [
        ("battery_cold", {"inside_c": -10.0}), ("battery_cold_over", {"inside_c": -7.0})]


def test_cold_halves_what_a_short_battery_has_left() -> None:
    bench = Bench()
    for now_ms in range(30_000, 60_000, 1000):
        bench.power.update(3500, None, now_ms)
    bench.hold(inside_c=-12.0)
    assert bench.power.think_interval_factor == 4


def test_a_frozen_battery_has_no_thoughts() -> None:
    """Goal: none at -20.0, not at -19.9; again after ten minutes at -17.0, still at half pace."""
    bench = Bench()
    bench.hold(inside_c=-19.9)
    assert bench.power.may_think
    bench.hold(inside_c=-20.0)
    assert not bench.power.may_think
    assert bench.power.may_picture and bench.power.may_call
    bench.hold(inside_c=-17.1, seconds=2 * WARM_S)
    assert not bench.power.may_think
    bench.hold(inside_c=-17.0, seconds=WARM_S + 1)
    assert bench.power.may_think
    assert bench.power.think_interval_factor == 2
    assert [name for name, _ in bench.events] == [
        "battery_cold", "battery_frozen", "battery_frozen_over"]


def test_a_board_that_is_warmed_by_each_thought_does_not_flap() -> None:
    """Goal: one event in two hours. Method: -11 C, and 10 K more for a minute in three."""
    bench = Bench()
    for _ in range(40):
        bench.hold(inside_c=-11.0, seconds=120)
        bench.hold(inside_c=-1.0, seconds=60)
    assert [name for name, _ in bench.events] == ["battery_cold"]


def test_a_mind_that_is_paused_ten_times_an_hour_is_told_ever_more_rarely() -> None:
    """Goal: pairs of events after one hour, two more and four more, which say how many went untold;
    the limit holds each time. After a quiet day it begins anew. It was found in thirty days of
    orbit, where these events took half of the words' airtime, and a quarter with one an hour."""
    bench = Bench()
    for _ in range(71):
        bench.hold(soc_c=76.0, seconds=120)
        assert not bench.power.may_think
        bench.hold(soc_c=64.0, seconds=240)
        assert bench.power.may_think
    told = [fields.get("untold", 0) for name, fields in bench.events if name == "mind_paused"]
    assert told == [0, 9, 19, 39]
    assert [name for name, _ in bench.events] == ["mind_paused", "mind_resumed"] * 4
    for _ in range(2):
        bench.now_ms += TELL_MS_MAX
        bench.hold(soc_c=76.0, seconds=120)
        bench.hold(soc_c=64.0, seconds=240)
    told = [fields.get("untold", 0) for name, fields in bench.events if name == "mind_paused"]
    assert told[4:] == [0, 0]


@pytest.mark.parametrize(("soc_c", "inside_c"), [(90.0, None), (None, -30.0)])
def test_one_short_reading_is_no_temperature(soc_c: float | None, inside_c: float | None) -> None:
    """Goal: ten steady seconds, and not nine, are heat or cold; the mind alone does not wait."""
    bench = Bench()
    for _ in range(5):
        bench.hold(soc_c, inside_c, seconds=STEADY_S)
        bench.hold(20.0, 20.0, seconds=1)
    assert [name for name, _ in bench.events if not name.startswith("mind_")] == []


def test_what_nobody_measures_holds_nothing_back() -> None:
    """Goal: absent from the start no event; absent later, both are free at once, told without a
    number."""
    bench = Bench()
    bench.hold(seconds=60)
    assert bench.events == []
    bench.hold(soc_c=85.0, inside_c=-25.0)
    assert not bench.power.may_think and not bench.power.may_picture
    bench.events.clear()
    bench.hold(seconds=1)
    assert bench.power.may_think and bench.power.may_picture
    assert bench.power.think_interval_factor == 1
    assert bench.events == [
        ("mind_resumed", {}), ("camera_hot_over", {}), ("battery_cold_over", {}),
        ("battery_frozen_over", {})]
