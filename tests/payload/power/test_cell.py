"""The cold at the battery's terminals: given back where it is known, and only so far."""

from __future__ import annotations

from pathlib import Path

import pytest

from payload.power.cell import WARM_SAG_MV, cold_sag_mv, reach
from payload.power.power import PowerManager
from tests.payload.fakes import FakeSensor
from tests.payload.test_flight import Bench as FlightBench
from tests.payload.test_sensors import FakeBoard
from wire.beacon import PowerMode
from wire.mission import PowerSection

CAPACITY_MAH = 3000
SECTION = PowerSection(
    capacity_mah=CAPACITY_MAH, eco_mv=3600, low_mv=3400, critical_mv=3200, hysteresis_mv=150)


class Bench:
    """A power manager fed once a second, with a cell that has always been so cold."""

    def __init__(self, section: PowerSection = SECTION) -> None:
        self.power = PowerManager(section)
        self.now_ms = 0
        self.fields: dict[str, object] = {}

    def hold(
        self, mv: float, current_ma: float | None, inside_c: float | None, seconds: int = 30
    ) -> PowerMode:
        for _ in range(seconds):
            notes = self.power.count(current_ma, inside_c, self.now_ms)
            notes += self.power.update(mv, None, self.now_ms, current_ma)
            for note in notes:
                self.fields = note.body["fields"]
            self.now_ms += 1000
        return self.power.mode


@pytest.mark.parametrize(("cell_c", "part"), [
    (60, 1), (27, 1), (4.5, 0.75), (-18, 0.5), (-40, 0.5)])
def test_what_the_cold_leaves(cell_c: float, part: float) -> None:
    assert reach(cell_c) == pytest.approx(part)


@pytest.mark.parametrize(("cell_c", "part"), [
    (60, 0), (20, 0), (19, 0.039), (0, 0.97), (-5, 1.335), (-20, 2.61), (-60, 2.61)])
def test_what_the_cold_adds_to_the_sag(cell_c: float, part: float) -> None:
    """Goal: the table, straight lines between its rows, nothing beyond its ends."""
    assert cold_sag_mv(1.0, cell_c) == pytest.approx(WARM_SAG_MV * part)
    assert cold_sag_mv(0.1, cell_c) == pytest.approx(WARM_SAG_MV * part / 10)
    assert cold_sag_mv(0.0, cell_c) == cold_sag_mv(-1.0, cell_c) == 0


# At -10 C and half of the capacity in an hour the cold's part is 110 / 2 * 1.7 = 93.5 mV.
@pytest.mark.parametrize(("mv", "inside_c", "mode"), [
    (3507, -10, PowerMode.NOMINAL), (3506, -10, PowerMode.ECO),
    (3307, -10, PowerMode.ECO), (3306, -10, PowerMode.LOW),
    (3399, 20, PowerMode.LOW), (3599, 20, PowerMode.ECO)])
def test_a_cold_pack_with_charge_is_not_low_and_a_warm_one_at_that_voltage_is(
    mv: float, inside_c: float, mode: PowerMode
) -> None:
    bench = Bench()
    assert bench.hold(mv, 1500, inside_c) is mode
    assert bench.fields.get("cold_sag_mv") == (94 if inside_c < 20 else None)
    assert bench.fields["battery_mv"] == mv


@pytest.mark.parametrize(("current_ma", "inside_c"), [
    (None, -20.0), (1500, None), (0.0, -20.0), (-1500, -20.0)])
def test_without_current_or_temperature_nothing_is_given_back(
    current_ma: float | None, inside_c: float | None
) -> None:
    """Goal: absent is not zero and not the last one; a charger's current makes no sag."""
    bench = Bench()
    assert bench.hold(3399, 1500, -20.0) is PowerMode.ECO
    assert bench.hold(3399, current_ma, inside_c) is PowerMode.LOW


def test_what_is_given_back_is_bounded() -> None:
    """Goal: a current and a cold that would make 285 mV make 100, half of the way to CRITICAL."""
    assert Bench().hold(3300, CAPACITY_MAH, -40) is PowerMode.ECO
    assert Bench().hold(3299, CAPACITY_MAH, -40) is PowerMode.LOW


@pytest.mark.parametrize("current_ma", [0, 300, 3000])
def test_critical_is_what_is_at_the_terminals(current_ma: float) -> None:
    """Goal: no current and no cold keep 3199 mV from it, or let it go before the hysteresis."""
    bench = Bench()
    assert bench.hold(3200, current_ma, -20) is not PowerMode.CRITICAL
    assert bench.hold(3199, current_ma, -20) is PowerMode.CRITICAL
    assert bench.hold(3349, current_ma, -20) is PowerMode.CRITICAL
    assert bench.hold(3350, current_ma, -20) is PowerMode.LOW


def test_two_cells_in_series_sag_twice() -> None:
    """Goal: twice the limits, twice the sag: 2 x 93.5 below 6800 is where LOW begins."""
    twice = PowerSection(
        capacity_mah=CAPACITY_MAH, eco_mv=7200, low_mv=6800, critical_mv=6400, hysteresis_mv=150)
    assert Bench(twice).hold(6613, 1500, -10) is PowerMode.ECO
    assert Bench(twice).hold(6612, 1500, -10) is PowerMode.LOW


@pytest.mark.parametrize(("board_c", "mode"), [(-12.0, PowerMode.ECO), (20.0, PowerMode.LOW)])
def test_in_flight_a_cold_pack_goes_on_thinking_and_an_empty_warm_one_stops(
    tmp_path: Path, board_c: float, mode: PowerMode
) -> None:
    """Goal: 3320 mV under 1.5 A from the chip, the temperature from the board, one minute."""
    board = FakeBoard()
    board.soc_c = board_c
    power = FakeSensor("ina219", {"battery_mv": 3320.0, "current_ma": 1500.0})
    bench = FlightBench(tmp_path, board=board, sensors={"power": power})
    bench.run(60)
    assert bench.flight.power.mode is mode
    assert bench.flight.power.may_think is (mode is PowerMode.ECO)
