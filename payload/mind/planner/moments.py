"""Moments: which kinds of news begin, from what is true now and what was true before.

Only a change that was seen is news: after a reboot nothing is, until it changes. Questions are not
here: they are answered whatever the price.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from payload.mind.planner.worth import LANDING_HEIGHT_M, NEWS
from payload.mind.topics import SILENCE_MIN, Facts
from wire.beacon import Phase

WARMER_K = 2.0  # than the coldest so far, above TROPOPAUSE_M: it is passed
TROPOPAUSE_M = 8_000.0
_UP = frozenset((Phase.ASCENT, Phase.FLOAT))


class Moments:
    """One per boot."""

    def __init__(self) -> None:
        self._before: Facts | None = None
        self._firsts: dict[str, int] = {}
        self._coldest_c: float | None = None
        self._told: set[str] = set()  # what comes once

    def begun(self, facts: Facts, firsts: Mapping[str, int]) -> list[str]:
        """Names of ``worth.NEWS`` that begin now. ``firsts`` are the untold ones, since when."""
        before, self._before = self._before, facts
        known, self._firsts = self._firsts, dict(firsts)
        begun = [name for name, since_ms in firsts.items()
                 if name in NEWS and known.get(name) != since_ms]
        self._watch_cold(facts)
        if before is None:
            return begun
        return begun + list(self._changed(before, facts))

    def _watch_cold(self, facts: Facts) -> None:
        outside_c = facts.situation.outside_c
        if outside_c is not None and facts.situation.phase in _UP:
            self._coldest_c = outside_c if self._coldest_c is None else min(
                outside_c, self._coldest_c)

    def _changed(self, before: Facts, facts: Facts) -> Iterator[str]:
        for name, begins in _BEGINS.items():
            if begins(before, facts):
                yield name
        for name, is_so in (
            ("silence", facts.silence_min > SILENCE_MIN and facts.situation.phase in _UP),
            ("tropopause", self._is_above_the_cold(facts)),
            ("landing", facts.situation.phase is Phase.DESCENT and facts.height_m is not None
             and facts.height_m < LANDING_HEIGHT_M),
        ):
            if is_so and name not in self._told:
                self._told.add(name)
                yield name

    def _is_above_the_cold(self, facts: Facts) -> bool:
        outside_c = facts.situation.outside_c
        return (outside_c is not None and self._coldest_c is not None
                and facts.situation.phase in _UP and (facts.height_m or 0.0) > TROPOPAUSE_M
                and outside_c > self._coldest_c + WARMER_K)


def _turns(from_phases: frozenset[Phase], to_phase: Phase) -> Callable[[Facts, Facts], bool]:
    return lambda before, facts: (
        before.situation.phase in from_phases and facts.situation.phase is to_phase)


def _calls(before: Facts, facts: Facts, is_answered: bool) -> bool:
    return (facts.api is not None and facts.api != before.api
            and (facts.api[1] == "ok") is is_answered)


_BEGINS: dict[str, Callable[[Facts, Facts], bool]] = {
    "launch": _turns(frozenset((Phase.BOOT, Phase.GROUND)), Phase.ASCENT),
    "burst": _turns(_UP, Phase.DESCENT),
    "landed": _turns(frozenset((Phase.DESCENT,)), Phase.LANDED),
    "clouds-passed": lambda before, facts: (
        before.cloud == "inside" and facts.cloud != "inside" and facts.situation.phase in _UP),
    "call-worked": lambda before, facts: _calls(before, facts, True),
    "call-failed": lambda before, facts: _calls(before, facts, False),
}
