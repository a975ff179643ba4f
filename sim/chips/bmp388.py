"""A fake BMP388: registers, and raw counts from true air.

The compensation is a polynomial in the raw pressure; its root is found by Newton's method. Below
300 hPa the chip goes on measuring and drifts away from the truth, since the datasheet promises
nothing there: how far is drawn for each chip.

Source: Bosch BST-BMP388-DS001 rev 1.7 (3.9.2, 4.3, 9.1 to 9.3).
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from typing import NamedTuple

from sim.chips.bosch import AirReading, BoschChip, root_near
from sim.clock import SimClock

PRESSURE_FLOOR_PA = 30_000.0  # DS table 2: 300 to 1250 hPa
PRESSURE_CEILING_PA = 125_000.0
DRIFT_PA_MAX = 300.0  # at no pressure at all
NEWTON_STEPS = 6
_RAW_24_BIT_MAX = (1 << 24) - 1
_CONFIGURATION_ERROR = 0x04
_COMMAND_READY, _DATA_READY = 0x10, 0x60


class Trimming388(NamedTuple):
    """Calibration of one BMP388 as its registers hold it (DS 9.1)."""

    t: tuple[int, int, int]
    p: tuple[int, int, int, int, int, int, int, int, int, int, int]


EXAMPLE_TRIMMING_388 = Trimming388(
    (27_480, 19_117, -7), (-1_009, -1_456, 35, 0, 25_081, 30_395, 3, -6, 16_386, 15, -60)
)


def raw_temperature(temperature_c: float, trimming: Trimming388) -> int:
    """Raw count. Source: DS 9.2, T = d T2 / 2^30 + d^2 T3 / 2^48 with d = raw - 2^8 T1, solved."""
    t1, t2, t3 = trimming.t
    delta = root_near(t3 / 2.0**48, t2 / 2.0**30, -temperature_c)
    return min(max(round(delta + t1 * 256.0), 0), _RAW_24_BIT_MAX)


def raw_pressure(pressure_pa: float, temperature_c: float, trimming: Trimming388) -> int:
    """Raw count. Source: DS 9.3 as a cubic in the count, its root near the straight line."""
    p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11 = trimming.p
    t = temperature_c
    offset = p5 * 2.0**3 + t * (p6 / 2.0**6 + t * (p7 / 2.0**8 + t * p8 / 2.0**15))
    slope = (p1 - 2.0**14) / 2.0**20 + t * (
        (p2 - 2.0**14) / 2.0**29 + t * (p3 / 2.0**32 + t * p4 / 2.0**37)
    )
    square, cube = (p9 + p10 * t) / 2.0**48, p11 / 2.0**65
    raw = (pressure_pa - offset) / slope
    for _ in range(NEWTON_STEPS):
        error = offset + raw * (slope + raw * (square + raw * cube)) - pressure_pa
        raw -= error / (slope + raw * (2 * square + 3 * raw * cube))
    return min(max(round(raw), 0), _RAW_24_BIT_MAX)


class Bmp388Chip(BoschChip):
    """A BMP388 in the air that a function gives; it has no humidity."""

    ID_REGISTER = 0x00
    CALIBRATION = (range(0x31, 0x46),)
    DATA = range(0x04, 0x0A)
    NO_DATA = b"\x00\x00\x80\x00\x00\x80"  # DS 4.3.5: the least significant byte comes first
    FIRST_SAMPLE = b"\x10\x00\x80\x10\x00\x80"

    def __init__(
        self, clock: SimClock, air: Callable[[], tuple[float, float, float]], rng: random.Random,
        trimming: Trimming388 = EXAMPLE_TRIMMING_388,
    ) -> None:
        self._trimming = trimming
        self._drift_pa = rng.uniform(-DRIFT_PA_MAX, DRIFT_PA_MAX)
        super().__init__(clock, air, rng)

    def _load(self) -> None:
        t, p = self._trimming
        self._memory[0x31:0x46] = struct.pack("<HHbhhbbHHbbhbb", *t, *p)
        self._memory[0x00] = 0x50
        self._memory[0x1C] = 0x02  # DS 4.3.17: pressure x4 after a reset

    def _set(self, register: int, value: int) -> None:
        if register == 0x7E and value == 0xB6:
            self.power_up()
        elif register in (0x1B, 0x1C, 0x1D, 0x1F):
            self._memory[register] = value
            if register == 0x1B:
                is_normal = value & 0x30 == 0x30 and value & 0x03
                self._measuring_since_ms = self._clock.now_ms if is_normal else None
            is_too_fast = self._conversion_us() > self._timing_ms()[1] * 1000
            self._memory[0x02] = _CONFIGURATION_ERROR * is_too_fast

    def _show_status(self) -> None:
        is_measured = self._measured_at is not None
        self._memory[0x03] = _COMMAND_READY * (not self.is_resetting) | _DATA_READY * is_measured

    def _timing_ms(self) -> tuple[int, int]:
        """5 ms doubled as often as the rate register says (DS 4.3.18)."""
        return self._conversion_us() // 1000 + 1, 5 << min(17, self._memory[0x1D] & 0x1F)

    def _conversion_us(self) -> int:
        """How long one conversion takes (DS 3.9.2)."""
        power, oversampling = self._memory[0x1B], self._memory[0x1C]
        pressure_us = 392 + (2020 << (oversampling & 7)) if power & 1 else 0
        temperature_us = 163 + (2020 << (oversampling >> 3 & 7)) if power & 2 else 0
        return 234 + pressure_us + temperature_us

    def _noisy(self) -> AirReading:
        temperature_c, pressure_pa, humidity_pct = self._air()
        beyond = max(0.0, 1 - pressure_pa / PRESSURE_FLOOR_PA)
        noisy_pa = pressure_pa + self._drift_pa * beyond + self._rng.gauss(0, 1.2)
        return AirReading(
            temperature_c + self._rng.gauss(0, 0.01),
            min(max(noisy_pa, 0.0), PRESSURE_CEILING_PA), humidity_pct,
        )

    def _counts(self, temperature_c: float, pressure_pa: float, humidity_pct: float) -> bytes:
        temperature = raw_temperature(temperature_c, self._trimming)
        pressure = raw_pressure(pressure_pa, temperature_c, self._trimming)
        return pressure.to_bytes(3, "little") + temperature.to_bytes(3, "little")
