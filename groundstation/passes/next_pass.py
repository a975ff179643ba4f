"""The next pass of a mission's payload, or the one under way, for somebody who waits for it.

Over this station where the mission has a place of its name, otherwise over whichever comes first.
"""

from __future__ import annotations

from typing import TypedDict

from groundstation.passes.upcoming import AGE_DAYS_GOOD, StationPass, coming
from wire.mission import Mission
from wire.mission_orbit import OrbitStation
from wire.orbit import Elements, OrbitError

HOURS = 24.0  # how far it looks ahead


class PassJson(TypedDict):
    """One pass: UTC in ms, degrees; azimuths from north by east. ``way`` is [ms, azimuth,
    elevation] from rise to set."""

    station: str
    rise_ms: int
    top_ms: int
    set_ms: int
    rise_deg: float
    top_deg: float
    set_deg: float
    elevation_deg: float
    range_km: int
    way: list[list[float]]


class NextPassJson(TypedDict):
    """``next`` is None where none comes within ``hours``; ``why`` is a sentence where none can be
    told, else empty."""

    hours: float
    age_days: float
    is_old: bool  # the elements are: times may be off by minutes
    next: PassJson | None
    why: str


class NextPass:
    """Knows a pass until it has set, or other elements are given."""

    def __init__(self, mission: Mission) -> None:
        orbit = mission.orbit
        self._stations = () if orbit is None else _nearest(orbit.stations, mission.ground.station)
        self._known: PassJson | None = None
        self._known_by = ""  # the text of these elements
        self._asked_ms = 0

    @property
    def has_places(self) -> bool:
        """The mission has a place to look from."""
        return bool(self._stations)

    def at(self, elements: Elements, utc_ms: int) -> NextPassJson:
        """What is coming then; ``has_places`` must hold."""
        known, why = self._known, ""
        is_known = known is not None and self._asked_ms <= utc_ms < known["set_ms"]
        if not is_known or self._known_by != elements.text:
            try:
                found = coming(elements, self._stations, utc_ms, HOURS)
            except OrbitError as error:
                found, why = [], f"{error}; newer elements are required."
            known = _json(found[0]) if found else None
            self._known, self._known_by, self._asked_ms = known, elements.text, utc_ms
        age_days = elements.age_days(utc_ms)
        return {"hours": HOURS, "age_days": round(age_days, 1), "is_old": age_days > AGE_DAYS_GOOD,
                "next": known, "why": why}


def _nearest(stations: tuple[OrbitStation, ...], name: str) -> tuple[OrbitStation, ...]:
    own = tuple(station for station in stations if station.name == name)
    return own or stations


def _json(found: StationPass) -> PassJson:
    over = found.over
    return {
        "station": found.station.name,
        "rise_ms": over.rise_ms, "top_ms": over.top_ms, "set_ms": over.set_ms,
        "rise_deg": round(over.rise.azimuth_deg, 2), "top_deg": round(over.top.azimuth_deg, 2),
        "set_deg": round(over.set.azimuth_deg, 2),
        "elevation_deg": round(over.top.elevation_deg, 2),
        "range_km": round(over.top.range_m / 1000),
        "way": [[at_ms, round(look.azimuth_deg, 2), round(look.elevation_deg, 2)]
                for at_ms, look in found.curve],
    }
