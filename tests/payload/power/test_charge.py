"""Charge: counted, kept, corrected for cold, and of no more weight than it may have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from payload.power.charge import ChargeCount
from payload.power.power import PowerManager
from tests.payload.test_flight import Bench as FlightBench
from wire.beacon import PowerMode
from wire.mission import PowerSection

SECTION = PowerSection(capacity_mah=3600, eco_mv=3600, low_mv=3400, critical_mv=3200)


class Bench:
    """A power manager that counts, stepped every ten seconds: 3600 mA draw 10 mAh a step."""

    def __init__(self, used_mah: Any = None) -> None:
        self.power = PowerManager(SECTION, used_mah)
        self.now_ms = 0
        self.events: list[dict[str, Any]] = []

    def hold(
        self, mv: float | None, current_ma: float | None, inside_c: float | None = 27.0,
        steps: int = 9,
    ) -> None:
        for _ in range(steps):
            notes = self.power.update(mv, None, self.now_ms)
            notes += self.power.count(current_ma, inside_c, self.now_ms)
            self.events += [note.body for note in notes]
            self.now_ms += 10_000

    @property
    def left(self) -> float | None:
        return self.power.charge.left


def test_a_fresh_battery_is_full_and_half_an_hour_at_one_ampere_is_half_an_ampere_hour() -> None:
    bench = Bench()
    bench.hold(3800, 1000, steps=1)
    assert bench.left == 1.0
    bench.hold(3800, 1000, steps=180)
    assert bench.power.charge.used_mah == pytest.approx(500)
    assert bench.left == pytest.approx(1 - 500 / 3600)


def test_a_half_empty_one_is_as_good_as_its_voltage() -> None:
    bench = Bench(1800)
    bench.hold(3800, 0)
    assert bench.left == 0.5
    assert bench.power.mode is PowerMode.NOMINAL


@pytest.mark.parametrize(("used_mah", "mode"), [
    (2700, PowerMode.NOMINAL), (2701, PowerMode.ECO), (9000, PowerMode.ECO)])
def test_less_than_a_quarter_is_eco_and_never_worse(used_mah: int, mode: PowerMode) -> None:
    """Goal: the estimate alone halves the thoughts and stops nothing, even with nothing left."""
    bench = Bench(used_mah)
    bench.hold(3601, 0, steps=5)
    assert bench.power.mode is mode
    assert bench.power.may_think and bench.power.may_picture
    if mode is PowerMode.ECO:
        left_pct = 25 if used_mah == 2701 else 0
        assert bench.events[-1]["fields"]["left_pct"] == left_pct


@pytest.mark.parametrize(("mv", "mode"), [
    (3599, PowerMode.ECO), (3399, PowerMode.LOW), (3199, PowerMode.CRITICAL),
    (None, PowerMode.UNKNOWN)])
def test_a_full_count_makes_no_voltage_better(mv: float | None, mode: PowerMode) -> None:
    bench = Bench()
    bench.hold(mv, 100)
    assert bench.left is not None and bench.left > 0.99
    assert bench.power.mode is mode
    assert not any("left_pct" in e["fields"] for e in bench.events)


def test_a_cold_battery_has_less_left_and_gets_it_back_slowly() -> None:
    """Goal: 1400 of 3600 mAh drawn are ECO at -18 C. A board that warms gives it back by the
    kelvin and the minute: nothing after ten, all after an hour."""
    bench = Bench(1400)
    bench.hold(3700, 0)
    assert bench.power.mode is PowerMode.NOMINAL
    bench.hold(3700, 0, -18.0)
    assert bench.left == pytest.approx(1 - 1400 / 1800)
    assert bench.power.mode is PowerMode.ECO
    bench.hold(3800, 0, 27.0, steps=30)
    assert bench.power.mode is PowerMode.ECO
    bench.hold(3800, 0, 27.0, steps=270)
    assert bench.left == pytest.approx(1 - 1400 / 3600)
    assert bench.power.mode is PowerMode.NOMINAL
    bench.hold(3700, 0, None)
    assert bench.left == pytest.approx(1 - 1400 / 3600)


def test_without_a_current_there_is_no_estimate() -> None:
    """Goal: absent is not zero: no mode, no change of battery; what was counted is kept."""
    bench = Bench(3000)
    bench.hold(3620, 0)
    assert bench.power.mode is PowerMode.ECO
    bench.events.clear()
    bench.hold(4150, None)
    assert bench.left is None
    assert bench.power.mode is PowerMode.NOMINAL
    assert [e["event"] for e in bench.events] == ["power_mode"]
    bench.hold(3620, 3600, steps=2)
    assert bench.power.charge.used_mah == pytest.approx(3010), "the gap itself is not counted"


def test_a_minute_far_above_what_is_left_is_another_battery() -> None:
    """Goal: half drawn allows 3.8 V and the hysteresis: 3949 mV are the same battery for ever,
    50 s of 3950 mV too, 60 s begin anew, once."""
    bench = Bench(1800)
    bench.hold(3949, 0, steps=100)
    for _ in range(5):
        bench.hold(3950, 0, steps=6)
        bench.hold(3700, 0, steps=12)  # the median of eleven samples follows
    assert bench.power.charge.used_mah == 1800
    bench.hold(3950, 0, steps=30)
    assert bench.power.charge.used_mah == 0
    changed = [e["fields"] for e in bench.events if e["event"] == "battery_changed"]
    assert changed == [{"battery_mv": 3950, "used_mah": 1800}]


def test_an_adapter_is_no_new_battery_each_minute() -> None:
    bench = Bench(359)
    bench.hold(5000, 0, steps=100)
    assert not any(e["event"] == "battery_changed" for e in bench.events)
    bench = Bench(360)
    bench.hold(5000, 0, steps=100)
    assert sum(e["event"] == "battery_changed" for e in bench.events) == 1


def test_charging_takes_back_and_never_more_than_all() -> None:
    bench = Bench(100)
    bench.hold(3700, -3600, steps=6)
    assert bench.power.charge.used_mah == pytest.approx(50)
    bench.hold(3700, -3600, steps=20)
    assert (bench.power.charge.used_mah, bench.left) == (0, 1)


@pytest.mark.parametrize("saved", [None, -5, float("nan"), float("inf"), "900", [900], {}])
def test_a_damaged_count_is_a_full_battery(saved: Any) -> None:
    assert ChargeCount(SECTION, saved).used_mah == 0


def test_the_count_outlives_a_reboot(tmp_path: Path) -> None:
    """Goal: two minutes at 300 mA are 10 mAh; the next boot begins with what was saved."""
    bench = FlightBench(tmp_path)
    bench.run(120)
    counted_mah = bench.flight.power.charge.used_mah
    assert counted_mah == pytest.approx(300 * 120 / 3600, abs=0.2)
    bench.kill()
    bench.boot()
    assert bench.flight.power.charge.used_mah == pytest.approx(counted_mah, abs=1.4)
    assert bench.flight.power.charge.used_mah > 8
