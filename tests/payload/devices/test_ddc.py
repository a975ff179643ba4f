"""A u-blox on I2C: the stream comes whole through its registers, and what is written arrives."""

from __future__ import annotations

import errno
import random

import pytest

from payload.devices.ddc import FAILURES_MAX, POLL_BYTES_MAX, DdcStream
from payload.ports import DeviceAbsent
from sim.chips.ddc import DdcPort
from sim.fakes.i2c_bus import FakeI2cBus


class Line:
    """What the receiver behind the port says, and was told."""

    def __init__(self) -> None:
        self.data, self.written = b"", b""

    def read(self, max_bytes: int) -> bytes:
        data, self.data = self.data[:max_bytes], self.data[max_bytes:]
        return data

    def write(self, data: bytes) -> None:
        self.written += data


@pytest.fixture
def line() -> Line:
    return Line()


def on_i2c(line: Line) -> tuple[DdcStream, FakeI2cBus]:
    bus = FakeI2cBus({0x42: DdcPort(line)})
    return DdcStream(bus), bus


@pytest.mark.parametrize("size", [0, 1, 31, 32, 33, 64, 500, POLL_BYTES_MAX])
def test_all_that_waits_arrives_once(line: Line, size: int) -> None:
    stream, _ = on_i2c(line)
    line.data = sent = random.Random(size).randbytes(size)
    assert stream.read(4096) == sent
    assert stream.read(4096) == b""


def test_a_poll_takes_no_more_than_a_second_of_the_bus(line: Line) -> None:
    stream, _ = on_i2c(line)
    line.data = sent = random.Random(1).randbytes(3 * POLL_BYTES_MAX)
    parts = [stream.read(4096) for _ in range(3)]
    assert [len(part) for part in parts] == [POLL_BYTES_MAX] * 3
    assert b"".join(parts) == sent
    line.data = b"12345"
    assert (stream.read(3), stream.read(3)) == (b"123", b"45")


@pytest.mark.parametrize("size", [2, 31, 32, 33, 34, 44, 65, 100])
def test_a_message_is_written_whole(line: Line, size: int) -> None:
    """No part is one byte alone, which would name a register: 33 and 65 are cut so."""
    stream, _ = on_i2c(line)
    message = random.Random(size).randbytes(size)
    stream.write(message)
    assert line.written == message


def test_one_failure_is_noise_and_three_are_absence(line: Line) -> None:
    stream, bus = on_i2c(line)
    bus.unplug(0x42)
    for _ in range(FAILURES_MAX - 1):
        assert stream.read(100) == b""
    for _ in range(2):
        with pytest.raises(DeviceAbsent, match="gnss at 0x42"):
            stream.read(100)
    with pytest.raises(DeviceAbsent):
        stream.write(b"ab")
    bus.plug_in(0x42)
    line.data = b"back"
    assert stream.read(100) == b"back"


def test_what_came_before_a_failure_is_kept(line: Line) -> None:
    """The receiver has given these bytes away: nobody else has them."""
    stream, bus = on_i2c(line)
    line.data = bytes(range(64))
    reads = 0
    whole = bus.read_i2c_block_data

    def failing(i2c_addr: int, register: int, length: int) -> list[int]:
        nonlocal reads
        reads += 1
        if reads >= 3:
            raise OSError(errno.ETIMEDOUT, "Connection timed out")
        return whole(i2c_addr, register, length)

    bus.read_i2c_block_data = failing  # type: ignore[method-assign]
    assert stream.read(100) == bytes(range(32))
