"""Faults 77 to 81, flown: the station's clock, its noise, its page, and what it has no part for."""

from __future__ import annotations

import pytest

from sim.faults.known import KNOWN_FAILURES
from tests.sim.short_hops import fly, hop


@pytest.mark.parametrize("name", ["sondehub.answers", "sondehub.restart"])
def test_fault_77_and_81_nothing_uploads_to_sondehub_yet(name: str) -> None:
    outcome, _ = fly(hop(name))
    assert KNOWN_FAILURES[name].check in outcome.broken


@pytest.mark.parametrize("name", [
    "ground.wrong_clock", "ground.noise", "ground.flooded_page", "ground.silent_page",
    "ground.restart",
])
def test_fault_78_to_81_everything_is_in_the_archive_once(name: str) -> None:
    outcome, seen = fly(hop(name))
    assert not outcome.violations, "\n".join(map(str, outcome.violations))
    assert seen.frames["beacon"] > 30
