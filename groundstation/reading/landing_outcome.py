"""How good the forecasts were, once it is down: what was said in the fall, beside where it landed.

Nothing is kept for this while it flies. The station's forecast of a moment is reckoned again from
the track up to that moment, which is all that it knew then; the payload's is the newest that it had
made; the Tawhiri server's is its last answer. The landing is the position in the first beacon that
says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from groundstation.archive.tawhiri_state import TawhiriForecast
from groundstation.archive.track import Point, distance_m
from groundstation.reading.landing import FALLEN_M, StationForecast, station_forecast
from wire.landing import Landing
from wire.mission import FlightSection

HEIGHTS_M = (10_000.0, 5_000.0)  # in the fall, beside its beginning
ABOVE_GROUND_M = 500.0  # a forecast from lower down foresees nothing
Told = Callable[[int], dict[str, Any] | None]  # the payload's newest forecast at a time, UTC ms


def outcome(
    truth: Point, is_proved: bool, track: Sequence[Point], plan: FlightSection, ground_m: float,
    told: Told, tawhiri: TawhiriForecast | None,
) -> dict[str, Any]:
    """The landing ``truth`` and, for each moment of the fall, every forecast with its error.

    ``track`` is in order. A moment has ``at_ms``, ``alt_m``, ``station`` and ``payload``; each of
    these two has ``error_m`` and ``sigmas``, that many standard deviations of its ellipse, or is
    None; ``tawhiri`` of the whole has no ellipse.
    """
    moments = []
    for at in _moments(track, ground_m):
        last = track[at]
        found = station_forecast(track[: at + 1], plan, ground_m)
        moments.append({
            "at_ms": last.utc_ms, "alt_m": last.alt_m,
            "station": None if found is None else _scored(_likeliest(found), truth),
            "payload": _scored(told(last.utc_ms), truth)})
    asked = None
    if tawhiri is not None and track and track[0].utc_ms <= tawhiri.at_ms <= truth.utc_ms:
        asked = _scored({"at_ms": tawhiri.at_ms, "lat": tawhiri.lat, "lon": tawhiri.lon}, truth)
    return {"at_ms": truth.utc_ms, "lat": truth.lat_deg, "lon": truth.lon_deg,
            "is_proved": is_proved, "moments": moments, "tawhiri": asked}


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


def _likeliest(found: StationForecast) -> dict[str, Any]:
    best: dict[str, Any] = found.as_json()["landings"][0]
    return best


def _scored(forecast: dict[str, Any] | None, truth: Point) -> dict[str, Any] | None:
    if forecast is None:
        return None
    place = Point(truth.utc_ms, forecast["lat"], forecast["lon"], None)
    found = forecast | {"error_m": round(distance_m(place, truth))}
    if "along_m" in forecast:
        said = Landing(forecast["lat"], forecast["lon"], 0.0, forecast["along_m"],
                       forecast["across_m"], forecast["bearing_deg"], ())
        found["sigmas"] = round(said.distance_sigma(truth.lat_deg, truth.lon_deg), 2)
    return found
