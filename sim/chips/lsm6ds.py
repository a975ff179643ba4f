"""A fake LSM6DSO: registers, and counts from how the box turns and hangs.

Source: ST DS12140 (LSM6DSO), sections 4.1 and 9.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import NamedTuple

from payload.devices.lsm6ds import CTRL1_XL, CTRL2_G, CTRL3_C, DATA, WHO_AM_I

CHIP_ID = 0x6C
_RESET = {CTRL3_C: 0x04}  # section 9.14
_DPS_PER_COUNT = {0x0: 0.00875, 0x4: 0.0175, 0x8: 0.035, 0xC: 0.070}
_G_PER_COUNT = {0x0: 0.000061, 0x4: 0.000488, 0x8: 0.000122, 0xC: 0.000244}


class Hanging(NamedTuple):
    """How the box turns about the vertical, anticlockwise, and how hard it is held."""

    spin_dps: float
    held_g: float


class Lsm6dsChip:
    """An LSM6DSO, fixed in a box of which a function tells how it hangs. Faults, all off at first:

    is_stuck   the last sample is repeated for ever
    forgets    what is written is not kept, as by a chip that resets all the time
    forced     register -> byte that reads in place of what is there
    """

    def __init__(
        self, hanging: Callable[[], Hanging], rng: random.Random,
        up: tuple[float, float, float] = (0.0, 0.0, 1.0),
    ) -> None:
        """``up`` is the vertical in the chip's own axes, of length one."""
        self.is_stuck = self.forgets = False
        self.forced: dict[int, int] = {}
        self._hanging = hanging
        self._rng = rng
        self._up = up
        self._memory = bytearray(256)
        self.power_up()

    def power_up(self) -> None:
        """Registers as after power-on: both are off."""
        self._memory[:] = bytes(256)
        self._memory[WHO_AM_I] = CHIP_ID
        for register, value in _RESET.items():
            self._memory[register] = value

    def heal(self) -> None:
        """Every fault of this chip is gone."""
        self.is_stuck = self.forgets = False
        self.forced.clear()

    def forge_id(self, chip_id: int) -> None:
        """Answer with another chip's identity."""
        self.forced[WHO_AM_I] = chip_id

    def read(self, register: int, length: int) -> bytes:
        """Consecutive registers."""
        self._sample()
        where = range(register, min(register + length, len(self._memory)))
        return bytes(self.forced.get(at, self._memory[at]) for at in where).ljust(length, b"\0")

    def write(self, register: int, data: bytes) -> None:
        if not self.forgets and CTRL1_XL <= register <= CTRL3_C:
            self._memory[register] = data[0]

    def answer(self, length: int) -> bytes:
        """Where no register is named the address counter goes on; no driver of ours asks so."""
        return bytes(length)

    def _sample(self) -> None:
        gyroscope, accelerometer = self._memory[CTRL2_G], self._memory[CTRL1_XL]
        if self.is_stuck or not (gyroscope >> 4 and accelerometer >> 4):
            return
        hanging = self._hanging()
        counts = [
            *self._counts(hanging.spin_dps, _DPS_PER_COUNT[gyroscope & 0x0C], 0.1),
            *self._counts(hanging.held_g, _G_PER_COUNT[accelerometer & 0x0C], 0.002),
        ]
        self._memory[DATA : DATA + 12] = b"".join(
            min(max(count, -0x8000), 0x7FFF).to_bytes(2, "little", signed=True)
            for count in counts)

    def _counts(self, along: float, per_count: float, noise: float) -> list[int]:
        return [math.floor((along * part + self._rng.gauss(0, noise)) / per_count + 0.5)
                for part in self._up]
