"""A Linux I2C bus through smbus2, opened when first used and again after it broke.

The kernel's own limits are tightened, because a clock line held low otherwise blocks the flight
core for seconds per transfer: 100 ms per transfer, one retry (linux/i2c-dev.h).
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Callable
from typing import Any, TypeVar

import smbus2

from payload.ports import DeviceAbsent

_I2C_RETRIES, _I2C_TIMEOUT = 0x0701, 0x0702
_RETRIES = 1
_TIMEOUT_10_MS = 10  # in units of 10 ms
# The adapter itself is gone (an unplugged USB bridge, an unbound driver), not merely the chip.
_ADAPTER_LOST = (errno.ENODEV, errno.EBADF, errno.ESHUTDOWN)
_Result = TypeVar("_Result")


class LinuxI2cBus:
    """Implements ``payload.devices.buses.I2cBus`` on /dev/i2c-N."""

    def __init__(self, bus_number: int = 1) -> None:
        """Opens nothing yet: a Pi without I2C enabled still flies."""
        self._path = f"/dev/i2c-{bus_number}"
        self._bus: Any = None

    def read_byte_data(self, i2c_addr: int, register: int) -> int:
        """One byte. Raises OSError as the kernel names it, DeviceAbsent without a bus."""
        return self._use(lambda bus: int(bus.read_byte_data(i2c_addr, register)))

    def write_byte_data(self, i2c_addr: int, register: int, value: int) -> None:
        """Raises as ``read_byte_data`` does."""
        self._use(lambda bus: bus.write_byte_data(i2c_addr, register, value))

    def read_i2c_block_data(self, i2c_addr: int, register: int, length: int) -> list[int]:
        """1 to 32 bytes. Raises as ``read_byte_data`` does."""
        return self._use(lambda bus: list(bus.read_i2c_block_data(i2c_addr, register, length)))

    def write_i2c_block_data(self, i2c_addr: int, register: int, data: list[int]) -> None:
        """1 to 32 bytes. Raises as ``read_byte_data`` does."""
        self._use(lambda bus: bus.write_i2c_block_data(i2c_addr, register, data))

    def write_byte(self, i2c_addr: int, value: int) -> None:
        """A command without data. Raises as ``read_byte_data`` does."""
        self._use(lambda bus: bus.write_byte(i2c_addr, value))

    def read_bytes(self, i2c_addr: int, length: int) -> list[int]:
        """1 to 32 bytes without naming a register. Raises as ``read_byte_data`` does."""
        message: Any = smbus2.i2c_msg.read(i2c_addr, length)
        self._use(lambda bus: bus.i2c_rdwr(message))
        return [int(byte) for byte in message]

    def is_there(self) -> bool:
        """True where the machine has this bus."""
        return os.path.exists(self._path)

    def close(self) -> None:
        """Let the bus go; the next use opens it again."""
        if self._bus is not None:
            with contextlib.suppress(OSError):
                self._bus.close()
            self._bus = None

    def _use(self, transfer: Callable[[Any], _Result]) -> _Result:
        if self._bus is None:
            self._open()
        try:
            return transfer(self._bus)
        except OSError as error:
            if error.errno in _ADAPTER_LOST:
                self.close()
            raise

    def _open(self) -> None:
        try:
            bus = smbus2.SMBus(self._path)
        except OSError as error:
            raise DeviceAbsent(f"{self._path}: {error}") from error
        assert bus.fd is not None
        with contextlib.suppress(OSError):  # an adapter that knows no such setting works without
            fcntl.ioctl(bus.fd, _I2C_TIMEOUT, _TIMEOUT_10_MS)
            fcntl.ioctl(bus.fd, _I2C_RETRIES, _RETRIES)
        self._bus = bus
