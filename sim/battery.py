"""The battery: one lithium-ion cell that sags under load and in the cold, and what draws from it.

Open-circuit voltage from a table, internal resistance that rises in the cold, charge counted. The
numbers are of an ordinary 18650 pack behind a boost converter; a Pi's loads are from
research/pi.md §5.

Does not cover: ageing, recovery after rest, several cells out of balance.
"""

from __future__ import annotations

import math
from itertools import pairwise

# State of charge -> open-circuit voltage, mV, of a fresh NMC cell at rest at 25 C.
_OCV_MV = (
    (0.00, 2900.0), (0.02, 3150.0), (0.05, 3330.0), (0.10, 3450.0), (0.20, 3560.0),
    (0.30, 3620.0), (0.40, 3660.0), (0.50, 3720.0), (0.60, 3800.0), (0.70, 3890.0),
    (0.80, 3980.0), (0.90, 4070.0), (1.00, 4180.0),
)
RESISTANCE_25C_OHM = 0.060  # cell, protection and wires
RESISTANCE_DOUBLES_K = 16.0  # about four times at -7 C, as cold-soak tests show
BOOST_EFFICIENCY = 0.90
COLD_CAPACITY_PER_K = 0.006  # part of the capacity that is out of reach per kelvin below 20 C

LOADS_W: dict[str, float] = {
    "idle": 0.75,  # a Pi Zero 2 W with its peripherals off, and the sensors
    "gnss": 0.15,
    "radio_send": 0.60,  # 100 mW on the air
    "mind": 1.65,  # all four cores
    "camera": 0.80,
}


def open_circuit_mv(charge: float) -> float:
    """Voltage at rest for a state of charge of 0..1, mV."""
    clamped = min(max(charge, 0.0), 1.0)
    for (low, low_mv), (high, high_mv) in pairwise(_OCV_MV):
        if clamped <= high:
            return low_mv + (high_mv - low_mv) * (clamped - low) / (high - low)
    return _OCV_MV[-1][1]


def resistance_ohm(cell_c: float) -> float:
    """Internal resistance at a cell temperature in C."""
    return RESISTANCE_25C_OHM * float(2 ** ((25.0 - cell_c) / RESISTANCE_DOUBLES_K))


class Battery:
    """Charge, and the voltage that is left of it under the present load."""

    def __init__(self, capacity_mah: float, charge: float) -> None:
        """``charge`` is the part of the capacity that is in it at the start, 0..1."""
        assert capacity_mah > 0 and 0 <= charge <= 1, (capacity_mah, charge)
        self._capacity_mah = capacity_mah
        self._used_mah = (1.0 - charge) * capacity_mah

    def charge(self, cell_c: float) -> float:
        """State of charge 0..1 that can be used at this temperature."""
        reachable = 1.0 - COLD_CAPACITY_PER_K * max(0.0, 20.0 - cell_c)
        return max(0.0, 1.0 - self._used_mah / (self._capacity_mah * max(0.2, reachable)))

    def terminals(self, load_w: float, cell_c: float) -> tuple[float, float]:
        """(mV, mA) at the terminals while ``load_w`` is drawn behind the boost converter.

        Source: V = E - I R and I = P / (efficiency V), the larger root of the quadratic.
        """
        source_v = open_circuit_mv(self.charge(cell_c)) / 1000
        resistance = resistance_ohm(cell_c)
        power_w = load_w / BOOST_EFFICIENCY
        root = source_v * source_v - 4 * resistance * power_w
        volts = (source_v + math.sqrt(max(0.0, root))) / 2
        return volts * 1000, power_w / volts * 1000

    def draw(self, load_w: float, cell_c: float, seconds: float) -> None:
        """Take ``load_w`` for ``seconds``."""
        _, milliamps = self.terminals(load_w, cell_c)
        self._used_mah += milliamps * seconds / 3600
