"""A receiver whose rate nobody told us, on a pty: it is understood at its own rate and at no other.

The far end of a pty sees the rate that the near end set, so the fake knows if it is understood.
"""

from __future__ import annotations

import os
import select
import termios
from pathlib import Path

from payload.drivers.baud_search import LOST_S, TRY_S, BaudSearch
from payload.drivers.serial_port import SerialStream
from tests.payload.drivers.test_streams import WAIT_S, HandClock, open_pty
from wire.mission_sensors import GNSS_BAUDS

FIX = b"$GPGGA,120000.00,5206.00,N,00511.00,E,1,08,1.0,12.0,M,46.0,M,,*5E\r\n"
GARBAGE = b"\x9c\x00\xfe\x06\x80\x66\xe6\x18" * 9
SPEEDS = {getattr(termios, f"B{baud}"): baud for baud in GNSS_BAUDS}


class Receiver:
    """One epoch a second at ``baud``; at any other rate what comes out is garbage."""

    def __init__(self, link: Path, baud: int) -> None:
        self.baud = baud
        self._far = open_pty(link)

    def tell(self) -> None:
        is_right = SPEEDS[termios.tcgetattr(self._far)[5]] == self.baud
        os.write(self._far, FIX if is_right else GARBAGE)


def listen(search: BaudSearch, receiver: Receiver, clock: HandClock, seconds: int) -> bytes:
    heard = b""
    for _ in range(seconds):
        search.read(4096)  # sets the rate at which it is spoken to
        receiver.tell()
        select.select([search._port._port.fileno()], [], [], WAIT_S)
        clock.now_s += 1
        heard = search.read(4096)
    return heard


def searching(tmp_path: Path, baud: int) -> tuple[BaudSearch, Receiver, HandClock]:
    clock = HandClock()
    receiver = Receiver(tmp_path / "ttyS0", baud)
    port = SerialStream(os.fspath(tmp_path / "ttyS0"), 9600, clock)
    return BaudSearch(port, clock), receiver, clock


def test_a_receiver_at_any_rate_is_found(tmp_path: Path) -> None:
    """It was "no receiver: check its wiring" at every rate but the mission file's."""
    for baud in GNSS_BAUDS:
        search, receiver, clock = searching(tmp_path, baud)
        rounds = int(GNSS_BAUDS.index(baud) * (TRY_S + 1)) + 2
        assert FIX in listen(search, receiver, clock, rounds), baud
        assert search._port.baud == baud
        search.close()


def test_a_rate_that_was_right_survives_a_gap_and_a_receiver_that_was_reset_is_found_again(
    tmp_path: Path,
) -> None:
    search, receiver, clock = searching(tmp_path, 38_400)
    listen(search, receiver, clock, 6)
    clock.now_s += LOST_S - 2
    assert FIX in listen(search, receiver, clock, 1) and search._port.baud == 38_400
    receiver.baud = 9600  # its settings were in RAM
    assert FIX in listen(search, receiver, clock, 60)
    assert search._port.baud == 9600
