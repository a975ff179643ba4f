"""A fake BME280: registers, and raw counts from true air.

The floating-point formulas of the datasheet are inverted; the driver under test uses the integer
ones. Below 300 hPa this one sticks, as the datasheet allows it to.

Source: Bosch BST-BME280-DS002 rev 1.6 (4.2.3, 5.3, 5.4, 8.1).
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from typing import ClassVar, NamedTuple

from sim.chips.bosch import AirReading, BoschChip, root_near
from sim.clock import SimClock

PRESSURE_FLOOR_PA = 30_000.0  # DS table 1: 300 to 1100 hPa; below, this one says 300
PRESSURE_CEILING_PA = 110_000.0
CONVERSION_MS = 10  # DS 9.1 at 1x oversampling
PERIOD_MS = 1_000
_RAW_20_BIT_MAX = (1 << 20) - 1


class Trimming(NamedTuple):
    """Calibration of one BME280 (DS table 16)."""

    t: tuple[int, int, int]
    p: tuple[int, int, int, int, int, int, int, int, int]
    h: tuple[int, int, int, int, int, int]


# t and p: the worked example of Bosch BST-BMP280-DS001 3.12; h: as read from an ordinary module.
EXAMPLE_TRIMMING = Trimming(
    (27504, 26435, -1000),
    (36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000),
    (75, 362, 0, 323, 50, 30),
)


def raw_temperature(temperature_c: float, trimming: Trimming) -> tuple[int, float]:
    """(raw count, t_fine). Source: DS 8.1 solved for the count."""
    t1, t2, t3 = trimming.t
    t_fine = temperature_c * 5120.0
    # With u = raw / 16384 - T1 / 1024: t_fine = u T2 + (u / 8)^2 T3.
    u = root_near(t3 / 64.0, float(t2), -t_fine)
    raw = round((u + t1 / 1024.0) * 16384.0)
    return min(max(raw, 0), _RAW_20_BIT_MAX), t_fine


def raw_pressure(pressure_pa: float, t_fine: float, trimming: Trimming) -> int:
    """Raw count. Source: DS 8.1 solved for the count."""
    p1, p2, p3, p4, p5, p6, p7, p8, p9 = trimming.p
    var1 = t_fine / 2.0 - 64000.0
    var2 = var1 * var1 * p6 / 32768.0 + var1 * p5 * 2.0
    var2 = var2 / 4.0 + p4 * 65536.0
    var1 = (p3 * var1 * var1 / 524288.0 + p2 * var1) / 524288.0
    var1 = (1.0 + var1 / 32768.0) * p1
    # pressure = x + (P9 x^2 / 2^31 + P8 x / 2^15 + P7) / 16
    x = root_near(
        p9 / 2147483648.0 / 16.0, 1.0 + p8 / 32768.0 / 16.0, p7 / 16.0 - pressure_pa
    )
    raw = round(1048576.0 - x * var1 / 6250.0 - var2 / 4096.0)
    return min(max(raw, 0), _RAW_20_BIT_MAX)


def raw_humidity(humidity_pct: float, t_fine: float, trimming: Trimming) -> int:
    """Raw count. Source: DS 8.1 solved for the count."""
    h1, h2, h3, h4, h5, h6 = trimming.h
    var = t_fine - 76800.0
    # humidity = x (1 - H1 x / 524288)
    x = root_near(-h1 / 524288.0, 1.0, -humidity_pct)
    gain = h2 / 65536.0 * (1 + h6 / 67108864.0 * var * (1 + h3 / 67108864.0 * var))
    raw = round(x / gain + h4 * 64.0 + h5 / 16384.0 * var)
    return min(max(raw, 0), 0xFFFF)


class Bme280Chip(BoschChip):
    """A BME280 in the air that a function gives."""

    ID_REGISTER = 0xD0
    CALIBRATION: ClassVar[tuple[range, ...]] = (range(0x88, 0xA2), range(0xE1, 0xE8))
    DATA = range(0xF7, 0xFF)
    NO_DATA = b"\x80\x00\x00\x80\x00\x00\x80\x00"  # DS 5.4.7
    # The counts that are left of the power-up and one bit: 22 C and some 690 hPa with most trims.
    FIRST_SAMPLE = b"\x80\x00\x10\x80\x00\x10\x80\x01"

    def __init__(
        self, clock: SimClock, air: Callable[[], tuple[float, float, float]], rng: random.Random,
        trimming: Trimming = EXAMPLE_TRIMMING,
    ) -> None:
        self._trimming = trimming
        super().__init__(clock, air, rng)

    def _load(self) -> None:
        t, p, h = self._trimming
        self._memory[0x88:0xA0] = struct.pack("<HhhHhhhhhhhh", *t, *p)
        self._memory[0xA1] = h[0]
        self._memory[0xE1:0xE4] = struct.pack("<hB", h[1], h[2])
        self._memory[0xE4] = h[3] >> 4 & 0xFF
        self._memory[0xE5] = h[3] & 0x0F | (h[4] & 0x0F) << 4
        self._memory[0xE6] = h[4] >> 4 & 0xFF
        self._memory[0xE7] = h[5] & 0xFF
        self._memory[0xD0] = 0x60

    def _set(self, register: int, value: int) -> None:
        if register == 0xE0 and value == 0xB6:
            self.power_up()
        elif register in (0xF2, 0xF4, 0xF5):
            self._memory[register] = value
        if register == 0xF4:
            is_normal = value & 0x03 == 0x03
            self._measuring_since_ms = self._clock.now_ms if is_normal else None

    def _show_status(self) -> None:
        self._memory[0xF3] = int(self.is_resetting)

    def _timing_ms(self) -> tuple[int, int]:
        return CONVERSION_MS, PERIOD_MS

    def _noisy(self) -> AirReading:
        temperature_c, pressure_pa, humidity_pct = self._air()
        noisy_pa = pressure_pa + self._rng.gauss(0, 2.0)  # DS table 3: noise 1.3 to 3.3 Pa
        return AirReading(
            temperature_c + self._rng.gauss(0, 0.03),
            min(max(noisy_pa, PRESSURE_FLOOR_PA), PRESSURE_CEILING_PA),
            min(max(humidity_pct + self._rng.gauss(0, 0.1), 0.0), 100.0),
        )

    def _counts(self, temperature_c: float, pressure_pa: float, humidity_pct: float) -> bytes:
        temperature, t_fine = raw_temperature(temperature_c, self._trimming)
        pressure = raw_pressure(pressure_pa, t_fine, self._trimming)
        humidity = raw_humidity(humidity_pct, t_fine, self._trimming)
        has_humidity = self._memory[0xF2] & 0x07 != 0
        return (
            (pressure << 4).to_bytes(3, "big") + (temperature << 4).to_bytes(3, "big")
            + (humidity.to_bytes(2, "big") if has_humidity else b"\x80\x00")
        )
