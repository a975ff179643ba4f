"""Writes the progress of a command to a file, one JSON object per line, and reads it.

``{"at_s", "stage", "share", "line"}`` while it runs, and ``{"ended", "error", "sentences"}`` last,
where ``error`` is the name of its class, or "". A file without the last line belongs to a command
that is still running, or that was killed.
"""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TextIO

from host_training.errors import FOUND, WARNING, Stopped, TrainingError
from wire.bundle import BundleError

Report = Callable[[str, float, str], None]  # (stage, fraction done 0..1, one line)
Ended = Literal["done", "stopped", "failed"]

EVERY_S = 2.0  # a stage is written down at most so often, but for its end
READ_BYTES_MAX = 4_000_000  # the last of a longer file


@dataclass(slots=True)
class Followed:
    """The content of a record: the newest stage, the lines to keep on show, and the end.

    ``at_s`` and ``share`` are of the newest row of the stage; ``since_s`` and ``since_share`` of
    its first one with a share, from which a stage that was continued went on.
    """

    stage: str = ""
    share: float = 0.0
    line: str = ""
    stages: list[str] = field(default_factory=list)  # those begun, in order
    warnings: list[str] = field(default_factory=list)
    ended: Ended | None = None
    error: str = ""
    sentences: list[str] = field(default_factory=list)
    at_s: float = 0.0
    since_s: float = 0.0
    since_share: float = 0.0


@contextmanager
def recorded(path: Path) -> Iterator[Report]:
    """Write the reports to ``path``, a new file, and finally how the command ended.

    Whoever follows the record stops the command with SIGINT. A command that was started by
    something in the background of a shell has inherited that it is ignored: not here.

    Raises:  any exception raised within, after its sentences are written.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    with path.open("w", encoding="utf-8") as file:
        try:
            yield _Recorder(file)
        except (TrainingError, BundleError) as error:
            _end(file, "stopped" if isinstance(error, Stopped) else "failed",
                 type(error).__name__, [str(sentence) for sentence in error.args])
            raise
        except KeyboardInterrupt:
            _end(file, "stopped", "", [])
            raise
        except Exception as error:
            _end(file, "failed", type(error).__name__, [f"{type(error).__name__}: {error}"])
            raise
        _end(file, "done", "", [])


class _Recorder:
    """Writes each report to the file."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._last: tuple[str, float] = ("", 0.0)

    def __call__(self, stage: str, fraction: float, line: str) -> None:
        now_s = time.time()
        is_soon = self._last[0] == stage and 0 <= now_s - self._last[1] < EVERY_S
        if stage not in (WARNING, FOUND):
            if is_soon and fraction < 1:
                return
            self._last = stage, now_s
        _write(self._file, {"at_s": round(now_s, 1), "stage": stage, "share": round(fraction, 4),
                            "line": line})


def _end(file: TextIO, ended: Ended, error: str, sentences: Sequence[str]) -> None:
    _write(file, {"ended": ended, "error": error, "sentences": list(sentences)})


def _write(file: TextIO, row: dict[str, Any]) -> None:
    file.write(json.dumps(row) + "\n")
    file.flush()


def follow(path: Path) -> Followed:
    """Read a record; a missing one is empty. An incomplete last line is ignored."""
    found = Followed()
    if not path.exists():
        return found
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - READ_BYTES_MAX))
        lines = file.read().split(b"\n")[:-1]
    for line in lines:
        try:
            row = json.loads(line)
        except ValueError:
            continue  # the first one, where the file was too long
        if "ended" in row:
            found.ended, found.error = row["ended"], row["error"]
            found.sentences = row["sentences"]
        elif row["stage"] == WARNING:
            found.warnings.append(row["line"])
        elif row["stage"] != FOUND:
            _follow_stage(found, row)
    return found


def _follow_stage(found: Followed, row: dict[str, Any]) -> None:
    if found.stage != row["stage"] or not found.since_share:
        found.since_s, found.since_share = row["at_s"], row["share"]
    found.stage, found.share, found.line = row["stage"], row["share"], row["line"]
    found.at_s = row["at_s"]
    if found.stage not in found.stages:
        found.stages.append(found.stage)
