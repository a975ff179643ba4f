"""Receptions held in memory while the disk refuses writes: bounded, and every drop is counted.

At the bound the least valuable are dropped first, of these the oldest. The first BATCH_MAX are
never dropped: the raw log may have them already.
"""

from __future__ import annotations

from collections.abc import Iterable

from groundstation.archive.rawlog import Reception
from groundstation.archive.retention import Judge, Worth

HELD_MAX = 20_000  # some 5 MB of frames; 80 MB where each is as long as the raw log takes them
BATCH_MAX = 500  # receptions in one commit
ROOM = 1_000  # that go at once at the bound


class HeldReceptions:
    """Oldest first. ``dropped`` counts those dropped since it was set to 0."""

    def __init__(self, judge: Judge) -> None:
        self.dropped = 0
        self._judge = judge
        self._waiting: list[Reception] = []
        self._worths: list[Worth] = []  # of the first of them, as far as they were judged

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, receptions: Iterable[Reception]) -> None:
        """Append new ones."""
        for reception in receptions:
            if len(self._waiting) >= HELD_MAX:
                self._make_room()
            self._waiting.append(reception)

    def first(self) -> list[Reception]:
        """The next to be written, at most BATCH_MAX."""
        return self._waiting[:BATCH_MAX]

    def release(self, count: int) -> None:
        """Remove the first ``count``, which are on the disk."""
        del self._waiting[:count]
        del self._worths[:count]

    def _make_room(self) -> None:
        """Called at the bound: all that wait are judged then, each once."""
        self._worths += map(self._judge, self._waiting[len(self._worths) :])
        droppable = range(BATCH_MAX, len(self._waiting))
        gone = set(sorted(droppable, key=self._worths.__getitem__)[:ROOM])
        kept = [at for at in range(len(self._waiting)) if at not in gone]
        self._waiting = [self._waiting[at] for at in kept]
        self._worths = [self._worths[at] for at in kept]
        self.dropped += len(gone)
