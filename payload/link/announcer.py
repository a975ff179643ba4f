"""Announces the session: frequently until a station knows it, then with the callsign.

A station that has not heard the INCARNATION frame of a session with a new incarnation holds what it
hears of it. So the frame goes out after the first beacon, again and again at a spacing that
doubles, and never takes more than a fiftieth of the air. Once a report of this session has come it
goes with the callsign every ten minutes, until all stations have been silent for long: a station
heard after that may be a new one.
"""

from __future__ import annotations

FIRST_SPACING_MS = 5_000
SPACING_MAX_MS = 120_000
AIRTIME_FACTOR = 50  # of its own airtime at least, between one and the next
STATIONS_SILENT_MS = 1_800_000


class Announcer:
    """Of one session. Times are ms since boot."""

    def __init__(self) -> None:
        self._due_ms = 0
        self._spacing_ms = FIRST_SPACING_MS
        self._reported_ms: int | None = None
        self._is_with_callsign = False

    def is_due(self, now_ms: int) -> bool:
        """Is it due now?"""
        return now_ms >= self._due_ms and (self._is_with_callsign or not self._is_known(now_ms))

    def note_callsign(self) -> None:
        """The callsign went out."""
        self._is_with_callsign = True

    def note_sent(self, now_ms: int, occupied_ms: int) -> None:
        """It went out and occupies the transmitter for that long."""
        self._is_with_callsign = False
        self._due_ms = now_ms + max(self._spacing_ms, AIRTIME_FACTOR * occupied_ms)
        self._spacing_ms = min(SPACING_MAX_MS, 2 * self._spacing_ms)

    def note_report(self, now_ms: int) -> None:
        """A station reports on this session: it knows it."""
        self._reported_ms = now_ms

    def _is_known(self, now_ms: int) -> bool:
        reported_ms = self._reported_ms
        return reported_ms is not None and now_ms - reported_ms < STATIONS_SILENT_MS
