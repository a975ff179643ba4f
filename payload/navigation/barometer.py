"""Barometer: altitude from pressure, in the standard atmosphere."""

from __future__ import annotations

from payload.plausible import is_plausible

SEA_LEVEL_HPA = 1013.25


def height_m(pressure_hpa: float, base_hpa: float = SEA_LEVEL_HPA) -> float:
    """Metres from where the pressure is ``base_hpa`` up to where it is ``pressure_hpa``.

    Source: ISO 2533, the troposphere; up to 11 km.
    """
    height: float = 44_330 * (1 - (pressure_hpa / base_hpa) ** 0.19029)
    return height


def usable_hpa(pressure_hpa: float | None) -> float | None:
    """``pressure_hpa`` where a height may be computed from it, else None."""
    if pressure_hpa is None or not is_plausible("height_from_hpa", pressure_hpa):
        return None
    return pressure_hpa
