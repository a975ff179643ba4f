"""Tells systemd that the flight core is ready and alive: sd_notify over a plain datagram socket.

Source: sd_notify(3). Without NOTIFY_SOCKET (a desk, a test) every call does nothing. A notification
that cannot be sent is lost on purpose: if systemd no longer listens, its watchdog will tell.
"""

from __future__ import annotations

import contextlib
import os
import socket


class SystemdWatchdog:
    """Implements ``payload.ports.Watchdog``."""

    def __init__(self, address: str | None = None) -> None:
        """``address`` of the socket, "@" for the abstract namespace; default NOTIFY_SOCKET."""
        address = os.environ.get("NOTIFY_SOCKET") if address is None else address
        self._address = "\0" + address[1:] if address and address[0] == "@" else address
        self._socket: socket.socket | None = None
        if self._address:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            self._socket.setblocking(False)

    def ready(self) -> None:
        """The first step is done; units that wait for us may start."""
        self._tell(b"READY=1")

    def pet(self) -> None:
        """Every part made progress since the last call."""
        self._tell(b"WATCHDOG=1")

    def stopping(self) -> None:
        """An orderly end has begun."""
        self._tell(b"STOPPING=1")

    def _tell(self, state: bytes) -> None:
        if self._socket is not None and self._address:
            with contextlib.suppress(OSError):
                self._socket.sendto(state, self._address)
