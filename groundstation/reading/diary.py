"""A record of the diary as plain values: a line, a call, a picture, a sound, or trouble.

Each value is checked for its type and range: the radio may have put anything there.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Literal

from groundstation.archive.rows import ALTITUDE_M, body_of, key_of, when_of
from groundstation.decode import mosaic
from groundstation.decode.pictures import media_type
from groundstation.reading import lives, turns
from groundstation.reading.page_json import (
    AnswerJson,
    CallJson,
    EntryJson,
    LineJson,
    PictureJson,
    RecordJson,
    SoundJson,
    TroubleJson,
)
from groundstation.sanitise import clean_text, number, scaled
from wire.bodies import Body
from wire.records import Kind
from wire.sources import TEXT_CHARS_MAX

TROUBLES = ("warning", "error")  # severities of an event
# Of a row of ``record``: most events are no trouble, and of months there are many.
MAY_BE_SHOWN = (f"(r.kind != {int(Kind.EVENT)} OR " + " OR ".join(
    f"instr(r.body, x'{severity.encode().hex()}')" for severity in TROUBLES) + ")")
HEARD_CHARS_MAX = 60  # all names of sounds together
SEES_CHARS_MAX = 60  # and of what a picture shows


def entry(db: sqlite3.Connection, node_id: int, row: sqlite3.Row) -> EntryJson | None:
    """A record as plain values; None for one that the diary does not show."""
    body, kind = body_of(row), Kind(row["kind"])
    record = _record(row, body)
    if kind is Kind.MUSING:
        line, earlier = _line(record, body, "musing"), turns.before(db, body)
        return AnswerJson(**line, turns=earlier) if line is not None and earlier else line
    if kind is Kind.REPLY:
        return _line(record, body, "reply")
    if kind is Kind.API_CALL:
        return _call(record, body)
    if kind is Kind.THUMBNAIL:
        return _picture(record, body, mosaic.of_thumbnail(db, node_id, record["id"]))
    if kind is Kind.SOUND:
        return _sound(record, body)
    return _trouble(record, body)


def marks(
    written: Mapping[Kind, Iterable[sqlite3.Row]], count_max: int
) -> list[tuple[int, str]]:
    """(UTC ms, kind) of everything that was written, by kind. Of more than ``count_max`` every n-th
    of each kind, always including the last: a few pictures are not lost among many lines."""
    times = {kind: sorted(when_of(row)[0] for row in rows) for kind, rows in written.items()}
    if sum(map(len, times.values())) > count_max:
        times = {kind: _every_nth(all_ms, count_max // len(times))
                 for kind, all_ms in times.items()}
    return [(when_ms, kind.name.lower()) for kind, all_ms in times.items() for when_ms in all_ms]


def _every_nth(times_ms: list[int], count_max: int) -> list[int]:
    if len(times_ms) <= count_max:
        return times_ms
    *before, last = times_ms
    return [*before[::-(-len(before) // (count_max - 1))], last]


def _record(row: sqlite3.Row, body: Body) -> RecordJson:
    when_ms, is_exact = when_of(row)
    return {
        "id": key_of(row["life"], row["record_id"]), "when_ms": when_ms, "is_exact": is_exact,
        "heard_ms": row["heard_utc_ms"], "authenticity": row["authenticity"],
        "incarnation": lives.named(row["incarnation"]),
        "alt_m": number(body, "alt", *ALTITUDE_M),
    }


def _line(record: RecordJson, body: Body, kind: Literal["musing", "reply"]) -> LineJson | None:
    """None for one without words."""
    text, by = clean_text(body.get("text")), body.get("by")
    if not text:
        return None
    return {
        **record, "kind": kind, "text": text, "senses": clean_text(body.get("senses")),
        "question": clean_text(body.get("question")), "about": clean_text(body.get("about"), 40),
        "by": by if by in ("model", "canned") else None,
        "question_id": number(body, "question_id", 0, 1 << 32),
        "lat": scaled(body, "lat", -9e8, 9e8, 1e-7), "lon": scaled(body, "lon", -18e8, 18e8, 1e-7),
    }


def _call(record: RecordJson, body: Body) -> CallJson:
    return {
        **record, "kind": "api_call", "api": clean_text(body.get("api"), 40),
        "outcome": clean_text(body.get("outcome"), 24),
        "summary": clean_text(body.get("summary"), TEXT_CHARS_MAX),
    }


def _picture(record: RecordJson, body: Body, pieces: mosaic.Mosaic) -> PictureJson:
    return {
        **record, "kind": "thumbnail", "scene": clean_text(body.get("scene"), 24),
        "sees": clean_text(body.get("sees"), SEES_CHARS_MAX).split(),
        "is_shown": media_type(body.get("image")) is not None,
        "columns": pieces.columns, "rows": pieces.rows, "tiles": list(pieces.tiles.items()),
    }


def _sound(record: RecordJson, body: Body) -> SoundJson | None:
    """None where nothing had a name."""
    heard = clean_text(body.get("heard"), HEARD_CHARS_MAX).split()
    return {
        **record, "kind": "sound", "heard": heard, "spl_db": scaled(body, "spl", 0, 2000, 0.1),
    } if heard else None


def _trouble(record: RecordJson, body: Body) -> TroubleJson | None:
    """None for one that is no trouble."""
    if body.get("severity") not in TROUBLES:
        return None
    fields = body.get("fields")
    sensor = clean_text(fields.get("sensor"), 24) if isinstance(fields, dict) else ""
    words = clean_text(body.get("event"), 60).replace("_", " ")
    return {**record, "kind": "event", "event": f"{words}: {sensor}" if sensor else words}
