"""Where it will land: as the payload said, and as this station reckons from the track it received.

The payload's forecast comes as records and may be hours old; the station's own follows from the
winds that carried the payload up, its newest position and the fall so far, and needs no record.
Each says from when it is. Where the station can prove what it hears, nothing unproved is in either.

Does not cover: hills, a balloon that floats, a weather model.
Source: ``wire.landing``, the same arithmetic as the payload's.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import median
from typing import Any, NamedTuple

from groundstation.archive.rows import body_of, is_proved, when_of
from groundstation.archive.track import Point, Tracks
from groundstation.sanitise import number, scaled
from wire.beacon import Phase
from wire.landing import FallSpeed, Landing, predict
from wire.mission import FlightSection, Mission
from wire.winds import AirPosition, WindLayers

TOLD_AMONG = 500  # of the newest housekeeping records one tells the landing, if any does
FALLEN_M = 200.0  # below the highest position: it falls
ALOFT_M = 50.0  # above the ground: below it the air's wind is not what moves it
STEP_MS = (2_000, 180_000)  # between two positions that tell a vertical speed
CLIMB_STEPS = 12
FALL_SAMPLES, FALL_SAMPLES_MIN = 12, 3  # of steps, each longer than the payload's second
CLIMB_MPS_MIN = 0.5  # slower, and no burst is in sight
BURST_SPREAD_M = 2_000.0  # a balloon bursts about there
WAY_EVERY = 5  # layers between the places of a way that is drawn


def forecasts(
    db: sqlite3.Connection, mission: Mission, told: Iterable[sqlite3.Row], tracks: Tracks,
    is_verifying: bool,
) -> dict[str, Any]:
    """``payload`` and ``station``, each None where there is none; the station's is None once the
    payload has landed. ``told``: HOUSEKEEPING records, newest first.
    """
    node_id = mission.payload.node_id
    newest = db.execute(
        "SELECT phase FROM beacon WHERE node_id = ? AND NOT is_late ORDER BY id DESC LIMIT 1",
        (node_id,),
    ).fetchone()
    pad_m = db.execute("SELECT MIN(altitude_m) FROM beacon WHERE node_id = ? AND phase = ?",
                       (node_id, int(Phase.GROUND))).fetchone()[0]
    place = mission.ground.sondehub_position
    ground_m = pad_m if pad_m is not None else place[2] if place else 0.0
    own = None
    if newest is None or newest[0] != Phase.LANDED:
        track = tracks.proved if is_verifying else tracks.unproved
        own = station_forecast(track, mission.flight, ground_m)
    return {
        "payload": payload_forecast(told),
        "station": None if own is None else own.as_json() | {
            "is_proved": is_verifying, "expected_mps": mission.flight.landing_mps},
    }


def payload_forecast(rows: Iterable[sqlite3.Row]) -> dict[str, Any] | None:
    """The first forecast among these HOUSEKEEPING records, which come newest first."""
    for row in rows:
        body = body_of(row)
        found = {
            "lat": scaled(body, "land_lat", -9e8, 9e8, 1e-7),
            "lon": scaled(body, "land_lon", -18e8, 18e8, 1e-7),
            "along_m": number(body, "land_along", 1, 1_000_000),
            "across_m": number(body, "land_across", 1, 1_000_000),
            "bearing_deg": number(body, "land_dir", 0, 360),
        }
        seconds = number(body, "land_s", 0, 86_400)
        if seconds is None or None in found.values():
            continue
        at_ms = when_of(row)[0]
        return {"at_ms": at_ms, "is_proved": is_proved(row),
                "land_ms": round(at_ms + 1000 * seconds), **found}
    return None


class StationForecast(NamedTuple):
    """What a track says of the landing, from its newest position on."""

    at_ms: int
    is_falling: bool
    ground_m: float
    fall_mps: float  # at sea level
    is_fall_measured: bool
    landings: list[tuple[str, Landing]]  # each by its name, the likeliest first; never empty

    def as_json(self) -> dict[str, Any]:
        """As the page reads it."""
        return {
            "at_ms": self.at_ms, "is_falling": self.is_falling, "ground_m": round(self.ground_m),
            "fall_mps": round(self.fall_mps, 1), "is_fall_measured": self.is_fall_measured,
            "landings": [_json(name, landing, self.at_ms) for name, landing in self.landings],
        }


def station_forecast(
    track: Sequence[Point], plan: FlightSection, ground_m: float
) -> StationForecast | None:
    """From the track, which is in order; None where it says too little of the winds, or is down.

    ``ground_m``: altitude of the ground above the sea. While it falls there is one landing; while
    it rises one for a burst here and now ("here"), and where the mission plans a burst one for that
    ("planned") and for BURST_SPREAD_M less and more ("low", "high").
    """
    flown = [AirPosition(at_ms, lat_deg, lon_deg, alt_m)
             for at_ms, lat_deg, lon_deg, alt_m in track if alt_m is not None]
    if not flown:
        return None
    highest = max(range(len(flown)), key=lambda at: flown[at].altitude_m)
    last = flown[-1]
    is_falling = flown[highest].altitude_m - last.altitude_m > FALLEN_M
    winds = WindLayers()
    for position in flown:
        if position.altitude_m > ground_m + ALOFT_M:
            winds.observe(position)
    fall = FallSpeed(plan.landing_mps, FALL_SAMPLES, FALL_SAMPLES_MIN)
    if is_falling:
        for middle_m, climb_mps in _steps(flown[highest:]):
            fall.observe(middle_m, climb_mps)
    landings = _landings(flown, winds, fall, ground_m, None if is_falling else plan)
    if not landings:
        return None
    return StationForecast(
        last.at_ms, is_falling, ground_m, fall.sea_level_mps, fall.is_measured, landings)


def _landings(
    flown: list[AirPosition], winds: WindLayers, fall: FallSpeed, ground_m: float,
    plan: FlightSection | None,
) -> list[tuple[str, Landing]]:
    """(which, landing); ``plan`` is None once it falls."""
    last = flown[-1]
    wanted: list[tuple[str, float | None]] = [("here", None)]
    climbs = [climb_mps for _, climb_mps in _steps(flown[-CLIMB_STEPS - 1:])]
    climb_mps = median(climbs) if climbs else 0.0
    burst_m = plan.burst_altitude_m if plan else None
    if burst_m is not None and climb_mps >= CLIMB_MPS_MIN:
        bursts = (("planned", burst_m), ("low", burst_m - BURST_SPREAD_M),
                  ("high", burst_m + BURST_SPREAD_M))
        wanted = [*((name, at_m) for name, at_m in bursts if at_m > last.altitude_m), *wanted]
    found = ((name, predict(last, winds, fall, ground_m, burst, climb_mps))
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


def _json(name: str, landing: Landing, at_ms: int) -> dict[str, Any]:
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
