"""Landing: the predicted landing position for a burst here and now, and its uncertainty.

From the present altitude down to the ground, layer by layer: the fall under the parachute takes a
time that follows from the air's density, and the learnt wind of that layer carries it along. The
speed of fall at sea level is the mission's until the fall itself has shown a better one.

The ellipse is one standard deviation: winds that changed since they were measured, and a fall that
is faster or slower than thought, which moves the place along the drift. Its two numbers were set on
four recorded flights (tests/payload/navigation/test_landing.py). Where no wind was measured, as
below a payload that lost its store at the burst, the nearest one is taken for less and less.

Does not cover: hills between here and the launch site's altitude, a balloon that does not burst.
Source: v = v0 sqrt(rho0 / rho) (terminal velocity); ISO 2533 for the density.
"""

from __future__ import annotations

import math
from collections import deque
from statistics import median
from typing import NamedTuple

from payload.navigation.standard_air import density_kgm3
from payload.navigation.winds import LAYER_M, METRES_PER_DEGREE, WindLayers
from payload.ports import GnssFix

FALL_SAMPLES = 60
FALL_SAMPLES_MIN = 20
FALL_MPS = (2.0, 20.0)  # at sea level; outside it is a tumble or a glitch
STEEP_MPS = -3.0
WIND_SIGMA_MPS = 1.6  # of the mean wind over the whole fall
WIND_SIGMA_PER_M = 0.003  # and for each metre to the nearest layer that was measured: usual shear,
WIND_SIGMA_MPS_MAX = 20.0  # up to what winds differ by between any two heights
FALL_SIGMA = 0.10  # share of the time of fall, measured; 0.25 before it falls
FALL_SIGMA_UNMEASURED = 0.25
RADIUS_M_MIN = 60.0


class Landing(NamedTuple):
    """A place on the ground, when, and one standard deviation around it."""

    latitude_deg: float
    longitude_deg: float
    seconds: float  # from now
    along_m: float  # semi-axis of the ellipse in the direction ``bearing_deg``
    across_m: float
    bearing_deg: float  # of the drift, from north by east

    def distance_sigma(self, latitude_deg: float, longitude_deg: float) -> float:
        """How many standard deviations away a place is."""
        north_m = (latitude_deg - self.latitude_deg) * METRES_PER_DEGREE
        east_deg = (longitude_deg - self.longitude_deg + 540) % 360 - 180
        east_m = east_deg * METRES_PER_DEGREE * math.cos(math.radians(self.latitude_deg))
        bearing = math.radians(self.bearing_deg)
        along_m = east_m * math.sin(bearing) + north_m * math.cos(bearing)
        across_m = east_m * math.cos(bearing) - north_m * math.sin(bearing)
        return math.hypot(along_m / self.along_m, across_m / self.across_m)


class FallSpeed:
    """The speed of fall at sea level, m/s: the mission's, then the one that is measured."""

    def __init__(self, expected_mps: float) -> None:
        self._expected_mps = expected_mps
        self._measured: deque[float] = deque(maxlen=FALL_SAMPLES)

    @property
    def is_measured(self) -> bool:
        return len(self._measured) >= FALL_SAMPLES_MIN

    @property
    def sea_level_mps(self) -> float:
        return median(self._measured) if self.is_measured else self._expected_mps

    def observe(self, altitude_m: float, climb_mps: float) -> None:
        """One look while it falls."""
        if climb_mps > STEEP_MPS:
            return
        speed_mps = -climb_mps / thinness(altitude_m)
        if FALL_MPS[0] <= speed_mps <= FALL_MPS[1]:
            self._measured.append(speed_mps)


def thinness(altitude_m: float) -> float:
    """sqrt(rho0 / rho): how much faster things fall here than at the sea."""
    return math.sqrt(density_kgm3(0.0) / density_kgm3(max(0.0, altitude_m)))


def predict(
    fix: GnssFix, winds: WindLayers, fall: FallSpeed, ground_m: float
) -> Landing | None:
    """The landing of what falls from ``fix``; None while no wind is known or it is down already.

    Args:  fix: a good 3D fix.  ground_m: altitude of the ground there, above the sea.
    """
    if fix.altitude_m is None or fix.latitude_deg is None or fix.longitude_deg is None:
        return None
    if not len(winds) or fix.altitude_m <= ground_m:
        return None
    seconds = east_m = north_m = wind_m = 0.0
    top_m = fix.altitude_m
    while top_m > ground_m:
        bottom_m = max(ground_m, (math.ceil(top_m / LAYER_M) - 1) * LAYER_M)
        middle_m = (top_m + bottom_m) / 2
        layer_s = (top_m - bottom_m) / (fall.sea_level_mps * thinness(middle_m))
        wind = winds.at(middle_m)
        assert wind is not None
        seconds += layer_s
        wind_m += layer_s * min(
            WIND_SIGMA_MPS_MAX, WIND_SIGMA_MPS + WIND_SIGMA_PER_M * winds.distance_m(middle_m))
        east_m += wind[0] * layer_s
        north_m += wind[1] * layer_s
        top_m = bottom_m
    fall_sigma = FALL_SIGMA if fall.is_measured else FALL_SIGMA_UNMEASURED
    along_m = math.hypot(wind_m, fall_sigma * math.hypot(east_m, north_m))
    latitude_deg = fix.latitude_deg + north_m / METRES_PER_DEGREE
    shrink = max(0.01, math.cos(math.radians(latitude_deg)))
    return Landing(
        latitude_deg=latitude_deg,
        longitude_deg=(fix.longitude_deg + east_m / METRES_PER_DEGREE / shrink + 540) % 360 - 180,
        seconds=seconds,
        along_m=max(RADIUS_M_MIN, along_m),
        across_m=max(RADIUS_M_MIN, wind_m),
        bearing_deg=math.degrees(math.atan2(east_m, north_m)) % 360,
    )
