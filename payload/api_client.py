"""The API client: calls web APIs in turn and records their outcomes.

One request at a time, its deadline held here. Every API has a circuit breaker:

    CLOSED --five failures in a row--> OPEN --15 minutes--> HALF-OPEN --ok--> CLOSED
                                        ^------any failure------/

An API whose breaker is open is not called. A refusal counts as a failure, as a timeout does: what
matters is whether another call soon is worth its energy.
"""

from __future__ import annotations

import contextlib
import json
import random
from dataclasses import dataclass

from payload.notes import Note
from payload.ports import ApiFailed, ApiReply, ApiRequest, Http, PortError
from payload.prompt import strip_control
from wire.mission import ApiSection
from wire.record_bodies import ApiCallBody
from wire.records import Kind

DEADLINE_MS = 20_000
BREAKER_FAILURES = 5
BREAKER_OPEN_MS = 900_000
JITTER = 0.2  # of the interval, so that calls do not keep step with other periodic work
BUSY_RETRY_MS = 5_000
REFUSED_MS = 60_000  # longer than any request that was abandoned may hold the port
BODY_BYTES_MAX = 1024
SUMMARY_CHARS_MAX = 80
PRINTABLE_SHARE_MIN = 0.95  # of the characters; an answer with fewer is not text


@dataclass(slots=True)
class _Breaker:
    """Failures in a row, and until when the API is left alone."""

    failures: int = 0
    open_until_ms: int = 0

    def note(self, is_ok: bool, now_ms: int) -> None:
        self.failures = 0 if is_ok else self.failures + 1
        if self.failures >= BREAKER_FAILURES:
            self.open_until_ms = now_ms + BREAKER_OPEN_MS


@dataclass(frozen=True, slots=True)
class _Flying:
    """The request in flight."""

    request: ApiRequest
    index: int
    started_ms: int


def classify(status: int, body: bytes) -> tuple[str, str]:
    """(outcome, summary) of an answer; the summary is empty unless the outcome is ``ok``.

    ``garbage`` is a 200 whose body is empty, cut too long, not printable UTF-8 text, or a page for
    a browser, as the sign-in of a public network is. ``redirected`` is an answer that points
    elsewhere, where the port does not go.
    """
    if status in (404, 429):
        return str(status), ""
    if 300 <= status <= 399:
        return "redirected", ""
    if 500 <= status <= 599:
        return "500", ""
    if status != 200:
        return "other", ""
    text = _text(body)
    return ("garbage", "") if text is None else ("ok", text[:SUMMARY_CHARS_MAX])


def _text(body: bytes) -> str | None:
    """One clean line of what ``body`` says; None when it says nothing readable."""
    if len(body) > BODY_BYTES_MAX:
        return None
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.end < len(body) or len(body) < BODY_BYTES_MAX:
            return None  # only the port's own cut may split the last character
        text = body[: error.start].decode("utf-8")
    if text.lstrip("\ufeff \r\n\t")[:9].lower().startswith(("<!doctype", "<html")):
        return None
    printable = sum(c.isprintable() or c in "\r\n\t" for c in text)
    if printable < PRINTABLE_SHARE_MIN * len(text):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None  # plain text is an answer too
    return strip_control(value if isinstance(value, str) else text) or None


class ApiClient:
    """Round robin over the APIs of the mission."""

    def __init__(
        self, http: Http | None, apis: tuple[ApiSection, ...], every_s: int, rng: random.Random
    ) -> None:
        """``every_s`` is the mean time between two requests, whichever API they go to."""
        self._http = http
        self._apis = apis
        self._every_ms = every_s * 1000
        self._rng = rng
        self._breakers = [_Breaker() for _ in apis]
        self._next_index = 0
        self._due_ms: int | None = None
        self._flying: _Flying | None = None
        self._request_id = 0
        self._refused_since_ms: int | None = None
        self._now_ms = 0
        self.last: tuple[str, str, int] | None = None  # (name, outcome, at_ms)

    def set_interval(self, every_s: int) -> None:
        """From the next request on."""
        self._every_ms = every_s * 1000

    @property
    def is_failing(self) -> bool:
        """True while every API is left alone after failures; False when there are none."""
        return bool(self._apis) and all(b.open_until_ms > self._now_ms for b in self._breakers)

    @property
    def is_busy(self) -> bool:
        return self._flying is not None

    def update(self, now_ms: int, is_allowed: bool) -> list[Note]:
        """Collect an outcome, or call the next API when it is time and ``is_allowed``."""
        self._now_ms = now_ms
        if self._http is None or not self._apis:
            return []
        if self._flying is not None:
            return self._collect(self._http, self._flying, now_ms)
        if self._due_ms is None:
            self._due_ms = now_ms + self._interval_ms()
        if is_allowed and now_ms >= self._due_ms:
            return self._ask(self._http, now_ms)
        return []

    def _ask(self, http: Http, now_ms: int) -> list[Note]:
        count = len(self._apis)
        turns = ((self._next_index + step) % count for step in range(count))
        index = next((i for i in turns if self._breakers[i].open_until_ms <= now_ms), None)
        if index is None:
            self._due_ms = min(breaker.open_until_ms for breaker in self._breakers)
            return []
        self._request_id += 1
        api = self._apis[index]
        request = ApiRequest(self._request_id, api.name, api.url)
        flying = _Flying(request, index, now_ms)
        try:
            is_taken = http.start(request, now_ms)
        except (PortError, OSError):
            return self._finish(flying, "unreachable", None, "", now_ms)
        if not is_taken:
            self._due_ms = now_ms + BUSY_RETRY_MS
            return self._refused(flying, now_ms)
        self._refused_since_ms = None
        self._flying = flying
        return []

    def _refused(self, flying: _Flying, now_ms: int) -> list[Note]:
        """An abandoned request may hold the port for a while; for longer it is a failure."""
        if self._refused_since_ms is None:
            self._refused_since_ms = now_ms
        if now_ms - self._refused_since_ms < REFUSED_MS:
            return []
        self._refused_since_ms = None
        return self._finish(flying, "unreachable", None, "", now_ms)

    def _collect(self, http: Http, flying: _Flying, now_ms: int) -> list[Note]:
        try:
            answer = http.poll(now_ms)
        except (PortError, OSError):
            return self._finish(flying, "unreachable", None, "", now_ms)
        if answer is not None and answer.request_id == flying.request.request_id:
            if isinstance(answer, ApiReply):
                outcome, summary = classify(answer.status, answer.body)
                return self._finish(flying, outcome, answer.status, summary, now_ms)
            assert isinstance(answer, ApiFailed)
            return self._finish(flying, answer.reason, None, "", now_ms)
        if now_ms - flying.started_ms >= DEADLINE_MS:
            with contextlib.suppress(PortError, OSError):
                http.cancel(now_ms)
            return self._finish(flying, "timeout", None, "", now_ms)
        return []

    def _finish(
        self, flying: _Flying, outcome: str, status: int | None, summary: str, now_ms: int
    ) -> list[Note]:
        self._flying = None
        self._next_index = (flying.index + 1) % len(self._apis)
        self._due_ms = flying.started_ms + max(self._interval_ms(), BUSY_RETRY_MS)
        self._breakers[flying.index].note(outcome == "ok", now_ms)
        self.last = (flying.request.name, outcome, now_ms)
        body = ApiCallBody(
            api=flying.request.name, outcome=outcome, ms=now_ms - flying.started_ms)
        if status is not None:
            body["status"] = status
        if summary:
            body["summary"] = summary
        return [Note(Kind.API_CALL, body)]

    def _interval_ms(self) -> int:
        return round(self._every_ms * self._rng.uniform(1 - JITTER, 1 + JITTER))
