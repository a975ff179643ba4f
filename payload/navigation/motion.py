"""Motion: altitude, climb, level flight and stillness from the fixes of the last minutes.

Climb is taken from altitudes ten seconds apart rather than from the receiver's own figure, which
not every receiver gives and which a frozen one repeats. A fix read in a late step has a late
``taken_ms``, so altitudes are spaced by the receiver's own seconds where these agree with ours. A
median has the median time of its fixes, which is two seconds ago, and now after a gap.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from statistics import median

from payload.navigation import fix_age
from payload.navigation.gnss import (
    ALTITUDE_SLACK_M,
    SATELLITES_MIN_PHASE,
    flaw,
)
from payload.navigation.profile import BALLOON, Profile
from payload.ports import GnssFix
from wire import earth

MEDIAN_FIXES = 5  # outlives two wrong altitudes in a row
MEDIAN_MS = 5_000  # slower receivers give fewer fixes, and the newest counts alone
CLIMB_MS = 10_000
CLIMB_GAP_MS_MAX = 40_000  # across a longer one a mean says nothing about now
HISTORY_MAX = 64
LATE_MS_MAX = 2_000  # of a step; farther apart, the receiver's seconds are not believed
GAP_MS_MAX = 120_000  # after a longer gap it is unknown whether it stood still
PEAK_ABOVE_MEDIAN_M = 40.0  # a higher single altitude is a glitch: 2 s at 20 m/s
STILL_M = 100.0  # over ground
STILL_RISE_M = 30.0  # a receiver at rest drifts by 15 m in height
LEVEL_RISE_M = 90.0  # 0.5 m/s for 180 s

assert CLIMB_MS > MEDIAN_MS, "climb compares two medians that share no fix"


@dataclass(slots=True)
class _Anchor:
    """Where a stay began: it ends when the payload is farther away than the limits allow."""

    since_ms: int
    place: tuple[float, float]
    altitude_m: float
    count: int = 1


class Motion:
    """What the recent fixes say together; each value is None until it is known."""

    def __init__(self, profile: Profile = BALLOON) -> None:
        self._profile = profile
        self.altitude_m: float | None = None  # median of the last five fixes
        self.climb_mps: float | None = None
        self.top: tuple[float, GnssFix] | None = None  # credible altitude of the newest fix
        self.fix: GnssFix | None = None
        self.has_jumped = False  # the height of the newest fix is nowhere that the one before led
        self._epoch_ms = 0  # of the newest fix, on our clock
        self._shifted_ms = 0  # by which those before it were dated back, since they agreed
        self._raw: deque[tuple[int, float]] = deque(maxlen=MEDIAN_FIXES)
        self._smooth: deque[tuple[int, float]] = deque(maxlen=HISTORY_MAX)
        self._still: _Anchor | None = None
        self._level: _Anchor | None = None

    def take(self, fix: GnssFix | None, now_ms: int) -> bool:
        """Learn from ``fix``; False when it is old, seen before or not good enough for phases."""
        if fix is None or not 0 <= now_ms - fix.taken_ms <= fix_age.NOW_MS:
            return False
        if self.fix is not None and fix.taken_ms <= self.fix.taken_ms:
            return False
        if flaw(fix, self._profile) is not None or fix.satellites < SATELLITES_MIN_PHASE:
            return False
        assert fix.altitude_m is not None
        assert fix.latitude_deg is not None and fix.longitude_deg is not None
        taken_ms = fix.taken_ms
        gap_ms = taken_ms - self.fix.taken_ms if self.fix is not None else 0
        self._epoch_ms = epoch_ms = self._epoch_of(fix)
        self.fix = fix
        self._raw.append((epoch_ms, fix.altitude_m))
        recent = [(at, alt) for at, alt in self._raw if epoch_ms - at < MEDIAN_MS]
        self.altitude_m = median(alt for _, alt in recent)
        median_ms = round(median(at for at, _ in recent))
        is_credible = fix.altitude_m <= self.altitude_m + PEAK_ABOVE_MEDIAN_M
        self.top = (fix.altitude_m, fix) if is_credible else None
        self.has_jumped = self._is_jump(median_ms, self.altitude_m)
        if self.has_jumped:
            self._still = self._level = None
        if self.has_jumped or gap_ms > CLIMB_GAP_MS_MAX:
            self._smooth.clear()
        self._smooth.append((median_ms, self.altitude_m))
        self.climb_mps = self._climb(median_ms, self.altitude_m)
        if gap_ms > GAP_MS_MAX:
            self._still = self._level = None
        place = (fix.latitude_deg, fix.longitude_deg)
        self._still = _stay(self._still, taken_ms, place, self.altitude_m, STILL_M, STILL_RISE_M)
        self._level = _stay(self._level, taken_ms, place, self.altitude_m, None, LEVEL_RISE_M)
        return True

    def still_ms(self) -> int:
        """How long it has been within 100 m and 30 m of height; 0 when only just arrived."""
        return self._age_ms(self._still)

    def level_ms(self) -> int:
        """How long its height has been within 90 m."""
        return self._age_ms(self._level)

    def _epoch_of(self, fix: GnssFix) -> int:
        """When the fix was measured, on our clock: spaced by the receiver's, no later than read."""
        last = self.fix
        if last is not None and last.utc_ms is not None and fix.utc_ms is not None:
            epoch_ms = self._epoch_ms + fix.utc_ms - last.utc_ms
            late_ms = fix.taken_ms - epoch_ms
            if epoch_ms > self._epoch_ms and 0 <= late_ms <= LATE_MS_MAX:
                self._shifted_ms = 0
                return epoch_ms
            if -LATE_MS_MAX <= late_ms + self._shifted_ms < 0:
                self._shift(late_ms)
        return fix.taken_ms

    def _shift(self, shift_ms: int) -> None:
        """No fix is read before it is measured: those before were read this much later than
        thought. A receiver whose seconds are too short would say so of every fix."""
        self._shifted_ms += shift_ms
        for altitudes in (self._raw, self._smooth):
            shifted = [(at_ms + shift_ms, altitude_m) for at_ms, altitude_m in altitudes]
            altitudes.clear()
            altitudes.extend(shifted)

    def _age_ms(self, anchor: _Anchor | None) -> int:
        if anchor is None or self.fix is None or anchor.count < 3:
            return 0
        return self.fix.taken_ms - anchor.since_ms

    def _is_jump(self, now_ms: int, altitude_m: float) -> bool:
        if not self._smooth:
            return False
        past_ms, past_m = self._smooth[-1]
        reach_m = ALTITUDE_SLACK_M + self._profile.climb_mps_max * (now_ms - past_ms) / 1000
        return abs(altitude_m - past_m) > reach_m

    def _climb(self, now_ms: int, altitude_m: float) -> float | None:
        while len(self._smooth) > 1 and now_ms - self._smooth[1][0] >= CLIMB_MS:
            self._smooth.popleft()
        past_ms, past_m = self._smooth[0]
        elapsed_ms = now_ms - past_ms
        return (altitude_m - past_m) * 1000 / elapsed_ms if elapsed_ms >= CLIMB_MS else None


def _stay(
    anchor: _Anchor | None, now_ms: int, place: tuple[float, float], altitude_m: float,
    radius_m: float | None, rise_m: float,
) -> _Anchor:
    """The anchor of the stay that goes on, or of the one that begins here."""
    if anchor is None or abs(altitude_m - anchor.altitude_m) > rise_m:
        return _Anchor(now_ms, place, altitude_m)
    if radius_m is not None and earth.distance_m(anchor.place, place) > radius_m:
        return _Anchor(now_ms, place, altitude_m)
    anchor.count += 1
    return anchor
