"""The whole list of docs/faults.md: every number has a fault, and each is survived."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sim.faults.catalogue import ALL
from sim.faults.known import KNOWN_FAILURES
from sim.trials import liveness
from sim.verify import checks
from tests.sim.faults.short_hops import fly, hop
from tests.sim.flights import ROOT

NUMBERS = range(1, 82)
# What a hostile review of the whole did to it; each is a fault now, so that a soak would find it.
FOUND_BY_REVIEW = {
    "a store that vanishes loses words and says they are home": (
        "store.vanished", "store.swapped", "store.vanished_unheard"),
    "a slow card holds up the beacon": (
        "store.slow", "store.stall", "store.stalls", "store.slow_start"),
    "recorded frames played again displace what is known": ("link.replayed",),
    "an unsigned number that no float holds ends the station": ("claims.numbers",),
    "commands count again after a wipe": ("commands.replay_wiped",),
    "commands go up hours after they were meant": ("commands.long_silence", "commands.crowd"),
    "an unsigned sentence displaces the verified position": ("claims.place",),
    "noise without end fills the station's disk": ("ground.noise_flood",),
}


def test_every_number_of_the_list_has_a_fault() -> None:
    missing = sorted(set(NUMBERS) - {fault.number for fault in ALL.values()})
    assert not missing, f"no fault has the numbers {missing}"


def test_every_number_of_the_list_has_a_test_that_is_named_after_it() -> None:
    named: set[int] = set()
    for path in Path(__file__).parent.glob("test_fault_*.py"):
        for numbers in re.findall(r"def test_fault_((?:[0-9]+_|and_|to_)+)", path.read_text()):
            words = [word for word in numbers.split("_") if word.isdigit()]
            is_range = "_to_" in numbers
            named |= set(range(int(words[0]), int(words[-1]) + 1) if is_range else map(int, words))
    assert sorted(set(NUMBERS) - named) == []


def test_every_fault_of_the_catalogue_is_flown_by_a_test() -> None:
    """By its name, or by the part of it that tells it from its neighbours."""
    here = Path(__file__)
    flown = "".join(path.read_text() for path in here.parents[1].rglob("test_*.py") if path != here)
    words = set(re.findall(r"[a-z_0-9]+", flown))
    assert [name for name in ALL if name not in flown and name.split(".")[1] not in words] == []


@pytest.mark.parametrize(("what", "names"), FOUND_BY_REVIEW.items())
def test_what_reviews_found_is_drawn_by_the_seeds(what: str, names: tuple[str, ...]) -> None:
    assert set(names) <= ALL.keys() - KNOWN_FAILURES.keys(), what


def test_the_known_failures_are_faults_with_their_numbers_and_real_checks() -> None:
    for name, known in KNOWN_FAILURES.items():
        assert ALL[name].number == known.number
        assert known.check in (*checks.NAMES, *liveness.NAMES)
        assert known.why


def test_only_real_checks_are_excused() -> None:
    for fault in ALL.values():
        assert set(fault.excuses) <= {*checks.NAMES, *liveness.NAMES}, fault.name


@pytest.mark.parametrize("name", sorted(KNOWN_FAILURES))
def test_a_known_failure_still_fails(name: str) -> None:
    """The list is strict: what is survived must leave it. The others are flown by their areas."""
    outcome, _ = fly(hop(name))
    check = KNOWN_FAILURES[name].check
    assert check in outcome.broken, f"{name} is survived now: take it off the list"


def test_the_page_of_faults_is_the_catalogue() -> None:
    rows = [f"| {fault.number} | `{fault.name}` | {fault.what} |"
            for fault in sorted(ALL.values(), key=lambda each: (each.number, each.name))]
    page = (ROOT / "docs" / "faults.md").read_text().splitlines()
    assert [line for line in page if line.startswith("| ") and "`" in line] == rows
