"""The fake I2C bus and its faults; the chips are in ``sim.chips``.

A bus whose clock line is held low fails every transfer after ``stall_ms``, as the kernel does; the
time is reported through ``block``, so that the world can charge it to whoever was waiting.
"""

from __future__ import annotations

import errno
import random
from collections import Counter
from collections.abc import Callable
from typing import Protocol

from payload.ports import DeviceAbsent, Reading, Sensor

STALL_MS = 200  # payload.drivers.i2c: 100 ms per transfer, and one retry


class Chip(Protocol):
    """One chip on the bus."""

    def read(self, register: int, length: int) -> bytes: ...
    def write(self, register: int, data: bytes) -> None: ...

    def answer(self, length: int) -> bytes:
        """What is read where no register is named. Raises OSError of a chip that is busy."""
        ...

    def power_up(self) -> None:
        """Forget what was set: the power came back."""
        ...

    def heal(self) -> None:
        """Every fault of this chip is gone."""
        ...


def _nobody_waits(milliseconds: int) -> None:
    """For a bus whose user has no clock."""


def _nobody_listens() -> None:
    """For a sensor whose answers nobody notes."""


class FakeI2cBus:
    """An I2C bus; nobody at an address is EREMOTEIO, as on a Pi.

    Faults, all off at first:

    is_stuck_low   every transfer fails with ETIMEDOUT after ``stall_ms``
    eio_one_in     one transfer in so many fails with EIO, drawn; 0 is never
    """

    def __init__(
        self, chips: dict[int, Chip], rng: random.Random | None = None,
        block: Callable[[int], None] = _nobody_waits,
    ) -> None:
        """``block(ms)`` is told of the time that a transfer kept its caller waiting."""
        self.is_stuck_low = False
        self.stall_ms = STALL_MS
        self.eio_one_in = 0
        self.failures: Counter[str] = Counter()  # by the name of the error
        self._chips = chips
        self._rng = rng or random.Random(0)
        self._block = block
        self._unplugged: set[int] = set()
        self._crossed: dict[int, int] = {}

    def chip(self, address: int) -> Chip:
        """The chip that was fitted at ``address``. Raises KeyError where there is none."""
        return self._chips[address]

    def unplug(self, address: int) -> None:
        """The chip at ``address`` stops answering; it keeps no power, as a pulled plug."""
        self._unplugged.add(address)

    def plug_in(self, address: int, chip: Chip | None = None) -> None:
        """A chip appears fresh from its power-up: another one, or the one that was there."""
        if chip is not None:
            self._chips[address] = chip
        self._chips[address].power_up()
        self._unplugged.discard(address)

    def move(self, address: int, to: int) -> None:
        """The chip at ``address`` answers at ``to`` from now on: its address pin came loose."""
        self._chips[to] = self._chips.pop(address)

    def cross(self, first: int, second: int) -> None:
        """Two chips get each other's transfers."""
        self._crossed = {first: second, second: first}

    def uncross(self) -> None:
        self._crossed = {}

    def power_cycle(self) -> None:
        """The supply of the bus was gone for a moment."""
        for chip in self._chips.values():
            chip.power_up()

    def read_byte_data(self, i2c_addr: int, register: int) -> int:
        return self._transfer(i2c_addr).read(register, 1)[0]

    def write_byte_data(self, i2c_addr: int, register: int, value: int) -> None:
        self._transfer(i2c_addr).write(register, bytes((value,)))

    def read_i2c_block_data(self, i2c_addr: int, register: int, length: int) -> list[int]:
        return list(self._transfer(i2c_addr).read(register, length))

    def write_i2c_block_data(self, i2c_addr: int, register: int, data: list[int]) -> None:
        self._transfer(i2c_addr).write(register, bytes(data))

    def write_byte(self, i2c_addr: int, value: int) -> None:
        self._transfer(i2c_addr).write(value, b"")

    def read_bytes(self, i2c_addr: int, length: int) -> list[int]:
        return list(self._transfer(i2c_addr).answer(length))

    def _transfer(self, address: int) -> Chip:
        """The chip that takes this transfer. Raises OSError when none does."""
        if self.is_stuck_low:
            self.failures["ETIMEDOUT"] += 1
            self._block(self.stall_ms)
            raise OSError(errno.ETIMEDOUT, "Connection timed out")
        if self.eio_one_in and self._rng.randrange(self.eio_one_in) == 0:
            self.failures["EIO"] += 1
            raise OSError(errno.EIO, "Input/output error")
        address = self._crossed.get(address, address)
        chip = self._chips.get(address)
        if chip is None or address in self._unplugged:
            self.failures["EREMOTEIO"] += 1
            raise OSError(errno.EREMOTEIO, "Remote I/O error")
        return chip


class SensorTap:
    """A ``Sensor`` between a driver and the core, for what no chip of ours can be made to say.

    It stays over a reboot while the driver in it is made anew. ``forced`` puts values, such as
    {"temperature_c": -312.0}, over those of the driver; ``age_ms`` makes its readings older.
    ``on_answer`` is told of every answer of the driver.
    """

    def __init__(self) -> None:
        self.name = "nothing"
        self.forced: dict[str, float] = {}
        self.age_ms = 0
        self.on_answer: Callable[[], None] = _nobody_listens
        self._sensor: Sensor | None = None

    def fit(self, sensor: Sensor) -> SensorTap:
        """Put a driver in; returns the tap."""
        self.name, self._sensor = sensor.name, sensor
        return self

    def read(self, now_ms: int) -> Reading:
        """As the driver's; raises what it raises."""
        if self._sensor is None:
            raise DeviceAbsent("no driver is fitted")
        reading = self._sensor.read(now_ms)
        self.on_answer()
        if not self.forced and not self.age_ms:
            return reading
        return Reading(reading.taken_ms - self.age_ms, reading.values | self.forced)
