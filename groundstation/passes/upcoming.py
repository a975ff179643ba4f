"""The passes to come: over every station of a mission, or over one place with given elements."""

from __future__ import annotations

from typing import NamedTuple

from wire.mission_orbit import OrbitStation
from wire.orbit import Elements, LookAngles
from wire.passes import Pass, last_reached_ms, passes

FREQUENCY_HZ = 434e6
AGE_DAYS_GOOD = 7.0  # of elements; a low orbit is a minute off after that
CURVE_POINTS = 25


class StationPass(NamedTuple):
    """One pass over one station, with looks from its rise to its set."""

    station: OrbitStation
    over: Pass
    curve: tuple[tuple[int, LookAngles], ...]  # UTC in ms

    @property
    def doppler_hz(self) -> float:
        """How much higher than sent it is heard as it rises; as it sets, as much lower."""
        return self.over.rise.doppler_hz(FREQUENCY_HZ)


def coming(
    elements: Elements, stations: tuple[OrbitStation, ...], from_ms: int, hours: float,
) -> list[StationPass]:
    """Those of the next ``hours`` by their rise, as far as the elements can be followed."""
    to_ms = last_reached_ms(elements, from_ms, from_ms + round(hours * 3_600_000))
    found = [
        StationPass(station, over, _curve(elements, station, over))
        for station in stations
        for over in passes(
            elements, station.vantage, station.elevation_min_deg, from_ms, to_ms)]
    return sorted(found, key=lambda each: (each.over.rise_ms, each.station.name))


def _curve(
    elements: Elements, station: OrbitStation, over: Pass
) -> tuple[tuple[int, LookAngles], ...]:
    span_ms = over.set_ms - over.rise_ms
    times = (over.rise_ms + span_ms * i // (CURVE_POINTS - 1) for i in range(CURVE_POINTS))
    vantage = station.vantage
    return tuple((at_ms, vantage.look(elements.at(at_ms))) for at_ms in times)
