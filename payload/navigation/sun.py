"""Elevation of the sun, from UTC and position: day and night without a camera.

Source: Astronomical Almanac, low-precision solar coordinates (about 0.01 degrees until 2050);
refraction is left out, which is at most 0.6 degrees and only at the horizon.
"""

from __future__ import annotations

import math

from wire.earth import RADIUS_M

J2000_UTC_MS = 946_728_000_000  # 2000-01-01T12:00:00Z
DAY_MS = 86_400_000
HIGH_DEG = 15.0
TWILIGHT_DEG = -6.0  # the end of civil twilight


def elevation_deg(utc_ms: int, latitude_deg: float, longitude_deg: float) -> float:
    """Degrees of the sun's centre above the level horizon, -90..90, without refraction."""
    days = (utc_ms - J2000_UTC_MS) / DAY_MS
    mean_longitude = 280.460 + 0.9856474 * days
    anomaly = math.radians(357.528 + 0.9856003 * days)
    ecliptic = math.radians(
        mean_longitude + 1.915 * math.sin(anomaly) + 0.020 * math.sin(2 * anomaly))
    obliquity = math.radians(23.439 - 0.0000004 * days)
    right_ascension = math.atan2(math.cos(obliquity) * math.sin(ecliptic), math.cos(ecliptic))
    declination = math.asin(math.sin(obliquity) * math.sin(ecliptic))
    sidereal_deg = 280.46062 + 360.98564737 * days + longitude_deg
    hour_angle = math.radians(sidereal_deg) - right_ascension
    latitude = math.radians(latitude_deg)
    sine = math.sin(latitude) * math.sin(declination) + (
        math.cos(latitude) * math.cos(declination) * math.cos(hour_angle))
    return math.degrees(math.asin(max(-1.0, min(1.0, sine))))


def horizon_dip_deg(altitude_m: float) -> float:
    """How far below level the horizon lies, seen from ``altitude_m``; 5.5 degrees at 30 km."""
    height_m = max(0.0, altitude_m)
    return math.degrees(math.acos(RADIUS_M / (RADIUS_M + height_m)))


def sun_word(
    utc_ms: int | None, latitude_deg: float | None, longitude_deg: float | None,
    altitude_m: float | None,
) -> str | None:
    """``high``, ``low`` or ``down`` as prompts say it; None while time or place is unknown."""
    if utc_ms is None or latitude_deg is None or longitude_deg is None:
        return None
    elevation = elevation_deg(utc_ms, latitude_deg, longitude_deg)
    if elevation > HIGH_DEG:
        return "high"
    is_up = elevation >= TWILIGHT_DEG - horizon_dip_deg(altitude_m or 0.0)
    return "low" if is_up else "down"
