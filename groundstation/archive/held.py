"""Receptions held in memory while the disk refuses writes: bounded, and every drop is counted.

At the bound the least valuable are dropped first, of these the oldest. The first BATCH_MAX are
never dropped: the raw log may have them already.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from groundstation.archive.rawlog import Reception
from groundstation.archive.retention import Judge, Worth

HELD_MAX = 20_000  # some 5 MB of frames; 80 MB where each is as long as the raw log takes them
BATCH_MAX = 500  # receptions in one commit
ROOM = 1_000  # that go at once at the bound


@dataclass(slots=True)
class _Waiting:
    reception: Reception
    worth: Worth | None = None  # None: not determined yet


class Held:
    """Oldest first. ``dropped`` counts those dropped since it was set to 0."""

    def __init__(self, judge: Judge) -> None:
        self.dropped = 0
        self._judge = judge
        self._waiting: list[_Waiting] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, receptions: Iterable[Reception]) -> None:
        """Append new ones."""
        for reception in receptions:
            if len(self._waiting) >= HELD_MAX:
                self._make_room()
            self._waiting.append(_Waiting(reception))

    def first(self) -> list[Reception]:
        """The next to be written, at most BATCH_MAX."""
        return [each.reception for each in self._waiting[:BATCH_MAX]]

    def release(self, count: int) -> None:
        """Remove the first ``count``, which are on the disk."""
        del self._waiting[:count]

    def _make_room(self) -> None:
        droppable = range(BATCH_MAX, len(self._waiting))
        gone = set(sorted(droppable, key=self._worth_at)[:ROOM])
        self._waiting = [each for at, each in enumerate(self._waiting) if at not in gone]
        self.dropped += len(gone)

    def _worth_at(self, at: int) -> Worth:
        each = self._waiting[at]
        if each.worth is None:
            each.worth = self._judge(each.reception)
        return each.worth
