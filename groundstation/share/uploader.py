"""Uploads the archive to SondeHub Amateur, one turn at a time. Its thread: upload_thread.

What was refused is counted and never retried; what was not answered is sent again by a later turn.
What waits is in the archive, and after a day it is passed over.

One entry over which the server stumbles must not hold up all behind it: a batch that fails
TRIES_MAX times is sent in halves, and a single entry that still fails while another one is answered
is set aside. Where no other is answered it is the server, and nothing is given up.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

import structlog

from groundstation.share import sondehub
from groundstation.share.sondehub import Unanswered, UploadAnswer, UploadOutcome, UploadRequest
from groundstation.share.upload_queue import BATCH_MAX, Batch, UploadQueue
from wire.mission import Mission

EVERY_S = 15.0  # the interval its operators recommend
LISTENER_EVERY_MS = 6 * 3600 * 1000
LISTENER_AGAIN_MS = 300_000  # after a try without an answer
TRIES_MAX = 3  # of one batch, before its entries are suspected
_log = structlog.get_logger()
Send = Callable[[UploadRequest], UploadAnswer]


class Uploader:
    """Uploads one queue to one server. ``turn`` does one round; ``run`` all of them."""

    def __init__(self, queue: UploadQueue, mission: Mission, send: Send) -> None:
        self._queue = queue
        self._mission = mission
        self._send = send
        self._has_said_refused = self._is_lost = False
        self._listener_due_ms = 0
        self._entries_max = BATCH_MAX
        self._tries = 0  # of this batch, in a row
        self._suspect_upto = 0  # the batch that was split reached so far

    def turn(self, now_ms: int) -> bool:
        """Upload one batch; True when more may wait. Raises Unanswered and sqlite3.Error: nothing
        is settled then, and the next turn sends the same again.
        """
        batch = self._queue.next_batch(now_ms, self._entries_max)
        if batch is None:
            self._tell_listener(now_ms)
            return False
        try:
            outcome = self._tell(batch.entries, now_ms)
        except Unanswered as error:
            self._suspect(batch, error, now_ms)
            return True
        self._queue.settle(batch, outcome, now_ms)
        self._go_on(batch)
        return True

    def _tell(self, entries: Sequence[dict[str, Any]], now_ms: int) -> UploadOutcome:
        """Raises Unanswered."""
        if not entries:
            return UploadOutcome(0, 0)
        answer = self._send(sondehub.put_telemetry(entries, now_ms))
        outcome = sondehub.judge(answer, len(entries))
        self._note(outcome)
        return outcome

    def _suspect(self, batch: Batch, error: Unanswered, now_ms: int) -> None:
        """The batch failed. Returns where the next turn tells another one, else raises
        Unanswered: the same again, later."""
        if error.is_busy:
            raise error
        self._tries += 1
        if self._tries < TRIES_MAX:
            raise error
        if len(batch.entries) > 1:
            self._entries_max, self._suspect_upto = len(batch.entries) // 2, batch.upto
            self._tries = 0
            return
        other = self._queue.newest(batch, now_ms)
        if other is None:
            raise error
        # It is sent again with its own batch, which the server can recognise.
        self._tell([other], now_ms)
        try:
            outcome = self._tell(batch.entries, now_ms)
        except Unanswered as again:
            if again.is_busy:
                raise
            _log.warning("sondehub_set_aside", frame=batch.entries[0]["frame"], why=str(again))
            self._queue.set_aside(batch)
        else:
            self._queue.settle(batch, outcome, now_ms)
        self._go_on(batch)

    def _go_on(self, batch: Batch) -> None:
        """The batch is settled; whole ones again, where it was the end of one that failed."""
        self._tries = 0
        if batch.upto >= self._suspect_upto:
            self._entries_max = BATCH_MAX

    def _tell_listener(self, now_ms: int) -> None:
        """Upload the station's position. A failure holds up nothing else."""
        due_ms = max(self._listener_due_ms, self._queue.progress.listener_ms + LISTENER_EVERY_MS)
        put = sondehub.put_listener(self._mission, now_ms)
        if put is None or now_ms < due_ms:
            return
        self._listener_due_ms = now_ms + LISTENER_AGAIN_MS
        with contextlib.suppress(Unanswered):
            self._note(sondehub.judge(self._send(put), 1))
            self._queue.note_listener(now_ms)

    def _note(self, outcome: UploadOutcome) -> None:
        """The server answered: logged once when it refuses, and once when it accepts again."""
        if self._is_lost:
            _log.info("sondehub_returned")
        self._is_lost = False
        self._queue.note_trouble("")
        if outcome.refused and not self._has_said_refused:
            _log.warning("sondehub_refused", entries=outcome.refused, why=outcome.why)
        if outcome.refused or outcome.taken:
            self._has_said_refused = bool(outcome.refused)

    def note_loss(self, error: BaseException | None) -> None:
        """No answer arrives, or the archive cannot be read: logged once."""
        if not self._is_lost:
            _log.warning("sondehub_lost", why=str(error))
        self._is_lost = True
        with contextlib.suppress(sqlite3.Error):
            self._queue.note_trouble(str(error))
