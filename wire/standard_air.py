"""The standard atmosphere: temperature, pressure and density of the air at a height.

Source: ISO 2533:1975, tables 1 to 4, by geometric height.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

EARTH_RADIUS_M = 6_356_766.0  # the radius ISO 2533 takes for geopotential height
GRAVITY_MPS2 = 9.80665
AIR_GAS_CONSTANT = 287.05287  # J/(kg K), ISO 2533
SEA_LEVEL_PA = 101_325.0
SEA_LEVEL_KGM3 = 1.225
CEILING_M = 47_000.0
# Geopotential base height m, temperature there K, lapse rate K/m (ISO 2533 table 4).
_LAYERS = (
    (0.0, 288.15, -0.0065),
    (11_000.0, 216.65, 0.0),
    (20_000.0, 216.65, 0.001),
    (32_000.0, 228.65, 0.0028),
)


def _pressure_above(base_pa: float, base_k: float, lapse: float, height_m: float) -> float:
    """Pressure ``height_m`` above a layer's base. Source: ISO 2533 equations 12 and 13."""
    if lapse == 0.0:
        return base_pa * math.exp(-GRAVITY_MPS2 * height_m / (AIR_GAS_CONSTANT * base_k))
    exponent = -GRAVITY_MPS2 / (AIR_GAS_CONSTANT * lapse)
    return base_pa * math.pow((base_k + lapse * height_m) / base_k, exponent)


def _base_pressures() -> tuple[float, ...]:
    pressures = [SEA_LEVEL_PA]
    for (base_m, base_k, lapse), (next_m, _, _) in pairwise(_LAYERS):
        pressures.append(_pressure_above(pressures[-1], base_k, lapse, next_m - base_m))
    return tuple(pressures)


_BASE_PRESSURES = _base_pressures()


def _layer(altitude_m: float) -> tuple[float, float, float, float]:
    """(height above the layer's base, its temperature, lapse and pressure) at ``altitude_m``."""
    clamped = min(max(altitude_m, -1_000.0), CEILING_M)
    geopotential_m = EARTH_RADIUS_M * clamped / (EARTH_RADIUS_M + clamped)
    index = len(_LAYERS) - 1
    while index > 0 and geopotential_m < _LAYERS[index][0]:
        index -= 1
    base_m, base_k, lapse = _LAYERS[index]
    return geopotential_m - base_m, base_k, lapse, _BASE_PRESSURES[index]


class StandardAir(NamedTuple):
    """The air at one height."""

    temperature_k: float
    pressure_pa: float

    @property
    def density_kgm3(self) -> float:
        return self.pressure_pa / (AIR_GAS_CONSTANT * self.temperature_k)


def at(altitude_m: float) -> StandardAir:
    """The standard atmosphere; altitude -1000..47000 m, clamped beyond."""
    height_m, base_k, lapse, base_pa = _layer(altitude_m)
    return StandardAir(
        base_k + lapse * height_m, _pressure_above(base_pa, base_k, lapse, height_m))


def density_kgm3(altitude_m: float) -> float:
    """Density of the standard atmosphere; altitude as ``at``."""
    return at(altitude_m).density_kgm3
