"""Forecast: the predicted landing, reported every few minutes and kept over a reboot.

The winds are learnt in the air (``wire.winds``) and saved with the phase; the place follows from
them (``wire.landing_forecast``). A prediction is sent as a HOUSEKEEPING record with these fields
alone.

Does not cover: phases in which it is unknown whether it flies; there it neither learns nor reports.
"""

from __future__ import annotations

from typing import Any

from payload.notes import Note
from payload.ports import GnssFix
from wire.beacon import Phase
from wire.landing_forecast import FallSpeed, Landing, predict
from wire.record_bodies import HousekeepingBody
from wire.records import Kind
from wire.winds import AirPosition, WindLayers

KEY = "winds"
EVERY_MS = {Phase.ASCENT: 300_000, Phase.FLOAT: 300_000, Phase.DESCENT: 60_000}
FRESH_MS = 3_000  # an older fix is where it was, not where it falls from


class Forecast:
    """One per boot."""

    def __init__(self, landing_mps: float, saved: Any) -> None:
        """``landing_mps`` at sea level, until the fall is measured. ``saved``: of ``saved()``."""
        self.landing: Landing | None = None  # the latest that was reported
        self._winds = WindLayers(saved if isinstance(saved, list) else None)
        self._fall = FallSpeed(landing_mps)
        self._phase: Phase | None = None
        self._seen_ms: int | None = None
        self._due_ms = 0

    def saved(self) -> list[list[float]]:
        """At most 200 layers of three numbers."""
        return self._winds.saved()

    def update(
        self, fix: GnssFix | None, phase: Phase, climb_mps: float | None, ground_m: float | None,
        now_ms: int,
    ) -> list[Note]:
        """Learn from a good fix (None: there is none), and report the landing when it is due.

        ``ground_m``: altitude of the ground above the sea; None is taken as 0.
        """
        every_ms = EVERY_MS.get(phase)
        if phase is not self._phase:
            self._phase, self._due_ms = phase, now_ms + (every_ms or 0) // 5
        position = None if fix is None else position_of(fix)
        if every_ms is None or fix is None or position is None:
            return []
        if fix.taken_ms != self._seen_ms:
            self._seen_ms = fix.taken_ms
            self._winds.observe(position)
            if phase is Phase.DESCENT and climb_mps is not None:
                self._fall.observe(position.altitude_m, climb_mps)
        if now_ms < self._due_ms or now_ms - fix.taken_ms > FRESH_MS:
            return []
        self._due_ms = now_ms + every_ms
        self.landing = predict(position, self._winds, self._fall, ground_m or 0.0)
        return [] if self.landing is None else [_note(self.landing, phase)]


def position_of(fix: GnssFix) -> AirPosition | None:
    """The fix as the shared arithmetic takes it; None where it is not a whole position."""
    if fix.latitude_deg is None or fix.longitude_deg is None or fix.altitude_m is None:
        return None
    return AirPosition(fix.taken_ms, fix.latitude_deg, fix.longitude_deg, fix.altitude_m)


def _note(landing: Landing, phase: Phase) -> Note:
    body: HousekeepingBody = {
        "phase": int(phase),
        "land_lat": round(landing.latitude_deg * 1e7),
        "land_lon": round(landing.longitude_deg * 1e7),
        "land_s": round(landing.seconds),
        "land_along": round(landing.along_m),
        "land_across": round(landing.across_m),
        "land_dir": round(landing.bearing_deg),
    }
    return Note(Kind.HOUSEKEEPING, body)
