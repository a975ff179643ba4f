"""Faults 24 to 29 of docs/faults.md, each in a flight: what the payload makes of it."""

from __future__ import annotations

import pytest

from sim.fakes.board import PI_4
from sim.hardware import Hardware
from sim.world import World
from tests.sim.faults.fault_flights import fly
from wire.beacon import FaultBits, PowerMode

PI = Hardware(board=PI_4)


def test_fault_24_a_battery_around_a_limit_changes_the_mode_once() -> None:
    """Ten swings to either side of LOW: down, and up again when the fault is over."""
    seen = fly("battery.swing", 600)
    assert seen.events["power_mode"] <= 4


def test_fault_24_down_to_critical_and_back() -> None:
    modes: list[PowerMode] = []

    def look(world: World) -> None:
        assert world.flight is not None
        if modes[-1:] != [world.flight.power.mode]:
            modes.append(world.flight.power.mode)

    fly("battery.ramp", 180, look)
    assert (modes[0], modes[-1]) == (PowerMode.NOMINAL, PowerMode.NOMINAL)
    assert PowerMode.CRITICAL in modes


def test_fault_25_the_dip_of_a_transmission_is_not_the_battery() -> None:
    seen = fly("battery.send_dips", 300)
    assert seen.events["power_mode"] <= 5


def test_fault_26_only_an_undervoltage_of_now_counts() -> None:
    assert not fly("board.sticky", 60, hardware=PI).bits & FaultBits.UNDERVOLTAGE
    seen = fly("board.undervolted", 60, hardware=PI)
    assert seen.bits & FaultBits.UNDERVOLTAGE
    assert (seen.events["undervoltage"], seen.events["undervoltage_over"]) == (1, 1)


@pytest.mark.parametrize("name", ["board.missing", "board.hanging", "board.nonsense"])
def test_fault_27_a_board_that_says_nothing_is_not_told_of(name: str) -> None:
    is_absent = False

    def look(world: World) -> None:
        nonlocal is_absent
        assert world.flight is not None
        is_absent |= world.flight.sensors.latest("soc_c", world.daemon.now_ms) is None

    seen = fly(name, 60, look, PI)
    assert is_absent
    assert seen.events["step_slip"] == seen.events["step_on_time"] <= 1


def test_fault_28_a_hot_processor_neither_thinks_nor_takes_pictures() -> None:
    taken: set[int | None] = set()

    def look(world: World) -> None:
        assert world.flight is not None
        if world.flight.power.thermal.forbids_pictures:
            taken.add(world.flight.camera.last_picture_ms)

    seen = fly("board.hot", 900, look)
    assert (seen.events["mind_paused"], seen.events["mind_resumed"]) == (1, 1)
    assert (seen.events["camera_hot"], seen.events["camera_hot_over"]) == (1, 1)
    assert seen.fields["camera_hot"] == {"soc_c": 85.0}
    assert len(taken) == 1, "a picture every eight minutes, and none in these fifteen"


def test_fault_29_a_cold_cell_sags_and_the_payload_stays() -> None:
    seen = fly("battery.cold", 300)
    assert seen.events["starts"] == 1
    assert seen.world.flight is None or seen.events["power_mode"] > 1
