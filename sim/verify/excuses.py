"""Excuses: which checks a fault makes impossible to hold, while it lasts and for a time after.

A fault excuses what it spoils and nothing else; the list stands with the fault. What is looked at
later, such as a point of the track, asks whether its instant was excused.
"""

from __future__ import annotations

import math
from collections import defaultdict

from sim.clock import SimClock

GRACE_MS = 120_000  # after a fault that excuses a check


class Excuses:
    """The excuses of one world, by the name of the check."""

    def __init__(self, clock: SimClock, long_grace_ms: dict[str, int]) -> None:
        """``long_grace_ms`` names the checks whose faults are felt for longer than GRACE_MS."""
        self._clock = clock
        self._long_grace_ms = long_grace_ms
        self._spells: defaultdict[str, list[list[float]]] = defaultdict(list)  # from, until; ms

    def begin(self, checks: tuple[str, ...]) -> None:
        """Until ``end`` and a grace time after it, these are not looked at."""
        for check in checks:
            self._spells[check].append([self._clock.now_ms, math.inf])

    def end(self, checks: tuple[str, ...]) -> None:
        """A fault that excused these is over."""
        for check in checks:
            lasting = next(spell for spell in self._spells[check] if spell[1] == math.inf)
            lasting[1] = self._clock.now_ms + self._long_grace_ms.get(check, GRACE_MS)

    def hold(self, check: str, at_ms: float | None = None) -> bool:
        """Is ``check`` excused at ``at_ms``, now where it is left out?"""
        instant_ms = self._clock.now_ms if at_ms is None else at_ms
        return any(begin <= instant_ms < until for begin, until in self._spells.get(check, ()))

    def held_since(self, check: str, at_ms: float) -> bool:
        """Was ``check`` excused at any time from ``at_ms`` on?"""
        return any(at_ms < until for _, until in self._spells.get(check, ()))
