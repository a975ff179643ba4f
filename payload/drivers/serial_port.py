"""Reconnecting byte streams: a serial port that may vanish, and a TCP connection to a modem.

Both implement ``payload.ports.ByteStream``: no call waits, DeviceAbsent means that the far end is
gone for now, and the next call after a pause tries again. What could not be sent at once is kept
up to ``PENDING_BYTES_MAX``; beyond that more is refused, and when the far end goes it is dropped:
a radio frame that is seconds late is worth nothing.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import socket
import termios
import time
from collections.abc import Callable
from typing import Any

import serial

from payload.drivers.name_lookup import NameLookup, Place
from payload.ports import DeviceAbsent, DeviceTimeout

REOPEN_S = 1.0
CONNECT_S_MAX = 10.0  # a far end that does not answer for so long is gone
PENDING_BYTES_MAX = 8192
PORTS = ("/dev/serial0", "/dev/ttyAMA0", "/dev/ttyACM*", "/dev/ttyUSB*")
_UNUSABLE = (OSError, ValueError, termios.error)  # the last: it vanished while it was opened
_IN_PROGRESS = (errno.EINPROGRESS, errno.EALREADY)


def serial_ports(patterns: tuple[str, ...] = PORTS) -> list[str]:
    """The paths of the ports that there are; of two names of one port the first."""
    paths = {os.path.realpath(path): path
             for pattern in reversed(patterns) for path in sorted(glob.glob(pattern))}
    return sorted(paths.values())


class SerialStream:
    """A serial port by path or pattern, such as /dev/ttyACM*: it may return under another name."""

    def __init__(
        self,
        pattern: str,
        baud: int,
        clock_s: Callable[[], float] = time.monotonic,
        reopen_s: float = REOPEN_S,
    ) -> None:
        """Opens nothing yet. ``clock_s`` spaces the attempts to open."""
        self.baud = baud
        self._pattern = pattern
        self._clock_s, self._reopen_s = clock_s, reopen_s
        self._port: Any = None
        self._pending = bytearray()
        self._tried_s: float | None = None

    def read(self, max_bytes: int) -> bytes:
        """What has arrived. Raises DeviceAbsent while there is no such port."""
        port = self._opened()
        try:
            self._flush(port)
            return bytes(port.read(max_bytes))
        except OSError as error:  # pyserial's own error is one too
            raise self._lost(error) from error

    def write(self, data: bytes) -> None:
        """Queue ``data``. Raises DeviceAbsent, or DeviceTimeout when the port takes nothing."""
        port = self._opened()
        if len(self._pending) + len(data) > PENDING_BYTES_MAX:
            raise DeviceTimeout(f"{self._pattern}: accepts no bytes")
        self._pending += data
        try:
            self._flush(port)
        except OSError as error:
            raise self._lost(error) from error

    def is_open(self) -> bool:
        """True: a port is there at once, or it is absent. Raises DeviceAbsent."""
        self._opened()
        return True

    def change_baud(self, baud: int) -> None:
        """From now on, and when it is opened again."""
        self.baud = baud
        if self._port is not None:
            try:
                self._port.baudrate = baud
            except _UNUSABLE:  # what it cannot do it may do when it is opened anew
                self.close()

    def close(self) -> None:
        """Let the port go; the next call opens it again."""
        if self._port is not None:
            with contextlib.suppress(OSError):
                self._port.close()
        self._port = None
        self._pending.clear()

    def _flush(self, port: Any) -> None:
        if self._pending:
            # Not port.write: with write_timeout=0 pyserial 3.5 spins while the buffer is full.
            with contextlib.suppress(BlockingIOError):
                del self._pending[: os.write(port.fileno(), self._pending)]

    def _opened(self) -> Any:
        if self._port is not None:
            return self._port
        now_s = self._clock_s()
        if self._tried_s is not None and now_s - self._tried_s < self._reopen_s:
            raise DeviceAbsent(f"{self._pattern}: absent")
        self._tried_s = now_s
        paths = sorted(glob.glob(self._pattern))
        if not paths:
            raise DeviceAbsent(f"{self._pattern}: absent")
        try:
            self._port = serial.Serial(
                paths[0], self.baud, timeout=0, write_timeout=0, exclusive=True
            )
        except _UNUSABLE as error:
            raise DeviceAbsent(f"{paths[0]}: {error}") from error
        return self._port

    def _lost(self, error: OSError) -> DeviceAbsent:
        self.close()
        return DeviceAbsent(f"{self._pattern}: {error}")


class TcpStream:
    """A TCP connection, such as to Dire Wolf's KISS port on this machine."""

    def __init__(
        self,
        host: str,
        port: int,
        clock_s: Callable[[], float] = time.monotonic,
        reopen_s: float = REOPEN_S,
        lookup: NameLookup | None = None,
    ) -> None:
        """``host`` is an address or a name, which is looked up anew for each connection."""
        self._name = f"{host}:{port}"
        self._lookup = lookup or NameLookup(host, port)
        self._place: Place | None = None  # of the socket
        self._clock_s, self._reopen_s = clock_s, reopen_s
        self._socket: socket.socket | None = None
        self._is_connected = False
        self._pending = bytearray()
        self._tried_s: float | None = None

    def read(self, max_bytes: int) -> bytes:
        """What has arrived. Raises DeviceAbsent while nothing listens there."""
        connection = self._opened()
        if not self._is_connected:
            return b""
        try:
            self._flush(connection)
            data = connection.recv(max_bytes)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise self._lost(error) from error
        if not data:
            raise self._lost(ConnectionResetError("closed by the peer"))
        return data

    def write(self, data: bytes) -> None:
        """Queue ``data``. Raises DeviceAbsent, or DeviceTimeout when the far end reads nothing."""
        connection = self._opened()
        if len(self._pending) + len(data) > PENDING_BYTES_MAX:
            raise DeviceTimeout(f"{self._name}: accepts no bytes")
        self._pending += data
        if self._is_connected:
            try:
                self._flush(connection)
            except OSError as error:
                raise self._lost(error) from error

    def is_open(self) -> bool:
        """False while it is connecting. Raises DeviceAbsent."""
        self._opened()
        return self._is_connected

    def close(self) -> None:
        """Hang up; the next call connects again."""
        if self._socket is not None:
            self._socket.close()
        self._socket, self._is_connected = None, False
        self._pending.clear()

    def _flush(self, connection: socket.socket) -> None:
        if self._pending:
            with contextlib.suppress(BlockingIOError):
                del self._pending[: connection.send(self._pending)]

    def _opened(self) -> socket.socket:
        """The socket, connected or still connecting."""
        if self._socket is None:
            now_s = self._clock_s()
            if self._tried_s is not None and now_s - self._tried_s < self._reopen_s:
                raise DeviceAbsent(f"{self._name}: not connected")
            self._tried_s = now_s
            self._place = self._look_up()
            self._socket = socket.socket(self._place[0], socket.SOCK_STREAM)
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not self._is_connected:
            assert self._place is not None and self._tried_s is not None
            code = self._socket.connect_ex(self._place[1])
            if code in (0, errno.EISCONN):
                self._is_connected = True
            elif code not in _IN_PROGRESS:
                raise self._lost(OSError(code, "cannot connect"))
            elif self._clock_s() - self._tried_s >= CONNECT_S_MAX:
                raise self._lost(TimeoutError("does not answer"))
        return self._socket

    def _look_up(self) -> Place:
        try:
            place = self._lookup.poll()
        except OSError as error:
            raise DeviceAbsent(f"{self._name}: {error.strerror or error}") from error
        if place is None:
            raise DeviceAbsent(f"{self._name}: the name is being looked up")
        return place

    def _lost(self, error: OSError) -> DeviceAbsent:
        self.close()
        return DeviceAbsent(f"{self._name}: {error}")
