"""A worker that is started for one piece of work, says one line, and ends, or is killed.

It may have children of its own (arecord), so it is a process group and is killed as one. A driver
that hangs in the kernel may survive SIGKILL for a while; until such a worker is gone, ``start``
answers False, so that they never pile up.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from payload.ports import DeviceAbsent, DeviceGarbage, PortError

_WORDS_BYTES_MAX = 400  # of the worker's standard error kept in an error message


class Ended(NamedTuple):
    """How a worker ended, and the line it said."""

    status: int  # negative: the signal that ended it
    line: str


class WorkerProcess:
    """One worker per ``start``."""

    def __init__(self, name: str, command: Sequence[str], words: Path, line_bytes_max: int) -> None:
        """``words`` (in memory: /run) takes its standard error: a pipe could fill up and stop it.
        """
        self.child: subprocess.Popen[bytes] | None = None
        self._name = name
        self.command = list(command)
        self._words = words
        self._line_bytes_max = line_bytes_max
        self._is_wanted = False

    def start(self) -> bool:
        """True when it began; False while one runs or a killed one has not died yet."""
        if not self.is_free:
            return False
        with contextlib.suppress(OSError):
            with open(self._words, "wb") as words:
                self.child = subprocess.Popen(
                    self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=words,
                    start_new_session=True,
                )
            self._is_wanted = True
        return self._is_wanted

    @property
    def is_free(self) -> bool:
        """Nothing runs, and nothing that was said waits."""
        return not self._is_wanted and (self.child is None or self.child.poll() is not None)

    def ended(self) -> Ended | None:
        """Once, when it has ended; None while it runs."""
        if self.child is None or not self._is_wanted:
            return None
        status = self.child.poll()
        if status is None:
            return None
        self._is_wanted = False
        assert self.child.stdout is not None
        with self.child.stdout as pipe:
            line = os.read(pipe.fileno(), self._line_bytes_max)
        return Ended(status, line.decode("ascii", "replace"))

    def failure(self, status: int) -> PortError | None:
        """What a status other than 0 says."""
        if status < 0:
            return DeviceGarbage(f"{self._name} worker died of signal {-status}")
        if status > 0:
            return DeviceAbsent(self.last_words() or f"{self._name} worker ended with {status}")
        return None

    def last_words(self) -> str:
        """The last line of its standard error, or the end of it."""
        try:
            lines = self._words.read_bytes()[-_WORDS_BYTES_MAX:].decode("utf-8", "replace")
        except OSError:
            return ""
        return lines.strip().rsplit("\n", 1)[-1]

    def cancel(self) -> None:
        """SIGKILL it and its children; what it was started for is no longer needed."""
        self._is_wanted = False
        if self.child is not None and self.child.poll() is None:
            with contextlib.suppress(OSError):  # it ended meanwhile
                os.killpg(self.child.pid, signal.SIGKILL)
            assert self.child.stdout is not None
            self.child.stdout.close()
