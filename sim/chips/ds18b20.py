"""A fake DS18B20 behind the kernel's w1_slave: scratchpad, conversion time, and faults.

Sources: Maxim/Analog Devices DS18B20 data sheet rev 6 (figure 6: after power-up 85 C; table 2: 750
ms at 12 bits); Linux drivers/w1/slaves/w1_therm.c (the text).
"""

from __future__ import annotations

import random
from collections.abc import Callable

from payload.devices.ds18b20 import CELSIUS_MAX, CELSIUS_MIN, crc8
from payload.ports import DeviceAbsent
from sim.clock import SimClock

CONVERSION_MS = 750
POWER_UP = bytes.fromhex("50054b467fff0c10")
NOISE_C = 0.03


class Ds18b20Chip:
    """Implements ``payload.devices.buses.OneWire``. Faults, all off at first:

    is_unplugged    the kernel has no such thermometer
    has_bad_crc     a bit of what it says is turned on the wire
    is_shorted      the data line touches ground: nothing but zeros
    is_underfed     the supply fails during each conversion: 85 C
    """

    def __init__(
        self, clock: SimClock, air: Callable[[], tuple[float, float, float]], rng: random.Random
    ) -> None:
        """``air`` gives temperature C, pressure Pa and humidity % around it."""
        self.is_unplugged = self.has_bad_crc = self.is_shorted = self.is_underfed = False
        self._clock = clock
        self._air = air
        self._rng = rng
        self._scratchpad = POWER_UP
        self._started_ms: int | None = None

    def power_up(self) -> None:
        """The scratchpad as after power-on."""
        self._scratchpad, self._started_ms = POWER_UP, None

    def start(self) -> None:
        if self._started_ms is None:
            self._started_ms = self._clock.now_ms

    def poll(self) -> str | None:
        started_ms = self._started_ms
        if started_ms is None or self._clock.now_ms - started_ms < CONVERSION_MS:
            return None
        self._started_ms = None
        if self.is_unplugged:
            raise DeviceAbsent("28-3c01d607a1b2: no such device")
        self._convert()
        return w1_slave(self._read())

    def _convert(self) -> None:
        if self.is_underfed:
            self._scratchpad = POWER_UP
            return
        celsius = self._air()[0] + self._rng.gauss(0, NOISE_C)
        raw = round(min(max(celsius, CELSIUS_MIN), CELSIUS_MAX) * 16)
        self._scratchpad = raw.to_bytes(2, "little", signed=True) + POWER_UP[2:]

    def _read(self) -> bytes:
        """The scratchpad and its CRC as they arrive."""
        if self.is_shorted:
            return bytes(9)
        answer = bytearray((*self._scratchpad, crc8(self._scratchpad)))
        if self.has_bad_crc:
            answer[self._rng.randrange(8)] ^= 1 << self._rng.randrange(8)
        return bytes(answer)


def w1_slave(scratchpad: bytes) -> str:
    """The kernel's two lines about nine bytes."""
    words = " ".join(f"{byte:02x}" for byte in scratchpad)
    check = crc8(scratchpad[:8])
    verdict = "YES" if check == scratchpad[8] else "NO"
    raw = int.from_bytes(scratchpad[:2], "little", signed=True)
    return f"{words} : crc={check:02x} {verdict}\n{words} t={raw * 1000 // 16}\n"
