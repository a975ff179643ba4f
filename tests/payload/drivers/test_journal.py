"""The log of the daemon: full, stuck, gone or closed, it neither stops nor raises anything."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress

import pytest
import structlog

from payload.drivers.journal import LINE_BYTES_MAX, JournalStream


class Pipe:
    """Both ends of one, neither of which waits."""

    def __init__(self) -> None:
        self.read_end, self.write_end = os.pipe()
        os.set_blocking(self.read_end, False)
        self.stream = JournalStream(self.write_end)

    def fill(self) -> None:
        os.set_blocking(self.write_end, False)
        with suppress(BlockingIOError):
            while True:
                os.write(self.write_end, b"~" * 4096)
        os.set_blocking(self.write_end, True)

    def read(self) -> bytes:
        data = b""
        with suppress(BlockingIOError):
            while more := os.read(self.read_end, 65_536):
                data += more
        return data


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    for end in (pipe.read_end, pipe.write_end):
        with suppress(OSError):
            os.close(end)


def test_a_line_goes_out_whole_when_it_ends(pipe: Pipe) -> None:
    pipe.stream.write("event=bo")
    assert pipe.read() == b""
    pipe.stream.write("ot boot=1\nevent=phase\neve")
    assert pipe.read() == b"event=boot boot=1\nevent=phase\n"
    pipe.stream.write("nt=burst\n")
    pipe.stream.flush()
    assert pipe.read() == b"event=burst\n"
    assert pipe.stream.lost_lines == 0


@pytest.mark.parametrize(("chars", "is_cut"), [
    (LINE_BYTES_MAX - 1, False), (LINE_BYTES_MAX, True), (100_000, True)])
def test_a_line_has_a_bound(pipe: Pipe, chars: int, is_cut: bool) -> None:
    pipe.stream.write("x" * chars + "\n")
    data = pipe.read()
    assert len(data) == LINE_BYTES_MAX
    assert data.endswith(b"...\n") is is_cut


def test_fault_75_a_reader_that_hangs_is_not_waited_for(pipe: Pipe) -> None:
    """Goal: nothing blocks, and what was lost is told once. Method: a pipe filled to the brim."""
    pipe.fill()
    for number in range(5):
        pipe.stream.write(f"event={number}\n")  # would hang here for ever
    assert pipe.stream.lost_lines == 5
    pipe.read()
    pipe.stream.write("event=after\nevent=later\n")
    assert pipe.read() == b"level=warning event=log_lost lines=5\nevent=after\nevent=later\n"
    assert pipe.stream.lost_lines == 0


def test_fault_75_a_full_disk_and_a_reader_that_left_raise_nothing(pipe: Pipe) -> None:
    """Goal: every way in which a write fails, through the logger as it flies."""
    closed = os.dup(pipe.read_end)
    os.close(closed)
    os.close(pipe.read_end)
    full = os.open("/dev/full", os.O_WRONLY)
    for stream in (pipe.stream, JournalStream(full), JournalStream(closed)):
        log = structlog.PrintLogger(stream)  # type: ignore[arg-type]
        log.info("event=boot")
        log.info("event=phase")
        assert stream.lost_lines == 2
    os.close(full)


def test_what_cannot_be_encoded_is_escaped(pipe: Pipe) -> None:
    pipe.stream.write("text=\ud800 and \u00e9\n")
    assert pipe.read() == "text=\\ud800 and é\n".encode()
