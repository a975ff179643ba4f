"""Fake INA219 and INA226: big-endian registers, and the chips' own arithmetic.

Sources: TI SBOS448G (INA219: 8.5, 8.6), TI SBOS547A (INA226: 7.5, 7.6).
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

_CONFIG, _SHUNT, _BUS, _POWER, _CURRENT, _CALIBRATION, _MASK, _ALERT = range(8)


class PowerMonitor(ABC):
    """A supply is given by a function: (mV at the bus, mA through the shunt).

    Faults, all off at first:

    is_stuck       the last measurement is repeated for ever
    is_reversed    the shunt is wired the wrong way round: current is negative
    has_overflow   the chip says that its arithmetic overflowed
    forgets        what is written is not kept, as by a chip that resets all the time
    forced         register -> word that reads in place of what is there
    """

    _CONFIG_RESET: ClassVar[int]

    def __init__(
        self, supply: Callable[[], tuple[float, float]], rng: random.Random, shunt_ohm: float = 0.1
    ) -> None:
        self.is_stuck = False
        self.is_reversed = False
        self.has_overflow = False
        self.forgets = False
        self.forced: dict[int, int] = {}
        self._supply = supply
        self._rng = rng
        self._shunt_ohm = shunt_ohm
        self._config = self._CONFIG_RESET
        self._calibration = 0
        self._measured: tuple[float, float] | None = None

    def power_up(self) -> None:
        """Registers as after power-on."""
        self._config, self._calibration = self._CONFIG_RESET, 0
        self._measured = None

    def heal(self) -> None:
        """Every fault of this chip is gone."""
        self.forced.clear()
        self.is_stuck = self.is_reversed = self.has_overflow = self.forgets = False

    def read(self, register: int, length: int) -> bytes:
        """A word; the chip repeats it when more is clocked out of it."""
        word = self.forced.get(register)
        if word is None:
            word = self._word(register)
        return (word.to_bytes(2, "big") * (length // 2 + 1))[:length]

    def write(self, register: int, data: bytes) -> None:
        """A word; half a word is not taken."""
        if len(data) != 2 or self.forgets:
            return
        value = int.from_bytes(data, "big")
        if register == _CONFIG:
            self._config = value
            if value & 0x8000:
                self.power_up()
        elif register == _CALIBRATION:
            self._calibration = value

    def answer(self, length: int) -> bytes:
        """Where no register is named the last one is read; no driver of ours asks so."""
        return bytes(length)

    def _measure(self) -> tuple[float, float]:
        """(mV, mA) with the noise of one conversion."""
        if self.is_stuck and self._measured is not None:
            return self._measured
        bus_mv, current_ma = self._supply()
        sign = -1 if self.is_reversed else 1
        self._measured = bus_mv + self._rng.gauss(0, 2.0), sign * current_ma
        return self._measured

    @abstractmethod
    def _word(self, register: int) -> int:
        """What this register reads now, 0..0xFFFF."""


class Ina219Chip(PowerMonitor):
    """An INA219; without an identity register."""

    _CONFIG_RESET = 0x399F  # SBOS448G table 4
    _SHUNT_LSB_V = 10e-6
    _BUS_LSB_MV = 4.0

    def _word(self, register: int) -> int:
        if register == _CONFIG:
            return self._config
        if register == _CALIBRATION:
            return self._calibration & 0xFFFE  # bit 0 is not kept
        bus_mv, current_ma = self._measure()
        bus = round(bus_mv / self._BUS_LSB_MV)
        full_scale = 4000 << (self._config >> 11 & 3)  # 40 mV x gain, in 10 uV
        shunt = round(current_ma / 1000 * self._shunt_ohm / self._SHUNT_LSB_V)
        shunt = min(max(shunt, -full_scale), full_scale)
        current = shunt * (self._calibration & 0xFFFE) >> 12  # SBOS448G equation 4
        is_overflow = self.has_overflow or not -0x8000 <= current <= 0x7FFF
        if register == _SHUNT:
            return shunt & 0xFFFF
        if register == _BUS:
            return (min(max(bus, 0), 0x1FFF) << 3) | 0x02 | is_overflow
        if register == _CURRENT:
            return current & 0xFFFF
        if register == _POWER:
            return abs(current * bus) // 5000 & 0xFFFF  # equation 5
        return 0


class Ina226Chip(PowerMonitor):
    """An INA226; its shunt input ends at 81.92 mV, which is 0.8 A through 100 milliohm."""

    _CONFIG_RESET = 0x4127  # SBOS547A 7.6.1
    _SHUNT_LSB_V = 2.5e-6
    _BUS_LSB_MV = 1.25
    _MANUFACTURER, _DIE = 0xFE, 0xFF
    _CONVERTED, _OVERFLOW = 0x0008, 0x0004

    def forge_id(self, word: int) -> None:
        """Answer with another maker's identity, 0..0xFFFF."""
        self.forced[self._MANUFACTURER] = word

    def _word(self, register: int) -> int:
        kept = {
            _CONFIG: self._config, _CALIBRATION: self._calibration, _ALERT: 0,
            self._MANUFACTURER: 0x5449, self._DIE: 0x2260,
        }
        if register in kept:
            return kept[register]
        bus_mv, current_ma = self._measure()
        bus = min(max(round(bus_mv / self._BUS_LSB_MV), 0), 0x7FFF)
        shunt = round(current_ma / 1000 * self._shunt_ohm / self._SHUNT_LSB_V)
        shunt = min(max(shunt, -0x8000), 0x7FFF)
        current = shunt * self._calibration // 2048  # SBOS547A equation 3
        power = abs(current) * bus // 20_000  # equation 4
        is_overflow = self.has_overflow or not -0x8000 <= current <= 0x7FFF or power > 0xFFFF
        words = {
            _SHUNT: shunt, _BUS: bus, _POWER: power, _CURRENT: current,
            _MASK: self._CONVERTED | self._OVERFLOW * is_overflow,
        }
        return words.get(register, 0) & 0xFFFF
