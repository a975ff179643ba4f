"""The flight core's end of the mind worker's socket, with the means to kill the worker.

Implements ``payload.ports.Mind``. Nothing here waits: connecting, greeting and answers are looked
at once per call. On the Pi systemd keeps the worker running; at a desk ``spawn`` does it from here.

    no socket --connect--> greeting --hello--> ready --request--> thinking --reply--> ready
                              | 2 minutes          end of stream: no socket (thinking: crashed)
                              v
                         killed, as by ``cancel``

The kernel tells which process to kill (SO_PEERCRED names the one that listens), so a worker that is
stopped or still loading, and has sent nothing, can be killed too.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import struct
import subprocess
from pathlib import Path

from payload.mind import protocol
from payload.mind.protocol import Hello, Message, MessageDecoder, ProtocolError
from payload.ports import MindFailed, MindFailure, MindReply, MindRequest

CONNECT_GAP_MS = 500
SPAWN_GAP_MS = 5_000
HELLO_MS_MAX = 120_000  # a Zero reads a 200 MB model from a slow card in about 20 s


class MindSocket:
    """One connection to one worker, one request at a time."""

    def __init__(self, path: Path, spawn: list[str] | None = None) -> None:
        """``spawn`` is the worker's command line, where systemd does not start it."""
        self.hello: Hello | None = None  # of the worker now connected
        self._path, self._spawn = path, spawn
        self._child: subprocess.Popen[bytes] | None = None
        self._spawned_ms: int | None = None
        self._socket: socket.socket | None = None
        self._tried_ms: int | None = None
        self._decoder = MessageDecoder()
        self._thinking: int | None = None  # the id of the request in flight
        self._outcome: MindReply | MindFailed | None = None

    def start(self, request: MindRequest, now_ms: int) -> bool:
        """True if the worker took it; False while it thinks, starts, or is not there."""
        if self._thinking is not None or self._outcome is not None:
            return False
        self._advance(now_ms)
        if self.hello is None or self._socket is None:
            return False
        try:
            data = protocol.encode(request)
        except ProtocolError:
            self._outcome = MindFailed(request.request_id, "garbage")
            return True
        try:
            # The socket buffer is empty between requests and holds more than a whole message.
            is_sent = self._socket.send(data) == len(data)
        except OSError:
            is_sent = False
        if not is_sent:
            self._drop()
            return False
        self._thinking = request.request_id
        return True

    def poll(self, now_ms: int) -> MindReply | MindFailed | None:
        """The outcome, once; also what keeps the connection alive between requests."""
        self._advance(now_ms)
        outcome, self._outcome = self._outcome, None
        return outcome

    def cancel(self, now_ms: int) -> None:
        """SIGKILL the worker, whatever it is doing; no answer comes."""
        pids = {self._peer_pid()}
        if self._child is not None and self._child.poll() is None:
            pids.add(self._child.pid)
        for pid in pids - {None, os.getpid()}:
            assert pid is not None
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        self._thinking = self._outcome = None
        self._drop()

    def close(self) -> None:
        """End of the desk session: hang up, and end the worker that was started from here."""
        self._thinking = None
        self._drop()
        if self._child is not None:
            self._child.kill()
            self._child.wait()

    def _advance(self, now_ms: int) -> None:
        """Connect if needed, take what arrived, give up on a worker that never greets."""
        if self._child is not None:
            self._child.poll()  # reaps it
        if self._socket is None:
            self._connect(now_ms)
        if self._socket is None:
            return
        self._receive()
        is_late = self._tried_ms is not None and now_ms - self._tried_ms >= HELLO_MS_MAX
        if self._socket is not None and self.hello is None and is_late:
            self.cancel(now_ms)

    def _connect(self, now_ms: int) -> None:
        if self._tried_ms is not None and now_ms - self._tried_ms < CONNECT_GAP_MS:
            return
        self._tried_ms = now_ms
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.setblocking(False)
        try:
            connection.connect(os.fspath(self._path))
        except OSError:
            connection.close()
            self._start_worker(now_ms)
            return
        self._socket, self._decoder = connection, MessageDecoder()

    def _start_worker(self, now_ms: int) -> None:
        if self._spawn is None or (self._child is not None and self._child.poll() is None):
            return
        if self._spawned_ms is not None and now_ms - self._spawned_ms < SPAWN_GAP_MS:
            return
        self._spawned_ms = now_ms
        # So that a worker does not outlive a core that was killed; the program is in util-linux.
        with_us = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        with contextlib.suppress(OSError):  # no such program: there is no mind
            self._child = subprocess.Popen([*with_us, *self._spawn], stdin=subprocess.DEVNULL)

    def _receive(self) -> None:
        assert self._socket is not None
        try:
            data = self._socket.recv(65536)
            messages = self._decoder.feed(data)
        except BlockingIOError:
            return
        except ProtocolError:
            self._fail("garbage")
            self._drop()
            return
        except OSError:
            data, messages = b"", []
        for message in messages:
            self._take(message)
        if not data:
            self._drop()

    def _take(self, message: Message) -> None:
        if isinstance(message, Hello):
            self.hello = message
        elif isinstance(message, MindReply | MindFailed) and message.request_id == self._thinking:
            self._thinking, self._outcome = None, message

    def _fail(self, reason: MindFailure) -> None:
        if self._thinking is not None:
            self._outcome = MindFailed(self._thinking, reason)
            self._thinking = None

    def _drop(self) -> None:
        """Hang up; a request in flight went down with the worker."""
        if self._socket is not None:
            self._socket.close()
        self._socket = self.hello = None
        self._fail("crashed")

    def _peer_pid(self) -> int | None:
        """The process that listens at the other end, as the kernel knows it."""
        if self._socket is None:
            return None
        data = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        pid: int = struct.unpack("3i", data)[0]
        return pid if pid > 1 else None
