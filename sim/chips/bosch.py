"""Shared by the fake Bosch sensors: memory map, power-up, conversion times, and faults.

A chip turns true air into raw counts by inverting its datasheet's formulas, so that the real
driver's arithmetic is exercised, and not used twice.
"""

from __future__ import annotations

import math
import random
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, NamedTuple

from sim.clock import SimClock

RESET_MS = 3  # BME280 DS 1.1, BMP388 DS 1: start-up time 2 ms


class AirReading(NamedTuple):
    """The air at the sensor."""

    temperature_c: float
    pressure_pa: float
    humidity_pct: float


def root_near(a: float, b: float, c: float) -> float:
    """The root of a x^2 + b x + c = 0 that goes to -c / b as a vanishes."""
    return -2 * c / (b + math.copysign(math.sqrt(max(0.0, b * b - 4 * a * c)), b))


class BoschChip(ABC):
    """One chip. Faults, all off at first:

    is_stuck              the last conversion is repeated for ever
    has_bad_first_sample  the first conversion after a reset is a plausible wrong value
    forced_air            measured in place of the air, and not clipped to what the chip can measure
    forced                register -> byte that reads in place of what is there
    """

    ID_REGISTER: ClassVar[int]
    CALIBRATION: ClassVar[tuple[range, ...]]
    DATA: ClassVar[range]
    NO_DATA: ClassVar[bytes]
    FIRST_SAMPLE: ClassVar[bytes]

    def __init__(
        self, clock: SimClock, air: Callable[[], tuple[float, float, float]], rng: random.Random
    ) -> None:
        """``air`` gives temperature C, pressure Pa and humidity % at the sensor."""
        self.is_stuck = False
        self.has_bad_first_sample = False
        self.forced_air: AirReading | None = None
        self.forced: dict[int, int] = {}
        self._clock = clock
        self._air = air
        self._rng = rng
        self._memory = bytearray(256)
        self._reset_ms = clock.now_ms
        self._measuring_since_ms: int | None = None
        self._measured_at: int | None = None
        self.power_up()

    # -- faults ------------------------------------------------------------------------------

    def forge_id(self, chip_id: int) -> None:
        """Answer with another chip's identity."""
        self.forced[self.ID_REGISTER] = chip_id

    def blank_calibration(self) -> None:
        """The calibration reads as all FF."""
        self.forced |= {at: 0xFF for part in self.CALIBRATION for at in part}

    def skip_measuring(self) -> None:
        """The data registers read as after a reset: nothing was measured."""
        self.forced |= dict(zip(self.DATA, self.NO_DATA, strict=True))

    def heal(self) -> None:
        """Every fault of this chip is gone."""
        self.forced.clear()
        self.is_stuck = self.has_bad_first_sample = False
        self.forced_air = None

    # -- the bus -----------------------------------------------------------------------------

    def read(self, register: int, length: int) -> bytes:
        """Consecutive registers."""
        self._convert()
        where = range(register, min(register + length, len(self._memory)))
        data = bytes(self._memory[where.start : where.stop])
        if self.forced:
            data = bytes(self.forced.get(at, self._memory[at]) for at in where)
        return data.ljust(length, b"\0")

    def write(self, register: int, data: bytes) -> None:
        """Register and value; more pairs may follow (BME280 DS 6.2.1, BMP388 DS 5.2.1)."""
        for where, value in [(register, data[0]), *zip(data[1::2], data[2::2], strict=False)]:
            self._set(where, value)

    def answer(self, length: int) -> bytes:
        """Where no register is named the address counter goes on; no driver of ours asks so."""
        return bytes(length)

    def power_up(self) -> None:
        """Registers as after power-on: asleep, nothing measured, calibration in place."""
        self._memory[:] = bytes(256)
        self._memory[self.DATA.start : self.DATA.stop] = self.NO_DATA
        self._reset_ms = self._clock.now_ms
        self._measuring_since_ms = self._measured_at = None
        self._load()

    @property
    def is_resetting(self) -> bool:
        return self._clock.now_ms - self._reset_ms < RESET_MS

    def _convert(self) -> None:
        """The newest conversion of the period, once it has been made."""
        self._show_status()
        since_ms = self._measuring_since_ms
        first_ms, period_ms = self._timing_ms()
        if since_ms is None or self._clock.now_ms - since_ms < first_ms:
            return
        number = (self._clock.now_ms - since_ms) // period_ms
        if number == self._measured_at:
            return
        is_first, self._measured_at = self._measured_at is None, number
        if number == 0 and self.has_bad_first_sample:
            self._memory[self.DATA.start : self.DATA.stop] = self.FIRST_SAMPLE
        elif is_first or not self.is_stuck:
            data = self._counts(*(self.forced_air or self._noisy()))
            self._memory[self.DATA.start : self.DATA.stop] = data

    # -- what each chip does in its own way ---------------------------------------------------

    @abstractmethod
    def _load(self) -> None:
        """Identity and calibration into the memory."""

    @abstractmethod
    def _set(self, register: int, value: int) -> None:
        """What a write to this register does beyond being kept."""

    @abstractmethod
    def _show_status(self) -> None:
        """The status register as it reads now."""

    @abstractmethod
    def _timing_ms(self) -> tuple[int, int]:
        """(until the first conversion, between two)."""

    @abstractmethod
    def _noisy(self) -> AirReading:
        """The air as this chip would measure it: noise, and the ends of its range."""

    @abstractmethod
    def _counts(self, temperature_c: float, pressure_pa: float, humidity_pct: float) -> bytes:
        """The data registers for this air."""
