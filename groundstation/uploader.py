"""Tells SondeHub Amateur what the archive has, a turn at a time. Its thread: upload_thread.

What was refused is counted and never retried; what was not answered is told again by a later turn.
What waits is in the archive, and after a day it is passed over.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable

import structlog

from groundstation import sondehub
from groundstation.sondehub import Answer, Outcome, Put, Unanswered
from groundstation.upload_queue import UploadQueue
from wire.mission import Mission

EVERY_S = 15.0  # as often as its makers ask for
LISTENER_EVERY_MS = 6 * 3600 * 1000
LISTENER_AGAIN_MS = 300_000  # after a try that nobody answered
_log = structlog.get_logger()
Send = Callable[[Put], Answer]


class Uploader:
    """One queue, told to one server. ``turn`` does one round; ``run`` all of them."""

    def __init__(self, queue: UploadQueue, mission: Mission, send: Send) -> None:
        self._queue = queue
        self._mission = mission
        self._send = send
        self._has_said_refused = self._is_lost = False
        self._listener_due_ms = 0

    def turn(self, now_ms: int) -> bool:
        """Tell one batch; True when more may wait. Raises Unanswered and sqlite3.Error: nothing
        is settled then, and the next turn tells the same again.
        """
        batch = self._queue.next_batch(now_ms)
        if batch is None:
            self._tell_listener(now_ms)
            return False
        outcome = Outcome(0, 0)
        if batch.entries:
            answer = self._send(sondehub.put_telemetry(batch.entries, now_ms))
            outcome = sondehub.judge(answer, len(batch.entries))
            self._note(outcome)
        self._queue.settle(batch, outcome, now_ms)
        return True

    def _tell_listener(self, now_ms: int) -> None:
        """Where the station stands. It is no reason to hold up anything else."""
        due_ms = max(self._listener_due_ms, self._queue.progress.listener_ms + LISTENER_EVERY_MS)
        put = sondehub.put_listener(self._mission, now_ms)
        if put is None or now_ms < due_ms:
            return
        self._listener_due_ms = now_ms + LISTENER_AGAIN_MS
        with contextlib.suppress(Unanswered):
            self._note(sondehub.judge(self._send(put), 1))
            self._queue.note_listener(now_ms)

    def _note(self, outcome: Outcome) -> None:
        """It answered: said once when it refuses, and again when it has taken something since."""
        if self._is_lost:
            _log.info("sondehub_returned")
        self._is_lost = False
        self._queue.note_trouble("")
        if outcome.refused and not self._has_said_refused:
            _log.warning("sondehub_refused", entries=outcome.refused, why=outcome.why)
        if outcome.refused or outcome.taken:
            self._has_said_refused = bool(outcome.refused)

    def note_loss(self, error: BaseException | None) -> None:
        """Nobody answers, or the archive cannot be read: said once."""
        if not self._is_lost:
            _log.warning("sondehub_lost", why=str(error))
        self._is_lost = True
        with contextlib.suppress(sqlite3.Error):
            self._queue.note_trouble(str(error))
