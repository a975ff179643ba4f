"""Pulling the plug before the launch is no crash; in the air it is, and at any time a crash is."""

from __future__ import annotations

from pathlib import Path

import pytest

from payload.flight_ports import FlightPorts
from tests.payload.test_flight import Bench
from tests.payload.test_sensors import FakeBoard
from wire.beacon import Phase


class Machine(FakeBoard):
    """A board that was started ``boots`` times."""

    boots = 1

    def boot_id(self) -> str | None:
        return f"boot {self.boots}"


def started_again(bench: Bench, machine: Machine, is_power_cut: bool) -> bool:
    """Is it SAFE after the plug was pulled, or the process killed, three times?"""
    for _ in range(3):
        bench.run(100)
        bench.kill()
        machine.boots += is_power_cut
        bench.now_ms = 0  # since boot
        bench.boot()
    return bench.flight.starts.is_safe


@pytest.mark.parametrize(("is_flying", "is_power_cut", "is_safe"), [
    (False, True, False), (False, False, True), (True, True, True), (True, False, True),
])
def test_three_power_offs_on_the_ground_are_not_three_crashes_in_the_air(
    tmp_path: Path, is_flying: bool, is_power_cut: bool, is_safe: bool
) -> None:
    machine = Machine()
    bench = Bench(tmp_path)
    bench.kill()
    bench.ports = FlightPorts(gnss=bench.ports.gnss, board=machine)
    bench.boot()
    bench.run(700)  # a start that lasted
    if is_flying:
        bench.ports.gnss.climb_mps = 5.0
        bench.run(300)
    assert (bench.flight.phase.phase is Phase.ASCENT) is is_flying
    assert started_again(bench, machine, is_power_cut) is is_safe
