"""The serial port of a GNSS receiver: finds its baud rate if it is not that of the mission file.

A receiver left at another rate looks like none at all: its bytes arrive as garbage. While nothing
intelligible comes, the rates are tried in turn, the mission file's first; one that was right stays
until nothing intelligible has come for ``LOST_S``. On USB the rate has no meaning, and any is
right.

Source: u-blox UBX-21035062 §3.10.26: the UART rates of an M10 are 9600 to 921,600; older ones start
at 9600, many boards at 38,400 or 115,200.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import structlog

from payload.drivers.serial_port import SerialStream
from wire.mission_sensors import GNSS_BAUDS

TRY_S = 2.5  # two navigation epochs of a second, and a half for a look in the middle of a message
LOST_S = 10.0
TAIL_BYTES = 6  # of the last read: a beginning may be cut in two
_BEGINNING = re.compile(rb"\$(G[A-Z]|BD)[A-Z]{3},|\xb5\x62[\x01\x05\x06\x0a\x0d]")  # NMEA or UBX
_log = structlog.get_logger("payload")


class BaudSearch:
    """A ``ByteStream`` over ``port``, whose baud rate it changes until messages come."""

    def __init__(
        self, port: SerialStream, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        first = port.baud
        self._rates = (first, *(baud for baud in GNSS_BAUDS if baud != first))
        self._port = port
        self._clock_s = clock_s
        self._tail = b""
        self._since_s: float | None = None  # this rate is tried, or was last right
        self._patience_s = TRY_S

    def read(self, max_bytes: int) -> bytes:
        """What has arrived, intelligible or not. Raises DeviceAbsent."""
        data = self._port.read(max_bytes)
        now_s = self._clock_s()
        if self._since_s is None:
            self._since_s = now_s
        if _BEGINNING.search(self._tail + data):
            if self._patience_s == TRY_S and self._port.baud != self._rates[0]:
                _log.warning("gnss_baud", found=self._port.baud, mission=self._rates[0])
            self._since_s, self._patience_s = now_s, LOST_S
        elif now_s - self._since_s >= self._patience_s:
            place = self._rates.index(self._port.baud) + 1
            self._port.change_baud(self._rates[place % len(self._rates)])
            self._since_s, self._patience_s, data = now_s, TRY_S, b""
        self._tail = (self._tail + data)[-TAIL_BYTES:]
        return data

    def write(self, data: bytes) -> None:
        """Queue ``data``. Raises DeviceAbsent, or DeviceTimeout when the port takes nothing."""
        self._port.write(data)

    def close(self) -> None:
        """Let the port go."""
        self._port.close()
