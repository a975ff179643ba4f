"""The real mind in simulation: its worker runs the model, and simulated time is charged for it.

The worker is this project's ``payload.mind_worker``, spoken to over its Unix socket. ``poll`` waits
for it in real time, bounded by REAL_WAIT_S; the reply becomes visible when a Pi would have had it.
So a flight at any speed sees the same delays. A worker that died is started again with the next
thought; without a model every thought fails with ``no_model`` and nothing is started.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from payload.mind import protocol
from payload.mind.protocol import Hello, MessageDecoder, ProtocolError
from payload.mind_start import ENVIRONMENT
from payload.ports import MindFailed, MindFailure, MindReply, MindRequest
from sim.clock import SimClock
from sim.fakes.board import PI_ZERO_2W, THINK_OVERHEAD_MS, BoardProfile

REAL_WAIT_S = 60.0  # for one thought, on a busy machine
START_WAIT_S = 30.0  # for loading the model
START_POLL_S = 0.05
_RECEIVE_BYTES = 65_536
# The worker ends with its parent, however that ends (prctl PR_SET_PDEATHSIG, Linux).
_BOOTSTRAP = (
    "import ctypes, runpy, signal\n"
    "try: ctypes.CDLL(None).prctl(1, signal.SIGTERM)\n"
    "except (OSError, AttributeError): pass\n"
    "runpy.run_module('payload.mind_worker', run_name='__main__', alter_sys=True)\n"
)


class WorkerMind:
    """``ports.Mind`` on a real worker process. ``model`` is what it loaded, once it said hello."""

    def __init__(
        self, clock: SimClock, bundle: Path, trusted_key: bytes, log_path: Path, threads: int,
        real_wait_s: float = REAL_WAIT_S, board: BoardProfile = PI_ZERO_2W,
    ) -> None:
        self.model = ""
        self.starts = 0
        self._clock = clock
        self._bundle, self._trusted_key = bundle, trusted_key
        self._log_path = log_path
        self._threads = threads
        self._real_wait_s = real_wait_s
        self._board = board
        self._directory = Path(tempfile.mkdtemp(prefix="spacepi-mind-"))  # socket paths are short
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._decoder = MessageDecoder()
        self._request_id: int | None = None
        self._started_ms = 0
        self._result: tuple[int, MindReply | MindFailed] | None = None

    @property
    def is_busy(self) -> bool:
        return self._request_id is not None

    @property
    def pid(self) -> int | None:
        """The worker's process id while it runs."""
        return self._process.pid if self._process is not None else None

    def start(self, request: MindRequest, now_ms: int) -> bool:
        """True if the worker took it; what went wrong comes out of ``poll``."""
        if self._request_id is not None:
            return False
        self._request_id, self._started_ms = request.request_id, self._clock.now_ms
        self._result = None
        if not (self._bundle / "model.gguf").is_file():
            self._fail("no_model")
            return True
        try:
            connection = self._connected()
            connection.sendall(protocol.encode(request))
        except (OSError, ProtocolError):
            self._stop()
            self._fail("not_running")
        return True

    def poll(self, now_ms: int) -> MindReply | MindFailed | None:
        """The reply, once a Pi would have had it. Waits for the worker in real time."""
        if self._request_id is None:
            return None
        if self._result is None:
            if self._clock.now_ms < self._started_ms + THINK_OVERHEAD_MS:
                return None  # nothing can be visible yet, and the worker gets a head start
            self._result = self._wait(self._request_id)
        visible_ms, result = self._result
        if self._clock.now_ms < visible_ms:
            return None
        self._request_id = self._result = None
        return result

    def cancel(self, now_ms: int) -> None:
        """Kill the worker if it still thinks; the next thought starts another."""
        if self._request_id is not None and self._result is None:
            self._stop()
        self._request_id = self._result = None

    def close(self) -> None:
        """Stop the worker and remove its socket and caches."""
        self._stop()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _fail(self, reason: MindFailure) -> None:
        assert self._request_id is not None
        failed = MindFailed(self._request_id, reason)
        self._result = (self._started_ms + THINK_OVERHEAD_MS, failed)

    def _wait(self, request_id: int) -> tuple[int, MindReply | MindFailed]:
        """(when it is visible, the answer), after at most REAL_WAIT_S of real time."""
        soon_ms = self._clock.now_ms
        try:
            while True:
                for message in self._receive():
                    if isinstance(message, MindReply) and message.request_id == request_id:
                        took_ms = self._board.thinking_ms(
                            message.evaluated_tokens, message.reply_tokens
                        )
                        return self._started_ms + took_ms, replace(message, elapsed_ms=took_ms)
                    if isinstance(message, MindFailed):
                        return soon_ms, message
        except (OSError, ProtocolError):
            self._stop()
            return soon_ms, MindFailed(request_id, "crashed")

    def _receive(self) -> list[protocol.Message]:
        """Messages that have come. Raises OSError when the worker is gone or takes too long."""
        if self._socket is None:
            raise ConnectionError("not connected")
        data = self._socket.recv(_RECEIVE_BYTES)
        if not data:
            raise ConnectionError("the worker closed the connection")
        return self._decoder.feed(data)

    def _connected(self) -> socket.socket:
        """The connection to a living worker. Raises OSError when there is none to be had."""
        if self._process is not None and self._process.poll() is not None:
            self._stop()
        if self._process is None:
            self._process = self._spawn()
            self.starts += 1
        if self._socket is None:
            self._socket = self._connect(self._process)
            while not self.model:
                for message in self._receive():
                    if isinstance(message, Hello):
                        self.model = message.model or "none"
        return self._socket

    def _spawn(self) -> subprocess.Popen[bytes]:
        arguments = [
            *ENVIRONMENT, sys.executable, "-c", _BOOTSTRAP,
            "--bundle", str(self._bundle.resolve()),
            "--trust", self._trusted_key.hex(), "--threads", str(self._threads),
            "--socket", str(self._directory / "mind.sock"),
        ]
        with self._log_path.open("ab") as log:
            return subprocess.Popen(
                arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log,
                start_new_session=True,  # Ctrl-C is for the simulation, which then stops it
            )

    def _connect(self, process: subprocess.Popen[bytes]) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        for _ in range(round(START_WAIT_S / START_POLL_S)):
            try:
                connection.connect(str(self._directory / "mind.sock"))
            except OSError:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(START_POLL_S)  # waits, and notices at once when it dies
                    break
            else:
                connection.settimeout(self._real_wait_s)
                self._decoder = MessageDecoder()
                return connection
        connection.close()
        raise ConnectionError("the mind worker did not start")

    def _stop(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        self.model = ""
