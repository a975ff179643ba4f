"""Navigation: validates the receiver's data and keeps the last good fix with its age.

A fix is good when it is 3D, in range, fresh and agrees with the last good one. A receiver that
repeats itself is frozen, and a frozen receiver is a lost one: age counts from the last fix that
said something new (rs41-nfw, README v75). A jump is refused until the receiver has
insisted on the new place for ``REACQUIRE_MS``, so that five wrong fixes do not move the flight.
A barometer that agreed with the receiver before the jump makes that ``AIR_MS``; a track without a
gap it cannot stop, since a barometer can be stuck too.

Losing the receiver never changes the phase (``payload.navigation.phase``) and never blanks ``fix``:
who reads it looks at ``fix_age_ms``.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

from payload.navigation import barometer, fix_age
from payload.navigation.profile import BALLOON, Profile
from payload.notes import Note, event
from payload.ports import Gnss, GnssFix, PortError
from wire import earth

SATELLITES_MIN = 4  # for a 3D position
SATELLITES_MIN_PHASE = 5  # one to spare
POSITION_SLACK_M = 500.0  # what two good fixes may differ by whatever the time between them
ALTITUDE_SLACK_M = 60.0
FIRST_FIX_MS_MAX = 120_000  # a cold start under open sky takes about 30 s
REACQUIRE_MS = 10_000
REACQUIRE_FIXES_MIN = 3
AIR_MS = 600_000  # how long the receiver must insist on a height that the air contradicts
AIR_SLACK_M, AIR_SLACK_PART = 1_000.0, 0.2  # weather, and 40 K beside the standard atmosphere
JAM_MIN = 128  # of 255; indoors beside a computer it is below 60
JAM_REST_MS = 1_200_000  # the camera is what jams (raspberrypi/libcamera#43): rest it
STUCK_MS = 10_000  # the same place to the last digit while it claims to move
_AIRBORNE_MODELS = frozenset((6, 7, 8))  # u-blox: airborne <1g, <2g, <4g

# What makes one fix unusable by itself, in the order of the checks.
_FLAWS: tuple[tuple[str, Callable[[GnssFix], bool]], ...] = (
    ("no_fix", lambda f: f.fix_type < 2),
    ("not_3d", lambda f: f.fix_type != 3),
    ("satellites", lambda f: f.satellites < SATELLITES_MIN),
    ("no_position", lambda f: not _is_finite(f.latitude_deg, f.longitude_deg, f.altitude_m)),
    ("range", lambda f: abs(f.latitude_deg or 0) > 90 or abs(f.longitude_deg or 0) > 180),
    ("null_island", lambda f: f.latitude_deg == 0 and f.longitude_deg == 0),
)


def flaw(fix: GnssFix, profile: Profile = BALLOON) -> str | None:
    """The first reason in ``_FLAWS`` why this fix cannot be used, ``altitude`` where nothing of the
    profile gets there, None when it can."""
    low_m, high_m = profile.altitude_m
    is_there = low_m < (fix.altitude_m or 0) < high_m
    found = next((name for name, has_it in _FLAWS if has_it(fix)), None)
    return found if found is not None or is_there else "altitude"


def is_jump(old: GnssFix, new: GnssFix, profile: Profile = BALLOON) -> bool:
    """True when nothing of the profile gets from ``old`` to ``new`` in the time."""
    assert old.altitude_m is not None and new.altitude_m is not None
    elapsed_s = max(0, new.taken_ms - old.taken_ms) / 1000
    rise_m = abs(new.altitude_m - old.altitude_m)
    if rise_m > ALTITUDE_SLACK_M + profile.climb_mps_max * elapsed_s:
        return True
    return distance_m(old, new) > POSITION_SLACK_M + profile.ground_speed_mps_max * elapsed_s


def distance_m(first: GnssFix, second: GnssFix) -> float:
    """Metres over ground between two fixes with positions."""
    assert first.latitude_deg is not None and first.longitude_deg is not None
    assert second.latitude_deg is not None and second.longitude_deg is not None
    return earth.distance_m(
        (first.latitude_deg, first.longitude_deg), (second.latitude_deg, second.longitude_deg))


class Navigation:
    """Where the payload is, as far as one receiver can be believed."""

    def __init__(self, gnss: Gnss | None, profile: Profile = BALLOON) -> None:
        self._gnss = gnss
        self._profile = profile
        self.fix: GnssFix | None = None  # the last good one, however old
        self.rejects: Counter[str] = Counter()  # fixes refused, per reason
        self.is_lost = False
        self._first_poll_ms: int | None = None
        self._previous: GnssFix | None = None  # the last one with a position, good or not
        self._still_since_ms: int | None = None
        self._insisting: list[GnssFix] = []  # refused jumps that agree with each other
        self._reason = "never"
        self._pressure_m: float | None = None  # altitude of this pressure in a standard atmosphere
        self._has_air_agreed = False  # with the last good fix that had a pressure beside it
        self._jammed_ms: int | None = None
        self.is_jammed = False

    @property
    def dynamic_model_ok(self) -> bool | None:
        """True for an airborne model, which works above 12 km; None while not read back."""
        if self._gnss is None or self._gnss.dynamic_model is None:
            return None
        return self._gnss.dynamic_model in _AIRBORNE_MODELS

    def fix_age_ms(self, now_ms: int) -> int | None:
        """Milliseconds since the last good fix was taken; None when there was none."""
        return None if self.fix is None else max(0, now_ms - self.fix.taken_ms)

    def is_current(self, now_ms: int) -> bool:
        """True while the last good fix still says how it moves."""
        age_ms = self.fix_age_ms(now_ms)
        return age_ms is not None and age_ms <= fix_age.LOST_MS

    def known(self, now_ms: int) -> dict[str, Any]:
        """What the last good fix says, as a situation has it; motion only while it is current."""
        fix, age_ms = self.fix, self.fix_age_ms(now_ms)
        if fix is None or age_ms is None:
            return {}
        moving = fix if self.is_current(now_ms) else None
        return {
            "latitude_deg": fix.latitude_deg, "longitude_deg": fix.longitude_deg,
            "altitude_m": fix.altitude_m, "satellites": fix.satellites,
            "speed_mps": moving.speed_mps if moving else None,
            "heading_deg": moving.heading_deg if moving else None,
            "fix_age_s": age_ms / 1000,
        }

    def poll(self, now_ms: int, pressure_hpa: float | None = None) -> list[Note]:
        """Take in what the receiver said; events for the receiver lost or returned.

        ``pressure_hpa`` is what the barometer says now, None where it says nothing.
        """
        if self._gnss is None:
            return []
        usable_hpa = barometer.usable_hpa(pressure_hpa)
        self._pressure_m = None if usable_hpa is None else barometer.height_m(usable_hpa)
        if self._first_poll_ms is None:
            self._first_poll_ms = now_ms
        notes: list[Note] = []
        is_absent = False
        try:
            for fix in self._unread(now_ms):
                notes += self._take(fix, now_ms)
        except (PortError, OSError) as error:
            is_absent = True
            self._reason = type(error).__name__
        return notes + self._listen_for_jamming(now_ms) + self._check_lost(is_absent, now_ms)

    def _unread(self, now_ms: int) -> list[GnssFix]:
        """What the receiver said since the last look. In orbit only the newest: all have the time
        at which they were read, and in a second it is kilometres away."""
        assert self._gnss is not None
        fixes = self._gnss.poll(now_ms)
        return fixes[-1:] if self._profile.is_orbit else fixes

    def _listen_for_jamming(self, now_ms: int) -> list[Note]:
        """The receiver reports radio noise; the camera, its usual source, stays off for
        ``JAM_REST_MS``."""
        assert self._gnss is not None
        indicator = self._gnss.jam_indicator
        if indicator is not None and indicator >= JAM_MIN:
            self._jammed_ms = now_ms
            if not self.is_jammed:
                self.is_jammed = True
                return [event("gnss_jammed", "warning", indicator=indicator)]
        elif self._jammed_ms is not None and now_ms - self._jammed_ms >= JAM_REST_MS:
            self._jammed_ms, self.is_jammed = None, False
            return [event("gnss_jam_over")]
        return []

    def _take(self, fix: GnssFix, now_ms: int) -> list[Note]:
        reason = flaw(fix, self._profile)
        if reason is None:
            reason = self._repetition(fix)
            self._previous = fix
        if reason is None and self.fix is not None and fix.taken_ms < self.fix.taken_ms:
            reason = "order"
        if reason is None and self.fix is not None:
            reason = self._doubt(self.fix, fix)
        if reason is not None:
            self.rejects[reason] += 1
            self._reason = reason
            return []
        self._insisting.clear()
        if self._pressure_m is not None:
            self._has_air_agreed = not self._is_against_air(fix)
        previous, self.fix = self.fix, fix
        if previous is None:
            assert self._first_poll_ms is not None
            after_s = (now_ms - self._first_poll_ms) // 1000
            is_back, self.is_lost = self.is_lost, False
            return [event("gnss_returned" if is_back else "gnss_first_fix", after_s=after_s,
                          satellites=fix.satellites)]
        if self.is_lost:
            self.is_lost = False
            return [event("gnss_returned", after_s=(fix.taken_ms - previous.taken_ms) // 1000,
                          satellites=fix.satellites)]
        return []

    def _repetition(self, fix: GnssFix) -> str | None:
        """``frozen`` when ``fix`` says nothing new, or claims to move and does not."""
        old = self._previous
        if old is None or _place(old) != _place(fix):
            self._still_since_ms = None
            return None
        if fix.utc_ms is not None and fix.utc_ms == old.utc_ms:
            return "frozen"
        if abs(fix.climb_mps or 0) < 1 and (fix.speed_mps or 0) < 2:
            self._still_since_ms = None
            return None
        if self._still_since_ms is None:
            self._still_since_ms = old.taken_ms
        return "frozen" if fix.taken_ms - self._still_since_ms >= STUCK_MS else None

    def _doubt(self, last: GnssFix, fix: GnssFix) -> str | None:
        """Why a fix that is sound by itself does not follow the last good one; None: it does."""
        doubt, patience_ms = None, 0
        if is_jump(last, fix, self._profile):
            doubt, patience_ms = "jump", REACQUIRE_MS
        has_gap = fix.taken_ms - last.taken_ms >= fix_age.LOST_MS
        if (doubt or has_gap) and self._has_air_agreed and self._is_against_air(fix):
            doubt, patience_ms = "air", AIR_MS
        return None if doubt is None or self._has_insisted(fix, patience_ms) else doubt

    def _is_against_air(self, fix: GnssFix) -> bool:
        """True when no weather has this pressure at the height of ``fix``."""
        if self._pressure_m is None:
            return False
        assert fix.altitude_m is not None
        slack_m = AIR_SLACK_M + AIR_SLACK_PART * max(0.0, self._pressure_m)
        return abs(fix.altitude_m - self._pressure_m) > slack_m

    def _has_insisted(self, fix: GnssFix, patience_ms: int) -> bool:
        """True when refused fixes have agreed with this one for long enough to be the truth."""
        if self._insisting and is_jump(self._insisting[-1], fix, self._profile):
            self._insisting.clear()
        self._insisting = [*self._insisting[:1], *self._insisting[1:][-REACQUIRE_FIXES_MIN:], fix]
        is_long = fix.taken_ms - self._insisting[0].taken_ms >= patience_ms
        return is_long and len(self._insisting) >= REACQUIRE_FIXES_MIN

    def _check_lost(self, is_absent: bool, now_ms: int) -> list[Note]:
        """One event when no good fix came for too long; while first acquiring, that is longer."""
        if self.is_lost:
            return []
        assert self._first_poll_ms is not None
        age_ms = self.fix_age_ms(now_ms)
        if age_ms is None:
            age_ms = now_ms - self._first_poll_ms
            limit_ms = fix_age.LOST_MS if is_absent else FIRST_FIX_MS_MAX
        else:
            limit_ms = fix_age.LOST_MS
        if age_ms < limit_ms:
            return []
        self.is_lost = True
        return [event("gnss_lost", "warning", reason=self._reason, age_s=age_ms // 1000)]


def _is_finite(*values: float | None) -> bool:
    return all(value is not None and math.isfinite(value) for value in values)


def _place(fix: GnssFix) -> tuple[float | None, ...]:
    return fix.latitude_deg, fix.longitude_deg, fix.altitude_m
