"""The rig's machine access: real time, sockets and a pty, all in one thread.

The loop moves a ``SimClock`` with the machine's own, so that whatever reads that clock (the
receiver, the channel, the internet) is used here as it is in a simulated world.
"""

from __future__ import annotations

import contextlib
import heapq
import os
import selectors
import socket
import time
import tty
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sim.clock import Repeated, SimClock

LOOK_EVERY_S = 0.2  # how long the loop waits at most before it asks whether it is over
READ_BYTES = 65_536
MESSAGE_BYTES_MAX = 4_096
OnData = Callable[[bytes], None]


class Loop:
    """Events at their instants and bytes when they come, one after the other."""

    def __init__(self) -> None:
        self.clock = SimClock(time.time_ns() // 1_000_000)
        self._begun_ns = time.monotonic_ns()
        self._selector = selectors.DefaultSelector()
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._planned = 0

    def at(self, at_ms: int, action: Callable[[], None]) -> None:
        """Do ``action`` at an instant of the clock; ties go in the order they were planned in."""
        self._planned += 1
        heapq.heappush(self._heap, (at_ms, self._planned, action))

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        self.at(self.clock.now_ms + round(seconds * 1000), action)

    def every(self, seconds: float, action: Callable[[], None]) -> Callable[[], None]:
        """Do ``action`` again and again, until the returned function is called."""
        repeated = Repeated(action, seconds, self.after)
        self.after(seconds, repeated.run)
        return repeated.stop

    def watch(self, file: Any, on_ready: Callable[[], None]) -> None:
        """Call ``on_ready`` whenever ``file`` (or descriptor) can be read."""
        self._selector.register(file, selectors.EVENT_READ, on_ready)

    def unwatch(self, file: Any) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(file)

    def run_until(self, is_over: Callable[[], bool]) -> None:
        """Let the world go on until ``is_over``."""
        while not is_over():
            self._turn()

    def close(self) -> None:
        self._selector.close()

    def _turn(self) -> None:
        due_ms = self._heap[0][0] if self._heap else self.clock.now_ms + 1000
        wait_s = min(max(0.0, (due_ms - self._now_ms()) / 1000), LOOK_EVERY_S)
        # What came is taken in before anything is judged to be late.
        for key, _ in self._selector.select(wait_s):
            self.clock.now_ms = self._now_ms()
            if self._selector.get_map().get(key.fd) is key:  # not closed by the one before it
                key.data()
        self.clock.now_ms = self._now_ms()
        while self._heap and self._heap[0][0] <= self.clock.now_ms:
            _, _, action = heapq.heappop(self._heap)
            action()

    def _now_ms(self) -> int:
        return (time.monotonic_ns() - self._begun_ns) // 1_000_000


class Connection:
    """One peer over TCP. A peer that does not take what it is given is hung up on."""

    def __init__(self, loop: Loop, peer: socket.socket) -> None:
        self.is_open = True
        self.on_data: OnData = lambda data: None
        self.on_end: Callable[[], None] = lambda: None
        self._loop, self._peer = loop, peer
        peer.setblocking(False)
        loop.watch(peer, self._read)

    def write(self, data: bytes) -> bool:
        """True when all of it is on its way."""
        if not self.is_open:
            return False
        try:
            is_sent = self._peer.send(data) == len(data)
        except OSError:
            is_sent = False
        if not is_sent:
            self.close()
        return is_sent

    def close(self) -> None:
        """Hang up; ``on_end`` is called once."""
        if self.is_open:
            self.is_open = False
            self._loop.unwatch(self._peer)
            self._peer.close()
            self.on_end()

    def _read(self) -> None:
        try:
            data = self._peer.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self.on_data(data)
        else:
            self.close()


class Port:
    """A TCP port of this machine that others connect to; ``address`` stays the same for ever."""

    def __init__(
        self, loop: Loop, on_join: Callable[[Connection], None], number: int = 0
    ) -> None:
        """``number`` 0: one that nobody uses."""
        self._loop, self._on_join = loop, on_join
        self._listener: socket.socket | None = None
        self.number = number
        self.open()

    def open(self) -> None:
        """Let peers in."""
        if self._listener is None:
            # create_server sets SO_REUSEADDR: the number is ours again after a pause.
            self._listener = socket.create_server(("127.0.0.1", self.number))
            self._listener.setblocking(False)
            self.number = self._listener.getsockname()[1]
            self._loop.watch(self._listener, self._accept)

    def close(self) -> None:
        """Nobody listens here any more: connecting is refused."""
        if self._listener is not None:
            self._loop.unwatch(self._listener)
            self._listener.close()
            self._listener = None

    def _accept(self) -> None:
        assert self._listener is not None
        with contextlib.suppress(OSError):  # it left before it was let in
            peer, _ = self._listener.accept()
            self._on_join(Connection(self._loop, peer))


def now_utc() -> datetime:
    """For the names of folders."""
    return datetime.now(UTC)


def free_port() -> int:
    """A port that nobody uses just now."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as reserved:
        number: int = reserved.getsockname()[1]
        return number


class SerialLine:
    """A serial port that others open: a pty under a name that can vanish and come back."""

    def __init__(self, loop: Loop, path: Path) -> None:
        self.on_data: OnData = lambda data: None
        self._loop, self._path = loop, path
        self._ends: tuple[int, int] | None = None  # ours, theirs
        self.plug_in()

    def plug_in(self) -> None:
        """It is there, under the same name and another device behind it."""
        ours, theirs = os.openpty()
        tty.setraw(theirs)  # no echo, before anybody has opened it
        os.set_blocking(ours, False)
        self._path.unlink(missing_ok=True)
        self._path.symlink_to(os.ttyname(theirs))
        self._ends = (ours, theirs)
        self._loop.watch(ours, self._read)

    def unplug(self) -> None:
        """Whoever has it open finds it dead, and its name leads nowhere."""
        if self._ends is not None:
            self._loop.unwatch(self._ends[0])
            for end in self._ends:
                os.close(end)
            self._ends = None
            self._path.unlink(missing_ok=True)

    def write(self, data: bytes) -> None:
        """What the far end does not read in time is lost, as in any serial port."""
        if self._ends is not None:
            with contextlib.suppress(BlockingIOError):
                os.write(self._ends[0], data)

    def _read(self) -> None:
        if self._ends is not None:
            with contextlib.suppress(OSError):
                self.on_data(os.read(self._ends[0], READ_BYTES))


class NotifySocket:
    """The supervisor's end of sd_notify(3), in the abstract namespace: no file to leave behind."""

    def __init__(self, loop: Loop, name: str, on_message: Callable[[str], None]) -> None:
        self.address = f"@{name}"
        self._loop, self._on_message = loop, on_message
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(f"\0{name}")
        loop.watch(self._socket, self._read)

    def close(self) -> None:
        self._loop.unwatch(self._socket)
        self._socket.close()

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                self._on_message(self._socket.recv(MESSAGE_BYTES_MAX).decode("ascii", "replace"))
