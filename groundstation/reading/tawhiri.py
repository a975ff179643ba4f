"""What a Tawhiri server is asked about the landing, and what its answer says.

Sans-I/O. One GET of the standard profile from the newest position: for a payload that rises or
waits on the pad, with a burst at the mission's altitude; for one that falls, or where no burst is
planned, with one here and now. The server is a stranger: its answer is bounded, checked against the
question, and only numbers are kept of it.

Source: docs/api.rst of cuspaceflight/tawhiri, API version 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from groundstation.archive.tawhiri_state import TawhiriForecast
from groundstation.archive.track import Point, distance_m
from groundstation.http_call import HttpAnswer
from groundstation.reading.landing import CLIMB_MPS_MIN, motion_of
from groundstation.sanitise import clean_text, number, read_json
from wire.earth import wrapped_deg
from wire.mission import FlightSection

BODY_BYTES_MAX = 1_000_000  # a flight of four hours has 40 kB
POINTS_MAX, WAY_POINTS_MAX = 20_000, 64
WORDS_MAX = 120  # of what the server says of a question that it refuses
FLIGHT_MS_MAX = 86_400_000
START_KM_MAX = 2.0  # further from the position in the question, and the answer is to another
BURST_ABOVE_M = 1.0  # the standard profile rises before it falls
CLIMB_MPS = 5.0  # through that metre, and of what does not climb yet: as balloons are filled
_ODD = "its answer is not the JSON of a prediction"


class NoForecast(Exception):
    """The answer gives no forecast; the message says why, as a clause."""


@dataclass(frozen=True, slots=True)
class TawhiriQuestion:
    """One question: its address, the position that it is about, and which burst it supposes."""

    url: str
    position: Point
    name: str


def question(
    server_url: str, track: Sequence[Point], plan: FlightSection
) -> TawhiriQuestion | None:
    """About the newest position of ``track``; None where no position has an altitude."""
    motion = motion_of(track, plan)
    if motion is None:
        return None
    last, burst_m, climb_mps = motion.last, plan.burst_altitude_m, motion.climb_mps
    is_planned = burst_m is not None and burst_m > last.altitude_m and not motion.is_falling
    if burst_m is None or not is_planned:
        burst_m = last.altitude_m + BURST_ABOVE_M
    if motion.is_falling or climb_mps < CLIMB_MPS_MIN:
        climb_mps = CLIMB_MPS
    query = {
        "profile": "standard_profile",
        "launch_datetime": datetime.fromtimestamp(last.at_ms / 1000, UTC).isoformat(),
        "launch_latitude": f"{last.latitude_deg:.5f}",
        "launch_longitude": f"{last.longitude_deg % 360:.5f}",
        "launch_altitude": f"{last.altitude_m:.0f}",
        "ascent_rate": f"{climb_mps:.2f}",
        "burst_altitude": f"{burst_m:.0f}",
        "descent_rate": f"{motion.fall.sea_level_mps:.2f}",
    }
    return TawhiriQuestion(
        f"{server_url}?{urlencode(query)}", Point(*last), "planned" if is_planned else "here")


def forecast_of(
    answer: HttpAnswer, sent: TawhiriQuestion, asked_ms: int, is_verified: bool
) -> TawhiriForecast:
    """What the answer says. Raises NoForecast."""
    if len(answer.body) > BODY_BYTES_MAX:
        raise NoForecast(f"its answer is longer than {BODY_BYTES_MAX // 1000} kB")
    try:
        found = read_json(answer.body)
    except ValueError:
        found = None
    if answer.status != 200:
        raise NoForecast(f"it answered with status {answer.status}{_words(found)}")
    way = _way(found)
    last = way[-1]
    if distance_m(sent.position, way[0]) > START_KM_MAX * 1000:
        raise NoForecast("its answer is about another place")
    if not 0 < last.utc_ms - sent.position.utc_ms <= FLIGHT_MS_MAX:
        raise NoForecast("its answer is about another time")
    request = found.get("request")
    dataset = clean_text(request.get("dataset"), 40) if isinstance(request, dict) else ""
    stride = -(-len(way) // (WAY_POINTS_MAX - 1))
    return TawhiriForecast(
        sent.position.utc_ms, asked_ms, is_verified, sent.name, dataset,
        round(last.lat_deg, 6), round(last.lon_deg, 6), last.utc_ms,
        [[round(p.lat_deg, 5), round(p.lon_deg, 5), round(p.alt_m or 0)]
         for p in (*way[:-1:stride], last)])


def _words(found: Any) -> str:
    """What the server says of an error, as the rest of a clause."""
    error = found.get("error") if isinstance(found, dict) else None
    words = clean_text(error.get("description"), WORDS_MAX) if isinstance(error, dict) else ""
    return f": {words}" if words else ""


def _way(found: Any) -> list[Point]:
    """All points of the prediction, in its order; at least two."""
    stages = found.get("prediction") if isinstance(found, dict) else None
    if not isinstance(stages, list):
        raise NoForecast(_ODD)
    way: list[Point] = []
    for stage in stages:
        points = stage.get("trajectory") if isinstance(stage, dict) else None
        if not isinstance(points, list) or len(way) + len(points) > POINTS_MAX:
            raise NoForecast(_ODD)
        way += [_point(each) for each in points]
    if len(way) < 2:
        raise NoForecast(_ODD)
    return way


def _point(each: Any) -> Point:
    if not isinstance(each, dict):
        raise NoForecast(_ODD)
    lat, lon = number(each, "latitude", -90, 90), number(each, "longitude", -180, 360)
    alt, when = number(each, "altitude", -1_000, 100_000), each.get("datetime")
    if lat is None or lon is None or alt is None or not isinstance(when, str):
        raise NoForecast(_ODD)
    try:
        at = datetime.fromisoformat(when)
        return Point(round(at.timestamp() * 1000), lat, wrapped_deg(lon), alt)
    except (ValueError, OverflowError, OSError) as error:
        raise NoForecast(_ODD) from error
