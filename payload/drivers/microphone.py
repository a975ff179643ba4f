"""The microphone as a process per take: started, polled, and killed at the core's deadline.

Implements ``payload.sound.Microphone``. The worker has arecord for a child; both are killed.
"""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path

from payload.drivers.worker_process import WorkerProcess
from payload.ports import DeviceGarbage, PortError
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


class MicrophoneProcess:
    """One take per ``start``."""

    def __init__(
        self, section: MicrophoneSection, data_dir: Path, command: list[str] | None = None
    ) -> None:
        """``data_dir`` takes the takes that the mission keeps. ``command`` replaces
        ``payload.microphone_worker``.
        """
        command = command or [sys.executable, "-m", "payload.microphone_worker"]
        self._worker = WorkerProcess(
            "microphone", [*command, *_arguments(section, data_dir / TAKES_FOLDER)],
            _LINE_BYTES_MAX)

    def start(self, now_ms: int) -> bool:
        """True when a take began; False while one runs or a killed one has not died yet."""
        return self._worker.start()

    def poll(self, now_ms: int) -> Sound | PortError | None:
        """The sound or why there is none, once; None while the worker runs."""
        ended = self._worker.ended()
        if ended is None:
            return None
        if ended.status == NO_SOUND:
            return DeviceGarbage(self._worker.last_words() or "the take is no sound")
        return (self._worker.failure(ended.status) or sound_of(ended.line, now_ms)
                or DeviceGarbage("the microphone worker said no numbers"))

    def cancel(self, now_ms: int) -> None:
        """SIGKILL the worker and its arecord; the take is no longer needed."""
        self._worker.cancel()


def wired_microphone(mission: Mission, base: Path) -> MicrophoneProcess | None:
    """The microphone of ``mission``, whose file is in ``base``; None where it has none."""
    if mission.microphone is None:
        return None
    return MicrophoneProcess(mission.microphone, base / mission.payload.data_dir)


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
