"""LSM6DS: how fast the box turns, from one ST gyroscope and accelerometer.

Sources: ST DS12140 (LSM6DSO) sections 4.1 (sensitivity) and 9; DS10162 (LSM6DS3), DS11096 (LSM6DSL)
and DS12814 (LSM6DSOX), in which the registers used here are the same. The chip runs at 26 Hz, and a
read is the newest sample.

The spin is the rate about the vertical, which the accelerometer shows: hanging from a balloon or a
parachute it feels what holds it up. So the chip may be fixed in any position. While hardly anything
holds it, as after the burst, and beyond the gyroscope's range, there is no spin to tell.
"""

from __future__ import annotations

import math
import struct

from payload.devices.buses import I2cBus
from payload.devices.registers import Registers
from payload.ports import DeviceGarbage, DeviceTimeout, Reading

CHIP_IDS = {0x69: "LSM6DS3", 0x6A: "LSM6DSL", 0x6C: "LSM6DSO"}
WHO_AM_I, CTRL1_XL, CTRL2_G, CTRL3_C, DATA = 0x0F, 0x10, 0x11, 0x12, 0x22
SETTINGS = {
    CTRL3_C: 0x44,  # a sample is not replaced while it is read; the register counts up
    CTRL1_XL: 0x28,  # 26 Hz, 4 g
    CTRL2_G: 0x2C,  # 26 Hz, 2000 degrees per second
}
DPS_PER_COUNT, G_PER_COUNT = 0.070, 0.000122  # table 2
FIRST_SAMPLE_MS = 150  # table 11: 70 ms of the gyroscope, and a sample
HELD_G_MIN = 0.3
_COUNTS = struct.Struct("<6h")
_ENDS = (-0x8000, 0x7FFF)


def spin_dps(sample: bytes) -> float | None:
    """Degrees per second about the vertical, anticlockwise seen from above, from twelve bytes; None
    where they do not tell."""
    counts = _COUNTS.unpack(sample)
    turning, holding = counts[:3], counts[3:]
    held = math.hypot(*holding)
    if held * G_PER_COUNT < HELD_G_MIN or any(count in _ENDS for count in turning):
        return None
    along: float = sum(rate * force for rate, force in zip(turning, holding, strict=True))
    return DPS_PER_COUNT * along / held


class Lsm6ds:
    """One LSM6DS3, LSM6DSL or LSM6DSO on an I2C bus; key spin_dps."""

    def __init__(self, bus: I2cBus, address: int = 0x6A, name: str = "lsm6ds") -> None:
        """``address`` is 0x6A (SDO low) or 0x6B."""
        self.name = name
        self._registers = Registers(bus, address, name)
        self._configured_ms: int | None = None

    def read(self, now_ms: int) -> Reading:
        """The newest sample; without a value while nothing holds the box.

        Raises DeviceAbsent, DeviceTimeout while starting, DeviceGarbage for another chip, or one
        that does not retain its settings.
        """
        if not self._has_settings() or self._configured_ms is None:
            self._configure(now_ms)
            raise DeviceTimeout(f"{self.name}: starting")
        if now_ms - self._configured_ms < FIRST_SAMPLE_MS:
            raise DeviceTimeout(f"{self.name}: starting")
        spin = spin_dps(self._registers.block(DATA, _COUNTS.size))
        return Reading(now_ms, {} if spin is None else {"spin_dps": spin})

    def _has_settings(self) -> bool:
        """False after a brown-out of the chip, which then measures nothing."""
        kept = self._registers.block(CTRL1_XL, len(SETTINGS))
        return all(kept[register - CTRL1_XL] == value for register, value in SETTINGS.items())

    def _configure(self, now_ms: int) -> None:
        self._configured_ms = None
        chip_id = self._registers.byte(WHO_AM_I)
        if chip_id not in CHIP_IDS:
            raise DeviceGarbage(f"{self.name}: chip id {chip_id:#04x} is not an LSM6DS")
        for register, value in SETTINGS.items():
            self._registers.write_byte(register, value)
        if not self._has_settings():
            raise DeviceGarbage(f"{self.name}: does not retain its settings")
        self._configured_ms = now_ms
