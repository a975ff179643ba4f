"""A check is excused while a fault lasts and for its grace time, and not a moment longer."""

from __future__ import annotations

from sim.clock import SimClock
from sim.verify.excuses import GRACE_MS, Excuses

LONG_MS = 10 * GRACE_MS


def test_a_fault_excuses_its_checks_until_its_grace_is_over() -> None:
    clock = SimClock(0)
    excuses = Excuses(clock, {"slow": LONG_MS})
    clock.now_ms = 1_000
    excuses.begin(("quick", "slow"))
    assert excuses.hold("quick") and excuses.hold("slow") and not excuses.hold("other")
    clock.now_ms = 5_000
    excuses.end(("quick", "slow"))
    for at_ms, is_quick, is_slow in (
        (999, False, False), (1_000, True, True), (5_000 + GRACE_MS - 1, True, True),
        (5_000 + GRACE_MS, False, True), (5_000 + LONG_MS, False, False),
    ):
        assert excuses.hold("quick", at_ms) is is_quick
        assert excuses.hold("slow", at_ms) is is_slow
    assert excuses.held_since("quick", 0) and not excuses.held_since("quick", 5_000 + GRACE_MS)


def test_two_faults_that_overlap_excuse_until_the_second_is_over() -> None:
    clock = SimClock(0)
    excuses = Excuses(clock, {})
    excuses.begin(("quick",))
    excuses.begin(("quick",))
    excuses.end(("quick",))
    clock.now_ms = 10 * GRACE_MS
    assert excuses.hold("quick")
    excuses.end(("quick",))
    clock.now_ms += GRACE_MS
    assert not excuses.hold("quick")
