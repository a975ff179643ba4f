"""The mission clock: UTC as data from GNSS, never a timer.

Everything is scheduled on milliseconds since boot; this part only says which UTC belongs to them
and how far it can be believed. Qualities, and what raises them:

    NONE --restored from the store at boot--> RESTORED --five steady seconds of GNSS--> GPS
    NONE, RESTORED --a command--> COMMAND --five steady seconds of GNSS--> GPS
    GPS --a command that corrects its drift, after a day without GNSS--> COMMAND

A date that contradicts a clock of quality GPS is refused until the receiver has given it for ten
steady minutes: nothing else aboard drifts by two seconds, and a receiver that wraps its week or
repeats one instant is soon over it.

A restored clock lags by the time the payload was off, but never runs backwards across a reboot.
"""

from __future__ import annotations

from payload.navigation.gnss import SATELLITES_MIN
from payload.notes import Note, event
from payload.ports import GnssFix
from wire.records import EPOCH_2025_MS, TimeQuality

# Dates outside are a week rollover (2006, 2046) or a receiver that does not know (1980).
UTC_MS_MIN = EPOCH_2025_MS  # this software is younger
UTC_MS_MAX = 2_240_611_200_000  # 2041-01-01T00:00:00Z, sixteen years on
TRUST_MS = 5_000  # a date must agree with the monotonic clock this long
TRUST_FIXES_MIN = 3
CONTRADICTION_MS = 600_000  # ... and much longer when it contradicts what the sky said before
AGREE_MS = 1_000  # two fixes tell the same clock; covers serial delay and a leap second's half
COMMAND_BACK_MS = 60_000  # a command may put back a clock by the delay of radio and operator
DRIFT_PPM = 100  # of the Pi's crystal at any temperature, and some
OLD_MS = 86_400_000  # after the latest fix the ground may know better than the crystal
STEADY_MS = 3_600_000  # after the latest fix; a crystal that is off by 50 ppm runs away 0.2 s
STEP_MS = 2_000  # a larger error is corrected at once, a smaller one slowly
SLEW_MS_PER_FIX = 50  # 5 % at one fix a second: stamps keep rising


def is_plausible_utc(utc_ms: int) -> bool:
    """True for 2025-01-01 <= ``utc_ms`` < 2041-01-01."""
    return UTC_MS_MIN <= utc_ms < UTC_MS_MAX


class MissionClock:
    """Milliseconds since boot to UTC. All times are integer milliseconds."""

    def __init__(self, restored_utc_ms: int | None) -> None:
        """``restored_utc_ms`` is the last UTC the store knew, taken as the UTC of boot."""
        self.quality = TimeQuality.NONE
        self.rejects = 0  # dates outside the range, and dates from fixes that are not 3D
        self._offset_ms = 0  # UTC minus milliseconds since boot
        if restored_utc_ms is not None and is_plausible_utc(restored_utc_ms):
            self.quality = TimeQuality.RESTORED
            self._offset_ms = restored_utc_ms
        self._candidate_ms: int | None = None  # an offset that is not trusted yet
        self._candidate_since_ms = 0
        self._candidate_count = 0
        self._seen_ms: int | None = None
        self._is_contradicted = False
        self._agreed_ms: int | None = None  # the latest fix that it follows
        self._set_ms: int | None = None  # the latest such fix or command

    @property
    def has_gnss_time(self) -> bool:
        """GNSS has given the time in this boot; a command may have corrected its drift since."""
        return self._agreed_ms is not None

    def utc_ms(self, now_ms: int) -> int | None:
        """UTC at ``now_ms``; None while the quality is NONE."""
        return None if self.quality is TimeQuality.NONE else now_ms + self._offset_ms

    def steady_utc_ms(self, now_ms: int) -> int | None:
        """UTC to about a second; None where GNSS has not confirmed it for ``STEADY_MS``."""
        if self._agreed_ms is None or now_ms - self._agreed_ms > STEADY_MS:
            return None
        return self.utc_ms(now_ms)

    def drift_ms(self, now_ms: int) -> int:
        """How far it may have run away since it was set, or since a fix agreed with it."""
        return 0 if self._set_ms is None else (now_ms - self._set_ms) * DRIFT_PPM // 1_000_000

    def stamp(self, now_ms: int) -> tuple[int, TimeQuality]:
        """(time, quality) for a record: milliseconds since boot while the quality is NONE."""
        return now_ms + self._offset_ms, self.quality

    def set_by_command(self, utc_ms: int, now_ms: int) -> str | None:
        """The ground tells the time; why it is not taken, or None when it holds from now on."""
        if self._agreed_ms is not None:
            if now_ms - self._agreed_ms <= OLD_MS:
                return "the clock is set by GNSS"
            allowed_ms = COMMAND_BACK_MS + self.drift_ms(now_ms)
            if abs(utc_ms - self._offset_ms - now_ms) > allowed_ms:
                return f"more than {allowed_ms // 1000} s from GNSS time"
        if not is_plausible_utc(utc_ms):
            return "not a date of 2025 to 2040"
        restored_ms = self.utc_ms(now_ms) if self.quality is TimeQuality.RESTORED else None
        if restored_ms is not None and utc_ms < restored_ms - COMMAND_BACK_MS:
            return "before the latest time that is known"
        self._offset_ms = utc_ms - now_ms
        self._set_ms = now_ms
        self.quality = TimeQuality.COMMAND
        return None

    def observe(self, fix: GnssFix | None, now_ms: int) -> list[Note]:
        """Learn from a fix; a fix seen before, or None, teaches nothing."""
        if fix is None or fix.utc_ms is None or fix.taken_ms == self._seen_ms:
            return []
        self._seen_ms = fix.taken_ms
        is_solid = fix.fix_type == 3 and fix.satellites >= SATELLITES_MIN
        if not is_solid or not is_plausible_utc(fix.utc_ms) or fix.taken_ms > now_ms:
            self.rejects += 1
            return []
        offset_ms = fix.utc_ms - fix.taken_ms
        if self._candidate_ms is None or abs(offset_ms - self._candidate_ms) > AGREE_MS:
            # The first of a run is kept: an instant that is repeated runs away from it.
            self._candidate_ms = offset_ms
            self._candidate_since_ms, self._candidate_count = fix.taken_ms, 0
        self._candidate_count += 1
        is_steady = (
            self._candidate_count >= TRUST_FIXES_MIN
            and fix.taken_ms - self._candidate_since_ms >= TRUST_MS
        )
        if not is_steady:
            return []
        if self.quality is TimeQuality.GPS and abs(offset_ms - self._offset_ms) > STEP_MS:
            contradicted_ms = fix.taken_ms - self._candidate_since_ms
            if contradicted_ms < CONTRADICTION_MS:
                return self._doubt(offset_ms)
        self._agreed_ms = self._set_ms = fix.taken_ms
        return self._adopt(offset_ms)

    def _doubt(self, offset_ms: int) -> list[Note]:
        """One event when the sky begins to contradict itself."""
        if self._is_contradicted:
            return []
        self._is_contradicted = True
        return [event("clock_contradicted", "warning", step_ms=offset_ms - self._offset_ms)]

    def _adopt(self, offset_ms: int) -> list[Note]:
        error_ms = offset_ms - self._offset_ms
        before = self.quality
        self.quality = TimeQuality.GPS
        if before is TimeQuality.GPS and abs(error_ms) <= STEP_MS:
            self._offset_ms += max(-SLEW_MS_PER_FIX, min(SLEW_MS_PER_FIX, error_ms))
            was_contradicted, self._is_contradicted = self._is_contradicted, False
            return [event("clock_agrees")] if was_contradicted else []
        self._is_contradicted = False
        self._offset_ms = offset_ms
        if before is TimeQuality.GPS:
            return [event("clock_stepped", "warning", step_ms=error_ms, boot_utc_ms=offset_ms)]
        if before is not TimeQuality.NONE:
            return [event("clock_set", step_ms=error_ms, boot_utc_ms=offset_ms)]
        return [event("clock_set", boot_utc_ms=offset_ms)]
