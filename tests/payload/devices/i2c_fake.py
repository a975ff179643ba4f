"""An I2C bus in memory: registers per address, and faults on demand."""

from __future__ import annotations

import errno
import random


class FakeBus:
    """Plain byte registers; a chip is present while its address is in ``chips``.

    ``words`` marks chips whose registers are 16 bits wide (the INA family): there a register
    number addresses two bytes, and nothing runs on into the next register. ``answers`` is what a
    chip with commands says to a read without a register.
    """

    def __init__(self) -> None:
        self.chips: dict[int, dict[int, int]] = {}
        self.words: dict[int, dict[int, int]] = {}
        self.writes: list[tuple[int, int, int]] = []
        self.commands: list[tuple[int, int]] = []
        self.answers: dict[int, bytes] = {}
        self.fail_chance = 0.0
        self.random = random.Random(0)
        self.stuck = False
        self.calls = 0

    def _chip(self, address: int) -> dict[int, int]:
        self._maybe_fail()
        if address not in self.chips:
            raise OSError(errno.EREMOTEIO, "Remote I/O error")
        return self.chips[address]

    def _maybe_fail(self) -> None:
        self.calls += 1
        if self.stuck:
            raise OSError(errno.ETIMEDOUT, "Connection timed out")
        if self.random.random() < self.fail_chance:
            raise OSError(errno.EIO, "Input/output error")

    def read_byte_data(self, i2c_addr: int, register: int) -> int:
        return self._chip(i2c_addr).get(register, 0)

    def write_byte_data(self, i2c_addr: int, register: int, value: int) -> None:
        self._chip(i2c_addr)[register] = value
        self.writes.append((i2c_addr, register, value))

    def read_i2c_block_data(self, i2c_addr: int, register: int, length: int) -> list[int]:
        if i2c_addr in self.words:
            self._maybe_fail()
            return list(self.words[i2c_addr].get(register, 0).to_bytes(2, "big"))[:length]
        chip = self._chip(i2c_addr)
        return [chip.get(register + offset, 0) for offset in range(length)]

    def write_i2c_block_data(self, i2c_addr: int, register: int, data: list[int]) -> None:
        if i2c_addr not in self.words:
            raise OSError(errno.EREMOTEIO, "Remote I/O error")
        self._maybe_fail()
        self.words[i2c_addr][register] = int.from_bytes(bytes(data), "big")
        self.writes.append((i2c_addr, register, self.words[i2c_addr][register]))

    def write_byte(self, i2c_addr: int, value: int) -> None:
        self._maybe_fail()
        if i2c_addr not in self.answers:
            raise OSError(errno.EREMOTEIO, "Remote I/O error")
        self.commands.append((i2c_addr, value))

    def read_bytes(self, i2c_addr: int, length: int) -> list[int]:
        self._maybe_fail()
        if not self.answers.get(i2c_addr):
            raise OSError(errno.EREMOTEIO, "Remote I/O error")
        return list(self.answers[i2c_addr][:length])

    def load(self, address: int, register: int, data: bytes) -> None:
        """Put bytes into consecutive registers of the chip at ``address``."""
        self.chips.setdefault(address, {}).update(
            {register + offset: byte for offset, byte in enumerate(data)}
        )
