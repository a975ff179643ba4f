"""Where the payload will land: as it says itself, and as this station reckons from its track.

The payload's forecast comes as records and may be hours old; the station's own follows from the
winds that carried the payload up, its newest position and the fall so far, and needs no record.
Each says from when it is.

Does not cover: hills, a balloon that floats.
Source: ``wire.landing_forecast``, the same arithmetic as the payload's.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from groundstation.archive.rows import body_of, is_verified, when_of
from groundstation.archive.track import Point
from groundstation.reading.landing_json import LandingJson, PayloadForecastJson
from groundstation.sanitise import number, scaled
from wire.landing_forecast import FallSpeed, Landing, predict
from wire.mission import FlightSection
from wire.winds import AirPosition, WindLayers

FALLEN_M = 200.0  # below the highest position: it falls
ALOFT_M = 50.0  # above the ground: below it the air's wind is not what moves it
STEP_MS = (2_000, 180_000)  # between two positions that tell a vertical speed
CLIMB_STEPS = 12
FALL_SAMPLES, FALL_SAMPLES_MIN = 12, 3  # of steps, each longer than the payload's second
CLIMB_MPS_MIN = 0.5  # slower, and no burst is in sight
BURST_SPREAD_M = 2_000.0  # a balloon bursts about there
WAY_EVERY = 5  # layers between the places of a way that is drawn


def payload_forecast(rows: Iterable[sqlite3.Row]) -> PayloadForecastJson | None:
    """The first forecast among these HOUSEKEEPING records, which come newest first."""
    for row in rows:
        body = body_of(row)
        lat = scaled(body, "land_lat", -9e8, 9e8, 1e-7)
        lon = scaled(body, "land_lon", -18e8, 18e8, 1e-7)
        along_m = number(body, "land_along", 1, 1_000_000)
        across_m = number(body, "land_across", 1, 1_000_000)
        bearing_deg = number(body, "land_dir", 0, 360)
        seconds = number(body, "land_s", 0, 86_400)
        if (lat is None or lon is None or along_m is None or across_m is None
                or bearing_deg is None or seconds is None):
            continue
        at_ms = when_of(row)[0]
        return {"at_ms": at_ms, "is_verified": is_verified(row),
                "land_ms": round(at_ms + 1000 * seconds), "lat": lat, "lon": lon,
                "along_m": along_m, "across_m": across_m, "bearing_deg": bearing_deg}
    return None


class StationForecast(NamedTuple):
    """What a track says of the landing, from its newest position on."""

    at_ms: int
    is_falling: bool
    ground_m: float
    fall_mps: float  # at sea level
    is_fall_measured: bool
    landings: list[tuple[str, Landing]]  # each by its name, the likeliest first; never empty

    def landings_json(self) -> list[LandingJson]:
        """As the page reads them."""
        return [_json(name, landing, self.at_ms) for name, landing in self.landings]


class TrackMotion(NamedTuple):
    """How it moves, as far as its track tells."""

    flown: list[AirPosition]  # the positions with an altitude, in order; never empty
    is_falling: bool
    climb_mps: float  # while it rises; zero where no two positions tell it
    fall: FallSpeed

    @property
    def last(self) -> AirPosition:
        return self.flown[-1]


def motion_of(track: Sequence[Point], plan: FlightSection) -> TrackMotion | None:
    """From the track, which is in order; None where no altitude is known."""
    flown = [AirPosition(at_ms, lat_deg, lon_deg, alt_m)
             for at_ms, lat_deg, lon_deg, alt_m in track if alt_m is not None]
    if not flown:
        return None
    highest = max(range(len(flown)), key=lambda at: flown[at].altitude_m)
    is_falling = flown[highest].altitude_m - flown[-1].altitude_m > FALLEN_M
    fall = FallSpeed(plan.landing_mps, FALL_SAMPLES, FALL_SAMPLES_MIN)
    if is_falling:
        for middle_m, climb_mps in _steps(flown[highest:]):
            fall.observe(middle_m, climb_mps)
    climbs = [] if is_falling else [climb for _, climb in _steps(flown[-CLIMB_STEPS - 1:])]
    return TrackMotion(flown, is_falling, median(climbs) if climbs else 0.0, fall)


def station_forecast(
    track: Sequence[Point], plan: FlightSection, ground_m: float
) -> StationForecast | None:
    """From the track, which is in order; None where it says too little of the winds, or is down.

    ``ground_m``: altitude of the ground above the sea. While it falls there is one landing; while
    it rises one for a burst here and now ("here"), and where the mission plans a burst one for that
    ("planned") and for BURST_SPREAD_M less and more ("low", "high").
    """
    motion = motion_of(track, plan)
    if motion is None:
        return None
    winds = WindLayers()
    for position in motion.flown:
        if position.altitude_m > ground_m + ALOFT_M:
            winds.observe(position)
    landings = _landings(motion, winds, ground_m, plan.burst_altitude_m)
    if not landings:
        return None
    fall = motion.fall
    return StationForecast(motion.last.at_ms, motion.is_falling, ground_m, fall.sea_level_mps,
                           fall.is_measured, landings)


def _landings(
    motion: TrackMotion, winds: WindLayers, ground_m: float, burst_m: float | None
) -> list[tuple[str, Landing]]:
    """(which, landing)."""
    last = motion.last
    wanted: list[tuple[str, float | None]] = [("here", None)]
    if burst_m is not None and motion.climb_mps >= CLIMB_MPS_MIN:
        bursts = (("planned", burst_m), ("low", burst_m - BURST_SPREAD_M),
                  ("high", burst_m + BURST_SPREAD_M))
        wanted = [*((name, at_m) for name, at_m in bursts if at_m > last.altitude_m), *wanted]
    found = ((name, predict(last, winds, motion.fall, ground_m, burst, motion.climb_mps))
             for name, burst in wanted)
    return [(name, landing) for name, landing in found if landing is not None]


def _steps(positions: Sequence[AirPosition]) -> list[tuple[float, float]]:
    """(altitude in the middle, climb in m/s) between positions that are neither too close to one
    another nor too far."""
    steps = []
    for first, second in pairwise(positions):
        step_ms = second.at_ms - first.at_ms
        if STEP_MS[0] <= step_ms <= STEP_MS[1]:
            up_m = second.altitude_m - first.altitude_m
            steps.append((first.altitude_m + up_m / 2, 1000 * up_m / step_ms))
    return steps


def _json(name: str, landing: Landing, at_ms: int) -> LandingJson:
    top = max(landing.way, key=lambda place: place[2])
    way = [place for at, place in enumerate(landing.way)
           if at % WAY_EVERY == 0 or place is top or at == len(landing.way) - 1]
    return {
        "name": name, "burst_m": round(top[2]),
        "lat": round(landing.latitude_deg, 6), "lon": round(landing.longitude_deg, 6),
        "land_ms": round(at_ms + 1000 * landing.seconds),
        "along_m": round(landing.along_m), "across_m": round(landing.across_m),
        "bearing_deg": round(landing.bearing_deg),
        "way": [[round(lat, 5), round(lon, 5), round(alt_m)] for lat, lon, alt_m in way],
    }
