"""DDC: a u-blox receiver on the I2C bus, as a byte stream.

Source: u-blox ZED-F9T integration manual, 3.3.11.5, and M8 UBX-13003221, 11.5: registers 0xFD and
0xFE hold the number of bytes that wait, high byte first, and 0xFF gives them. What is written is a
message; its first byte stands where a register would.

The receiver stretches the clock, which the BCM2835's controller does not bear well: docs/pi.md.
"""

from __future__ import annotations

from payload.devices.buses import I2cBus
from payload.devices.registers import Registers
from payload.ports import DeviceAbsent, PortError

ADDRESS = 0x42
WAITING, STREAM = 0xFD, 0xFF
BLOCK_BYTES = 32  # of one transfer of SMBus
POLL_BYTES_MAX = 1_024  # a second of NMEA and NAV-PVT; some 100 ms of the bus at 100 kHz
FAILURES_MAX = 3  # in a row: a single one is common near a transmitter


class DdcStream:
    """Implements ``payload.ports.ByteStream``."""

    def __init__(self, bus: I2cBus, address: int = ADDRESS) -> None:
        self._bus = bus
        self._address = address
        self._registers = Registers(bus, address, "gnss")
        self._failures = 0

    def read(self, max_bytes: int) -> bytes:
        """What has arrived, at most POLL_BYTES_MAX. Raises DeviceAbsent after FAILURES_MAX failures
        in a row."""
        data = bytearray()
        try:
            left = min(self._registers.word(WAITING), max_bytes, POLL_BYTES_MAX)
            while left > 0:
                data += self._registers.block(STREAM, min(left, BLOCK_BYTES))
                left -= BLOCK_BYTES
        except PortError as error:
            self._fail(error)
        else:
            self._failures = 0
        return bytes(data)

    def write(self, data: bytes) -> None:
        """A message, in parts that the receiver joins. What is lost is sent again by whoever waits
        for its answer. Raises as ``read`` does."""
        assert len(data) > 1, data  # one byte alone would name a register
        starts = list(range(0, len(data), BLOCK_BYTES))
        if len(data) - starts[-1] == 1:  # the last part is one byte: it takes one from the other
            starts[-1] -= 1
        try:
            for start, end in zip(starts, [*starts[1:], len(data)], strict=True):
                part = data[start:end]
                self._bus.write_i2c_block_data(self._address, part[0], list(part[1:]))
        except OSError as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        self._failures += 1
        if self._failures >= FAILURES_MAX:
            raise DeviceAbsent(f"gnss at {self._address:#04x}: {error}") from error
