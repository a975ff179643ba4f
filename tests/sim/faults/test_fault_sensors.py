"""Faults 16 to 23 of docs/faults.md, each in a flight: what the payload makes of it."""

from __future__ import annotations

import pytest

from sim.world import World
from tests.sim.faults.fault_flights import Seen, fly
from wire.beacon import FaultBits

BUS = FaultBits.OUTSIDE | FaultBits.POWER_SENSOR


def _is_lost_and_back(seen: Seen, times: int = 1) -> bool:
    return (seen.events["sensor_lost"], seen.events["sensor_returned"]) == (times, times)


def test_fault_16_a_stuck_bus_costs_the_sensors_and_nothing_else() -> None:
    seen = fly("i2c.stuck", 120)
    assert _is_lost_and_back(seen, 2)
    assert seen.bits & BUS == BUS


def test_fault_16_a_bus_that_kills_is_left_alone() -> None:
    """Ten minutes of calls that block for a minute: three starts, then a flight without sensors."""
    seen = fly("i2c.hang", 590)
    assert seen.events["starts"] == 4
    assert (seen.events["bus_left_alone"], seen.events["bus_tried_again"]) == (1, 1)
    assert seen.bits & BUS == BUS


def test_fault_17_one_transfer_in_three_makes_no_noise() -> None:
    seen = fly("i2c.eio", 240)
    assert seen.world.bus.failures["EIO"] > 50
    assert seen.events["sensor_lost"] == 0


@pytest.mark.parametrize("name", ["i2c.wrong_id", "i2c.moved"])
def test_fault_18_another_chip_is_not_read(name: str) -> None:
    seen = fly(name, 60)
    assert _is_lost_and_back(seen)
    assert seen.bits & FaultBits.OUTSIDE


@pytest.mark.parametrize("name", ["sensor.constant", "sensor.no_data", "sensor.calibration"])
def test_fault_19_a_chip_that_measures_nothing_is_lost(name: str) -> None:
    seen = fly(name, 200)
    assert _is_lost_and_back(seen)
    assert seen.bits & FaultBits.OUTSIDE


def test_fault_19_a_wrong_first_sample_is_never_told() -> None:
    """It could be true; the driver throws it away, or ``told_truth.air`` would cry."""
    seen = fly("sensor.first_sample", 60)
    assert seen.outcome is not None and seen.outcome.counts["reported"] > 1_000


@pytest.mark.parametrize(("name", "quantity"), [
    ("sensor.minus_312", "outside_c"), ("sensor.no_pressure", "pressure_hpa"),
    ("sensor.humidity_140", "humidity_pct"), ("sensor.not_a_number", "pressure_hpa")])
def test_fault_20_what_cannot_be_is_not_told(name: str, quantity: str) -> None:
    rejected = 0
    is_absent = False

    def look(world: World) -> None:
        nonlocal rejected, is_absent
        assert world.flight is not None
        sensors, now_ms = world.flight.sensors, world.daemon.now_ms
        rejected = max(rejected, sensors.rejects[quantity])
        is_absent |= sensors.latest(quantity, now_ms) is None

    fly(name, 60, look)
    assert rejected >= 50
    assert is_absent


def test_fault_21_two_chips_with_each_others_data_are_both_refused() -> None:
    assert _is_lost_and_back(fly("i2c.crossed", 60), 2)


@pytest.mark.parametrize("name", ["power.absent", "power.overflow", "power.forgets"])
def test_fault_22_a_battery_that_nobody_measures_is_unknown(name: str) -> None:
    seen = fly(name, 60)
    assert _is_lost_and_back(seen)
    assert seen.bits & FaultBits.POWER_SENSOR


def test_fault_22_a_reversed_shunt_charges_the_battery() -> None:
    lowest_ma = 0.0

    def look(world: World) -> None:
        nonlocal lowest_ma
        assert world.flight is not None
        current_ma = world.flight.sensors.latest("current_ma", world.daemon.now_ms)
        lowest_ma = min(lowest_ma, current_ma or 0.0)

    fly("power.reversed", 60, look)
    assert lowest_ma < -50


def test_fault_23_a_chip_that_is_pulled_and_put_back_is_set_up_again() -> None:
    assert _is_lost_and_back(fly("i2c.replugged", 30))
