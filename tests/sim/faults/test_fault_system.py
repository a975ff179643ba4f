"""Faults 70 to 76, 82 and 83, flown: the computer around the flight core, and what it asks."""

from __future__ import annotations

import pytest
import structlog

from sim.fakes.services import ApiFault
from sim.faults import catalogue
from sim.world import World
from tests.sim.faults.short_hops import FAULT_AT_S, Seen, fly, hop
from tests.sim.flights import ROOT


def _fly(name: str, duration_s: float | None = None) -> tuple[World, Seen]:
    worlds: list[World] = []
    outcome, seen = fly(hop(name, duration_s), worlds.append)
    assert not outcome.violations, "\n".join(map(str, outcome.violations))
    return worlds[0], seen


@pytest.mark.parametrize("name", ["core.stall", "core.part_stuck"])
def test_fault_70_a_core_that_stands_still_is_started_again(name: str) -> None:
    world, _ = _fly(name)
    assert world.boots == 2 and world.watchdog.bites == 1


def test_fault_70_found_by_seed_14_what_has_no_power_is_not_started_again() -> None:
    """The battery of a brown-out flight was empty when its core was to stand still."""
    off_ms = round(FAULT_AT_S * 1000) - 5_000
    outcome, seen = fly(hop("core.stall"), lambda world: world.at(off_ms, world.power_off))
    assert "watchdog_honest" not in outcome.broken
    assert seen.world.boots == 1 and seen.world.flight is None


def test_fault_71_without_a_hardware_watchdog_it_is_no_go_and_flies_all_the_same() -> None:
    """Preflight is asked by the fault itself; in flight it is said once, at the start."""
    world, seen = _fly("watchdog.absent")
    assert (world.boots, seen.events["hardware_watchdog_off"]) == (2, 1)


def test_fault_72_a_hog_makes_steps_late_and_nothing_worse() -> None:
    _, seen = _fly("core.hog")
    assert seen.frames["beacon"] > 30


@pytest.mark.parametrize(
    "name", ["config.odd_mission", "config.open_key", "journal.full", "core.second_instance"])
def test_fault_73_to_76_are_refused_or_borne(name: str) -> None:
    world, _ = _fly(name)
    assert world.boots == 1


def test_fault_75_is_the_payloads_journal_and_not_the_stations() -> None:
    """Seed 975: in one process with the payload, the station could not say what SondeHub refused,
    and the soak ended with it."""
    aboard = compile("log.warning('heard')", str(ROOT / "payload" / "flight.py"), "exec")
    end = catalogue.ALL["journal.full"].begin(None)  # type: ignore[arg-type]
    try:
        structlog.get_logger().debug("the station's, or a test's")
        with pytest.raises(OSError, match="No space"):
            exec(aboard, {"log": structlog.get_logger()})
    finally:
        end()
    exec(aboard, {"log": structlog.get_logger()})


@pytest.mark.parametrize(("name", "outcome"), [
    ("html", "garbage"), ("huge", "garbage"), ("garbage", "garbage"), ("hangs", "timeout"),
    ("timeout", "timeout"), ("refuses", "unreachable"), ("breaks", "unreachable"),
    ("unreachable", "unreachable"), ("server_error", "500"), ("other", "timeout"),
    ("redirect", "redirected"), ("poisoned", "ok"),
])
def test_fault_82_each_silence_is_written_down(name: str, outcome: str) -> None:
    _, seen = _fly(f"http.{name}", 400.0)
    assert seen.outcomes[outcome] >= 1, seen.outcomes


def _fly_without_network(name: str) -> Seen:
    """The same, and the station is the only road to a source."""
    plan = hop(name, 900.0, 30.0)

    def stage(world: World) -> None:
        world.http.fault = ApiFault.UNREACHABLE

    outcome, seen = fly(plan, stage)
    assert not outcome.violations, "\n".join(map(str, outcome.violations))
    assert seen.outcomes["asked"] >= 2, seen.outcomes
    return seen


def test_fault_83_a_poisoned_answer_of_the_station_is_a_quotation() -> None:
    seen = _fly_without_network("sources.poisoned")
    assert seen.outcomes["ok"] >= 1 and not seen.events["cutdown_armed"], seen.outcomes


def test_fault_83_a_station_without_a_network_answers_nothing() -> None:
    assert not _fly_without_network("sources.timeout").outcomes["ok"]
