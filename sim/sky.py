"""The atmosphere of one flight: standard air with the day's deviation, wind, cloud and sun.

Source of the sun: NOAA Global Monitoring Laboratory solar calculator (after Meeus, Astronomical
Algorithms, 1991). The winds are drawn, not forecast: a jet stream at 9 to 12 km and weak, turned
winds in the stratosphere, as over the middle latitudes.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import NamedTuple

from wire import standard_air
from wire.standard_air import AIR_GAS_CONSTANT, CEILING_M, EARTH_RADIUS_M

ZERO_C_K = 273.15
_WIND_STEP_M = 500.0
_DEVIATION_SCALE_M = 9_000.0  # the day's warmth or cold fades with height


class AirLayer(NamedTuple):
    """The air at one height."""

    temperature_c: float
    pressure_pa: float
    humidity_pct: float
    density_kgm3: float


@dataclass(frozen=True, slots=True)
class CloudLayer:
    """One layer of cloud; ``cover`` is the part of the sky it hides, 0 to 1."""

    base_m: float
    top_m: float
    cover: float


class Sky:
    """The weather of one flight, drawn once and constant through it."""

    def __init__(self, rng: random.Random, warmth_k: float = 0.0) -> None:
        """``warmth_k`` is the mean deviation of the ground temperature from the standard, K."""
        self._deviation_k = warmth_k + rng.uniform(-5.0, 5.0)
        self._pressure_factor = rng.uniform(0.988, 1.014)
        self._surface_humidity_pct = rng.uniform(45.0, 80.0)
        base_m = rng.uniform(1_200.0, 4_500.0)
        self.cloud = CloudLayer(base_m, base_m + rng.uniform(300.0, 2_200.0), rng.uniform(0.1, 0.9))
        self._winds = _draw_winds(rng)

    def air(self, altitude_m: float) -> AirLayer:
        """The air at ``altitude_m`` above mean sea level."""
        fading = math.exp(-max(0.0, altitude_m) / _DEVIATION_SCALE_M)
        standard = standard_air.at(altitude_m)
        temperature_k = standard.temperature_k + self._deviation_k * fading
        pressure_pa = standard.pressure_pa * (1 + (self._pressure_factor - 1) * fading)
        density = pressure_pa / (AIR_GAS_CONSTANT * temperature_k)
        humidity = self.humidity_pct(altitude_m)
        return AirLayer(temperature_k - ZERO_C_K, pressure_pa, humidity, density)

    def humidity_pct(self, altitude_m: float) -> float:
        """Relative humidity, 1..98: damp below, near saturation in cloud, dry from 12 km up."""
        if self.is_in_cloud(altitude_m):
            return 93.0 + 6.0 * self.cloud.cover
        return max(1.0, self._surface_humidity_pct * (1.0 - max(0.0, altitude_m) / 12_000.0))

    def is_in_cloud(self, altitude_m: float) -> bool:
        return self.cloud.base_m <= altitude_m <= self.cloud.top_m

    def wind(self, altitude_m: float) -> tuple[float, float]:
        """(towards east, towards north) in m/s."""
        position = min(max(altitude_m, 0.0) / _WIND_STEP_M, len(self._winds) - 1.001)
        index = int(position)
        part = position - index
        low, high = self._winds[index], self._winds[index + 1]
        return low[0] + (high[0] - low[0]) * part, low[1] + (high[1] - low[1]) * part


def _draw_winds(rng: random.Random) -> list[tuple[float, float]]:
    """One wind for every 500 m, smooth but not straight."""
    jet_m = rng.uniform(9_000.0, 12_000.0)
    jet_mps = rng.uniform(12.0, 32.0)
    surface_mps = rng.uniform(1.0, 6.0)
    high_mps = rng.uniform(3.0, 9.0)
    towards_deg = rng.uniform(40.0, 140.0)  # the westerlies blow to the east
    turned_deg = towards_deg + rng.choice((-1, 1)) * rng.uniform(90.0, 180.0)
    wander_east = wander_north = 0.0
    winds = []
    for index in range(int(CEILING_M / _WIND_STEP_M) + 1):
        altitude_m = index * _WIND_STEP_M
        jet = jet_mps * math.exp(-(((altitude_m - jet_m) / 3_800.0) ** 2))
        above = 1 / (1 + math.exp(-(altitude_m - 19_000.0) / 1_500.0))
        speed = surface_mps * (1 - above) + jet
        wander_east = 0.85 * wander_east + rng.gauss(0, 0.6)
        wander_north = 0.85 * wander_north + rng.gauss(0, 0.6)
        towards, turned = math.radians(towards_deg), math.radians(turned_deg)
        east = speed * math.sin(towards) + high_mps * above * math.sin(turned) + wander_east
        north = speed * math.cos(towards) + high_mps * above * math.cos(turned) + wander_north
        winds.append((east, north))
    return winds


def sun_position_deg(
    utc_ms: int, latitude_deg: float, longitude_deg: float
) -> tuple[float, float]:
    """(elevation, azimuth from north by east) of the sun, degrees; no refraction.

    Args:    utc_ms since 1970; good to 0.02 degrees for 1950..2050.
    Source:  NOAA solar calculator, https://gml.noaa.gov/grad/solcalc/calcdetails.html
    """
    century = (utc_ms / 86_400_000 + 2_440_587.5 - 2_451_545.0) / 36_525.0
    longitude_deg_mean = 280.46646 + century * (36_000.76983 + 0.0003032 * century)
    mean_longitude = math.radians(longitude_deg_mean % 360)
    anomaly = math.radians(357.52911 + century * (35_999.05029 - 0.0001537 * century))
    eccentricity = 0.016708634 - century * (0.000042037 + 0.0000001267 * century)
    centre_deg = (
        math.sin(anomaly) * (1.914602 - century * (0.004817 + 0.000014 * century))
        + math.sin(2 * anomaly) * (0.019993 - 0.000101 * century)
        + math.sin(3 * anomaly) * 0.000289
    )
    node = math.radians(125.04 - 1934.136 * century)
    longitude = mean_longitude + math.radians(centre_deg - 0.00569 - 0.00478 * math.sin(node))
    obliquity = math.radians(
        23.4392911 - 0.0130042 * century + 0.00256 * math.cos(node)
    )
    declination = math.asin(math.sin(obliquity) * math.sin(longitude))
    y = math.tan(obliquity / 2) ** 2
    equation_min = 4 * math.degrees(
        y * math.sin(2 * mean_longitude)
        - 2 * eccentricity * math.sin(anomaly)
        + 4 * eccentricity * y * math.sin(anomaly) * math.cos(2 * mean_longitude)
        - 0.5 * y * y * math.sin(4 * mean_longitude)
        - 1.25 * eccentricity * eccentricity * math.sin(2 * anomaly)
    )
    minutes = utc_ms / 60_000 % 1440
    hour_angle = math.radians((minutes + equation_min + 4 * longitude_deg) % 1440 / 4 - 180)
    latitude = math.radians(latitude_deg)
    sine = math.sin(latitude) * math.sin(declination) + math.cos(latitude) * math.cos(
        declination
    ) * math.cos(hour_angle)
    elevation_deg = math.degrees(math.asin(max(-1.0, min(1.0, sine))))
    azimuth = math.atan2(
        -math.sin(hour_angle),
        math.tan(declination) * math.cos(latitude) - math.sin(latitude) * math.cos(hour_angle),
    )
    return elevation_deg, math.degrees(azimuth) % 360


def horizon_dip_deg(height_m: float) -> float:
    """How far below the horizontal the horizon lies; 5.6 degrees at 30 km."""
    above_m = max(0.0, height_m)
    return math.degrees(math.acos(EARTH_RADIUS_M / (EARTH_RADIUS_M + above_m)))


def sun_above_horizon_deg(utc_ms: int, latitude_deg: float, longitude_deg: float,
                          height_m: float) -> float:
    """Elevation of the sun over the horizon that is seen from ``height_m``; negative is night."""
    elevation_deg, _ = sun_position_deg(utc_ms, latitude_deg, longitude_deg)
    return elevation_deg + horizon_dip_deg(height_m)
