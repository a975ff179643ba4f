"""Orbits: the position of a two-line element set (TLE) at an instant, and its look angles.

SGP4 gives a position in TEME, the frame of its elements; rotated by the sidereal time it is
Earth-fixed. Polar motion and UT1 are neglected: together they are below 500 m, while a TLE of today
errs by one kilometre and one of last week by ten.

Sources: Vallado, Crawford, Hujsak and Kelso, "Revisiting Spacetrack Report #3", AIAA 2006-6753
(SGP4, by the package sgp4); Vallado, Fundamentals of Astrodynamics, 4th edition, section 3.5
(sidereal time, IAU 1982); WGS 84, NIMA TR8350.2; Bowring, Survey Review 23, 1976 (latitude).
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple

SEMI_MAJOR_M = 6_378_137.0
FLATTENING = 1 / 298.257223563
EARTH_TURN_RADPS = 7.2921158553e-5
LIGHT_MPS = 299_792_458.0
REVOLUTIONS_A_DAY = (0.9, 17.0)  # from above the geostationary ring to grazing the air
TLE_CHARACTERS = 69
TEXT_BYTES = 2 * TLE_CHARACTERS  # of ``Elements.text``

_ECCENTRICITY_2 = FLATTENING * (2 - FLATTENING)
_SEMI_MINOR_M = SEMI_MAJOR_M * (1 - FLATTENING)
UNIX_JD = 2_440_587.5
_J2000_JD = 2_451_545.0
_DAY_MS = 86_400_000
_SIDEREAL_DAY_S = 86_400 * 1.002737909350795  # sidereal seconds in a mean solar day
_LINES = (
    re.compile(
        r"1 [ \dA-Z]{5}[UCS ] [ -~]{8} \d\d[ \d]{3}\.\d{8} [ +-]\.\d{8} [ +-][ \d]{5}[+-]\d"
        r" [ +-][ \d]{5}[+-]\d [ \d] [ \d]{4}\d", re.ASCII),
    re.compile(
        r"2 [ \dA-Z]{5} [ \d]{3}\.\d{4} [ \d]{3}\.\d{4} [ \d]{7} [ \d]{3}\.\d{4} [ \d]{3}\.\d{4}"
        r" [ \d]{2}\.\d{8}[ \d]{5}\d", re.ASCII),
)


class OrbitError(ValueError):
    """Elements that cannot be used, or an instant to which they do not reach; one sentence."""


class EarthFixed(NamedTuple):
    """A position in m and a velocity in m/s, in the rotating frame of the Earth."""

    x_m: float
    y_m: float
    z_m: float
    x_mps: float
    y_mps: float
    z_mps: float


class Geodetic(NamedTuple):
    """A place: degrees, and metres above the ellipsoid."""

    latitude_deg: float
    longitude_deg: float
    altitude_m: float


class LookAngles(NamedTuple):
    """Look angles from a place: azimuth from north by east; a receding range rate is positive."""

    elevation_deg: float
    azimuth_deg: float
    range_m: float
    range_rate_mps: float

    def doppler_hz(self, frequency_hz: float) -> float:
        """How much higher it is heard than it was sent."""
        return -self.range_rate_mps / LIGHT_MPS * frequency_hz


class Elements:
    """One TLE. ``lines`` are its two lines, ``epoch_ms`` the UTC that they are of."""

    def __init__(self, line_1: str, line_2: str) -> None:
        """Raises OrbitError where the lines are not a TLE of an orbit that SGP4 can follow."""
        self.lines = line_1.rstrip(), line_2.rstrip()
        _check(*self.lines)
        from sgp4.api import WGS72, Satrec  # 1.5 MB, which most flights do not need

        self._record = Satrec.twoline2rv(*self.lines, WGS72)
        day = self._record.jdsatepoch - UNIX_JD + self._record.jdsatepochF
        self.epoch_ms = round(day * _DAY_MS)
        revolutions: float = self._record.no_kozai * 1440 / (2 * math.pi)
        low, high = REVOLUTIONS_A_DAY
        if not low <= revolutions <= high:
            raise OrbitError(f"{revolutions:.2f} revolutions a day: allowed are {low} to {high}")
        self.period_s = 86_400 / revolutions
        self.at(self.epoch_ms)

    @classmethod
    def of_text(cls, text: str) -> Elements:
        """Those of ``text``. Raises OrbitError."""
        return cls(text[:TLE_CHARACTERS], text[TLE_CHARACTERS:])

    @property
    def text(self) -> str:
        """Both lines, one behind the other, as a command carries them."""
        return "".join(self.lines)

    def at(self, utc_ms: float) -> EarthFixed:
        """Where it is. Raises OrbitError where SGP4 has it decayed, or has no numbers for it."""
        days = utc_ms / _DAY_MS
        error, place, velocity = self._record.sgp4(UNIX_JD, days)
        if error:
            from sgp4.api import SGP4_ERRORS

            raise OrbitError(f"the orbit of {self.lines[0][2:7]} cannot be followed so far: "
                             f"{SGP4_ERRORS.get(error, error)}")
        if not all(map(math.isfinite, (*place, *velocity))):
            raise OrbitError(f"the orbit of {self.lines[0][2:7]} cannot be followed: SGP4 gives no "
                             "numbers for it")
        angle = sidereal_rad(days)
        cosine, sine = math.cos(angle), math.sin(angle)
        x, y = place[0] * cosine + place[1] * sine, place[1] * cosine - place[0] * sine
        x_speed = velocity[0] * cosine + velocity[1] * sine + EARTH_TURN_RADPS * y
        y_speed = velocity[1] * cosine - velocity[0] * sine - EARTH_TURN_RADPS * x
        return EarthFixed(1000 * x, 1000 * y, 1000 * place[2],
                     1000 * x_speed, 1000 * y_speed, 1000 * velocity[2])

    def age_days(self, utc_ms: float) -> float:
        """How old the elements are; 0 before their epoch is as good as after."""
        return float(abs(utc_ms - self.epoch_ms)) / _DAY_MS


class GroundObserver:
    """A place on the ground that looks up."""

    def __init__(self, latitude_deg: float, longitude_deg: float, altitude_m: float) -> None:
        self.place = Geodetic(latitude_deg, longitude_deg, altitude_m)
        latitude, longitude = math.radians(latitude_deg), math.radians(longitude_deg)
        north, east = (math.sin(latitude), math.cos(latitude)), (
            math.sin(longitude), math.cos(longitude))
        radius_m = SEMI_MAJOR_M / math.sqrt(1 - _ECCENTRICITY_2 * north[0] ** 2)
        self.at_m = (  # fixed to the Earth
            (radius_m + altitude_m) * north[1] * east[1],
            (radius_m + altitude_m) * north[1] * east[0],
            (radius_m * (1 - _ECCENTRICITY_2) + altitude_m) * north[0])
        self._up = (north[1] * east[1], north[1] * east[0], north[0])
        self._east = (-east[0], east[1])
        self._north = (-north[0] * east[1], -north[0] * east[0], north[1])

    def look(self, seen: EarthFixed) -> LookAngles:
        """How ``seen`` stands in this place's sky; below the horizon the elevation is negative."""
        x, y, z = seen.x_m - self.at_m[0], seen.y_m - self.at_m[1], seen.z_m - self.at_m[2]
        range_m = math.sqrt(x * x + y * y + z * z)
        up_m = x * self._up[0] + y * self._up[1] + z * self._up[2]
        east_m = x * self._east[0] + y * self._east[1]
        north_m = x * self._north[0] + y * self._north[1] + z * self._north[2]
        return LookAngles(
            math.degrees(math.atan2(up_m, math.hypot(east_m, north_m))),
            math.degrees(math.atan2(east_m, north_m)) % 360, range_m,
            (x * seen.x_mps + y * seen.y_mps + z * seen.z_mps) / range_m)


def geodetic(seen: EarthFixed) -> Geodetic:
    """The place below, and the height above it; to a millimetre up to 2,000 km."""
    across_m = math.hypot(seen.x_m, seen.y_m)
    reduced = math.atan2(seen.z_m * SEMI_MAJOR_M, across_m * _SEMI_MINOR_M)
    latitude = math.atan2(
        seen.z_m + _ECCENTRICITY_2 / (1 - _ECCENTRICITY_2) * _SEMI_MINOR_M * math.sin(reduced) ** 3,
        across_m - _ECCENTRICITY_2 * SEMI_MAJOR_M * math.cos(reduced) ** 3)
    sine = math.sin(latitude)
    radius_m = SEMI_MAJOR_M / math.sqrt(1 - _ECCENTRICITY_2 * sine * sine)
    # Not across_m / cos(latitude), which has no value at the poles.
    altitude_m = across_m * math.cos(latitude) + seen.z_m * sine - (
        SEMI_MAJOR_M * SEMI_MAJOR_M / radius_m)
    return Geodetic(
        math.degrees(latitude), math.degrees(math.atan2(seen.y_m, seen.x_m)), altitude_m)


def sidereal_rad(days: float) -> float:
    """Greenwich mean sidereal time ``days`` after 1970-01-01, UTC for UT1, radians 0..2 pi."""
    midnight, part = divmod(days, 1.0)
    century = (UNIX_JD - _J2000_JD + midnight) / 36_525
    turned_s = 24_110.54841 + century * (
        8_640_184.812866 + century * (0.093104 - century * 6.2e-6)) + part * _SIDEREAL_DAY_S
    return turned_s % 86_400 * math.pi / 43_200


def _check(line_1: str, line_2: str) -> None:
    """Raises OrbitError where a line is not as a TLE has it."""
    from sgp4.io import compute_checksum

    for number, (line, pattern) in enumerate(zip((line_1, line_2), _LINES, strict=True), 1):
        if len(line) != TLE_CHARACTERS:
            raise OrbitError(f"line {number} of a TLE has {TLE_CHARACTERS} characters, this one "
                             f"{len(line)}")
        if pattern.fullmatch(line) is None:
            raise OrbitError(f"line {number} of a TLE is not as it has to be, column by column: "
                             f"{line!r}")
        if compute_checksum(line) != int(line[-1]):
            raise OrbitError(f"line {number} of a TLE ends with the checksum "
                             f"{compute_checksum(line)}, this one with {line[-1]}")
    if line_1[2:7] != line_2[2:7]:
        raise OrbitError(f"the lines of a TLE are of one object, these of {line_1[2:7]} and "
                         f"{line_2[2:7]}")
