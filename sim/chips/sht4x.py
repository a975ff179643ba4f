"""A fake SHT4x: commands, measuring time, and words with their CRC from true air.

Source: Sensirion SHT4x data sheet, 4.4 to 4.6 and table 4. A read while it measures, or without a
measurement, is not acknowledged.
"""

from __future__ import annotations

import errno
import random
from collections.abc import Callable, Iterable

from payload.devices.sht4x import MEASURE_PRECISELY, crc8
from sim.clock import SimClock

MEASURED_MS = 9
SERIAL_NUMBER, SERIAL = 0x89, (0x0F7A, 0x21C4)
HEATER_COMMANDS = (0x39, 0x32, 0x2F, 0x24, 0x1E, 0x15)  # table 8


class Sht4xChip:
    """An SHT4x in the air that a function gives: C, Pa and %. Faults, all off at first:

    has_bad_crc   a bit of each answer is turned on the bus
    is_stuck      the last measurement is repeated for ever
    """

    def __init__(
        self, clock: SimClock, air: Callable[[], tuple[float, float, float]], rng: random.Random
    ) -> None:
        self.has_bad_crc = self.is_stuck = False
        self.heated = 0  # how often its heater was switched on
        self._clock = clock
        self._air = air
        self._rng = rng
        self._measured = self._answer = bytes(6)
        self._ready_ms: int | None = None

    def power_up(self) -> None:
        """Nothing is measured."""
        self._ready_ms = None

    def heal(self) -> None:
        """Every fault of this chip is gone."""
        self.has_bad_crc = self.is_stuck = False

    def read(self, register: int, length: int) -> bytes:
        """A read right behind a command, which comes before the measurement is over."""
        self.write(register, b"")
        return self.answer(length)

    def write(self, register: int, data: bytes) -> None:
        """A command; whatever it does not know is not acknowledged."""
        if register in HEATER_COMMANDS:
            self.heated += 1
        elif register == SERIAL_NUMBER:
            self._ready_ms, self._answer = self._clock.now_ms + 1, _checked(SERIAL)
            return
        elif register != MEASURE_PRECISELY or data:
            raise OSError(errno.EREMOTEIO, "Remote I/O error")
        self._ready_ms = self._clock.now_ms + MEASURED_MS
        if not (self.is_stuck and any(self._measured)):
            self._measured = self._measure()
        self._answer = self._measured

    def answer(self, length: int) -> bytes:
        if self._ready_ms is None or self._clock.now_ms < self._ready_ms:
            raise OSError(errno.EREMOTEIO, "Remote I/O error")
        self._ready_ms = None
        reading = bytearray(self._answer)
        if self.has_bad_crc:
            reading[self._rng.randrange(6)] ^= 1 << self._rng.randrange(8)
        return bytes(reading[:length]).ljust(length, b"\xff")

    def _measure(self) -> bytes:
        temperature_c, _, humidity_pct = self._air()
        temperature = (temperature_c + self._rng.gauss(0, 0.03) + 45) / 175
        humidity = (humidity_pct + self._rng.gauss(0, 0.1) + 6) / 125
        parts = (min(max(part, 0.0), 1.0) for part in (temperature, humidity))
        return _checked(round(part * 0xFFFF) for part in parts)


def _checked(words: Iterable[int]) -> bytes:
    """Two words, each with its CRC."""
    data = (word.to_bytes(2, "big") for word in words)
    return b"".join(word + bytes((crc8(word),)) for word in data)
