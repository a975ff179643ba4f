"""The core's end of the mind: it never waits, and it can always kill."""

from __future__ import annotations

import os
import select
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from payload.drivers.mind_socket import HELLO_MS_MAX, SPAWN_GAP_MS, MindSocket
from payload.mind.protocol import Hello, encode
from payload.ports import MindFailed, MindReply, MindRequest
from tests.payload.worker_process import WAIT_S, Worker, command, read_event

REQUEST = MindRequest(5, "<|im_start|>user\n", "hello<|im_end|>\n", "", 1, 10, 12, 0.7, 0.05, 3)
BundleMaker = Callable[[str], Path]


def wait_for_bytes(mind: MindSocket) -> None:
    """Until the worker has said something, so that the next poll sees it."""
    assert mind._socket is not None
    assert select.select([mind._socket], [], [], WAIT_S)[0], "silence"


def greet(mind: MindSocket, now_ms: int) -> None:
    """Until the worker that is there has introduced itself."""
    mind.poll(now_ms)
    while mind.hello is None:
        wait_for_bytes(mind)
        mind.poll(now_ms)


def connected(path: Path) -> MindSocket:
    mind = MindSocket(path)
    greet(mind, 0)
    return mind


@pytest.fixture
def listener(tmp_path: Path) -> socket.socket:
    """A socket in this process, in place of a worker."""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(os.fspath(tmp_path / "mind.sock"))
    server.listen(1)
    server.settimeout(WAIT_S)
    return server


def test_nobody_there(tmp_path: Path) -> None:
    """Goal: without a worker nothing is taken, nothing waits, nothing raises."""
    mind = MindSocket(tmp_path / "mind.sock")
    for now_ms in range(0, 3000, 250):
        assert mind.start(REQUEST, now_ms) is False
        assert mind.poll(now_ms) is None
    mind.cancel(3000)
    no_program = MindSocket(tmp_path / "mind.sock", ["/does/not/exist"])
    assert no_program.start(REQUEST, 0) is False


def test_request_and_reply(tmp_path: Path, tiny_bundle: BundleMaker) -> None:
    """Goal: a whole exchange with a real worker, and one request at a time."""
    worker = Worker(tiny_bundle("nova"), tmp_path / "mind.sock")
    mind = connected(worker.path)
    assert mind.hello == Hello(worker.process.pid, "nova", 512)
    assert mind.start(REQUEST, 0)
    assert not mind.start(REQUEST, 0)
    outcome = None
    while outcome is None:
        wait_for_bytes(mind)
        outcome = mind.poll(0)
    assert isinstance(outcome, MindReply)
    assert (outcome.request_id, outcome.reply_tokens > 0) == (5, True)
    assert mind.poll(0) is None
    mind.close()
    worker.end()


def test_stopped_worker_is_killed(tmp_path: Path, tiny_bundle: BundleMaker) -> None:
    """Goal: a worker under SIGSTOP answers nothing, and ``cancel`` ends it all the same."""
    worker = Worker(tiny_bundle("nova"), tmp_path / "mind.sock")
    mind = connected(worker.path)
    worker.process.send_signal(signal.SIGSTOP)
    assert mind.start(REQUEST, 0)
    assert mind.poll(20_000) is None
    mind.cancel(20_000)
    assert worker.process.wait(WAIT_S) == -signal.SIGKILL
    assert mind.poll(21_000) is None
    assert mind.start(REQUEST, 21_000) is False
    worker.end()


def test_worker_that_dies_while_thinking(tmp_path: Path, tiny_bundle: BundleMaker) -> None:
    """Goal: kill -9 by somebody else (the memory limit) is ``crashed``, then it may come back."""
    bundle = tiny_bundle("nova")
    worker = Worker(bundle, tmp_path / "mind.sock")
    mind = connected(worker.path)
    worker.process.send_signal(signal.SIGSTOP)
    assert mind.start(REQUEST, 0)
    worker.end()
    wait_for_bytes(mind)
    assert mind.poll(0) == MindFailed(5, "crashed")
    assert mind.poll(100) is None
    again = Worker(bundle, tmp_path / "mind.sock")
    greet(mind, 1000)
    assert mind.start(REQUEST, 1000)
    mind.close()
    again.end()


def test_spawned_worker_and_its_successor(tmp_path: Path, tiny_bundle: BundleMaker) -> None:
    """Goal: at a desk the worker is started, and again after a kill, at most once in 5 s."""
    path, log = tmp_path / "mind.sock", tmp_path / "log"
    os.mkfifo(log)
    reader = os.open(log, os.O_RDONLY | os.O_NONBLOCK)
    keeper = os.open(log, os.O_WRONLY)  # so that the reader never sees an end between two workers
    spawn = ["sh", "-c", f'exec "$@" 2>{log}', "sh", *command(tiny_bundle("nova"), path)]
    mind = MindSocket(path, spawn)
    assert mind.start(REQUEST, 0) is False
    read_event(reader, "model_loaded")
    greet(mind, 1000)
    assert mind.start(REQUEST, 1000)
    first = mind._child
    assert first is not None
    mind.cancel(1100)
    assert first.wait(WAIT_S) == -signal.SIGKILL
    mind.poll(2000)
    assert mind._child is first
    mind.poll(SPAWN_GAP_MS)
    assert mind._child is not first
    read_event(reader, "model_loaded")
    mind.close()
    assert mind._child is not None
    assert mind._child.returncode == -signal.SIGKILL
    os.close(reader)
    os.close(keeper)


def test_worker_that_never_greets(tmp_path: Path, listener: socket.socket) -> None:
    """Goal: a connection without a greeting is given up after two minutes, and tried again."""
    mind = MindSocket(tmp_path / "mind.sock")
    mind.poll(0)
    connection, _ = listener.accept()
    mind.poll(HELLO_MS_MAX - 1)
    assert mind._socket is not None
    mind.poll(HELLO_MS_MAX)  # kills the listener's process, were that not ourselves
    assert mind._socket is None
    connection.close()
    mind.poll(HELLO_MS_MAX + 1000)
    listener.accept()[0].close()


def test_garbage_from_the_worker(tmp_path: Path, listener: socket.socket) -> None:
    """Goal: bytes that are no message fail the request, and the connection ends."""
    mind = MindSocket(tmp_path / "mind.sock")
    mind.poll(0)
    connection, _ = listener.accept()
    connection.sendall(encode(Hello(1, "x", 1)))
    wait_for_bytes(mind)
    assert mind.start(REQUEST, 0)
    connection.sendall(b"\xff" * 64)
    wait_for_bytes(mind)
    assert mind.poll(0) == MindFailed(5, "garbage")
    assert mind._socket is None
    connection.close()


def test_prompt_that_cannot_be_sent(tmp_path: Path, listener: socket.socket) -> None:
    """Goal: an oversized prompt or a lone surrogate is a failed request, not an exception."""
    mind = MindSocket(tmp_path / "mind.sock")
    mind.poll(0)
    connection, _ = listener.accept()
    connection.sendall(encode(Hello(1, "x", 1)))
    wait_for_bytes(mind)
    for suffix in ("x" * 70_000, "\ud800"):
        assert mind.start(MindRequest(9, "", suffix, "", 1, 10, 1, 0.0, 0.0, 0), 0)
        assert mind.poll(0) == MindFailed(9, "garbage")
    connection.close()
