"""Disables the sensors' bus after it has caused the daemon to be killed twice.

A transfer on a bus whose clock line is held low can block for longer than the watchdog waits, and
no deadline aboard can end it (docs/faults.md, 16). So the first use of the bus after a start, which
follows the first beacon, is a *trial*: it is recorded durably before and cleared when the transfer
returns. After two trials that never returned, the bus is not used for the first ten minutes of a
start.
"""

from __future__ import annotations

from payload.notes import Note, event
from payload.storage.durable_store import Store

REST_MS = 600_000
TRIALS_MAX = 2
KEY = "bus_trials"


class BusGuard:
    """One per boot."""

    def __init__(self, store: Store) -> None:
        saved = store.get(KEY, 0)
        self._trials = saved if isinstance(saved, int) and saved > 0 else 0
        self._store = store
        self._is_begun = False
        self._is_proven = False
        self._rest_until_ms: int | None = None

    @property
    def is_proven(self) -> bool:
        """A transfer on the bus has returned since the start."""
        return self._is_proven

    @property
    def is_resting(self) -> bool:
        return self._rest_until_ms is not None

    def update(self, now_ms: int) -> list[Note]:
        """Call before each use; the first call only records the trial, so that it is durable."""
        if self._rest_until_ms is not None and now_ms >= self._rest_until_ms:
            self._rest_until_ms = None
            return [event("bus_tried_again")]
        if not self._is_begun and self._trials >= TRIALS_MAX:
            self._is_begun = True
            self._rest_until_ms = now_ms + REST_MS
            return [event("bus_left_alone", "warning", off_s=REST_MS // 1000)]
        if not self._is_begun:
            self._store.put(KEY, self._trials + 1)
        return []

    def may_use(self) -> bool:
        """False while the bus is disabled, in the first step after a start, in which the beacon
        goes first, and until the trial is durable; a disk that fails or stalls is not waited
        for."""
        was_begun, self._is_begun = self._is_begun, True
        is_counted = self._is_proven or self._store.kept(KEY) == self._store.get(KEY)
        return was_begun and is_counted and not self.is_resting

    def survived(self) -> None:
        """A transfer on the bus returned."""
        if not self._is_proven:
            self._is_proven = True
            self._store.put(KEY, 0)
