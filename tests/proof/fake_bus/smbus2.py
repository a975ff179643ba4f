"""Stands in for smbus2 in a machine without an I2C bus: a BME280 and an INA219 that keep what is
written, as the kernel's i2c-stub, which Debian does not build for arm64.

They always read the same: the worked example of Bosch BST-BMP280-DS001 3.12 (25.08 C, 1006.5 hPa)
and 4 V, 320 mA. A folder with this file stands before the real smbus2 in PYTHONPATH.
"""

from __future__ import annotations

import errno
import os
import struct

_TRIMMING_T_P = (27504, 26435, -1000, 36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000)
_TRIMMING_H = bytes.fromhex("6a01001432031e")  # 362, 0, 323, 50, 30 packed as in 0xE1 to 0xE7


def _bme280() -> bytearray:
    memory = bytearray(256)
    memory[0x88:0xA0] = struct.pack("<HhhHhhhhhhhh", *_TRIMMING_T_P)
    memory[0xA1] = 75
    memory[0xE1:0xE8] = _TRIMMING_H
    memory[0xD0] = 0x60  # its identity
    temperature, pressure, humidity = 519888 << 4, 415148 << 4, 30000
    memory[0xF7:0xFF] = (pressure.to_bytes(3, "big") + temperature.to_bytes(3, "big")
                         + humidity.to_bytes(2, "big"))
    return memory


class _Ina219:
    """Words, not bytes: a register does not run into the next."""

    def __init__(self) -> None:
        self._words = {0x02: 1000 << 3, 0x03: 640, 0x04: 3200}  # x 4 mV, x 2 mW, x 0.1 mA

    def read(self, register: int, length: int) -> list[int]:
        return list(self._words.get(register, 0).to_bytes(2, "big"))[:length]

    def write(self, register: int, data: list[int]) -> None:
        self._words[register] = int.from_bytes(bytes(data), "big")


class _Bme280:
    def __init__(self) -> None:
        self._memory = _bme280()

    def read(self, register: int, length: int) -> list[int]:
        return list(self._memory[register : register + length])

    def write(self, register: int, data: list[int]) -> None:
        self._memory[register : register + len(data)] = bytes(data)


class SMBus:
    """Bus 1, with the part of smbus2.SMBus that the payload uses."""

    def __init__(self, bus: str) -> None:
        if bus != "/dev/i2c-1":
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), bus)
        self.fd = 0  # whose ioctls are refused, and nobody minds
        self._chips: dict[int, _Bme280 | _Ina219] = {0x76: _Bme280(), 0x40: _Ina219()}

    def read_byte_data(self, i2c_addr: int, register: int) -> int:
        return self._chip(i2c_addr).read(register, 1)[0]

    def write_byte_data(self, i2c_addr: int, register: int, value: int) -> None:
        self._chip(i2c_addr).write(register, [value])

    def read_i2c_block_data(self, i2c_addr: int, register: int, length: int) -> list[int]:
        return self._chip(i2c_addr).read(register, length)

    def write_i2c_block_data(self, i2c_addr: int, register: int, data: list[int]) -> None:
        self._chip(i2c_addr).write(register, data)

    def close(self) -> None:
        """There is nothing to close."""

    def _chip(self, address: int) -> _Bme280 | _Ina219:
        if address not in self._chips:
            raise OSError(errno.EREMOTEIO, os.strerror(errno.EREMOTEIO))
        return self._chips[address]
