"""A record of the diary as plain values: a line, a call, a picture, or an event that is trouble.

Each value is checked for its type and range: the radio may have put anything there.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from groundstation.archive.rows import body_of, key_of, when_of
from groundstation.decode import mosaic
from groundstation.decode.pictures import media_type
from groundstation.reading import lives
from groundstation.sanitise import clean_text, number, scaled
from wire.records import Kind
from wire.sources import TEXT_CHARS_MAX


def entry(db: sqlite3.Connection, node_id: int, row: sqlite3.Row) -> dict[str, Any] | None:
    """A record as plain values; None for one that the diary does not show."""
    body, kind = body_of(row), Kind(row["kind"])
    when_ms, is_exact = when_of(row)
    entry: dict[str, Any] = {
        "id": key_of(row["life"], row["record_id"]), "kind": kind.name.lower(),
        "when_ms": when_ms, "is_exact": is_exact, "heard_ms": row["heard_utc_ms"],
        "authenticity": row["authenticity"],
        "incarnation": lives.named(row["incarnation"]),
        "alt_m": number(body, "alt", -1000, 100_000),
    }
    if kind in (Kind.MUSING, Kind.REPLY):
        entry |= {key: clean_text(body.get(key)) for key in ("text", "senses", "question")}
        entry["about"] = clean_text(body.get("about"), 40)
        entry["by"] = body["by"] if body.get("by") in ("model", "canned") else None
        entry["question_id"] = number(body, "question_id", 0, 1 << 32)
        entry["lat"] = scaled(body, "lat", -9e8, 9e8, 1e-7)
        entry["lon"] = scaled(body, "lon", -18e8, 18e8, 1e-7)
        return entry if entry["text"] else None
    if kind is Kind.API_CALL:
        entry["api"] = clean_text(body.get("api"), 40)
        entry["outcome"] = clean_text(body.get("outcome"), 24)
        entry["summary"] = clean_text(body.get("summary"), TEXT_CHARS_MAX)
        return entry
    if kind is Kind.THUMBNAIL:
        entry["scene"] = clean_text(body.get("scene"), 24)
        entry["is_shown"] = media_type(body.get("image")) is not None
        pieces = mosaic.of_thumbnail(db, node_id, entry["id"])
        entry |= {"columns": pieces.columns, "rows": pieces.rows}
        entry["tiles"] = list(pieces.tiles.items())
        return entry
    if body.get("severity") not in ("warning", "error"):
        return None
    fields = body.get("fields")
    sensor = clean_text(fields.get("sensor"), 24) if isinstance(fields, dict) else ""
    words = clean_text(body.get("event"), 60).replace("_", " ")
    entry["event"] = f"{words}: {sensor}" if sensor else words
    return entry
