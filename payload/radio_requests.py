"""Requests by radio: the journal of questions that the ground station was asked to put to a source.

    asked --ANSWER with its id--> answered, once
          '--TTL_MS--> given up, as a call that timed out

A request travels as an API_CALL record with the outcome ``asked``, an id and the place; the
transfer repeats it until a station has it. The journal is in RAM: after a reboot an answer finds no
request, and is refused.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from payload.notes import Note
from wire.record_bodies import ApiCallBody
from wire.records import Kind
from wire.sources import Position

TTL_MS = 900_000  # a command may be that old too
STATION_FRESH_S = 900.0  # without a station since, nobody is there to ask
OPEN_MAX = 4  # one of each source; at the bound nothing more is asked
ANSWERED_IDS_MAX = 16


@dataclass(frozen=True, slots=True)
class _Request:
    request_id: int
    source: str
    asked_ms: int


class RadioRequests:
    """Of the sources that stations offer."""

    def __init__(self, offered: Iterable[str], rng: random.Random) -> None:
        self._offered = frozenset(offered)
        self._rng = rng
        self._open: list[_Request] = []
        self._answered: deque[int] = deque(maxlen=ANSWERED_IDS_MAX)

    def may_ask(self, source: str, station_age_s: float | None) -> bool:
        """Is this source offered, not asked yet, and a station there that may hear it?

        ``station_age_s``: since a station was heard in this boot, None for never.
        """
        return (
            source in self._offered and len(self._open) < OPEN_MAX
            and all(request.source != source for request in self._open)
            and station_age_s is not None and station_age_s <= STATION_FRESH_S
        )

    def ask(self, source: str, spot: Position | None, now_ms: int) -> Note:
        """The record that asks; only where ``may_ask``."""
        request = _Request(self._rng.getrandbits(32), source, now_ms)
        self._open.append(request)
        body = ApiCallBody(api=source, outcome="asked", ms=0, request=request.request_id)
        if spot is not None:
            body |= {"lat": round(spot.latitude_deg * 1e7), "lon": round(spot.longitude_deg * 1e7),
                     "alt": round(spot.altitude_m)}
        return Note(Kind.API_CALL, body)

    def answer(self, request_id: int, text: str, now_ms: int) -> Note | str:
        """The record of an answer, or why it is none, in a few words."""
        if request_id in self._answered:
            return "already answered"
        request = next((each for each in self._open if each.request_id == request_id), None)
        if request is None:
            return "no such request is open"
        self._open.remove(request)
        self._answered.append(request_id)
        return _end(request, "ok", text, now_ms)

    def give_up(self, now_ms: int) -> list[Note]:
        """The requests whose time is over."""
        late = [each for each in self._open if now_ms - each.asked_ms >= TTL_MS]
        for each in late:
            self._open.remove(each)
        return [_end(each, "timeout", "", now_ms) for each in late]


def _end(request: _Request, outcome: str, text: str, now_ms: int) -> Note:
    body = ApiCallBody(api=request.source, outcome=outcome, ms=now_ms - request.asked_ms)
    if text:
        body["summary"] = text
    body["request"] = request.request_id
    return Note(Kind.API_CALL, body)
