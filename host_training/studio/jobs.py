"""Runs the commands as processes of their own, which outlive the page and the studio.

A command writes its progress to a record (``common.progress_record``) and holds a lock as long as
it lives, however it ends: the lock was taken here and handed over, so that a studio that was
started again knows what is running without trusting a number of a process.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from host_training.common.progress_record import Followed, follow
from host_training.errors import NoWriting, TooLittleWriting
from host_training.studio.answers import NotDone
from host_training.studio.studio_folder import StudioFolder, replace_text

JobKind = Literal["scan", "train"]
KINDS: tuple[JobKind, ...] = ("scan", "train")
DOING = {"scan": "Your files are being read", "train": "The training is going on"}
PLAIN = {NoWriting.__name__: [
    "No words of yours were found in these files. Pictures, sound and films are not read: add a"
    " chat, mails, a diary or notes in the first step."], TooLittleWriting.__name__: [
    "There is too little of your writing yet. At least three conversations, diary entries or pages"
    " are needed, and a hundred are better: add more in the first step, and start again."]}
INTERRUPTED = ("It was interrupted: the computer was switched off, or its memory was full. Nothing"
               " is lost; start it again and it continues.")


@dataclass(frozen=True, slots=True)
class JobState:
    """``ended``: None before the first start and while it runs; "interrupted": it was killed.

    ``about`` is what ``start`` was told; the rest is as ``progress_record`` has it.
    """

    is_running: bool
    ended: str | None
    sentences: list[str]
    stage: str
    at_s: float
    share: float
    since_s: float
    since_share: float
    line: str
    stages: list[str]
    warnings: list[str]
    started_s: float
    about: dict[str, Any]


class Jobs:
    """The commands of one studio folder, at most one at a time."""

    def __init__(self, studio: StudioFolder) -> None:
        self._studio = studio
        self._children: list[subprocess.Popen[bytes]] = []
        self._followed: dict[JobKind, tuple[tuple[int, int], Followed]] = {}
        self._alone = threading.Lock()  # a thread that asks must not see another that asks

    def start(self, kind: JobKind, arguments: Sequence[object], about: dict[str, Any]) -> None:
        """Start ``spacepi-train`` with these arguments. Raises NotDone while another runs."""
        with self._alone:
            for other in KINDS:
                if self._is_locked(other):
                    raise NotDone(f"{DOING[other]}; wait until that is done, or stop it.", 409)
            self._launch(kind, arguments, about)

    def _launch(self, kind: JobKind, arguments: Sequence[object], about: dict[str, Any]) -> None:
        record = self._studio.jobs / f"{kind}.jsonl"
        record.unlink(missing_ok=True)
        with (self._studio.jobs / f"{kind}.lock").open("w") as lock, (
                self._studio.jobs / f"{kind}.log").open("wb") as log:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            child = subprocess.Popen(
                [sys.executable, "-m", "host_training", *map(str, arguments),
                 "--progress", str(record)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                pass_fds=(lock.fileno(),), cwd=self._studio.root,
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]),
                     "OMP_WAIT_POLICY": "passive", "COLUMNS": "200"})
        self._children.append(child)
        replace_text(self._studio.jobs / f"{kind}.json", json.dumps(
            {"pid": child.pid, "started_s": time.time(), "about": about}))

    def is_running(self, kind: JobKind) -> bool:
        """Whether the command holds its lock."""
        with self._alone:
            return self._is_locked(kind)

    def _is_locked(self, kind: JobKind) -> bool:
        self._children = [child for child in self._children if child.poll() is None]
        with (self._studio.jobs / f"{kind}.lock").open("a") as lock:
            try:  # shared: whoever asks holds nobody up
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return True
        return False

    def state(self, kind: JobKind) -> JobState:
        """What the command does, or how it ended."""
        is_running = self.is_running(kind)  # before the record, whose end comes first
        about = self._about(kind)
        found = self._follow(kind)
        ended: str | None = None if is_running else found.ended
        sentences = PLAIN.get(found.error, found.sentences)
        if about and not is_running and found.ended is None:
            ended, sentences = "interrupted", [INTERRUPTED]
        return JobState(
            is_running, ended, sentences, found.stage, found.at_s, found.share, found.since_s,
            found.since_share, found.line, found.stages, found.warnings,
            about.get("started_s", 0.0), about.get("about", {}))

    def stop(self, kind: JobKind) -> None:
        """Ask it to stop, as Ctrl-C does: a training keeps its checkpoint."""
        if self.is_running(kind):
            os.kill(self._about(kind)["pid"], signal.SIGINT)

    def _about(self, kind: JobKind) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads((self._studio.jobs / f"{kind}.json").read_text())
        except (OSError, ValueError):
            return {}
        return found

    def _follow(self, kind: JobKind) -> Followed:
        """The record, read again only where it has grown."""
        path = self._studio.jobs / f"{kind}.jsonl"
        try:
            mark = path.stat().st_size, path.stat().st_mtime_ns
        except OSError:
            return Followed()
        if kind not in self._followed or self._followed[kind][0] != mark:
            self._followed[kind] = mark, follow(path)
        return self._followed[kind][1]


def as_row(state: JobState) -> dict[str, Any]:
    """JSON-ready."""
    return asdict(state)
