"""Faults 34 to 41, flown: the disk refuses or was damaged, and nothing promised is lost by it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sim.trials import trial
from sim.trials.trial import TrialOutcome
from sim.world import World
from tests.sim.faults.short_hops import Seen, fly, hop
from wire.beacon import FaultBits


def _fly(name: str, duration_s: float | None = None) -> tuple[World, Seen]:
    worlds: list[World] = []
    outcome, seen = fly(hop(name, duration_s), worlds.append)
    _holds(outcome)
    return worlds[0], seen


def _holds(outcome: TrialOutcome) -> None:
    assert not outcome.violations, "\n".join(map(str, outcome.violations))


def test_fault_34_cuts_while_old_records_make_room() -> None:
    world, _ = _fly("cut.pruning")
    assert world.boots == 5


def test_fault_35_a_full_card_is_said_once_and_everything_comes_home() -> None:
    _refused("full")


def test_fault_35_a_card_that_is_absent_at_the_start_is_joined_later() -> None:
    """Its life has numbers of its own, and what it gave out first comes home under them."""
    world, _ = _refused("absent")
    assert world.boots == 2


@pytest.mark.parametrize("name", ["full", "io_error"])
def test_fault_35_and_37_reboots_while_the_card_takes_nothing_use_no_number_twice(
    name: str
) -> None:
    """Two lives whose boot number was never written, between two that have theirs."""
    def cut_twice(world: World) -> None:
        for at_ms in (200_000, 260_000):
            world.at(at_ms, world.daemon.restart)

    outcome, seen = fly(hop(f"store.{name}", 300.0), cut_twice)
    _holds(outcome)
    assert (seen.events["boot"], seen.events["store_returned"]) == (3, 1)


def test_fault_36_a_read_only_card_is_said_once() -> None:
    _refused("read_only")


@pytest.mark.parametrize("name", ["sync_error", "io_error"])
def test_fault_37_an_io_error_is_said_once(name: str) -> None:
    _refused(name)


def _refused(name: str) -> tuple[World, Seen]:
    world, seen = _fly(f"store.{name}")
    assert (seen.events["store_failing"], seen.events["store_returned"]) == (1, 1)
    assert FaultBits.STORE in seen.bits and world.card.refused > 0
    return world, seen


@pytest.mark.parametrize(("name", "is_told"), [
    ("slow", False), ("stall", True), ("stalls", True), ("slow_start", True),
])
def test_fault_37_a_slow_card_holds_up_no_beacon_and_nothing_is_sent_too_soon(
    name: str, is_told: bool
) -> None:
    """The checks say so; beyond STALL_MS the card is failing, once for each stall."""
    world, seen = _fly(f"store.{name}")
    assert world.card.delayed > 0 and world.watchdog.bites == 0
    assert (seen.events["store_failing"] > 0) is is_told
    assert seen.events["store_failing"] == seen.events["store_returned"]


@pytest.mark.parametrize("name", ["all_nul", "truncated", "zero_length", "flipped"])
def test_fault_38_a_damaged_database_is_salvaged(name: str) -> None:
    _, seen = _fly(f"store.{name}")
    assert seen.events["store_salvaged"] == 1


@pytest.mark.parametrize("name", ["vanished", "swapped", "vanished_unheard"])
def test_fault_38_a_store_that_vanishes_begins_another_life_that_comes_home(
    name: str, tmp_path: Path
) -> None:
    """60 of 60 records of the second life were called confirmed, and 0 were on the ground."""
    outcome = trial.fly(hop(f"store.{name}"), tmp_path)
    _holds(outcome)
    with closing(sqlite3.connect(tmp_path / "archive.sqlite")) as db:
        lives = db.execute("SELECT life, COUNT(*) FROM record GROUP BY life").fetchall()
        tally = dict(db.execute("SELECT name, value FROM tally").fetchall())
    assert [life for life, _ in lives] == [0, 1] and min(count for _, count in lives) > 30
    assert tally.get("conflicts", 0) == 0


def test_fault_38_what_a_newer_version_wrote_is_left_alone() -> None:
    _, seen = _fly("store.future")
    assert seen.events["store_salvaged"] == 0


def test_fault_39_rows_with_a_wrong_checksum_are_never_sent() -> None:
    _, seen = _fly("store.bad_rows")
    assert seen.events["boot"] == 2


@pytest.mark.parametrize("name", ["many_rows", "nearly_full"])
def test_fault_40_pruning_keeps_within_the_watchdog(name: str) -> None:
    world, _ = _fly(f"store.{name}")
    assert world.watchdog.bites == 0


@pytest.mark.parametrize("name", ["jumps", "hours"])
def test_fault_41_a_clock_that_jumps_is_followed_and_said(name: str) -> None:
    _, seen = _fly(f"clock.{name}")
    assert seen.events["clock_contradicted"] >= 1, "what contradicts a trusted clock is refused"
    assert seen.events["clock_stepped"] <= 1
