"""The [orbit] section of the mission file: it makes the payload one that orbits.

Its elements are optional, since before a launch nobody knows them: a payload without them sends as
if somebody always listened, until some come by command.
"""

from __future__ import annotations

from functools import cached_property
from typing import Annotated

from pydantic import AfterValidator, Field

from wire.mission_mqtt import StationName
from wire.mission_radio import Section
from wire.orbit import Elements, GroundObserver

STATIONS_MAX = 16


def _checked(lines: tuple[str, ...]) -> tuple[str, ...]:
    """Raises OrbitError, a ValueError, for lines that are no TLE."""
    Elements(*lines)
    return lines


class OrbitStation(Section):
    """[[orbit.stations]]: a place that listens, and how high above its horizon it begins to."""

    name: StationName
    latitude_deg: Annotated[float, Field(ge=-90, le=90)]
    longitude_deg: Annotated[float, Field(ge=-180, le=180)]
    altitude_m: Annotated[float, Field(ge=-500, le=9000)] = 0.0
    elevation_min_deg: Annotated[float, Field(ge=0, le=80)] = 5.0

    @property
    def vantage(self) -> GroundObserver:
        return GroundObserver(self.latitude_deg, self.longitude_deg, self.altitude_m)


class OrbitSection(Section):
    """[orbit]"""

    tle: Annotated[
        tuple[str, str], Field(strict=False, description="the two lines of a TLE, as an array"),
        AfterValidator(_checked)] | None = None
    beacon_away_s: Annotated[int, Field(ge=30, le=3600)] = 300
    stations: Annotated[
        tuple[OrbitStation, ...], Field(strict=False, max_length=STATIONS_MAX)] = ()

    @cached_property
    def elements(self) -> Elements | None:
        """Those of ``tle``."""
        return None if self.tle is None else Elements(*self.tle)

    def flaw(self) -> str | None:
        """What cannot be as the file has it, in one sentence; None when all can."""
        names = [station.name for station in self.stations]
        twice = next((each for each in names if names.count(each) > 1), None)
        if twice is not None:
            return f"orbit.stations has {twice!r} twice; each name stands for one place"
        return None
