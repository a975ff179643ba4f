"""An orbit instead of the balloon: a TLE, followed with SGP4, over one or several stations.

Serves the same ``Trajectory`` protocol. Heights are above the ellipsoid of WGS 84, which a receiver
and the stations take for the sea.

A drawn orbit is a low one that goes over the first station ten minutes after the beginning, with
the drag of a small satellite.

As the orbit sinks over months, ``renewed`` are the elements that an operator uploads.
"""

from __future__ import annotations

import math
import random

from sgp4 import io
from sgp4.api import WGS72, Satrec
from sgp4.exporter import export_tle

from sim.balloon import AirState, Launch
from wire.mission_orbit import OrbitSection, OrbitStation
from wire.orbit import (
    SEMI_MAJOR_M,
    UNIX_JD,
    EarthFixed,
    Elements,
    LookAngles,
    geodetic,
    sidereal_rad,
)
from wire.passes import passes

GM_M3PS2 = 3.986008e14  # of WGS 72, which SGP4 uses
FIRST_PASS_S = 600.0
REVOLUTIONS = 3.2
ALTITUDE_M = (380_000.0, 560_000.0)
ECCENTRICITY = (0.0002, 0.002)
DRAG_PER_RADIUS = (2e-5, 8e-5)  # B*, of satellites of some kilograms
NUMBER = 99_001  # of no catalogued object
LAG_S = (15.0, 60.0)  # from one payload that a rocket lets go to the next,
PUSH_MPS = 0.03  # whose spring is so much stronger or weaker, standard deviation
_1949_MS = -631_238_400_000  # 1949-12-31T00:00Z, from which SGP4 counts its days
_DAY_MS = 86_400_000
RATE_ROUNDS = 5  # each a thousand times closer


class Orbit:
    """``elements`` and ``stations`` are its truth; ``pad`` is the first station."""

    def __init__(
        self, start_utc_ms: int, elements: Elements, stations: tuple[OrbitStation, ...],
        revolutions: float = REVOLUTIONS,
    ) -> None:
        """At least one station. Raises OrbitError where the elements do not reach the beginning."""
        assert stations, "an orbit that nobody sees"
        self.start_utc_ms = start_utc_ms
        self.elements = elements
        self.stations = stations
        self.revolutions = revolutions
        self.pad = (stations[0].latitude_deg, stations[0].longitude_deg, stations[0].altitude_m)
        self.end_s = FIRST_PASS_S + revolutions * elements.period_s
        self._vantages = [(station.vantage, station.elevation_min_deg) for station in stations]
        self._looks: tuple[EarthFixed, list[LookAngles | None]] | None = None
        self._fixed: tuple[float, EarthFixed] | None = None
        self._state: AirState | None = None

    def state(self, t_s: float) -> AirState:
        """Where it is ``t_s`` after the beginning."""
        if self._state is None or self._state.t_s != t_s:
            seen = self.fixed(t_s)
            place = geodetic(seen)
            latitude = math.radians(place.latitude_deg)
            longitude = math.radians(place.longitude_deg)
            east = seen.y_mps * math.cos(longitude) - seen.x_mps * math.sin(longitude)
            outward = seen.x_mps * math.cos(longitude) + seen.y_mps * math.sin(longitude)
            north = seen.z_mps * math.cos(latitude) - outward * math.sin(latitude)
            climb = seen.z_mps * math.sin(latitude) + outward * math.cos(latitude)
            self._state = AirState(
                t_s=t_s, latitude_deg=place.latitude_deg, longitude_deg=place.longitude_deg,
                altitude_m=place.altitude_m, ground_m=0.0, climb_mps=climb,
                speed_mps=math.hypot(east, north),
                heading_deg=math.degrees(math.atan2(east, north)) % 360)
        return self._state

    def fixed(self, t_s: float) -> EarthFixed:
        """The same, fixed to the Earth."""
        if self._fixed is None or self._fixed[0] != t_s:
            self._fixed = t_s, self.elements.at(self.start_utc_ms + t_s * 1000)
        return self._fixed[1]

    def best_look(self, t_s: float) -> LookAngles | None:
        """How it stands at the station that it is nearest to; None while none sees it."""
        looks = [look for look in self.looks(t_s) if look is not None]
        return min(looks, key=lambda look: look.range_m, default=None)

    def looks(self, t_s: float) -> list[LookAngles | None]:
        """How it stands at each station; None at those that do not see it."""
        seen = self.fixed(t_s)
        if self._looks is None or self._looks[0] is not seen:
            looks = [(vantage.look(seen), least_deg) for vantage, least_deg in self._vantages]
            self._looks = seen, [look if look.elevation_deg >= least_deg else None
                                 for look, least_deg in looks]
        return self._looks[1]

    def nearest(self, t_s: float) -> int | None:
        """The number of the station that hears it, from 0; None while none does."""
        ranges = [(look.range_m, number) for number, look in enumerate(self.looks(t_s))
                  if look is not None]
        return min(ranges)[1] if ranges else None

    def passes(self) -> list[tuple[float, float, str]]:
        """(rise, set, station) of every pass, s after the beginning, by their rise."""
        end_ms = self.start_utc_ms + round(self.end_s * 1000)
        found = [
            ((each.rise_ms - self.start_utc_ms) / 1000, (each.set_ms - self.start_utc_ms) / 1000,
             station.name)
            for station in self.stations
            for each in passes(self.elements, station.vantage, station.elevation_min_deg,
                               self.start_utc_ms, end_ms)]
        return sorted(found)


def build(
    rng: random.Random, section: OrbitSection | None, drawn: tuple[OrbitStation, ...],
    launch: Launch, revolutions: float,
) -> Orbit:
    """The orbit of a mission: its own elements and stations where it has them, from their epoch on,
    and drawn ones where it has not."""
    stations = section.stations or drawn if section is not None else drawn
    if section is not None and section.elements is not None:
        return Orbit(section.elements.epoch_ms, section.elements, stations, revolutions)
    elements = draw_elements(rng, stations[0], launch.start_utc_ms)
    return Orbit(launch.start_utc_ms, elements, stations, revolutions)


def behind(elements: Elements, lag_s: float, push_mps: float = 0.0) -> Elements:
    """Those of whoever follows on the same orbit, ``lag_s`` later; pushed along it, it is higher
    and falls back by three times that speed."""
    first, second = elements.lines
    anomaly_deg = round(float(second[43:51]) - 360 * lag_s / elements.period_s, 4) % 360
    fixed = elements.at(elements.epoch_ms)
    speed_mps = math.hypot(fixed.x_mps, fixed.y_mps, fixed.z_mps)
    revolutions = float(second[52:63]) * (1 - 3 * push_mps / speed_mps)
    digits = f"{second[:43]}{anomaly_deg:8.4f}{second[51]}{revolutions:11.8f}{second[63:68]}"
    return Elements(first, f"{digits}{io.compute_checksum(digits)}")


def strung_out(rng: random.Random, first: Elements, count: int) -> list[Elements]:
    """Those of ``count`` payloads that one rocket lets go, one after the other. They drift apart,
    and some past each other, by some kilometres a day."""
    found, lag_s = [first], 0.0
    for _ in range(count - 1):
        lag_s += rng.uniform(*LAG_S)
        found.append(behind(first, lag_s, rng.gauss(0, PUSH_MPS)))
    return found


def draw_elements(rng: random.Random, over: OrbitStation, start_utc_ms: int) -> Elements:
    """A low orbit that goes over ``over``, on its way north, at FIRST_PASS_S."""
    radius_m = SEMI_MAJOR_M + rng.uniform(*ALTITUDE_M)
    rate_radps = math.sqrt(GM_M3PS2 / radius_m**3)
    least_deg = max(55.0, abs(over.latitude_deg) + 1)
    inclination = math.radians(rng.uniform(least_deg, max(97.5, least_deg)))
    # Where it is in its orbit as it passes over the station's latitude, and the node that puts it
    # over its longitude then.
    argument = math.asin(min(1.0, math.sin(math.radians(over.latitude_deg))
                             / math.sin(inclination)))
    pass_days = (start_utc_ms + FIRST_PASS_S * 1000) / _DAY_MS
    east = math.atan2(math.cos(inclination) * math.sin(argument), math.cos(argument))
    node = math.radians(over.longitude_deg) + sidereal_rad(pass_days) - east
    perigee = rng.uniform(0.0, 2 * math.pi)
    record = Satrec()
    record.sgp4init(
        WGS72, "i", NUMBER, (start_utc_ms - _1949_MS) / _DAY_MS, rng.uniform(*DRAG_PER_RADIUS), 0.0,
        0.0, rng.uniform(*ECCENTRICITY), perigee, inclination,
        (argument - rate_radps * FIRST_PASS_S - perigee) % (2 * math.pi), rate_radps * 60,
        node % (2 * math.pi))
    record.classification, record.intldesg = "U", "27001A"
    return Elements(*export_tle(record))


def renewed(elements: Elements, utc_ms: int) -> Elements:
    """The same orbit by elements of this instant, as an operator would get them for a command.

    Those of SGP4 itself, without what varies within a revolution. A month later they are off by
    50 km where the orbit has sunk for a year, which is seven seconds.
    """
    before = Satrec.twoline2rv(*elements.lines, WGS72)
    before.sgp4(UNIX_JD, utc_ms / _DAY_MS)
    turn, record, rate = 2 * math.pi, Satrec(), before.nm
    for _ in range(RATE_ROUNDS):  # a TLE has the mean motion of Kozai, SGP4 that of Brouwer
        record.sgp4init(
            WGS72, "i", NUMBER, (utc_ms - _1949_MS) / _DAY_MS, before.bstar, 0.0, 0.0, before.em,
            before.om % turn, before.im, before.mm % turn, rate, before.Om % turn)
        record.sgp4_tsince(0.0)
        rate += before.nm - record.nm
    record.classification, record.intldesg = "U", "27001A"
    return Elements(*export_tle(record))
