"""The cell obeys its physics: it sags under load and in the cold, and comes back from both."""

from __future__ import annotations

import pytest

from sim.battery import Battery, open_circuit_mv, ramp, resistance_ohm, swing


def test_it_sags_in_the_cold_and_under_load() -> None:
    battery = Battery(3_000, 0.9)
    warm, cold = battery.terminals(1.0, 25.0), battery.terminals(1.0, -20.0)
    assert cold[0] < warm[0] < open_circuit_mv(0.9)
    assert battery.terminals(3.0, -20.0)[0] < cold[0] - 50
    assert 4 < resistance_ohm(-20) / resistance_ohm(25) < 10
    before = battery.charge(25.0)
    for _ in range(3_600):
        battery.draw(1.5, 25.0, 1.0)
    assert before - battery.charge(25.0) == pytest.approx(0.14, abs=0.02)
    assert open_circuit_mv(-1) < open_circuit_mv(0.5) < open_circuit_mv(2)


def test_cold_soak_and_recovery() -> None:
    """At -30 C a half-full cell fails under a thinking Pi; warm again it has lost nothing."""
    battery = Battery(3_000, 0.5)
    before = battery.terminals(2.5, 20.0)[0]
    for _ in range(60):
        battery.draw(2.5, -30.0, 1.0)
    assert battery.terminals(2.5, -30.0)[0] < 2_900
    assert battery.charge(-30.0) < 0.32
    for _ in range(600):
        battery.draw(0.0, 20.0, 1.0)
    assert battery.terminals(2.5, 20.0)[0] == pytest.approx(before, abs=15)
    assert battery.charge(20.0) > 0.48


def test_after_a_load_the_voltage_creeps_back_for_minutes() -> None:
    """Half of the sag is gone at once, the rest with the time constant of the cell."""
    battery = Battery(3_000, 0.8)
    for _ in range(600):
        battery.draw(3.0, -10.0, 1.0)
    loaded = battery.terminals(3.0, -10.0)[0]
    rest = []
    for _ in range(301):
        rest.append(battery.terminals(0.0, -10.0)[0])
        battery.draw(0.0, -10.0, 1.0)
    assert rest[0] > loaded + 100
    assert rest[300] - rest[0] > 50
    assert rest[60] - rest[0] == pytest.approx(0.63 * (rest[300] - rest[0]), rel=0.05)
    assert rest == sorted(rest)


def test_an_empty_cell_collapses() -> None:
    battery = Battery(1_000, 0.02)
    volts = []
    for _ in range(1_200):
        volts.append(battery.terminals(1.0, 20.0)[0])
        battery.draw(1.0, 20.0, 1.0)
    assert volts[0] > 3_000
    assert volts[-1] < 1_700
    assert battery.charge(20.0) == 0.0


def test_ramps_and_swings() -> None:
    down = ramp(4_000, 3_000, 100, 50)
    assert [down(t) for t in (0, 100, 125, 150, 9_999)] == [4_000, 4_000, 3_500, 3_000, 3_000]
    back_and_forth = swing(3_200, 3_600, 60)
    assert [back_and_forth(t) for t in (0, 15, 30, 45, 60, 90)] == [
        3_200, 3_400, 3_600, 3_400, 3_200, 3_600]


def test_what_of_a_sag_is_the_colds() -> None:
    """None of it in warmth or without a load; at -20 C what the added resistance takes."""
    battery = Battery(3_000, 0.8)
    assert battery.cold_sag_mv(2.5, 25.0) == battery.cold_sag_mv(2.5, 40.0) == 0.0
    assert battery.cold_sag_mv(0.0, -20.0) == 0.0
    cold_mv, cold_ma = battery.terminals(2.5, -20.0)
    added_mv = cold_ma * (resistance_ohm(-20.0) - resistance_ohm(25.0))
    assert battery.cold_sag_mv(2.5, -20.0) == pytest.approx(added_mv)
    assert 200 < added_mv < 500 < cold_mv
