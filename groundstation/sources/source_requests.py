"""Requests of the payload to ask a source for it, and their answers on the way up.

A payload without a network writes an API_CALL record with the outcome ``asked``. Where the frame
that brought it was signed, and this station's own ``ground.sources`` has the source, one GET goes
to the address that the mission file of this station has for it: of the record only its id, the name
and the place are used, so nobody can make the station ask anything else. The answer is cleaned, cut
to what a listening window carries, at most 160 bytes, and queued as ANSWER.

The archive is the queue: a request is open while it is young and no ANSWER to it was ever queued,
also after a restart. One that failed is given up, and the payload counts it as a timeout.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import structlog

from groundstation.archive import outbox, rows, schema
from groundstation.archive.outbox import OutboxFull
from groundstation.sanitise import clean_text, number
from wire import sources
from wire.airtime_budget import AirtimeBudget
from wire.auth import Authenticity
from wire.bodies import Body
from wire.commands import Opcode
from wire.frames import COMMAND_OVERHEAD_BYTES
from wire.mission import Mission, SourceSection
from wire.records import Kind, TimeQuality
from wire.sources import TEXT_BYTES_MAX, Position

AGE_MS_MAX = 900_000  # the payload has given up older ones
ANSWER_OVERHEAD_BYTES = COMMAND_OVERHEAD_BYTES + 9  # opcode, list, request id, length of the text
TEXT_BYTES_MIN = 16  # where a window carries less, nothing is asked
LOOKED_AT_MAX = 64  # records of calls, the newest
SOURCE = "source"  # the asker's name of an answer in the outbox
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class SourceRequest:
    """One request that can be answered: what to GET, and who wants to know."""

    request_id: int
    source: SourceSection
    url: str


class SourceRequests:
    """Of one archive that has been opened once. Methods raise sqlite3.Error."""

    def __init__(self, archive_path: Path, mission: Mission) -> None:
        self._path = archive_path
        self._mission = mission
        self._offered = {source.name: source for source in mission.ground.sources}
        room_bytes = AirtimeBudget(mission).uplink_bytes_max - ANSWER_OVERHEAD_BYTES
        self._text_bytes_max = min(TEXT_BYTES_MAX, room_bytes)
        self._given_up: set[int] = set()
        self._failing: set[str] = set()  # sources whose failure was logged

    def next(self, now_ms: int) -> SourceRequest | None:
        """The oldest open request; None where there is none."""
        if not self._offered or self._text_bytes_max < TEXT_BYTES_MIN:
            return None
        with closing(schema.connect_reader(self._path)) as db:
            requests = [self._request(rows.body_of(row)) for row in self._records(db, now_ms)]
            answered = _answered(db, now_ms)
        found = [request for request in reversed(requests) if request is not None]
        self._given_up &= {request.request_id for request in found}
        closed = answered | self._given_up
        return next((each for each in found if each.request_id not in closed), None)

    def take(self, request: SourceRequest, status: int, body: bytes, now_ms: int) -> None:
        """The source answered: queue what it says, or give up where it says nothing."""
        text = sources.text_of(body, request.source.text) if status == 200 else None
        line = clean_text(text, sources.TEXT_CHARS_MAX)
        line = line.encode()[: self._text_bytes_max].decode(errors="ignore").strip()
        if not line:
            self.give_up(request, f"status {status}" if status != 200 else "no readable text")
            return
        try:
            outbox.post(
                self._path, Opcode.ANSWER, f"{request.request_id} {line}", now_ms,
                self._mission.ground.station_number, asker=SOURCE, lifetime_s=AGE_MS_MAX // 1000)
        except OutboxFull as error:
            self.give_up(request, str(error))
            return
        if request.source.name in self._failing:
            _log.info("source_returned", source=request.source.name)
        self._failing.discard(request.source.name)

    def give_up(self, request: SourceRequest, why: str) -> None:
        """There is no answer to this request; logged once until the source answers again."""
        self._given_up.add(request.request_id)
        name = request.source.name
        if name not in self._failing:
            _log.warning("source_failing", source=name, why=why)
        self._failing.add(name)

    def _records(self, db: sqlite3.Connection, now_ms: int) -> list[sqlite3.Row]:
        """Signed API_CALL records that are young by both clocks, the newest first."""
        young_ms = now_ms - AGE_MS_MAX
        return db.execute(
            "SELECT body FROM record WHERE node_id = ? AND kind = ? AND authenticity = ?"
            " AND heard_utc_ms > ? AND (quality = ? OR time_ms > ?) ORDER BY id DESC LIMIT ?",
            (self._mission.payload.node_id, int(Kind.API_CALL), Authenticity.GENUINE.value,
             young_ms, int(TimeQuality.NONE), young_ms, LOOKED_AT_MAX)).fetchall()

    def _request(self, body: Body) -> SourceRequest | None:
        """What a record asks for; None for one that asks for nothing that is offered."""
        source = self._offered.get(str(body.get("api")))
        request_id = number(body, "request", 0, (1 << 32) - 1)
        if body.get("outcome") != "asked" or source is None or not isinstance(request_id, int):
            return None
        url = sources.address(source.url, _spot(body))
        return None if url is None else SourceRequest(request_id, source, url)


def _spot(body: Body) -> Position | None:
    lat, lon = number(body, "lat", -9e8, 9e8), number(body, "lon", -18e8, 18e8)
    alt = number(body, "alt", -1000, 100_000)
    if lat is None or lon is None or alt is None:
        return None
    return Position(lat / 1e7, lon / 1e7, float(alt))


def _answered(db: sqlite3.Connection, now_ms: int) -> set[int]:
    """The ids of the requests that an ANSWER was queued to, whatever became of it."""
    found = db.execute(
        "SELECT text FROM outbox WHERE opcode = ? AND created_ms > ?",
        (int(Opcode.ANSWER), now_ms - 2 * AGE_MS_MAX))
    ids = (row[0].split(" ", 1)[0] for row in found)
    return {int(each) for each in ids if each.isascii() and each.isdigit()}
