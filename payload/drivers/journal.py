"""Standard error as a stream that never blocks and never raises: logging must not stop the flight.

Under systemd standard error is a socket to the journal. When the card hangs, the journal hangs, and
a blocking write waits for it; when its disk is full or its reader is gone, writing fails. Here a
line that would wait or fail is lost and counted, and the count is the first thing said when lines
go through again. What happened is in the store as well.
"""

from __future__ import annotations

import logging
import os
import select
from typing import TextIO, cast

import structlog

STANDARD_ERROR = 2
# Of one line, newline included. A pipe that is ready takes this much without waiting: pipe(7).
LINE_BYTES_MAX = 4096
_MARK = "..."


class JournalStream:
    """A text stream for loggers that print: a line is written whole when it ends, or is lost."""

    def __init__(self, descriptor: int = STANDARD_ERROR) -> None:
        self.lost_lines = 0  # since the last one that went through
        self._descriptor = descriptor
        self._line = ""

    def write(self, text: str) -> int:
        """Take ``text``; each line that it ends goes out."""
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            self._tell(line)
        return len(text)

    def flush(self) -> None:
        """Whole lines are out already."""

    def _tell(self, line: str) -> None:
        if self.lost_lines and self._send(f"level=warning event=log_lost lines={self.lost_lines}"):
            self.lost_lines = 0
        if self.lost_lines or not self._send(line):
            self.lost_lines += 1

    def _send(self, line: str) -> bool:
        data = line.encode("utf-8", "backslashreplace")
        if len(data) >= LINE_BYTES_MAX:
            data = data[: LINE_BYTES_MAX - len(_MARK) - 1] + _MARK.encode()
        try:
            poll = select.poll()
            poll.register(self._descriptor, select.POLLOUT)
            if not poll.poll(0):
                return False
            return os.write(self._descriptor, data + b"\n") == len(data) + 1
        except OSError:
            return False


def log_to_standard_error(is_quiet: bool = False) -> None:
    """Where all of structlog goes from now on, one line an event. ``is_quiet``: nowhere."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.CRITICAL if is_quiet else logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, JournalStream())),
    )


def hold_standard_streams() -> None:
    """Give a closed standard stream to /dev/null.

    Otherwise the next file opened, such as the store, gets its number, and whatever a C library
    prints to standard error goes into that file.
    """
    descriptor = os.open(os.devnull, os.O_RDWR)
    while descriptor <= STANDARD_ERROR:
        os.set_inheritable(descriptor, True)
        descriptor = os.open(os.devnull, os.O_RDWR)
    os.close(descriptor)
