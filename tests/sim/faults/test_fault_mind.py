"""Faults 63 to 69, flown: whatever the mind does, what is kept is short, clean and new."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sim.fakes.mind_faults import PRIVATE_TEXT, SAME_TEXT
from sim.fault_schedule import Scheduled
from sim.world import World
from tests.sim.faults.short_hops import FAULT_AT_S, Seen, fly, hop
from wire.beacon import FaultBits
from wire.records import Kind


def _fly(name: str) -> tuple[World, Seen]:
    worlds: list[World] = []
    outcome, seen = fly(hop(name), worlds.append)
    assert not outcome.violations, "\n".join(map(str, outcome.violations))
    return worlds[0], seen


@pytest.mark.parametrize("name", ["missing", "truncated", "wrong_magic", "flipped", "stranger"])
def test_fault_63_a_damaged_model_or_a_strangers_is_refused_in_one_sentence(name: str) -> None:
    _fly(f"model.{name}")


def test_fault_64_a_worker_that_dies_is_lost_once_and_returns_once() -> None:
    _, seen = _fly("mind.dies")
    assert (seen.events["mind_lost"], seen.events["mind_returned"]) == (1, 1)
    assert FaultBits.MIND in seen.bits


def test_fault_64_a_model_that_loads_for_ten_minutes_is_lost_after_two() -> None:
    _, seen = _fly("mind.loads")
    assert seen.events["mind_lost"] == 1 and seen.texts


@pytest.mark.parametrize("name", ["empty", "endless"])
def test_fault_65_nothing_and_no_end_are_rejected(name: str) -> None:
    world, seen = _fly(f"mind.{name}")
    assert world.flight is None or world.flight.mind.rejected > 0
    assert not any("wind and wind" in text for text in seen.texts)


@pytest.mark.parametrize(
    "name", ["long", "control", "surrogates", "non_ascii", "sentence", "kiss", "command"])
def test_fault_65_odd_text_is_clean_data(name: str) -> None:
    _, seen = _fly(f"mind.{name}")
    assert all(text.isprintable() and len(text.encode()) <= 400 for text in seen.texts)


@pytest.mark.parametrize("name", ["hangs", "late"])
def test_fault_66_a_stopped_worker_is_killed_at_the_deadline(name: str) -> None:
    _, seen = _fly(f"mind.{name}")
    assert (seen.events["mind_timeout"], seen.events["mind_returned"]) == (1, 1)


def test_fault_67_no_words_are_ever_a_command() -> None:
    _fly("mind.orders")


def test_fault_67_found_by_seed_1_what_the_station_commands_meanwhile_are_not_words() -> None:
    """A picture was wanted for the camera that hung, and the words were blamed for it."""
    hopped = hop("mind.orders", 200.0)
    pictures = Scheduled(FAULT_AT_S + 20.0, "camera.hangs", 120.0)
    outcome, seen = fly(replace(hopped, faults=(*hopped.faults, pictures)))
    assert "only_authentic" not in outcome.broken
    assert seen.kinds[Kind.COMMAND_RESULT] > 2


def test_fault_68_the_same_sentence_is_kept_once() -> None:
    _, seen = _fly("mind.same")
    assert seen.texts.count(SAME_TEXT) == 1


def test_fault_69_private_text_is_neither_kept_nor_sent() -> None:
    _, seen = _fly("mind.private")
    assert not any(text[:20] == PRIVATE_TEXT[:20] for text in seen.texts)
