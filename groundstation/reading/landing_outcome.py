"""How good the forecasts were: what was said during the fall, beside where the payload landed.

Nothing is kept for this while it flies. The station's forecast of a moment is reckoned again from
the track up to that moment, which is all that it knew then; the payload's is the newest that it had
made; the Tawhiri server's is its last answer. The landing is the position in the first beacon that
says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from groundstation.archive.tawhiri_state import TawhiriForecast
from groundstation.archive.track import Point, distance_m
from groundstation.reading.landing import FALLEN_M, station_forecast
from groundstation.reading.landing_json import (
    EllipseJson,
    ErrorJson,
    MomentJson,
    OutcomeJson,
    PayloadForecastJson,
    ScoredTawhiriJson,
)
from wire.landing_forecast import Landing
from wire.mission import FlightSection

HEIGHTS_M = (10_000.0, 5_000.0)  # in the fall, beside its beginning
ABOVE_GROUND_M = 500.0  # a forecast from lower down predicts nothing
PayloadForecastAt = Callable[[int], PayloadForecastJson | None]  # its newest at a time, UTC ms


def outcome(
    truth: Point, is_verified: bool, track: Sequence[Point], plan: FlightSection, ground_m: float,
    payload_forecast: PayloadForecastAt, tawhiri: TawhiriForecast | None,
) -> OutcomeJson:
    """The landing ``truth`` and, for each moment of the fall, every forecast with its error.

    ``track`` is in order.
    """
    moments: list[MomentJson] = []
    for at in _moments(track, ground_m):
        last = track[at]
        found = station_forecast(track[: at + 1], plan, ground_m)
        own = None if found is None else found.landings_json()[0]
        aboard = payload_forecast(last.utc_ms)
        moments.append({
            "at_ms": last.utc_ms, "alt_m": last.alt_m,
            "station": None if own is None else {**own, **_error(own, truth)},
            "payload": None if aboard is None else {**aboard, **_error(aboard, truth)}})
    scored: ScoredTawhiriJson | None = None
    if tawhiri is not None and track and track[0].utc_ms <= tawhiri.at_ms <= truth.utc_ms:
        scored = {"at_ms": tawhiri.at_ms, "lat": tawhiri.lat, "lon": tawhiri.lon,
                 "error_m": _error_m(tawhiri.lat, tawhiri.lon, truth)}
    return {"at_ms": truth.utc_ms, "lat": truth.lat_deg, "lon": truth.lon_deg,
            "is_verified": is_verified, "moments": moments, "tawhiri": scored}


def _moments(track: Sequence[Point], ground_m: float) -> list[int]:
    """Where in the track its fall is first seen, and where it is first below each height."""
    heights = [(at, point.alt_m) for at, point in enumerate(track) if point.alt_m is not None]
    if not heights:
        return []
    top_m = max(alt_m for _, alt_m in heights)
    top_at = next(at for at, alt_m in heights if alt_m == top_m)
    below = [top_m - FALLEN_M, *(height_m for height_m in HEIGHTS_M if height_m < top_m - FALLEN_M)]
    found = (next(((at, alt_m) for at, alt_m in heights if at > top_at and alt_m < height_m), None)
             for height_m in below)
    return sorted({first[0] for first in found
                   if first is not None and first[1] > ground_m + ABOVE_GROUND_M})


def _error(forecast: EllipseJson, truth: Point) -> ErrorJson:
    landing = Landing(forecast["lat"], forecast["lon"], 0.0, forecast["along_m"],
                      forecast["across_m"], forecast["bearing_deg"], ())
    return {"error_m": _error_m(forecast["lat"], forecast["lon"], truth),
            "sigmas": round(landing.distance_sigma(truth.lat_deg, truth.lon_deg), 2)}


def _error_m(lat_deg: float, lon_deg: float, truth: Point) -> int:
    return round(distance_m(Point(truth.utc_ms, lat_deg, lon_deg, None), truth))
