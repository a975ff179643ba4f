"""How the I2C sensors reach their chips: one error each for absent, late and impossible.

Nothing here knows a chip. Reads and writes go to the bus that was given; whatever the bus raises
becomes one of the named errors of ``payload.ports``, because on a real Pi an absent chip is
EREMOTEIO (121), EIO (5) or ENODEV (19) depending on the adapter, and a stuck clock line is
ETIMEDOUT (110).

A transfer that was not acknowledged is tried once more: a single lost acknowledge is common on a
bus near a transmitter, and every register here may be read or written twice. A bus that timed
out is not tried again, since that is where the time goes.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import TypeVar

from payload.devices.buses import I2cBus
from payload.ports import DeviceAbsent, DeviceGarbage, DeviceTimeout

_Result = TypeVar("_Result")


class Registers:
    """One chip on one bus: its registers, or the commands of one that has none."""

    def __init__(self, bus: I2cBus, address: int, name: str) -> None:
        """``address`` is the 7-bit I2C address, 0x08..0x77."""
        assert 0x08 <= address <= 0x77, address
        self._bus = bus
        self._address = address
        self._name = name

    def byte(self, register: int) -> int:
        """One byte, 0..255. Raises DeviceAbsent, DeviceTimeout or DeviceGarbage."""
        value = self._twice(lambda: self._bus.read_byte_data(self._address, register))
        if not 0 <= value <= 0xFF:
            raise DeviceGarbage(f"{self._name}: register {register:#04x} read as {value}")
        return value

    def block(self, register: int, length: int) -> bytes:
        """``length`` consecutive bytes, 1..32. Raises as ``byte`` does."""
        assert 1 <= length <= 32, length
        return self._bytes(
            length, lambda: self._bus.read_i2c_block_data(self._address, register, length))

    def answer(self, length: int) -> bytes:
        """``length`` bytes, 1..32, after a command. Raises as ``byte`` does."""
        assert 1 <= length <= 32, length
        return self._bytes(length, lambda: self._bus.read_bytes(self._address, length))

    def command(self, value: int) -> None:
        """Raises DeviceAbsent or DeviceTimeout."""
        assert 0 <= value <= 0xFF, value
        self._twice(lambda: self._bus.write_byte(self._address, value))

    def word(self, register: int) -> int:
        """A big-endian 16-bit register, as the INA chips send them (SMBus words are little)."""
        return int.from_bytes(self.block(register, 2), "big")

    def signed_word(self, register: int) -> int:
        """A big-endian two's complement 16-bit register."""
        return int.from_bytes(self.block(register, 2), "big", signed=True)

    def write_byte(self, register: int, value: int) -> None:
        """Raises DeviceAbsent or DeviceTimeout."""
        assert 0 <= value <= 0xFF, value
        self._twice(lambda: self._bus.write_byte_data(self._address, register, value))

    def write_word(self, register: int, value: int) -> None:
        """A big-endian 16-bit register. Raises DeviceAbsent or DeviceTimeout."""
        assert 0 <= value <= 0xFFFF, value
        data = list(value.to_bytes(2, "big"))
        self._twice(lambda: self._bus.write_i2c_block_data(self._address, register, data))

    def _bytes(self, length: int, transfer: Callable[[], list[int]]) -> bytes:
        values = self._twice(transfer)
        if len(values) != length:
            raise DeviceGarbage(f"{self._name}: {len(values)} bytes instead of {length}")
        try:
            return bytes(values)
        except ValueError as error:
            raise DeviceGarbage(f"{self._name}: read as {values}, which are no bytes") from error

    def _twice(self, transfer: Callable[[], _Result]) -> _Result:
        try:
            return transfer()
        except OSError as error:
            if _is_timeout(error):
                raise self._named(error) from error
        try:
            return transfer()
        except OSError as error:
            raise self._named(error) from error

    def _named(self, error: OSError) -> DeviceAbsent | DeviceTimeout:
        if isinstance(error, (DeviceAbsent, DeviceTimeout)):
            return error
        where = f"{self._name} at {self._address:#04x}: {error}"
        if _is_timeout(error):
            return DeviceTimeout(where)
        return DeviceAbsent(where)


def _is_timeout(error: OSError) -> bool:
    return error.errno == errno.ETIMEDOUT or isinstance(error, TimeoutError)
