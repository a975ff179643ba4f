"""A fake BMP280: those registers of a BME280 that it has too.

Source: Bosch BST-BMP280-DS001 rev 1.23 (4.2, 4.3).
"""

from __future__ import annotations

from sim.chips.bme280 import Bme280Chip

LAST_REGISTER = 0xFC  # what is behind it reads as zero


class Bmp280Chip(Bme280Chip):
    """A BMP280 in the air that a function gives."""

    CALIBRATION = (range(0x88, 0xA0),)
    DATA = range(0xF7, LAST_REGISTER + 1)
    NO_DATA = Bme280Chip.NO_DATA[:6]
    FIRST_SAMPLE = Bme280Chip.FIRST_SAMPLE[:6]

    def _load(self) -> None:
        super()._load()
        self._memory[0xA0:0xA2] = bytes(2)
        self._memory[0xE1:0xE8] = bytes(7)
        self._memory[0xD0] = 0x58

    def _set(self, register: int, value: int) -> None:
        if register != 0xF2:  # no control of a humidity
            super()._set(register, value)

    def _counts(self, temperature_c: float, pressure_pa: float, humidity_pct: float) -> bytes:
        return super()._counts(temperature_c, pressure_pa, humidity_pct)[:6]
