"""The buses that chips are connected to, as their drivers use them.

Nothing is opened here: the Pi's buses are in ``payload/drivers``, fakes in ``sim``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class I2cBus(Protocol):
    """The subset of ``smbus2.SMBus`` that the devices use, and a read without a register.

    Every method raises OSError when the device does not acknowledge.
    """

    def write_byte(self, i2c_addr: int, value: int) -> None:
        """A command of one byte, to a chip without registers."""
        ...

    def read_bytes(self, i2c_addr: int, length: int) -> list[int]:
        """What such a chip has to say, 1 to 32 bytes."""
        ...

    def read_byte_data(self, i2c_addr: int, register: int) -> int: ...
    def write_byte_data(self, i2c_addr: int, register: int, value: int) -> None: ...
    def read_i2c_block_data(self, i2c_addr: int, register: int, length: int) -> list[int]: ...
    def write_i2c_block_data(self, i2c_addr: int, register: int, data: list[int]) -> None: ...


class OneWire(Protocol):
    """One thermometer on the kernel's 1-Wire bus.

    A conversion takes most of a second, so it is started, and what it said is asked for later.
    """

    def start(self) -> None:
        """Begin a conversion; without effect while one is running."""
        ...

    def poll(self) -> str | None:
        """The text of w1_slave after the conversion that was started, once; None until then.

        Raises DeviceAbsent when there is no such thermometer.
        """
        ...


@dataclass(frozen=True, slots=True)
class Buses:
    """What chips are connected to. ``one_wire`` gives the thermometer of an id, "" for the only
    one."""

    i2c: I2cBus | None
    one_wire: Callable[[str], OneWire]
