"""NMEA sentences combined into fixes, for receivers that do not support UBX.

GGA (position, altitude, satellites), RMC (date, speed, course) and GSA (2D or 3D) of the same
second make one fix. NMEA has no vertical speed, so ``climb_mps`` is None. Source: NMEA 0183
section 6.2; u-blox UBX-13003221 section 31.

A field that is empty or does not read as its type is None; a sentence that says "no fix" makes a
fix without a position even where stale coordinates are still in it.
"""

from __future__ import annotations

import calendar
import datetime
import re

from payload.devices.gnss_stream import NmeaSentence
from payload.ports import GnssFix

KNOT_MPS = 1852 / 3600
_TIME = re.compile(r"(\d\d)(\d\d)(\d\d)(?:\.(\d{1,3})\d*)?")
_DATE = re.compile(r"(\d\d)(\d\d)(\d\d)")
_NUMBER = re.compile(r"[+-]?(\d{1,9}(\.\d{0,9})?|\.\d{1,9})")
_ANGLE = re.compile(r"(\d{1,3})(\d\d(?:\.\d+)?)")
GGA_FIELDS_MIN, RMC_FIELDS_MIN, GSA_FIELDS_MIN = 10, 9, 15


def utc_ms(year: int, month: int, day: int, time_of_day_ms: int) -> int | None:
    """Milliseconds since 1970, None where no such day exists; a leap second is the next minute."""
    try:
        datetime.date(year, month, day)
    except ValueError:
        return None
    return calendar.timegm((year, month, day, 0, 0, 0)) * 1000 + time_of_day_ms


def number(field: str) -> float | None:
    """A decimal number as NMEA writes it, below 1e9 and never with an exponent, or None."""
    return float(field) if _NUMBER.fullmatch(field) else None


def angle_deg(field: str, hemisphere: str) -> float | None:
    """``ddmm.mmmm`` and N, S, E or W as signed degrees; None where it is no angle."""
    match = _ANGLE.fullmatch(field)
    if match is None or hemisphere not in ("N", "S", "E", "W"):
        return None
    degrees = int(match[1]) + float(match[2]) / 60
    if float(match[2]) >= 60 or degrees > (90 if hemisphere in ("N", "S") else 180):
        return None
    return -degrees if hemisphere in ("S", "W") else degrees


class NmeaFixes:
    """Feed sentences, get a fix per epoch."""

    def __init__(self) -> None:
        self._gga: tuple[str, ...] | None = None
        self._rmc: tuple[str, ...] | None = None
        self._is_2d = False

    def feed(self, sentence: NmeaSentence, now_ms: int) -> GnssFix | None:
        """The fix that this sentence completes: GGA and RMC of one time, or a GGA left alone."""
        fields = sentence.fields
        if sentence.kind == "GSA" and len(fields) >= GSA_FIELDS_MIN:
            self._is_2d = fields[1] == "2"
        elif sentence.kind == "GGA" and len(fields) >= GGA_FIELDS_MIN:
            alone, self._gga = self._gga, fields
            if self._rmc is not None and self._rmc[0] == fields[0]:
                return self._finish(now_ms)
            if alone is not None:
                return self._fix(alone, None, now_ms)
        elif sentence.kind == "RMC" and len(fields) >= RMC_FIELDS_MIN:
            self._rmc = fields
            if self._gga is not None and self._gga[0] == fields[0]:
                return self._finish(now_ms)
        return None

    def _finish(self, now_ms: int) -> GnssFix:
        gga, rmc = self._gga, self._rmc
        assert gga is not None
        self._gga = self._rmc = None
        return self._fix(gga, rmc, now_ms)

    def _fix(
        self, gga: tuple[str, ...], rmc: tuple[str, ...] | None, now_ms: int
    ) -> GnssFix:
        latitude = angle_deg(gga[1], gga[2]) if gga[2] in ("N", "S") else None
        longitude = angle_deg(gga[3], gga[4]) if gga[4] in ("E", "W") else None
        satellites = int(gga[6]) if re.fullmatch(r"\d{1,2}", gga[6]) else 0
        is_void = rmc is not None and rmc[1] != "A"
        # Quality 6 is dead reckoning, 7 manual, 8 simulated: none of them was received.
        has_fix = gga[5] in ("1", "2", "3", "4", "5") and not is_void
        altitude = number(gga[8])
        time_ms = self._utc_ms(rmc) if rmc is not None and not is_void else None
        if not has_fix or latitude is None or longitude is None:
            return GnssFix(
                now_ms, 0, satellites, time_ms, None, None, None, None, None, None, None
            )
        is_3d = altitude is not None and not self._is_2d
        speed = number(rmc[6]) if rmc is not None else None
        return GnssFix(
            taken_ms=now_ms,
            fix_type=3 if is_3d else 2,
            satellites=satellites,
            utc_ms=time_ms,
            latitude_deg=latitude,
            longitude_deg=longitude,
            altitude_m=altitude if is_3d else None,
            climb_mps=None,
            speed_mps=speed * KNOT_MPS if speed is not None else None,
            heading_deg=number(rmc[7]) if rmc is not None else None,
        )

    @staticmethod
    def _utc_ms(rmc: tuple[str, ...]) -> int | None:
        time, date = _TIME.fullmatch(rmc[0]), _DATE.fullmatch(rmc[8])
        if time is None or date is None:
            return None
        hour, minute, second = int(time[1]), int(time[2]), int(time[3])
        if hour > 23 or minute > 59 or second > 60:
            return None
        year = int(date[3]) + (1900 if int(date[3]) >= 80 else 2000)  # GPS began in 1980
        milliseconds = int((time[4] or "0").ljust(3, "0"))
        time_of_day_ms = ((hour * 60 + minute) * 60 + second) * 1000 + milliseconds
        return utc_ms(year, int(date[2]), int(date[1]), time_of_day_ms)
