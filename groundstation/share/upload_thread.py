"""The thread that uploads to SondeHub Amateur: HTTP and retries.

What is new goes every EVERY_S, what waited in one request after another. While no answer comes, the
tries are WAIT_S to WAIT_S_MAX apart for as long as the station runs.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_when_event_set,
    wait_exponential,
)

from groundstation import http_call
from groundstation.http_call import NoAnswer
from groundstation.share.sondehub import Unanswered, UploadAnswer, UploadRequest
from groundstation.share.upload_queue import UploadQueue
from groundstation.share.uploader import EVERY_S, Uploader
from wire.mission import Mission

BACKLOG_S = 2.0  # between two requests while more waits
WAIT_S, WAIT_S_MAX = 15.0, 300.0
DEADLINE_S = 20.0  # of one request, all of it
ANSWER_BYTES_MAX = 65_536
_wait = wait_exponential(multiplier=WAIT_S, max=WAIT_S_MAX)


class HttpPut:
    """Sends requests to one server."""

    def __init__(self, url: str, deadline_s: float = DEADLINE_S) -> None:
        self._url = url.rstrip("/")
        self._deadline_s = deadline_s

    def __call__(self, put: UploadRequest) -> UploadAnswer:
        """Raises Unanswered when there is no answer within the deadline."""
        try:
            return UploadAnswer(*http_call.call(
                "PUT", self._url + put.path, self._deadline_s, ANSWER_BYTES_MAX, put.body,
                put.headers))
        except NoAnswer as error:
            raise Unanswered(str(error)) from error


def run(
    uploader: Uploader, now: Callable[[], int], stop: threading.Event,
    pause: Callable[[float], object],
) -> None:
    """Turn after turn until ``stop`` is set. ``now`` gives UTC in ms; ``pause`` waits for so many
    seconds, or less once ``stop`` is set.
    """

    def rest(seconds: float) -> None:
        pause(seconds)

    def note(state: RetryCallState) -> None:
        uploader.note_loss(_error(state))

    while not stop.is_set():
        has_more = False
        for attempt in Retrying(
            retry=retry_if_exception_type((Unanswered, sqlite3.Error)), wait=_how_long,
            stop=stop_when_event_set(stop), sleep=rest, before_sleep=note,
            retry_error_callback=lambda state: None,
        ):
            with attempt:
                has_more = not stop.is_set() and uploader.turn(now())
        rest(BACKLOG_S if has_more else EVERY_S)


def _how_long(state: RetryCallState) -> float:
    """Until the next try: the server's Retry-After, else twice the last wait; both bounded."""
    error = _error(state)
    wanted_s = error.wait_s if isinstance(error, Unanswered) else None
    return max(_wait(state), min(wanted_s or 0.0, WAIT_S_MAX))


def _error(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


def start(
    archive: Path, mission: Mission, now: Callable[[], int], stop: threading.Event
) -> threading.Thread | None:
    """Upload what ``archive`` gets until ``stop`` is set; None where the mission does not ask for
    it.

    The thread need not be joined: what had no answer is sent again after the next start.
    """
    if mission.ground.sondehub == "off":
        return None
    uploader = Uploader(
        UploadQueue(archive, mission), mission, HttpPut(mission.ground.sondehub_url))
    thread = threading.Thread(
        target=run, args=(uploader, now, stop, stop.wait), name="sondehub", daemon=True)
    thread.start()
    return thread
