"""The battery: one lithium-ion cell that sags under load and in the cold, and recovers after both.

A negative load charges it, until it is full and never below freezing, as its protection has it.

Open-circuit voltage from a table, charge counted, and a Thevenin model of the inside: a resistance
that answers at once and rises in the cold, and one more with a capacitor across it, through which
the voltage creeps back for minutes after a load. In the cold a part of the charge is out of reach;
warmth gives it back. The numbers are of an ordinary 18650 cell behind a boost converter.

Does not cover: ageing, several cells out of balance.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

# State of charge -> open-circuit voltage, mV, of a fresh NMC cell at rest at 25 C. Below nothing
# is what a cell still gives beyond its rated capacity, before it collapses.
_OCV_MV = (
    (-0.03, 1500.0), (0.00, 2900.0), (0.02, 3150.0), (0.05, 3330.0), (0.10, 3450.0),
    (0.20, 3560.0), (0.30, 3620.0), (0.40, 3660.0), (0.50, 3720.0), (0.60, 3800.0),
    (0.70, 3890.0), (0.80, 3980.0), (0.90, 4070.0), (1.00, 4180.0),
)
RESISTANCE_25C_OHM = 0.060  # cell, protection and wires
RESISTANCE_DOUBLES_K = 16.0  # about four times at -7 C, as cold-soak tests show
SLOW_PART = 0.4  # of that resistance again, behind the capacitor
SLOW_S = 60.0
BOOST_EFFICIENCY = 0.90
CHARGE_C_MIN = 0.0  # below, lithium plates; chargers and protection boards stop here
COLD_CAPACITY_PER_K = 0.006  # part of the capacity that is out of reach per kelvin below 20 C


def open_circuit_mv(charge: float) -> float:
    """Voltage at rest for a state of charge of -0.03..1, mV; clamped beyond."""
    clamped = min(max(charge, _OCV_MV[0][0]), 1.0)
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
        self._slow_v = 0.0  # across the capacitor
        self._answer: tuple[tuple[float, float], tuple[float, float]] | None = None

    def charge(self, cell_c: float) -> float:
        """State of charge 0..1 that can be used at this temperature."""
        return max(0.0, self._charge(cell_c))

    def terminals(self, load_w: float, cell_c: float) -> tuple[float, float]:
        """(mV, mA) at the terminals while ``load_w`` is drawn behind the boost converter.

        Source: V = E - I R and I = P / (efficiency V), the larger root of the quadratic; where
        there is none the load is more than the cell can give, and half of E is left.
        """
        if self._answer is not None and self._answer[0] == (load_w, cell_c):
            return self._answer[1]  # the same as a moment ago: the chips ask word by word
        source_v = max(0.1, open_circuit_mv(self._charge(cell_c)) / 1000 - self._slow_v)
        resistance = resistance_ohm(cell_c)
        power_w = self._drawn_w(load_w, cell_c)
        root = source_v * source_v - 4 * resistance * power_w
        volts = (source_v + math.sqrt(max(0.0, root))) / 2
        answer = volts * 1000, power_w / volts * 1000
        self._answer = (load_w, cell_c), answer
        return answer

    def cold_sag_mv(self, load_w: float, cell_c: float) -> float:
        """How much less is at the terminals at once than if the cell were at 25 C, 0 and more."""
        _, milliamps = self.terminals(load_w, cell_c)
        return max(0.0, milliamps * (resistance_ohm(cell_c) - RESISTANCE_25C_OHM))

    def draw(self, load_w: float, cell_c: float, seconds: float) -> None:
        """Take ``load_w`` for ``seconds``; 0 W lets the cell recover."""
        _, milliamps = self.terminals(load_w, cell_c)
        self._answer = None
        self._used_mah = max(0.0, self._used_mah + milliamps * seconds / 3600)
        settled_v = milliamps / 1000 * SLOW_PART * resistance_ohm(cell_c)
        self._slow_v += (settled_v - self._slow_v) * (1 - math.exp(-seconds / SLOW_S))

    def _drawn_w(self, load_w: float, cell_c: float) -> float:
        """What goes through the cell for a load behind the converters; negative into it."""
        if load_w >= 0:
            return load_w / BOOST_EFFICIENCY
        is_refused = self._used_mah <= 0 or cell_c < CHARGE_C_MIN
        return 0.0 if is_refused else load_w * BOOST_EFFICIENCY

    def _charge(self, cell_c: float) -> float:
        """As ``charge``, negative where more was taken than can be reached."""
        reachable = 1.0 - COLD_CAPACITY_PER_K * max(0.0, 20.0 - cell_c)
        return 1.0 - self._used_mah / (self._capacity_mah * max(0.2, reachable))


def ramp(
    from_mv: float, to_mv: float, start_s: float, seconds: float
) -> Callable[[float], float]:
    """A voltage that goes in a straight line from one value to another, and is held at both."""
    assert seconds > 0, seconds
    return lambda t_s: from_mv + (to_mv - from_mv) * min(1.0, max(0.0, (t_s - start_s) / seconds))


def swing(low_mv: float, high_mv: float, period_s: float) -> Callable[[float], float]:
    """A voltage that goes up and down between two values in straight lines, low at 0."""
    assert period_s > 0, period_s
    return lambda t_s: low_mv + (high_mv - low_mv) * (1 - abs(2 * (t_s / period_s % 1) - 1))
