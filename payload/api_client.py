"""The API client: asks sources in turn, by network or through the ground, and records the outcomes.

One call at a time, its deadline held here. After a failure a source is left alone for a random time
of at most BACKOFF_MS, which doubles with each failure in a row ("full jitter"), and has a circuit
breaker:

    CLOSED --five failures in a row--> OPEN --15 minutes--> HALF-OPEN --ok--> CLOSED
                                        ^------any failure------/

A refusal counts as a failure, as a timeout does: what matters is whether another call soon is worth
its energy. A source that stations offer is asked by radio where the network does not lead to it
(``payload.radio_requests``). What a source says is kept as hearsay and is nothing else.
"""

from __future__ import annotations

import contextlib
import random
from dataclasses import dataclass

from payload.hearsay import Hearsay
from payload.navigation.fix_age import NEAR_MS
from payload.notes import Note
from payload.ports import ApiFailed, ApiReply, ApiRequest, Http, PortError
from payload.prompt import strip_control
from payload.radio_requests import RadioRequests
from payload.situation import Situation
from wire import sources
from wire.mission import ApiSection
from wire.record_bodies import ApiCallBody
from wire.records import Kind
from wire.sources import TEXT_CHARS_MAX, Position

DEADLINE_MS = 20_000
BACKOFF_MS = 30_000
BREAKER_FAILURES = 5
BREAKER_OPEN_MS = 900_000
RETRY_AFTER_MS_MAX = 3_600_000  # a server may wish for no longer silence
JITTER = 0.2  # of the interval, so that calls do not keep step with other periodic work
BUSY_RETRY_MS = 5_000
REFUSED_MS = 60_000  # longer than any request that was abandoned may hold the port
NO_NETWORK = frozenset(("unreachable", "timeout", "blocked"))


@dataclass(slots=True)
class _Source:
    """One API: its failures in a row, and until when it is not asked."""

    section: ApiSection
    failures: int = 0
    closed_until_ms: int = 0  # by the network
    fresh_until_ms: int = 0  # by either road: what it said is new enough

    def note(self, is_ok: bool, now_ms: int, rng: random.Random, wish_ms: int) -> None:
        """A call ended; ``wish_ms`` is how long the server wants to be left alone."""
        self.failures = 0 if is_ok else self.failures + 1
        if is_ok:
            return
        wait_ms = BREAKER_OPEN_MS
        if self.failures < BREAKER_FAILURES:
            wait_ms = round(rng.uniform(0, BACKOFF_MS << self.failures - 1))
        self.closed_until_ms = now_ms + max(wait_ms, min(wish_ms, RETRY_AFTER_MS_MAX))

    def is_broken(self, now_ms: int) -> bool:
        """Is its breaker open?"""
        return self.failures >= BREAKER_FAILURES and self.closed_until_ms > now_ms


@dataclass(frozen=True, slots=True)
class _Flying:
    """The request in flight."""

    request: ApiRequest
    index: int
    started_ms: int
    spot: Position | None


def classify(status: int, body: bytes, sentence: str = "") -> tuple[str, str]:
    """(outcome, text) of an answer; the text is empty unless the outcome is ``ok``.

    ``garbage`` is a 200 that says nothing through ``sentence`` (``wire.sources.text_of``).
    ``redirected`` is an answer that points elsewhere, where the port does not go.
    """
    if status in (404, 429):
        return str(status), ""
    if 300 <= status <= 399:
        return "redirected", ""
    if 500 <= status <= 599:
        return "500", ""
    if status != 200:
        return "other", ""
    text = strip_control(sources.text_of(body, sentence) or "")[:TEXT_CHARS_MAX]
    return ("ok", text) if text else ("garbage", "")


class ApiClient:
    """Round robin over the APIs of the mission."""

    def __init__(
        self, http: Http | None, apis: tuple[ApiSection, ...], every_s: int, rng: random.Random,
        requests: RadioRequests, hearsay: Hearsay,
    ) -> None:
        """``every_s`` is the mean time between two requests, whichever API they go to."""
        self._http = http
        self._sources = [_Source(api) for api in apis]
        self._every_ms = every_s * 1000
        self._rng = rng
        self._requests = requests
        self._hearsay = hearsay
        self._next_index = 0
        self._due_ms: int | None = None
        self._flying: _Flying | None = None
        self._request_id = 0
        self._refused_since_ms: int | None = None
        self._situation = Situation(now_ms=0)
        self.last: tuple[str, str, int] | None = None  # (name, outcome, at_ms)

    def set_interval(self, every_s: int) -> None:
        """From the next request on."""
        self._every_ms = every_s * 1000

    @property
    def is_failing(self) -> bool:
        """True while every API is left alone after failures; False when there are none."""
        now_ms = self._situation.now_ms
        return bool(self._sources) and all(source.is_broken(now_ms) for source in self._sources)

    @property
    def is_busy(self) -> bool:
        return self._flying is not None

    def update(self, situation: Situation, is_allowed: bool) -> list[Note]:
        """Collect an outcome, or ask the next source when it is time and ``is_allowed``."""
        self._situation, now_ms = situation, situation.now_ms
        notes = self._requests.give_up(now_ms)
        for note in notes:
            self.last = (note.body["api"], note.body["outcome"], now_ms)
        if self._http is not None and self._flying is not None:
            return notes + self._collect(self._http, self._flying, now_ms)
        if self._due_ms is None:
            self._due_ms = now_ms + self._interval_ms()
        if is_allowed and now_ms >= self._due_ms:
            notes += self._ask(now_ms)
        return notes

    def answer(self, request_id: int, text: str, now_ms: int) -> Note | str:
        """A station tells what a source said; the record of it, or why it is refused."""
        clean = strip_control(text)[:TEXT_CHARS_MAX]
        if not clean:
            return "no readable text"
        note = self._requests.answer(request_id, clean, now_ms)
        if isinstance(note, Note):
            name = note.body["api"]
            source = next(each for each in self._sources if each.section.name == name)
            self._hear(source, clean, now_ms)
            self.last = (name, "ok", now_ms)
        return note

    def _hear(self, source: _Source, text: str, now_ms: int) -> None:
        source.fresh_until_ms = now_ms + source.section.fresh_s * 1000
        self._hearsay.note(source.section.name, text, self._situation.utc_ms)

    def _ask(self, now_ms: int) -> list[Note]:
        """The first source whose turn it is and that can be asked now, by whichever road."""
        spot, count = _spot(self._situation), len(self._sources)
        for index in ((self._next_index + step) % count for step in range(count)):
            source = self._sources[index]
            url = sources.address(source.section.url, spot)
            if url is None or source.fresh_until_ms > now_ms:
                continue
            if self._http is not None and source.closed_until_ms <= now_ms:
                return self._start(self._http, index, url, spot, now_ms)
            if notes := self._ask_by_radio(source.section.name, spot, now_ms):
                self._next_index = (index + 1) % count
                self._due_ms = now_ms + self._interval_ms()
                return notes
        self._due_ms = now_ms + BUSY_RETRY_MS
        return []

    def _ask_by_radio(self, name: str, spot: Position | None, now_ms: int) -> list[Note]:
        if not self._requests.may_ask(name, self._situation.heard_ground_age_s):
            return []
        return [self._requests.ask(name, spot, now_ms)]

    def _start(
        self, http: Http, index: int, url: str, spot: Position | None, now_ms: int
    ) -> list[Note]:
        self._request_id += 1
        request = ApiRequest(self._request_id, self._sources[index].section.name, url)
        flying = _Flying(request, index, now_ms, spot)
        try:
            is_taken = http.start(request, now_ms)
        except (PortError, OSError):
            return self._finish(flying, "unreachable", now_ms)
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
        return self._finish(flying, "unreachable", now_ms)

    def _collect(self, http: Http, flying: _Flying, now_ms: int) -> list[Note]:
        try:
            answer = http.poll(now_ms)
        except (PortError, OSError):
            return self._finish(flying, "unreachable", now_ms)
        if answer is not None and answer.request_id == flying.request.request_id:
            if isinstance(answer, ApiReply):
                sentence = self._sources[flying.index].section.text
                outcome, text = classify(answer.status, answer.body, sentence)
                return self._finish(flying, outcome, now_ms, answer, text)
            assert isinstance(answer, ApiFailed)
            return self._finish(flying, answer.reason, now_ms)
        if now_ms - flying.started_ms >= DEADLINE_MS:
            with contextlib.suppress(PortError, OSError):
                http.cancel(now_ms)
            return self._finish(flying, "timeout", now_ms)
        return []

    def _finish(
        self, flying: _Flying, outcome: str, now_ms: int, reply: ApiReply | None = None,
        text: str = "",
    ) -> list[Note]:
        """The call has ended; where that was for want of a network, ask through the ground."""
        self._flying = None
        self._next_index = (flying.index + 1) % len(self._sources)
        self._due_ms = flying.started_ms + max(self._interval_ms(), BUSY_RETRY_MS)
        source, name = self._sources[flying.index], flying.request.name
        wish_ms = 0 if reply is None else round(reply.retry_after_s * 1000)
        source.note(outcome == "ok", now_ms, self._rng, wish_ms)
        self.last = (name, outcome, now_ms)
        body = ApiCallBody(api=name, outcome=outcome, ms=now_ms - flying.started_ms)
        if reply is not None:
            body["status"] = reply.status
        if text:
            body["summary"] = text
            self._hear(source, text, now_ms)
        notes = [Note(Kind.API_CALL, body)]
        if outcome in NO_NETWORK:
            notes += self._ask_by_radio(name, flying.spot, now_ms)
        return notes

    def _interval_ms(self) -> int:
        return round(self._every_ms * self._rng.uniform(1 - JITTER, 1 + JITTER))


def _spot(situation: Situation) -> Position | None:
    """Where it is; None where that is not known, or was too long ago."""
    latitude_deg, longitude_deg = situation.latitude_deg, situation.longitude_deg
    altitude_m, age_s = situation.altitude_m, situation.fix_age_s
    if latitude_deg is None or longitude_deg is None or altitude_m is None:
        return None
    if age_s is None or age_s * 1000 > NEAR_MS:
        return None
    return Position(latitude_deg, longitude_deg, altitude_m)
