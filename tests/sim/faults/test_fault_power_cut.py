"""Faults 30 to 33, flown: the power goes, and nothing that was promised goes with it."""

from __future__ import annotations

import pytest

from sim.world import World
from tests.sim.faults.short_hops import FAULT_AT_S, Seen, fly, hop

IN_THE_AIR_S = 200.0  # and known to be: on the ground a pulled plug is no crash


def _fly(name: str, duration_s: float | None = None, at_s: float = FAULT_AT_S
         ) -> tuple[World, Seen]:
    worlds: list[World] = []
    outcome, seen = fly(hop(name, duration_s, at_s), worlds.append)
    assert not outcome.violations, "\n".join(map(str, outcome.violations))
    return worlds[0], seen


def test_fault_30_a_cut_is_a_reboot_and_loses_no_record() -> None:
    world, seen = _fly("cut.once", 30.0)
    assert (world.boots, seen.events["boot"], seen.events["store_salvaged"]) == (2, 2, 0)


def test_fault_31_ten_cuts_in_a_minute_end_in_safe_and_in_flight() -> None:
    """Every check holds, the phase among them: it is known again after each."""
    world, seen = _fly("cut.loop", at_s=IN_THE_AIR_S)
    assert world.boots >= 8, "some come while it is still off"
    assert seen.events["safe_entered"] >= 1
    assert seen.events["burst"] == 1


@pytest.mark.parametrize("name", ["cut.ascent", "cut.burst", "cut.landing"])
def test_fault_32_a_cut_at_launch_at_the_burst_and_on_impact(name: str) -> None:
    world, seen = _fly(name)
    assert world.boots == 2
    assert world.flight is None and seen.events["phase"] >= 4


def test_fault_33_a_cut_between_a_command_and_its_answer_runs_it_once() -> None:
    """``only_authentic`` holds the counter; the answer is the one of the only run, or none."""
    world, seen = _fly("cut.command")
    assert world.boots >= 2
    assert seen.commands < world.boots
