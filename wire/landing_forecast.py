"""Landing: where and when a payload comes down from a position in the air, and how sure that is.

From the altitude down to the ground, layer by layer: the fall under the parachute takes a time that
follows from the air's density, and the learnt wind of that layer carries it along. The speed of
fall at sea level is the mission's until the fall itself has shown a better one. A burst that is
still to come is reached by climbing through the same winds. Both ends reckon so: the payload from
its fixes, the ground from the track that it received.

The speed of fall goes with the thinness of the air to the power of FALL_EXPONENT, not to that of
0.5 that a constant drag coefficient gives: reduced to the sea with 0.5, four recorded falls slow
down from 4.8 to 5.3 m/s above 20 km to 3.9 to 4.6 m/s below 10 km, so that a fall measured at 20 km
told its landing 11 to 16 % too early. With 0.56 it is 1 to 7 %
(tests/wire/test_landing_forecast.py).

The ellipse is one standard deviation: winds that changed since they were measured, in each depth of
air on its own; a fall that is faster or slower than thought, and ground that is higher or lower,
which both move the place along the drift. Its numbers were set on the same four flights, so that
69 % of their landings lie within 1.5 (``bench/predict.py``). Where no wind was measured, as below a
payload that lost its store at the burst, the nearest one is taken for less and less.

Does not cover: hills between here and the launch site's altitude, a balloon that does not burst.
Source: terminal velocity; ISO 2533 for the density.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from statistics import median
from typing import NamedTuple

from wire.earth import METRES_PER_DEGREE, wrapped_deg
from wire.standard_air import density_kgm3
from wire.winds import LAYER_M, AirPosition, WindLayers

FALL_EXPONENT = 0.56
FALL_SAMPLES = 60
FALL_SAMPLES_MIN = 20
FALL_MPS = (2.0, 20.0)  # at sea level; outside it is a tumble or a glitch
STEEP_MPS = -3.0
WIND_SIGMA_MPS = 1.8  # since the wind was measured in this layer
WIND_DEPTH_M = 1_000.0  # of air that changed alike
WIND_SIGMA_PER_M = 0.003  # more for each metre to the nearest layer that was measured: usual shear,
WIND_SIGMA_MPS_MAX = 20.0  # up to what winds differ by between any two heights
GROUND_SIGMA_M = 150.0  # hills, and a landing site that is not as high as the launch site
FALL_SIGMA = 0.06  # share of the time of fall, measured; 0.25 before it falls
FALL_SIGMA_UNMEASURED = 0.25
RADIUS_M_MIN = 60.0
_SEA_LEVEL_KGM3 = density_kgm3(0.0)


class Landing(NamedTuple):
    """A place on the ground, when, and one standard deviation around it."""

    latitude_deg: float
    longitude_deg: float
    seconds: float  # from now
    along_m: float  # semi-axis of the ellipse in the direction ``bearing_deg``
    across_m: float
    bearing_deg: float  # of the drift, from north by east
    way: tuple[tuple[float, float, float], ...]  # there: latitude, longitude, altitude by layer

    def distance_sigma(self, latitude_deg: float, longitude_deg: float) -> float:
        """How many standard deviations away a place is."""
        north_m = (latitude_deg - self.latitude_deg) * METRES_PER_DEGREE
        east_deg = wrapped_deg(longitude_deg - self.longitude_deg)
        east_m = east_deg * METRES_PER_DEGREE * math.cos(math.radians(self.latitude_deg))
        bearing = math.radians(self.bearing_deg)
        along_m = east_m * math.sin(bearing) + north_m * math.cos(bearing)
        across_m = east_m * math.cos(bearing) - north_m * math.sin(bearing)
        return math.hypot(along_m / self.along_m, across_m / self.across_m)


class FallSpeed:
    """The speed of fall at sea level, m/s: the mission's, then the one that is measured."""

    def __init__(
        self, expected_mps: float, samples: int = FALL_SAMPLES, samples_min: int = FALL_SAMPLES_MIN,
    ) -> None:
        """The newest ``samples`` count, once there are ``samples_min``."""
        self._expected_mps = expected_mps
        self._samples_min = samples_min
        self._measured: deque[float] = deque(maxlen=samples)

    @property
    def is_measured(self) -> bool:
        return len(self._measured) >= self._samples_min

    @property
    def sea_level_mps(self) -> float:
        return median(self._measured) if self.is_measured else self._expected_mps

    def observe(self, altitude_m: float, climb_mps: float) -> None:
        """One look while it falls."""
        if climb_mps > STEEP_MPS:
            return
        speed_mps = -climb_mps / fall_factor(altitude_m)
        if FALL_MPS[0] <= speed_mps <= FALL_MPS[1]:
            self._measured.append(speed_mps)


def fall_factor(altitude_m: float) -> float:
    """How much faster things fall here than at the sea."""
    return math.pow(_SEA_LEVEL_KGM3 / density_kgm3(max(0.0, altitude_m)), FALL_EXPONENT)


class _Leg(NamedTuple):
    """The passage through one layer: from where to where, how long, how far the wind carries."""

    begin_m: float
    end_m: float
    seconds: float
    east_m: float
    north_m: float
    wind_sigma_m: float

    @property
    def depth_m(self) -> float:
        return abs(self.end_m - self.begin_m)

    @property
    def drift_per_m(self) -> float:
        """How far it is carried for each metre of height."""
        return math.hypot(self.east_m, self.north_m) / self.depth_m


def predict(
    position: AirPosition, winds: WindLayers, fall: FallSpeed, ground_m: float,
    burst_m: float | None = None, climb_mps: float = 0.0,
) -> Landing | None:
    """The landing of what falls from ``position``; None while no wind is known or it is down
    already.

    Args:  ground_m: altitude of the ground there, above the sea.  burst_m: None, or the altitude
    up to which it first climbs at ``climb_mps``, which is above zero then.
    """
    if not len(winds) or position.altitude_m <= ground_m:
        return None
    legs: list[_Leg] = []
    top_m = position.altitude_m
    if burst_m is not None and burst_m > top_m:
        assert climb_mps > 0
        legs += _legs(top_m, burst_m, winds, lambda _: climb_mps)
        top_m = burst_m
    up_s = sum(leg.seconds for leg in legs)
    first_fall = len(legs)
    legs += _legs(
        top_m, ground_m, winds, lambda middle_m: fall.sea_level_mps * fall_factor(middle_m))
    east_m, north_m = sum(leg.east_m for leg in legs), sum(leg.north_m for leg in legs)
    fall_m = math.hypot(sum(leg.east_m for leg in legs[first_fall:]),
                        sum(leg.north_m for leg in legs[first_fall:]))
    wind_m = _wind_sigma_m(legs)
    fall_sigma = FALL_SIGMA if fall.is_measured else FALL_SIGMA_UNMEASURED
    hills_m = GROUND_SIGMA_M * legs[-1].drift_per_m
    way = _way(position, legs)
    return Landing(
        latitude_deg=way[-1][0],
        longitude_deg=way[-1][1],
        seconds=up_s + sum(leg.seconds for leg in legs[first_fall:]),
        along_m=max(RADIUS_M_MIN, math.hypot(wind_m, fall_sigma * fall_m, hills_m)),
        across_m=max(RADIUS_M_MIN, wind_m),
        bearing_deg=math.degrees(math.atan2(east_m, north_m)) % 360,
        way=way,
    )


def _legs(
    from_m: float, to_m: float, winds: WindLayers, speed_mps: Callable[[float], float],
) -> Iterator[_Leg]:
    """Layer by layer, up or down, at the vertical speed of each layer's middle."""
    at_m = from_m
    while at_m != to_m:
        if to_m > at_m:
            end_m = min(to_m, (math.floor(at_m / LAYER_M) + 1) * LAYER_M)
        else:
            end_m = max(to_m, (math.ceil(at_m / LAYER_M) - 1) * LAYER_M)
        middle_m = (at_m + end_m) / 2
        wind = winds.at(middle_m)
        assert wind is not None
        seconds = abs(end_m - at_m) / speed_mps(middle_m)
        sigma_mps = min(
            WIND_SIGMA_MPS_MAX, WIND_SIGMA_MPS + WIND_SIGMA_PER_M * winds.distance_m(middle_m))
        yield _Leg(at_m, end_m, seconds, wind[0] * seconds, wind[1] * seconds, sigma_mps * seconds)
        at_m = end_m


def _wind_sigma_m(legs: list[_Leg]) -> float:
    """Of the whole way: winds of neighbouring layers err alike, those far apart on their own."""
    variance = alike_m = 0.0
    for leg in legs:
        alike_m *= math.exp(-leg.depth_m / WIND_DEPTH_M)
        variance += leg.wind_sigma_m * (leg.wind_sigma_m + 2 * alike_m)
        alike_m += leg.wind_sigma_m
    return math.sqrt(variance)


def _way(position: AirPosition, legs: list[_Leg]) -> tuple[tuple[float, float, float], ...]:
    latitude, longitude = position.latitude_deg, position.longitude_deg
    way = [(latitude, longitude, position.altitude_m)]
    for leg in legs:
        latitude += leg.north_m / METRES_PER_DEGREE
        shrink = max(0.01, math.cos(math.radians(latitude)))
        longitude = wrapped_deg(longitude + leg.east_m / METRES_PER_DEGREE / shrink)
        way.append((latitude, longitude, leg.end_m))
    return tuple(way)
