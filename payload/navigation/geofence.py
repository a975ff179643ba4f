"""Geofence: is the payload inside the permitted area? Decided over several fixes, not on bad data.

The fence is a polygon on the map and a ceiling, both from the mission file. One fix proves nothing
(docs/faults.md, 8): most of the last ten good ones must agree, and to be inside again most
of them must say so with a margin. Without fresh fixes there is no opinion at all, nor for ten
minutes after the place has jumped as nothing flies: one side of the jump is wrong.
"""

from __future__ import annotations

from collections import deque

from payload.navigation import fix_age
from payload.navigation.gnss import is_jump
from payload.ports import GnssFix
from wire.earth import GroundPlace, contains

VOTES = 10
VOTES_NEEDED = 8
CEILING_MARGIN_M = 200.0
DOUBT_MS = 600_000  # after a jump


class Geofence:
    """``is_outside`` is None until enough fixes have voted."""

    def __init__(
        self, corners: tuple[GroundPlace, ...] = (), ceiling_m: float | None = None
    ) -> None:
        """At least three corners, or none for no fence on the map; the fence closes itself."""
        assert not corners or len(corners) >= 3, corners
        self._corners = corners
        self._ceiling_m = ceiling_m
        self._votes: deque[tuple[int, bool]] = deque(maxlen=VOTES)
        self._last: GnssFix | None = None
        self._doubted_ms: int | None = None
        self.is_outside: bool | None = None

    @property
    def is_set(self) -> bool:
        return bool(self._corners) or self._ceiling_m is not None

    def observe(self, fix: GnssFix | None, now_ms: int) -> None:
        """Take a good 3D fix, or None when there is none now."""
        if fix is not None:
            if self._last is not None and is_jump(self._last, fix):
                self._doubted_ms = now_ms
            self._last = fix
        if self._doubted_ms is not None and now_ms - self._doubted_ms < DOUBT_MS:
            self._votes.clear()
            self.is_outside = None
            return
        while self._votes and now_ms - self._votes[0][0] > fix_age.VOTE_MS:
            self._votes.popleft()
        if fix is not None and self.is_set and (
            not self._votes or fix.taken_ms > self._votes[-1][0]
        ):
            self._votes.append((fix.taken_ms, self._is_beyond(fix)))
        outside = sum(is_beyond for _, is_beyond in self._votes)
        if len(self._votes) < VOTES_NEEDED:
            self.is_outside = None
        elif outside >= VOTES_NEEDED:
            self.is_outside = True
        elif len(self._votes) - outside >= VOTES_NEEDED:
            self.is_outside = False

    def _is_beyond(self, fix: GnssFix) -> bool:
        assert fix.latitude_deg is not None and fix.longitude_deg is not None
        if self._ceiling_m is not None and fix.altitude_m is not None:
            margin_m = CEILING_MARGIN_M if self.is_outside else 0.0
            if fix.altitude_m > self._ceiling_m - margin_m:
                return True
        place = fix.latitude_deg, fix.longitude_deg
        return bool(self._corners) and not contains(self._corners, place)
