"""A worker that is started for one piece of work, says one line, and ends, or is killed.

It may have children of its own (arecord), so it is a process group and is killed as one, even when
the worker itself has crashed. A driver that hangs in the kernel may survive SIGKILL for a while;
until the whole group is gone, ``start`` answers False, so that they never pile up.

Nothing here waits: a child may hold the worker's pipes open long after the worker has ended.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import IO, NamedTuple

from payload.ports import DeviceAbsent, DeviceGarbage, PortError

_WORDS_BYTES_MAX = 400  # of the worker's standard error kept in an error message
_PIPE_BYTES = 65_536  # of it read at each look; a worker that floods it waits for the next one


class WorkerEnd(NamedTuple):
    """How a worker ended, and the line it said."""

    status: int  # negative: the signal that ended it
    line: str


class WorkerProcess:
    """One worker per ``start``."""

    def __init__(self, name: str, command: Sequence[str], line_bytes_max: int) -> None:
        self.child: subprocess.Popen[bytes] | None = None
        self._name = name
        self.command = list(command)
        self._words = b""
        self._line_bytes_max = line_bytes_max
        self._is_wanted = False
        self._has_group = False  # some of its processes may be left

    def start(self) -> bool:
        """True when it began; False while one runs or a killed one has not died yet."""
        if not self.is_free:
            return False
        with contextlib.suppress(OSError):
            self.child = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, start_new_session=True)
            self._is_wanted = self._has_group = True
            self._words = b""
            for pipe in _pipes(self.child):
                os.set_blocking(pipe.fileno(), False)
        return self._is_wanted

    @property
    def is_free(self) -> bool:
        """Nothing runs, and nothing that was said waits."""
        if self._is_wanted or self.child is None:
            return not self._is_wanted
        if self.child.poll() is None:
            return False
        self._has_group = self._has_group and _is_anyone_left(self.child.pid)
        return not self._has_group  # once gone never asked for again: its number may come again

    def ended(self) -> WorkerEnd | None:
        """Once, when it has ended; None while it runs."""
        if self.child is None or not self._is_wanted:
            return None
        has_ended = _has_ended(self.child)  # before its pipes are read to their ends
        output, words = _pipes(self.child)
        self._words = (self._words + _read(words, _PIPE_BYTES))[-_WORDS_BYTES_MAX:]
        if not has_ended:
            return None
        line = _read(output, self._line_bytes_max)
        self._let_go(self.child)
        status = self.child.poll()
        assert status is not None
        return WorkerEnd(status, line.decode("ascii", "replace"))

    def failure(self, status: int) -> PortError | None:
        """What a status other than 0 says."""
        if status < 0:
            return DeviceGarbage(f"{self._name} worker died of signal {-status}")
        if status > 0:
            return DeviceAbsent(self.last_words() or f"{self._name} worker ended with {status}")
        return None

    def last_words(self) -> str:
        """The last line of its standard error, or the end of it."""
        return self._words.decode("utf-8", "replace").strip().rsplit("\n", 1)[-1]

    def cancel(self) -> None:
        """SIGKILL it and its children; what it was started for is no longer needed."""
        if self.child is not None and self._is_wanted:
            self._let_go(self.child)

    def _let_go(self, child: subprocess.Popen[bytes]) -> None:
        """Kill what is left of the group. Its number belongs to nobody else: either a process of
        the group has it, or the worker, who is not reaped yet."""
        self._is_wanted = False
        with contextlib.suppress(OSError):  # nobody is left
            os.killpg(child.pid, signal.SIGKILL)
        for pipe in _pipes(child):
            pipe.close()


def _is_anyone_left(group: int) -> bool:
    """Does a process of this group run, or hang? One that is dead and not reaped does not count:
    whose task that is depends on what is process 1."""
    try:
        os.killpg(group, 0)
    except OSError:
        return False
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            text = stat.read_text(errors="replace")  # the kernel cuts names amid a letter
            state, _, its_group = text.rpartition(")")[2].split()[:3]  # proc(5)
            if int(its_group) == group and state not in "ZX":
                return True
    return False


def _pipes(child: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    """Standard output and standard error."""
    assert child.stdout is not None and child.stderr is not None
    return child.stdout, child.stderr


def _has_ended(child: subprocess.Popen[bytes]) -> bool:
    """Without reaping it, which would free its number."""
    if child.returncode is not None:
        return True
    try:
        return os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


def _read(pipe: IO[bytes], size_max: int) -> bytes:
    """What waits in it; b"" where nothing does."""
    with contextlib.suppress(OSError):
        return os.read(pipe.fileno(), size_max)
    return b""
