"""The landing as the page reads it: the fields of each forecast, and of what became of them.

A unit ends each name: ``_ms`` of a time is UTC since 1970. ``lat`` and ``lon`` are degrees.
"""

from __future__ import annotations

from typing import Any, TypedDict


class EllipseJson(TypedDict):
    """A place, and the standard deviations around it along ``bearing_deg`` and across it."""

    lat: float
    lon: float
    along_m: float
    across_m: float
    bearing_deg: float
    land_ms: int


class PayloadForecastJson(EllipseJson):
    """What the payload said at ``at_ms``."""

    at_ms: int
    is_verified: bool


class LandingJson(EllipseJson):
    """One landing of the station's forecast, for a burst at ``burst_m``."""

    name: str  # which burst: see reading.landing.station_forecast
    burst_m: int
    way: list[list[float]]  # latitude, longitude, altitude in m


class StationForecastJson(TypedDict):
    """The station's forecast from the position at ``at_ms``; the likeliest landing comes first."""

    at_ms: int
    is_verified: bool  # the track
    is_falling: bool
    ground_m: int
    fall_mps: float  # at sea level
    expected_mps: float  # what the mission plans for it
    is_fall_measured: bool
    landings: list[LandingJson]


class ErrorJson(TypedDict):
    """How far from there it landed; in standard deviations of the ellipse too."""

    error_m: int
    sigmas: float


class ScoredLandingJson(LandingJson, ErrorJson):
    """A landing that the station foresaw, and its error."""


class ScoredPayloadJson(PayloadForecastJson, ErrorJson):
    """A forecast of the payload, and its error."""


class ScoredTawhiriJson(TypedDict):
    """A server's forecast has no ellipse."""

    at_ms: int
    lat: float
    lon: float
    error_m: int


class MomentJson(TypedDict):
    """What each said at one moment of the fall."""

    at_ms: int
    alt_m: float | None
    station: ScoredLandingJson | None
    payload: ScoredPayloadJson | None


class OutcomeJson(TypedDict):
    """Where it landed, and every forecast of the fall with its error."""

    at_ms: int
    lat: float
    lon: float
    is_verified: bool
    moments: list[MomentJson]
    tawhiri: ScoredTawhiriJson | None


class ForecastsJson(TypedDict):
    """All that is known of the landing, each None where there is none.

    There is no forecast of the station once the payload has landed, and no outcome until then.
    """

    payload: PayloadForecastJson | None
    station: StationForecastJson | None
    tawhiri: dict[str, Any] | None  # of archive.tawhiri_state.TawhiriState
    outcome: OutcomeJson | None


class LandingPageJson(ForecastsJson):
    """The same, as of one change of the archive."""

    change_id: int
