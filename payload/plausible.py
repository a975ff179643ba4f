"""Plausible: the possible range of each measured quantity, in one place.

The chips' drivers ask something less strict, whether their arithmetic gave a number of this world:
a value that only the weather contradicts leaves the other values of the reading good.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

# (lowest, highest), both included; the last part of the name is the unit.
LIMITS: Mapping[str, tuple[float, float]] = MappingProxyType({
    # What is sent. Temperatures: polar stratosphere to a box in the desert sun; pressure:
    # 48 km to the deepest low on the lowest land; power: the INA219 measures up to 26 V and the
    # INA226 up to 36 V, and below 500 mV the reading is of an open wire; processor: what a Pi
    # survives. A chip that answers -312 C or 140 % (docs/faults.md, 20) is wrong.
    "outside_c": (-95.0, 70.0),
    "pressure_hpa": (1.0, 1100.0),
    "humidity_pct": (0.0, 100.0),
    "battery_mv": (500.0, 36_000.0),
    "current_ma": (-10_000.0, 10_000.0),
    "panel_mv": (0.0, 36_000.0),  # at night it gives nothing
    "panel_ma": (-10_000.0, 10_000.0),
    "spin_dps": (-2_500.0, 2_500.0),
    "soc_c": (-60.0, 125.0),
    "inside_c": (-60.0, 125.0),
    # Of a fix: below the shore of the Dead Sea, above any balloon.
    "altitude_m": (-500.0, 60_000.0),
    # What a height may be computed from: a BME280 ends at 300 hPa, and says 300 above that height.
    "height_from_hpa": (320.0, 1100.0),
    # What a Bosch chip may answer: wider than its datasheet's operating range, since a balloon
    # leaves it, and narrower than nonsense.
    "chip_c": (-80.0, 100.0),
    "chip_hpa": (1.0, 1300.0),
})


def is_plausible(quantity: str, value: float) -> bool:
    """Is ``value`` a number within the ``LIMITS`` of ``quantity``, both ends included?"""
    low, high = LIMITS[quantity]
    return low <= value <= high  # false for NaN too
