"""The flight core's end of the socket of the process that saves power.

Nothing waits for it, and nothing is lost without it: a wish that nobody takes is dropped.
"""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path

from payload.drivers.powersave import FOLDER, SOCKET, SUMMARY, wish

SUMMARY_BYTES_MAX = 200


class PowersaveSocket:
    """Implements ``payload.ports.Saver``."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)

    @property
    def summary(self) -> str | None:
        """What the process can switch; None while it does not run."""
        try:
            if not (self._folder / SOCKET).is_socket():
                return None
            raw = (self._folder / SUMMARY).read_bytes()[:SUMMARY_BYTES_MAX]
        except OSError:
            return None
        return raw.decode("utf-8", "replace").strip() or None

    def ask(self, is_away: bool, is_idle: bool) -> None:
        """Send the wish, if somebody listens."""
        with contextlib.suppress(OSError):
            self._socket.sendto(wish(is_away, is_idle), os.fspath(self._folder / SOCKET))

    def close(self) -> None:
        """Take the wish back, and let go."""
        self.ask(is_away=False, is_idle=False)
        self._socket.close()
