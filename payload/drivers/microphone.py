"""The microphone as a process per take: started, polled, and killed at the core's deadline.

Implements ``payload.sound.Microphone``. The worker has arecord for a child, so both are one process
group and are killed together. A driver that hangs in the kernel may survive SIGKILL for a while;
until such a worker is gone, ``start`` answers False, so that they never pile up.
"""

from __future__ import annotations

import contextlib
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

from payload.ports import DeviceAbsent, DeviceGarbage, PortError
from payload.sound import (
    LEVEL_DBFS_MAX,
    LEVEL_DBFS_MIN,
    SPL_DB_MAX,
    SPL_DB_MIN,
    TRAITS,
    Sound,
)
from wire.mission import Mission
from wire.mission_microphone import MicrophoneSection

NO_SOUND = 3  # the worker's status for a take that is no sound
TAKES_FOLDER = "takes"  # in payload.data_dir
_LINE_BYTES_MAX = 200
_WORDS_BYTES_MAX = 400  # of the worker's standard error kept in an error message


class MicrophoneProcess:
    """One take per ``start``."""

    def __init__(
        self, section: MicrophoneSection, directory: Path, data_dir: Path,
        command: list[str] | None = None,
    ) -> None:
        """``directory`` (in memory: /run) takes the worker's last words, ``data_dir`` the takes
        that the mission keeps. ``command`` replaces ``payload.microphone_worker``.
        """
        self._words = directory / "microphone.log"
        self._command = [*(command or [sys.executable, "-m", "payload.microphone_worker"]),
                         *_arguments(section, data_dir / TAKES_FOLDER)]
        self._child: subprocess.Popen[bytes] | None = None
        self._is_wanted = False

    def start(self, now_ms: int) -> bool:
        """True when a take began; False while one runs or a killed one has not died yet."""
        if self._is_wanted or (self._child is not None and self._child.poll() is None):
            return False
        with contextlib.suppress(OSError):
            with open(self._words, "wb") as words:  # a pipe could fill up and stop the worker
                self._child = subprocess.Popen(
                    self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=words,
                    start_new_session=True,
                )
            self._is_wanted = True
        return self._is_wanted

    def poll(self, now_ms: int) -> Sound | PortError | None:
        """The sound or why there is none, once; None while the worker runs."""
        if self._child is None or not self._is_wanted:
            return None
        status = self._child.poll()
        if status is None:
            return None
        self._is_wanted = False
        assert self._child.stdout is not None
        with self._child.stdout as pipe:
            line = os.read(pipe.fileno(), _LINE_BYTES_MAX).decode("ascii", "replace")
        if status < 0:
            return DeviceGarbage(f"microphone worker died of signal {-status}")
        if status == NO_SOUND:
            return DeviceGarbage(self._last_words() or "the take is no sound")
        if status > 0:
            return DeviceAbsent(self._last_words() or f"microphone worker ended with {status}")
        return sound_of(line, now_ms) or DeviceGarbage("the microphone worker said no numbers")

    def cancel(self, now_ms: int) -> None:
        """SIGKILL the worker and its arecord; the take is no longer needed."""
        self._is_wanted = False
        if self._child is not None and self._child.poll() is None:
            with contextlib.suppress(OSError):  # it ended meanwhile
                os.killpg(self._child.pid, signal.SIGKILL)
            assert self._child.stdout is not None
            self._child.stdout.close()

    def _last_words(self) -> str:
        try:
            lines = self._words.read_bytes()[-_WORDS_BYTES_MAX:].decode("utf-8", "replace")
        except OSError:
            return ""
        return lines.strip().rsplit("\n", 1)[-1]


def wired_microphone(mission: Mission, run_dir: Path, base: Path) -> MicrophoneProcess | None:
    """The microphone of ``mission``, whose file is in ``base``; None where it has none."""
    if mission.microphone is None:
        return None
    return MicrophoneProcess(mission.microphone, run_dir, base / mission.payload.data_dir)


def sound_of(line: str, taken_ms: int) -> Sound | None:
    """The sound that a line of the worker describes; None where it does not."""
    words = line.split()
    if len(words) != 2 + len(TRAITS):
        return None
    try:
        numbers = [None if word == "-" else float(word) for word in words]
    except ValueError:
        return None
    level, spl, *traits = numbers
    if level is None or not _is_within(level, LEVEL_DBFS_MIN, LEVEL_DBFS_MAX):
        return None
    if spl is not None and not _is_within(spl, SPL_DB_MIN, SPL_DB_MAX):
        return None
    known = {name: value for name, value in zip(TRAITS, traits, strict=True) if value is not None}
    if not all(_is_within(value, 0.0, 1.0) for value in known.values()):
        return None
    return Sound(taken_ms, level, spl, known)


def _is_within(number: float, low: float, high: float) -> bool:
    return math.isfinite(number) and low <= number <= high


def _arguments(section: MicrophoneSection, takes: Path) -> list[str]:
    given = ["--device", section.device, "--seconds", str(section.take_s)]
    if section.sensitivity_dbfs is not None:
        given.append(f"--sensitivity-dbfs={section.sensitivity_dbfs}")
    if section.keep_takes:
        given += ["--keep", os.fspath(takes), "--keep-takes", str(section.keep_takes)]
    return given
