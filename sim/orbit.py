"""A low circular orbit instead of the balloon: minutes in view of the station, hours out of view.

Serves the same ``Trajectory`` protocol. A spherical Earth that turns, no drag, no oblateness; the
first pass goes right over the station. Receivers for balloons have no fix up here (their models end
at 50 or 80 km), so the payload flies without a position.

Source: Kepler's third law, GM = 3.986004418e14 m3/s2 (WGS 84).
"""

from __future__ import annotations

import math
import random

from sim.balloon import AirState, Launch, Site
from wire.standard_air import EARTH_RADIUS_M

GM_M3PS2 = 3.986004418e14
EARTH_TURN_RADPS = 7.2921150e-5
FIRST_PASS_S = 600.0
ORBITS = 2.2
HORIZON_DEG = 5.0


class Orbit:
    """Two orbits and a bit; ``elevation_deg`` says how high it stands over the station."""

    def __init__(self, rng: random.Random, site: Site, launch: Launch) -> None:
        self.pad = (site.latitude_deg, site.longitude_deg, site.elevation_m)
        self.start_utc_ms = launch.start_utc_ms
        self.altitude_m = rng.uniform(380_000.0, 560_000.0)
        self._radius_m = EARTH_RADIUS_M + self.altitude_m
        self._rate = math.sqrt(GM_M3PS2 / self._radius_m**3)  # rad/s
        self._inclination = math.radians(rng.uniform(max(55.0, abs(site.latitude_deg) + 1), 97.5))
        # The argument of latitude at which it passes the station's latitude going north, and the
        # longitude of the node that puts it over the station then.
        self._argument = math.asin(
            math.sin(math.radians(site.latitude_deg)) / math.sin(self._inclination))
        self._node = math.radians(site.longitude_deg) - self._east(self._argument)
        self.end_s = FIRST_PASS_S + ORBITS * 2 * math.pi / self._rate

    def state(self, t_s: float) -> AirState:
        """Where it is ``t_s`` after the beginning."""
        since_s = t_s - FIRST_PASS_S
        argument = self._argument + self._rate * since_s
        latitude = math.asin(math.sin(self._inclination) * math.sin(argument))
        longitude = self._node + self._east(argument) - EARTH_TURN_RADPS * since_s
        heading = math.degrees(math.atan2(
            math.cos(self._inclination), math.sin(self._inclination) * math.cos(argument))) % 360
        return AirState(
            t_s=t_s, latitude_deg=math.degrees(latitude),
            longitude_deg=(math.degrees(longitude) + 540) % 360 - 180,
            altitude_m=self.altitude_m, ground_m=0.0, climb_mps=0.0,
            speed_mps=self._rate * EARTH_RADIUS_M, heading_deg=heading,
        )

    def is_in_view(self, t_s: float) -> bool:
        """True while it stands above the station's horizon."""
        state = self.state(t_s)
        a, b = _unit(*self.pad[:2]), _unit(state.latitude_deg, state.longitude_deg)
        cosine = sum(x * y for x, y in zip(a, b, strict=True))
        angle = math.acos(max(-1.0, min(1.0, cosine)))
        rise = math.cos(angle) - EARTH_RADIUS_M / self._radius_m
        return math.degrees(math.atan2(rise, math.sin(angle))) >= HORIZON_DEG

    def _east(self, argument: float) -> float:
        """Longitude from the node, without the turning of the Earth."""
        return math.atan2(math.cos(self._inclination) * math.sin(argument), math.cos(argument))


def _unit(latitude_deg: float, longitude_deg: float) -> tuple[float, float, float]:
    latitude, longitude = math.radians(latitude_deg), math.radians(longitude_deg)
    return (
        math.cos(latitude) * math.cos(longitude), math.cos(latitude) * math.sin(longitude),
        math.sin(latitude),
    )
