"""The I2C port of a fake u-blox receiver: two registers that count, one that gives the stream.

Source: u-blox ZED-F9T integration manual, 3.3.11.5: without a message 0xFF is read, and a write of
one byte alone names a register.
"""

from __future__ import annotations

from payload.ports import ByteStream

BUFFER_BYTES_MAX = 4_096
FIRST_COUNT = 0xFD
EMPTY = 0xFF


class DdcPort:
    """A ``Chip`` in front of a receiver that speaks as on a serial line."""

    def __init__(self, receiver: ByteStream) -> None:
        self._receiver = receiver
        self._out = bytearray()

    def power_up(self) -> None:
        """What waited is gone; the receiver is reset by whoever resets it."""
        self._out.clear()

    def heal(self) -> None:
        """It has no faults of its own: those of the receiver are in ``FakeUblox``."""

    def read(self, register: int, length: int) -> bytes:
        """Registers that count up to 0xFF and stay there. Raises DeviceAbsent when unplugged."""
        self._out += self._receiver.read(BUFFER_BYTES_MAX - len(self._out))
        count = len(self._out).to_bytes(2, "big")
        read = bytearray()
        for at in range(register, register + length):
            if at in (FIRST_COUNT, FIRST_COUNT + 1):
                read.append(count[at - FIRST_COUNT])
            else:
                read.append(self._out.pop(0) if at >= EMPTY and self._out else EMPTY)
        return bytes(read)

    def write(self, register: int, data: bytes) -> None:
        """Raises DeviceAbsent when unplugged."""
        if data:
            self._receiver.write(bytes((register,)) + data)

    def answer(self, length: int) -> bytes:
        """The stream, since the register stays where a read has left it."""
        return self.read(EMPTY, length)
