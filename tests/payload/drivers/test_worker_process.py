"""The process of the camera and the microphone: whatever it does, the flight core never waits for
it, and nothing of it is left."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from payload.drivers.worker_process import WorkerEnd, WorkerProcess, _is_anyone_left

WAIT_S = 60
LINE_BYTES_MAX = 100


def started(script: str) -> WorkerProcess:
    """A worker that is a shell script."""
    worker = WorkerProcess("test", ["sh", "-c", script], LINE_BYTES_MAX)
    assert worker.start()
    return worker


def has_died(worker: WorkerProcess) -> None:
    """Waits until the worker itself has ended; its children may live, and nobody reaps it."""
    assert worker.child is not None
    os.waitid(os.P_PID, worker.child.pid, os.WEXITED | os.WNOWAIT)


def pid_in(pipe: Path) -> int:
    """The process that wrote its number to this named pipe."""
    return int(pipe.read_text())


@pytest.fixture
def told(tmp_path: Path) -> Path:
    """A named pipe: who opens it waits for the other end."""
    os.mkfifo(tmp_path / "told")
    return tmp_path / "told"


@pytest.mark.parametrize("status", [0, 1])
def test_a_child_that_holds_the_pipe_stops_no_step(told: Path, status: int) -> None:
    """Goal: a worker that crashed leaves a child with its standard output; asking how it ended
    waits for nobody. Method: a child that would hold the pipe for an hour; whoever waits for it is
    freed after a minute, and fails."""
    worker = started(f"sh -c 'echo $$ > {told}; exec sleep 3600' & exit {status}")
    child = pid_in(told)
    freed = threading.Timer(WAIT_S, os.kill, (child, signal.SIGKILL))
    freed.start()
    has_died(worker)
    assert worker.ended() == WorkerEnd(status, "")
    assert freed.is_alive()
    freed.cancel()


def test_children_of_a_worker_that_died_are_killed(told: Path) -> None:
    """Goal: an arecord whose worker was killed for its memory does not keep the microphone."""
    worker = started(f"exec >&-; sh -c 'echo $$ > {told}; exec sleep 3600' 2>&- & kill -9 $$")
    child = os.pidfd_open(pid_in(told))
    has_died(worker)
    ended = worker.ended()
    assert ended is not None and ended.status == -signal.SIGKILL
    assert select.select([child], [], [], WAIT_S)[0], "a pidfd is readable when it has ended"
    os.close(child)


def test_the_next_waits_until_the_children_are_gone(
    told: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Goal: a child that hangs in the kernel survives SIGKILL; as long as it does, no second one
    is sent after it. Method: the signal is withheld."""
    worker = started(f"sh -c 'echo $$ > {told}; exec sleep 3600' & exit 1")
    child = pid_in(told)
    opened = os.pidfd_open(child)
    has_died(worker)
    really = os.killpg
    monkeypatch.setattr(os, "killpg", lambda pid, number: really(pid, 0))
    assert worker.ended() is not None
    assert not worker.start() and not worker.is_free
    os.kill(child, signal.SIGKILL)
    assert select.select([opened], [], [], WAIT_S)[0]
    os.close(opened)
    assert worker.is_free and worker.start(), "though nobody may have reaped it yet"
    monkeypatch.undo()
    worker.cancel()


def test_a_process_whose_name_is_cut_amid_a_letter_disturbs_nobody(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug: any process with such a name ended the flight core while a worker's child hung."""
    script = r"printf 'abcdefghijklmn\303\274' > /proc/self/comm; echo; read -r"
    with subprocess.Popen(["bash", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
                          ) as stranger:
        assert stranger.stdout is not None and stranger.stdout.readline() == b"\n"
        assert Path(f"/proc/{stranger.pid}/stat").read_bytes().count(b"\xc3") == 1
        monkeypatch.setattr(os, "killpg", lambda pid, number: None)
        assert not _is_anyone_left(1 << 22)
        stranger.kill()


def test_a_flood_of_words_costs_no_memory() -> None:
    """Goal: of a driver that never stops complaining the end is kept, whatever it says."""
    worker = started("head -c 3000000 /dev/zero >&2; echo >&2; echo No such device. >&2; exit 1")
    ended = None
    while ended is None:
        ended = worker.ended()
        assert len(worker._words) <= 400
    assert str(worker.failure(ended.status)) == "No such device."


def test_no_descriptor_is_left() -> None:
    """Goal: hundreds of takes, collected or cancelled, leave nothing open."""
    before = len(os.listdir("/proc/self/fd"))
    for number in range(10):
        worker = started("exit 0")
        has_died(worker)
        if number % 2:
            assert worker.ended() == WorkerEnd(0, "")
        worker.cancel()
        assert len(os.listdir("/proc/self/fd")) == before
