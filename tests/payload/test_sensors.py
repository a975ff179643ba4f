"""Sensors: a fake chip is read at chosen times; values must age, faults must be told once."""

from __future__ import annotations

import math

import pytest

from payload.plausible import LIMITS
from payload.ports import DeviceAbsent, Reading
from payload.sensors import (
    LOST_AFTER_MS,
    QUANTITIES,
    READING_AGE_MS_MAX,
    REPEATED_MS_MAX,
    Sensors,
)


class Chip:
    """Answers ``values``, or raises ``error``."""

    name = "chip"

    def __init__(self, **values: float) -> None:
        self.values = values
        self.error: Exception | None = None
        self.reads = 0

    def read(self, now_ms: int) -> Reading:
        self.reads += 1
        if self.error is not None:
            raise self.error
        return Reading(now_ms, dict(self.values))


class FakeBoard:
    def __init__(self) -> None:
        self.soc_c: float | None = 41.0
        self.undervolted: bool | None = False

    def soc_temperature_c(self) -> float | None:
        return self.soc_c

    def is_undervolted(self) -> bool | None:
        return self.undervolted

    def boot_id(self) -> str | None:
        return None

    def is_hardware_watchdog_armed(self) -> bool | None:
        return True


def names(notes: list) -> list[str]:
    return [note.body["event"] for note in notes]


def test_nothing_fitted_is_unknown_and_no_fault() -> None:
    """Goal: absence from the start is not a fault. Method: no sensors, an hour of polls."""
    sensors = Sensors({}, None)
    assert [note for now in range(0, 3_600_000, 1000) for note in sensors.poll(now)] == []
    assert sensors.faults == set()
    assert all(sensors.latest(quantity, 3_600_000) is None for quantity in QUANTITIES)
    assert sensors.is_undervolted(3_600_000) is None


def test_values_have_their_names_and_are_read_once_a_second() -> None:
    """Goal: each key of a chip lands on its quantity. Method: poll ten times within a second."""
    outside = Chip(temperature_c=-40.5, pressure_hpa=200.0, humidity_pct=12.0)
    power = Chip(battery_mv=3700.0, current_ma=450.0)
    sensors = Sensors({"outside": outside, "power": power}, FakeBoard())
    for now in range(0, 1000, 100):
        sensors.poll(now)
    assert outside.reads == power.reads == 1
    assert sensors.latest("outside_c", 999) == -40.5
    assert sensors.latest("battery_mv", 999) == 3700.0
    assert sensors.latest("inside_c", 999) == sensors.latest("soc_c", 999) == 41.0
    assert sensors.is_undervolted(999) is False


def test_an_old_value_is_unknown_not_repeated() -> None:
    """Goal: ageing at exactly the limit. Method: one good read, then only errors."""
    chip = Chip(temperature_c=5.0)
    sensors = Sensors({"outside": chip}, None)
    sensors.poll(0)
    chip.error = DeviceAbsent("gone")
    assert sensors.latest("outside_c", READING_AGE_MS_MAX) == 5.0
    assert sensors.latest("outside_c", READING_AGE_MS_MAX + 1) is None


def test_lost_and_returned_are_told_once_each() -> None:
    """Goal: one event each way. Method: a chip silent for a minute, then back."""
    chip = Chip(temperature_c=5.0)
    sensors = Sensors({"outside": chip}, None)
    told = names(sensors.poll(0))
    chip.error = OSError(5, "EIO")
    for now in range(1000, 61_000, 1000):
        told += names(sensors.poll(now))
    assert told == ["sensor_lost"]
    assert sensors.faults == {"outside"}
    chip.error = None
    (back,) = sensors.poll(61_000)
    assert back.body["event"] == "sensor_returned"
    assert back.body["fields"]["lost_s"] == 61
    assert sensors.faults == set()


def test_a_bus_that_fails_two_reads_in_three_makes_no_noise() -> None:
    """Goal: no flapping (fault 17). Method: alternate errors for ten minutes."""
    chip = Chip(temperature_c=5.0)
    sensors = Sensors({"outside": chip}, None)
    notes = []
    for second in range(600):
        chip.values = {"temperature_c": 5.0 + second / 100}
        chip.error = OSError(5, "EIO") if second % 3 else None
        notes += sensors.poll(second * 1000)
    assert notes == []
    assert sensors.failures["outside"] == 400


def test_air_that_never_changes_is_not_measured() -> None:
    """Goal: fault 19, a chip that repeats itself. Method: just within the time, just over, alive.

    A battery may stand still: its sensor has coarse steps.
    """
    air = Chip(temperature_c=5.0, pressure_hpa=900.0)
    sensors = Sensors({"outside": air, "power": Chip(battery_mv=3700.0)}, None)
    for now in range(0, REPEATED_MS_MAX + LOST_AFTER_MS - 1000, 1000):
        assert sensors.poll(now) == []
    lost_ms = REPEATED_MS_MAX + LOST_AFTER_MS
    told = sensors.poll(lost_ms - 1000) + sensors.poll(lost_ms)
    assert (names(told), sensors.faults) == (["sensor_lost"], {"outside"})
    assert sensors.latest("pressure_hpa", lost_ms) is None
    assert sensors.latest("battery_mv", lost_ms) == 3700.0
    air.values = {"temperature_c": 5.01, "pressure_hpa": 900.0}
    assert names(sensors.poll(lost_ms + 1000)) == ["sensor_returned"]


@pytest.mark.parametrize(
    ("quantity", "key"),
    [("outside_c", "temperature_c"), ("pressure_hpa", "pressure_hpa"),
     ("humidity_pct", "humidity_pct"), ("battery_mv", "battery_mv"), ("current_ma", "current_ma")])
def test_limits_are_kept_to_the_last_step(quantity: str, key: str) -> None:
    """Goal: just valid is kept, just invalid and NaN are counted. Method: around each limit."""
    low, high = LIMITS[quantity]
    for value in (low, high):
        sensors = Sensors({"outside": Chip(**{key: value}), "power": Chip(**{key: value})}, None)
        sensors.poll(0)
        assert sensors.latest(quantity, 0) == value
    for value in (math.nextafter(low, -math.inf), math.nextafter(high, math.inf), math.nan,
                  math.inf, -312.5e9):
        sensors = Sensors({"outside": Chip(**{key: value}), "power": Chip(**{key: value})}, None)
        sensors.poll(0)
        assert sensors.latest(quantity, 0) is None
        assert sensors.rejects[quantity] == 1


def test_a_chip_that_only_talks_nonsense_is_lost() -> None:
    """Goal: implausible for ten seconds is a fault. Method: P 0 and RH 140 forever."""
    sensors = Sensors({"outside": Chip(pressure_hpa=0.0, humidity_pct=140.0)}, None)
    notes = [note for now in range(0, LOST_AFTER_MS + 1000, 1000) for note in sensors.poll(now)]
    assert names(notes) == ["sensor_lost"]
    assert notes[0].body["fields"]["reason"] == "implausible"


def test_a_board_that_does_not_know_is_present() -> None:
    """Goal: None from the board is unknown, not lost. Method: a board that knows nothing."""
    board = FakeBoard()
    board.soc_c = board.undervolted = None
    sensors = Sensors({}, board)
    assert [n for now in range(0, 60_000, 1000) for n in sensors.poll(now)] == []
    assert sensors.is_undervolted(60_000) is None
    assert sensors.latest("soc_c", 60_000) is None


def test_a_chip_in_the_box_takes_the_boards_place() -> None:
    """Goal: inside_c is the chip's, also when it falls silent: the processor's is another thing."""
    inside = Chip(temperature_c=-3.5)
    sensors = Sensors({"inside": inside}, FakeBoard())
    sensors.poll(0)
    assert (sensors.latest("inside_c", 0), sensors.latest("soc_c", 0)) == (-3.5, 41.0)
    inside.error = DeviceAbsent("gone")
    for now in range(1000, 12_000, 1000):
        sensors.poll(now)
    assert (sensors.latest("inside_c", 11_000), sensors.latest("soc_c", 11_000)) == (None, 41.0)
    assert sensors.faults == {"inside"}


def test_the_pressure_in_the_box_stands_in_for_that_outside() -> None:
    """Goal: with a thermometer outside there is a pressure; of two barometers the outer counts."""
    inside, outside = Chip(temperature_c=20.0, pressure_hpa=500.0), Chip(temperature_c=-40.0)
    sensors = Sensors({"outside": outside, "inside": inside}, None)
    sensors.poll(0)
    assert sensors.latest("pressure_hpa", 0) == 500.0
    outside.values["pressure_hpa"] = 501.0
    sensors.poll(1000)
    assert sensors.latest("pressure_hpa", 1000) == 501.0
    outside.error = DeviceAbsent("gone")
    sensors.poll(2000)
    assert sensors.latest("pressure_hpa", 2000) == 500.0
    assert sensors.latest("outside_c", 2000) == -40.0


def test_a_lone_thermometer_may_stand_still() -> None:
    """Goal: a DS18B20 has steps of 1/16 C and is not taken for stuck. Method: an hour at 21.5."""
    sensors = Sensors({"outside": Chip(temperature_c=21.5)}, None)
    assert [n for now in range(0, 3_600_000, 1000) for n in sensors.poll(now)] == []
