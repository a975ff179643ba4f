"""The thread that asks sources for the payload: HTTP and retries.

A source that does not answer, or answers that it is too busy, is asked TRIES_MAX times, after
random waits that grow ("full jitter") or as it wishes; then the request is given up.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import structlog
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    stop_when_event_set,
    wait_random_exponential,
)

from groundstation import http_call
from groundstation.http_call import HttpAnswer, NoAnswer
from groundstation.sources.source_requests import SourceRequest, SourceRequests
from wire.mission import Mission
from wire.sources import BODY_BYTES_MAX

EVERY_S = 2.0  # between looks into the archive
DEADLINE_S = 10.0  # of one request, all of it
TRIES_MAX = 4
WAIT_S, WAIT_S_MAX = 4.0, 60.0
BUSY = frozenset((408, 429, 500, 502, 503, 504))
Get = Callable[[str], HttpAnswer]
_wait = wait_random_exponential(multiplier=WAIT_S, max=WAIT_S_MAX)
_log = structlog.get_logger()


class _Busy(NoAnswer):
    """It answers that it cannot answer now."""

    def __init__(self, answer: HttpAnswer) -> None:
        super().__init__(f"status {answer.status}")
        self.wait_s = answer.wait_s


def get(callsign: str) -> Get:
    """Asks in the name of ``callsign``. What it returns raises NoAnswer."""
    headers = {"User-Agent": f"spacepi-ground/{callsign}", "Accept": "*/*"}
    return lambda url: http_call.call("GET", url, DEADLINE_S, BODY_BYTES_MAX, headers=headers)


def run(
    requests: SourceRequests, ask: Get, now: Callable[[], int], stop: threading.Event,
    pause: Callable[[float], object],
) -> None:
    """Request after request until ``stop`` is set. ``now`` gives UTC in ms; ``pause`` waits for so
    many seconds, or less once ``stop`` is set.
    """
    has_failed = False

    def rest(seconds: float) -> None:
        pause(seconds)

    while not stop.is_set():
        try:
            request = requests.next(now())
            if request is not None:
                _serve(requests, request, ask, now, stop, rest)
            has_failed = False
        except sqlite3.Error as error:
            if not has_failed:
                _log.warning("sources_withheld", why=str(error))
            has_failed = True
        rest(EVERY_S)


def _serve(
    requests: SourceRequests, request: SourceRequest, ask: Get, now: Callable[[], int],
    stop: threading.Event, rest: Callable[[float], None],
) -> None:
    tries = Retrying(
        retry=retry_if_exception_type(NoAnswer), wait=_how_long, sleep=rest, reraise=True,
        stop=stop_when_event_set(stop) | stop_after_attempt(TRIES_MAX))
    try:
        answer = tries(_asked, ask, request.url)
    except NoAnswer as error:
        requests.give_up(request, str(error))
    else:
        requests.take(request, answer.status, answer.body, now())


def _asked(ask: Get, url: str) -> HttpAnswer:
    answer = ask(url)
    if answer.status in BUSY:
        raise _Busy(answer)
    return answer


def _how_long(state: RetryCallState) -> float:
    """Until the next try: as the server wishes, or a random time; both bounded."""
    error = state.outcome.exception() if state.outcome else None
    wished_s = error.wait_s if isinstance(error, _Busy) else None
    return max(_wait(state), min(wished_s or 0.0, WAIT_S_MAX))


def start(
    archive: Path, mission: Mission, now: Callable[[], int], stop: threading.Event
) -> threading.Thread | None:
    """Answer what ``archive`` gets until ``stop`` is set; None where no source is offered.

    The thread need not be joined: what had no answer is asked again after the next start.
    """
    if not mission.ground.sources:
        return None
    ask = get(mission.payload.callsign)
    thread = threading.Thread(
        target=run, args=(SourceRequests(archive, mission), ask, now, stop, stop.wait),
        name="sources", daemon=True)
    thread.start()
    return thread
