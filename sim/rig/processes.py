"""Real processes for the rig: started, read line by line, signalled, and always cleaned up.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from sim.rig.live import READ_BYTES, Loop

LOOK_EVERY_S = 0.1
LINE_BYTES_MAX = 65_536
JUNK = b"~"  # fills a pipe that nobody reads, and is told from words by being nothing else
PIPE_BYTES = 4_096  # one page, the least a pipe can hold: fcntl(2), F_SETPIPE_SZ
FULL_DEVICE = "/dev/full"


class Process:
    """One child. What it says on both outputs goes to ``on_line``, how it ended to ``on_exit``."""

    def __init__(
        self, loop: Loop, command: list[str], folder: Path, environment: dict[str, str],
        on_line: Callable[[str], None], on_exit: Callable[[int], None], has_full_log: bool = False,
    ) -> None:
        """Raises OSError when there is no such program. ``has_full_log``: every line it writes
        meets a full disk.
        """
        self._loop, self._on_line, self._on_exit = loop, on_line, on_exit
        self._buffer = b""
        self._is_muted = False
        self._read_end, self._write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        log = os.open(FULL_DEVICE, os.O_WRONLY) if has_full_log else self._write_end
        # It ends with us, however we end; the program is in util-linux.
        with_us = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        try:
            self._child = subprocess.Popen(
                [*with_us, *command], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True,
            )
        finally:
            if has_full_log:
                os.close(log)
        loop.watch(self._read_end, self._read)
        self._stop_looking = loop.every(LOOK_EVERY_S, self._look)

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def is_running(self) -> bool:
        return self._child.returncode is None

    def signal(self, number: signal.Signals) -> None:
        """Nothing happens to one that has ended."""
        if self.is_running:
            self._child.send_signal(number)

    def mute(self) -> None:
        """Whoever reads its log stops reading, and the pipe is full: it cannot write a byte."""
        self._is_muted = True
        self._loop.unwatch(self._read_end)
        with contextlib.suppress(OSError):  # it holds more than that just now
            fcntl.fcntl(self._write_end, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        # A description of our own, since not waiting would otherwise be the child's too.
        stuffing = os.open(f"/proc/self/fd/{self._write_end}", os.O_WRONLY | os.O_NONBLOCK)
        with contextlib.suppress(BlockingIOError):
            os.write(stuffing, b"\n")
            while True:
                os.write(stuffing, JUNK * 64)
        os.close(stuffing)

    def unmute(self) -> None:
        """The log is read again."""
        if self._is_muted and self.is_running:
            self._is_muted = False
            self._loop.watch(self._read_end, self._read)

    def limit_files(self, bytes_max: int | None) -> None:
        """No file of it grows beyond ``bytes_max`` (EFBIG); None takes the limit away."""
        hard = resource.prlimit(self.pid, resource.RLIMIT_FSIZE)[1]
        soft = hard if bytes_max is None else bytes_max
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (soft, hard))

    def children(self, word: str) -> list[int]:
        """Process ids of its children with ``word`` in their command line."""
        return [pid for pid, parent, command in _all_processes()
                if parent == self.pid and word in command]

    def _look(self) -> None:
        status = self._child.poll()
        if status is not None:
            self._stop_looking()
            self._loop.unwatch(self._read_end)
            self._read()  # its last words
            os.close(self._read_end)
            os.close(self._write_end)
            self._on_exit(status)

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self._read_end, READ_BYTES):
                self._take(data)

    def _take(self, data: bytes) -> None:
        *lines, rest = (self._buffer + data).split(b"\n")
        self._buffer = rest[-LINE_BYTES_MAX:]
        for line in lines:
            words = line.strip(JUNK)
            if words:
                self._on_line(words.decode("utf-8", "replace"))


def python(*arguments: str) -> list[str]:
    """Run something of ours with this interpreter."""
    return [sys.executable, *arguments]


def environment(**more: str) -> dict[str, str]:
    """Ours, so that the child finds this very tree, and ``more``; logs are to be plain text."""
    root = str(Path(__file__).resolve().parents[2])
    found = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    own = {"PYTHONPATH": found, "PYTHONUNBUFFERED": "1", "NO_COLOR": "1", "COLUMNS": "200"}
    inherited = {k: v for k, v in os.environ.items() if k not in ("NOTIFY_SOCKET", "FORCE_COLOR")}
    return {**inherited, **own, **more}


def kill(pid: int, number: signal.Signals) -> bool:
    """Signal a process that is not our child; False when it is gone."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def is_there(pid: int) -> bool:
    """False for one that has ended, also when nobody has asked for its status yet."""
    try:
        return _state(Path(f"/proc/{pid}/stat").read_text()) != "Z"
    except OSError:
        return False


def _all_processes() -> Iterator[tuple[int, int, str]]:
    """(process, parent, command line) of everything that runs. Source: proc(5)."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ")
                yield int(entry.name), int(fields[1]), command.decode("utf-8", "replace")


def _state(stat: str) -> str:
    return stat.rsplit(")", 1)[1].split()[0]
