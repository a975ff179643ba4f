"""Fake chips at the level of registers: what the real device code sees on its I2C bus.

The BME280 turns true air into raw counts by inverting the floating-point formulas of its
datasheet, so that the integer arithmetic of the real driver is exercised, and not used twice. The
fake receiver is in ``sim.receiver``.

Sources: Bosch BST-BME280-DS002 rev 1.6 (4.2.3, 5.3, 5.4, 8.1); TI SBOS448G (8.5, 8.6).
"""

from __future__ import annotations

import errno
import math
import random
import struct
from collections.abc import Callable
from typing import NamedTuple, Protocol

from sim.clock import SimClock

PRESSURE_FLOOR_PA = 30_000.0  # BME280 DS table 1: 300 to 1100 hPa; below, this one says 300
PRESSURE_CEILING_PA = 110_000.0
CONVERSION_MS = 10  # BME280 DS 9.1 at 1x oversampling
RESET_MS = 3  # DS 1.1: start-up time 2 ms
_RAW_20_BIT_MAX = (1 << 20) - 1
_SKIPPED = b"\x80\x00\x00\x80\x00\x00\x80\x00"  # DS 5.4.7: nothing was measured


class Chip(Protocol):
    """One chip on the bus; a missing or sulking one raises OSError."""

    def read(self, register: int, length: int) -> bytes: ...
    def write(self, register: int, data: bytes) -> None: ...


class FakeI2cBus:
    """An I2C bus whose chips can be unplugged; nobody at an address is EREMOTEIO, as on a Pi."""

    def __init__(self, chips: dict[int, Chip]) -> None:
        self._chips = chips
        self._unplugged: set[int] = set()

    def unplug(self, address: int) -> None:
        """The chip at ``address`` stops answering; it keeps no power, as a pulled plug."""
        self._unplugged.add(address)

    def plug_in(self, address: int, chip: Chip) -> None:
        """A chip appears, fresh from its power-up."""
        self._chips[address] = chip
        self._unplugged.discard(address)

    def read_byte_data(self, i2c_addr: int, register: int) -> int:
        return self._chip(i2c_addr).read(register, 1)[0]

    def write_byte_data(self, i2c_addr: int, register: int, value: int) -> None:
        self._chip(i2c_addr).write(register, bytes((value,)))

    def read_i2c_block_data(self, i2c_addr: int, register: int, length: int) -> list[int]:
        return list(self._chip(i2c_addr).read(register, length))

    def write_i2c_block_data(self, i2c_addr: int, register: int, data: list[int]) -> None:
        self._chip(i2c_addr).write(register, bytes(data))

    def _chip(self, address: int) -> Chip:
        chip = self._chips.get(address)
        if chip is None or address in self._unplugged:
            raise OSError(errno.EREMOTEIO, "Remote I/O error")
        return chip


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


def _root_near(a: float, b: float, c: float) -> float:
    """The root of a x^2 + b x + c = 0 that goes to -c / b as a vanishes."""
    return -2 * c / (b + math.copysign(math.sqrt(max(0.0, b * b - 4 * a * c)), b))


def raw_temperature(temperature_c: float, trimming: Trimming) -> tuple[int, float]:
    """(raw count, t_fine). Source: DS 8.1 solved for the count."""
    t1, t2, t3 = trimming.t
    t_fine = temperature_c * 5120.0
    # With u = raw / 16384 - T1 / 1024: t_fine = u T2 + (u / 8)^2 T3.
    u = _root_near(t3 / 64.0, float(t2), -t_fine)
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
    x = _root_near(
        p9 / 2147483648.0 / 16.0, 1.0 + p8 / 32768.0 / 16.0, p7 / 16.0 - pressure_pa
    )
    raw = round(1048576.0 - x * var1 / 6250.0 - var2 / 4096.0)
    return min(max(raw, 0), _RAW_20_BIT_MAX)


def raw_humidity(humidity_pct: float, t_fine: float, trimming: Trimming) -> int:
    """Raw count. Source: DS 8.1 solved for the count."""
    h1, h2, h3, h4, h5, h6 = trimming.h
    var = t_fine - 76800.0
    # humidity = x (1 - H1 x / 524288)
    x = _root_near(-h1 / 524288.0, 1.0, -humidity_pct)
    gain = h2 / 65536.0 * (1 + h6 / 67108864.0 * var * (1 + h3 / 67108864.0 * var))
    raw = round(x / gain + h4 * 64.0 + h5 / 16384.0 * var)
    return min(max(raw, 0), 0xFFFF)


class Bme280Chip:
    """A BME280 whose air is given by a function: (temperature C, pressure Pa, humidity %)."""

    def __init__(
        self, clock: SimClock, air: Callable[[], tuple[float, float, float]], rng: random.Random,
        trimming: Trimming = EXAMPLE_TRIMMING,
    ) -> None:
        self._clock = clock
        self._air = air
        self._rng = rng
        self._trimming = trimming
        self._memory = bytearray(256)
        self._reset_ms = clock.now_ms
        self._measuring_since_ms: int | None = None
        self._measured_at: int | None = None
        self._power_up()

    def read(self, register: int, length: int) -> bytes:
        self._convert()
        return bytes(self._memory[(register + i) & 0xFF] for i in range(length))

    def write(self, register: int, data: bytes) -> None:
        """Register and value; more pairs may follow (DS 6.2.1)."""
        pairs = [(register, data[0]), *zip(data[1::2], data[2::2], strict=False)]
        for where, value in pairs:
            if where == 0xE0 and value == 0xB6:
                self._reset_ms = self._clock.now_ms
                self._power_up()
            elif where in (0xF2, 0xF4, 0xF5):
                self._memory[where] = value
            if where == 0xF4:
                is_normal = value & 0x03 == 0x03
                self._measuring_since_ms = self._clock.now_ms if is_normal else None

    def _power_up(self) -> None:
        """Registers as after power-on: asleep, nothing measured, calibration in place."""
        t, p, h = self._trimming
        self._memory[:] = bytes(256)
        self._memory[0x88:0xA0] = struct.pack("<HhhHhhhhhhhh", *t, *p)
        self._memory[0xA1] = h[0]
        self._memory[0xE1:0xE4] = struct.pack("<hB", h[1], h[2])
        self._memory[0xE4] = h[3] >> 4 & 0xFF
        self._memory[0xE5] = h[3] & 0x0F | (h[4] & 0x0F) << 4
        self._memory[0xE6] = h[4] >> 4 & 0xFF
        self._memory[0xE7] = h[5] & 0xFF
        self._memory[0xD0] = 0x60
        self._memory[0xF7:0xFF] = _SKIPPED
        self._measuring_since_ms = self._measured_at = None

    def _convert(self) -> None:
        """One conversion a second while in normal mode."""
        now_ms = self._clock.now_ms
        self._memory[0xF3] = int(now_ms - self._reset_ms < RESET_MS)
        since_ms = self._measuring_since_ms
        if since_ms is None or now_ms - since_ms < CONVERSION_MS:
            return
        number = (now_ms - since_ms) // 1000
        if number == self._measured_at:
            return
        self._measured_at = number
        temperature_c, pressure_pa, humidity_pct = self._air()
        temperature, t_fine = raw_temperature(
            temperature_c + self._rng.gauss(0, 0.03), self._trimming
        )
        noisy_pa = pressure_pa + self._rng.gauss(0, 2.0)  # DS table 3: noise 1.3 to 3.3 Pa
        pressure = raw_pressure(
            min(max(noisy_pa, PRESSURE_FLOOR_PA), PRESSURE_CEILING_PA), t_fine, self._trimming
        )
        wet = humidity_pct + self._rng.gauss(0, 0.1)
        humidity = raw_humidity(min(max(wet, 0.0), 100.0), t_fine, self._trimming)
        self._memory[0xF7:0xFD] = (pressure << 4).to_bytes(3, "big") + (
            temperature << 4
        ).to_bytes(3, "big")
        has_humidity = self._memory[0xF2] & 0x07 != 0
        self._memory[0xFD:0xFF] = humidity.to_bytes(2, "big") if has_humidity else b"\x80\x00"


class Ina219Chip:
    """An INA219 whose supply is given by a function: (mV at the bus, mA through the shunt)."""

    _CONFIG, _SHUNT, _BUS, _POWER, _CURRENT, _CALIBRATION = range(6)
    _CONFIG_RESET = 0x399F  # SBOS448G table 4
    _SHUNT_LSB_V = 10e-6
    _BUS_LSB_MV = 4.0

    def __init__(
        self, supply: Callable[[], tuple[float, float]], rng: random.Random, shunt_ohm: float = 0.1
    ) -> None:
        self._supply = supply
        self._rng = rng
        self._shunt_ohm = shunt_ohm
        self._config = self._CONFIG_RESET
        self._calibration = 0

    def read(self, register: int, length: int) -> bytes:
        """Big-endian words; the chip repeats its word when more is clocked out of it."""
        word = self._word(register).to_bytes(2, "big")
        return (word * (length // 2 + 1))[:length]

    def write(self, register: int, data: bytes) -> None:
        if len(data) != 2:
            return  # half a word is not taken
        value = int.from_bytes(data, "big")
        if register == self._CONFIG:
            self._config = value
            if value & 0x8000:
                self._config, self._calibration = self._CONFIG_RESET, 0
        elif register == self._CALIBRATION:
            self._calibration = value & 0xFFFE

    def _word(self, register: int) -> int:
        if register == self._CONFIG:
            return self._config
        if register == self._CALIBRATION:
            return self._calibration
        bus_mv, current_ma = self._supply()
        bus = round((bus_mv + self._rng.gauss(0, 2.0)) / self._BUS_LSB_MV)
        full_scale = 4000 << (self._config >> 11 & 3)  # 40 mV x gain, in 10 uV
        shunt = round(current_ma / 1000 * self._shunt_ohm / self._SHUNT_LSB_V)
        shunt = min(max(shunt, -full_scale), full_scale)
        current = shunt * self._calibration >> 12  # SBOS448G equation 4
        is_overflow = not -0x8000 <= current <= 0x7FFF
        if register == self._SHUNT:
            return shunt & 0xFFFF
        if register == self._BUS:
            return (min(max(bus, 0), 0x1FFF) << 3) | 0x02 | is_overflow
        if register == self._CURRENT:
            return current & 0xFFFF
        if register == self._POWER:
            return abs(current * bus) // 5000 & 0xFFFF  # equation 5
        return 0
