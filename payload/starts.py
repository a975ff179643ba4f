"""Starts: counts starts that did not last, and the SAFE mode that follows.

A start is *unproven* until it has lasted ten minutes or ended in an orderly way. The third unproven
start in a row is SAFE: beacon, GNSS and store go on; mind, camera and API calls, which are the
likeliest to have killed it, stay off. SAFE leaves by itself once the start has proven itself: a
balloon has three hours and perhaps no uplink. No clock is needed: none is
there at a start.
"""

from __future__ import annotations

from typing import Any

from payload.notes import Note, event

PROVEN_MS = 600_000
UNPROVEN_STARTS_MAX = 3  # the third in a row is SAFE
KEY = "unproven_starts"


class Starts:
    """One per boot. ``saved()`` goes into the store with the very first commit."""

    def __init__(self, saved: Any) -> None:
        """``saved`` is what ``saved()`` gave in the boot before; anything unreadable is 0."""
        before = saved if isinstance(saved, int) and 0 <= saved < 1 << 31 else 0
        self.unproven = before + 1
        self.is_safe = self.unproven >= UNPROVEN_STARTS_MAX
        self._safe_since_ms = 0
        self._is_reported = False

    def saved(self) -> int:
        return self.unproven

    def command_safe(self, is_safe: bool, now_ms: int) -> None:
        """A command enters or leaves SAFE; the count of starts stays what it is.

        What was entered by command lasts ten minutes too: the next command may never arrive.
        """
        self.is_safe = is_safe
        self._safe_since_ms = now_ms
        self._is_reported = is_safe

    def update(self, now_ms: int) -> list[Note]:
        """Let time pass."""
        notes = []
        if self.is_safe and not self._is_reported:
            self._is_reported = True
            notes.append(event("safe_entered", "warning", unproven_starts=self.unproven))
        if now_ms >= PROVEN_MS:
            self.unproven = 0
        if self.is_safe and now_ms - self._safe_since_ms >= PROVEN_MS:
            self.is_safe = False
            notes.append(event("safe_left", uptime_s=now_ms // 1000))
        return notes

    def end_orderly(self) -> None:
        """The daemon was asked to stop: that is no crash."""
        self.unproven = max(0, self.unproven - 1)
