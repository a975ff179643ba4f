"""The modelled balloon: pad, ascent, burst, parachute, landing; its position at any second.

The whole path is integrated once, one row per second, so a state costs two list look-ups. A
recorded flight (``sim.replay``) serves the same ``Trajectory`` protocol.

Does not cover: valve or ballast, floating flights, gusts, the pendulum under the parachute.
Source: steady climb, and v = v0 sqrt(rho0 / rho) under the parachute, as flight predictors do; real
parachutes slow down more on their way, see ``wire.landing_forecast.FALL_EXPONENT``.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from sim.sky import Sky
from wire.standard_air import (
    EARTH_RADIUS_M,
    GRAVITY_MPS2,
    SEA_LEVEL_KGM3,
    density_kgm3,
)

PAD_S = 1_200
END_S = 10_800
DESCENT_S_MAX = 7_200
FALL_STEP_M = 100.0
STEADY_DRAG = 0.5  # a drag coefficient that is the same at every height
_METRES_PER_DEGREE = math.pi / 180 * EARTH_RADIUS_M


@dataclass(frozen=True, slots=True)
class Recorded:
    """The readings of a recorded flight at one second; None where the recording has none."""

    fix_type: int
    satellites: int | None = None
    pdop: float | None = None
    pressure_hpa: float | None = None
    inside_c: float | None = None
    outside_c: float | None = None
    battery_v: float | None = None


@dataclass(frozen=True, slots=True)
class AirState:
    """Where the payload truly is at one instant."""

    t_s: float
    latitude_deg: float
    longitude_deg: float
    altitude_m: float  # above mean sea level
    ground_m: float  # elevation of the ground below
    climb_mps: float
    speed_mps: float
    heading_deg: float
    recorded: Recorded | None = None


class Trajectory(Protocol):
    """Where the payload is, second by second."""

    start_utc_ms: int
    end_s: float  # when there is nothing more to see
    pad: tuple[float, float, float]  # latitude, longitude, elevation of the launch

    def state(self, t_s: float) -> AirState:
        """The state ``t_s`` after the beginning, held at both ends."""
        ...


class Site(NamedTuple):
    """A launch site with land downwind, and how much warmer than the standard its summers are."""

    name: str
    latitude_deg: float
    longitude_deg: float
    elevation_m: float
    warmth_k: float


SITES = (
    Site("Bavarian uplands", 48.62, 12.05, 430.0, 4.0),
    Site("Great Hungarian Plain", 47.05, 19.20, 110.0, 6.0),
    Site("Castile", 41.62, -4.35, 760.0, 9.0),
    Site("central Kansas", 38.72, -98.65, 590.0, 10.0),
    Site("eastern Colorado", 39.61, -104.04, 1590.0, 12.0),
    Site("Lower Silesia", 51.05, 16.45, 150.0, 3.0),
)


class Launch(NamedTuple):
    """When it is let go, and how it goes up and comes down."""

    start_utc_ms: int
    pad_s: int  # on the pad with everything switched on
    burst_altitude_m: float
    climb_mps: float
    landing_mps: float
    rest_s: float | None = None  # how long it lies there before the end; None: until END_S


class Terrain:
    """Gentle hills around a site; deterministic and smooth, never below the sea."""

    def __init__(self, site: Site, rng: random.Random) -> None:
        self._site = site
        self._waves: list[tuple[float, float, float, float, float]] = []
        for _ in range(4):
            height_m, per_deg = rng.uniform(8, 45), rng.uniform(4, 25)
            direction, phase = rng.uniform(0, 6.28), rng.uniform(0, 6.28)
            self._waves.append((height_m, per_deg * math.cos(direction),
                                per_deg * math.sin(direction), phase, math.sin(phase)))

    def elevation_m(self, latitude_deg: float, longitude_deg: float) -> float:
        """Elevation above sea level; exactly the site's at the site."""
        site = self._site
        east, north = longitude_deg - site.longitude_deg, latitude_deg - site.latitude_deg
        total = site.elevation_m
        for height_m, per_deg_east, per_deg_north, phase, at_site in self._waves:
            along = east * per_deg_east + north * per_deg_north
            total += height_m * (math.sin(along + phase) - at_site)
        return max(2.0, total)


class _Row(NamedTuple):
    latitude_deg: float
    longitude_deg: float
    altitude_m: float
    climb_mps: float
    speed_mps: float
    heading_deg: float


class Touchdown(NamedTuple):
    """Where it comes down, and how long that takes."""

    latitude_deg: float
    longitude_deg: float
    seconds: float


class Balloon:
    """One modelled flight. ``site``, ``launch_s``, ``burst_s`` and ``landing_s`` are its truth."""

    def __init__(
        self, rng: random.Random, sky: Sky, site: Site, launch: Launch | None = None,
        fall_exponent: float = STEADY_DRAG,
    ) -> None:
        """Without a ``launch`` one is drawn: an ordinary latex balloon on an ordinary day.

        It falls faster in thin air by the ratio of the densities to the power ``fall_exponent``.
        """
        launch = launch or draw_launch(rng, site)
        self.site = site
        self.pad = (site.latitude_deg, site.longitude_deg, site.elevation_m)
        self.start_utc_ms = launch.start_utc_ms
        self.burst_altitude_m = launch.burst_altitude_m
        self.launch_s = launch.pad_s
        self._climb_mps = launch.climb_mps
        self._landing_mps = launch.landing_mps
        self._fall_exponent = fall_exponent
        self._sway = (rng.uniform(0.1, 0.3), rng.uniform(90.0, 260.0))  # m/s, s
        self._sky = sky
        self._terrain = Terrain(site, rng)
        self._rows: list[_Row] = []
        self.burst_s = 0
        self._fly()
        self.landing_s = len(self._rows) - 1
        self.end_s = float(END_S) if launch.rest_s is None else self.landing_s + launch.rest_s

    def state(self, t_s: float) -> AirState:
        """The true state ``t_s`` after the beginning; on the pad before, where it fell after."""
        last = len(self._rows) - 1
        at = min(max(t_s, 0.0), float(last))
        index = min(int(at), last - 1)
        part = at - index
        a, b = self._rows[index], self._rows[index + 1]
        latitude, longitude, altitude = (
            x + (y - x) * part for x, y in zip(a[:3], b[:3], strict=True)
        )
        is_still = t_s >= last
        return AirState(
            t_s=t_s,
            latitude_deg=latitude,
            longitude_deg=longitude,
            altitude_m=altitude,
            ground_m=self._terrain.elevation_m(latitude, longitude),
            climb_mps=0.0 if is_still else a.climb_mps,
            speed_mps=0.0 if is_still else a.speed_mps,
            heading_deg=a.heading_deg,
        )

    def fall_from(self, state: AirState) -> Touchdown:
        """Were it to hang under its parachute there and then, down to the ground that is below."""
        latitude, longitude, seconds = state.latitude_deg, state.longitude_deg, 0.0
        altitude_m = state.altitude_m
        while altitude_m > state.ground_m:
            part_s = FALL_STEP_M / self._terminal_mps(altitude_m)
            east, north = self._sky.wind(altitude_m)
            latitude += north * part_s / _METRES_PER_DEGREE
            longitude += east * part_s / (_METRES_PER_DEGREE * math.cos(math.radians(latitude)))
            seconds += part_s
            altitude_m -= FALL_STEP_M
        return Touchdown(latitude, longitude, seconds)

    def _terminal_mps(self, altitude_m: float) -> float:
        thinness = SEA_LEVEL_KGM3 / density_kgm3(altitude_m)
        if self._fall_exponent == STEADY_DRAG:
            return self._landing_mps * math.sqrt(thinness)
        return self._landing_mps * math.pow(thinness, self._fall_exponent)

    def _fly(self) -> None:
        latitude, longitude, altitude = self.pad
        self._rows = [_Row(latitude, longitude, altitude, 0.0, 0.0, 0.0)] * self.launch_s
        while altitude < self.burst_altitude_m:
            sway, period_s = self._sway
            wave = sway * math.sin(2 * math.pi * len(self._rows) / period_s)
            climb = self._climb_mps + wave + 0.5 * altitude / 30_000  # a little faster high up
            latitude, longitude = self._drift(latitude, longitude, altitude, climb)
            altitude += climb
        self.burst_s = len(self._rows) - 1
        climb = 0.0
        for _ in range(DESCENT_S_MAX):
            terminal = self._terminal_mps(altitude)
            # Towards the terminal velocity with its own time constant, v / g.
            climb += (-terminal - climb) * (1 - math.exp(-GRAVITY_MPS2 / terminal))
            latitude, longitude = self._drift(latitude, longitude, altitude, climb)
            altitude += climb
            ground_m = self._terrain.elevation_m(latitude, longitude)
            if altitude <= ground_m:
                break
        self._rows.append(_Row(latitude, longitude, ground_m, 0.0, 0.0, 0.0))

    def _drift(
        self, latitude: float, longitude: float, altitude: float, climb: float
    ) -> tuple[float, float]:
        """Append a row, and return the position a second later."""
        east, north = self._sky.wind(altitude)
        heading = math.degrees(math.atan2(east, north)) % 360
        self._rows.append(
            _Row(latitude, longitude, altitude, climb, math.hypot(east, north), heading)
        )
        return (
            latitude + north / _METRES_PER_DEGREE,
            longitude + east / (_METRES_PER_DEGREE * math.cos(math.radians(latitude))),
        )


def draw_launch(rng: random.Random, site: Site) -> Launch:
    """An ordinary flight of about two and a half hours."""
    start_utc_ms = _draw_start(rng, site)
    burst_altitude_m = rng.uniform(26_000.0, 31_000.0)
    return Launch(
        start_utc_ms, PAD_S, burst_altitude_m, rng.uniform(4.6, 5.2), rng.uniform(4.5, 6.0)
    )


def _draw_start(rng: random.Random, site: Site) -> int:
    """UTC of the beginning: a day from March to October 2027, mostly the hours of daylight.

    One flight in six begins in the afternoon and sees the sun go down.
    """
    day = rng.randrange(0, 230)
    is_evening = rng.random() < 1 / 6
    local_hour = rng.uniform(15.5, 17.0) if is_evening else rng.uniform(6.5, 11.5)
    midnight_ms = int(datetime(2027, 3, 10, tzinfo=UTC).timestamp()) * 1000 + day * 86_400_000
    utc_hour = local_hour - site.longitude_deg / 15
    return midnight_ms + int(utc_hour * 3600) * 1000


def distance_m(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Great-circle distance between two (latitude, longitude) pairs, m. Source: haversine."""
    lat_a, lat_b = math.radians(a[0]), math.radians(b[0])
    half_lat, half_lon = (lat_b - lat_a) / 2, math.radians(b[1] - a[1]) / 2
    chord = math.sin(half_lat) ** 2 + math.cos(lat_a) * math.cos(lat_b) * math.sin(half_lon) ** 2
    return 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(chord)))
