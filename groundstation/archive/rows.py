"""Rows of the archive as values: bodies, positions, times, columns.

Whatever the radio put into a record is checked here for type and range.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any, TypedDict

from groundstation.archive import command_state, delivery
from groundstation.archive.delivery import DeliveryStage, ReachedStage
from groundstation.archive.outbox import QueuedCommand
from groundstation.archive.track import Point
from groundstation.sanitise import clean_text, number, scaled
from wire.auth import Authenticity
from wire.bodies import Body
from wire.records import TimeQuality, unpack_body

ALTITUDE_M = (-1_000, 2_000_000)  # of a payload, in orbit too
KEY_BITS = 32  # of a record's id in its key
FUTURE_MS = 60_000  # a record dated after it was heard has a wrong clock
PAST_MS = 48 * 3600 * 1000  # of a stranger's, at most between its date and its reception
KEPT_MS = 400 * 86_400_000  # of a verified one: from an orbit a record may come a year later
_GENUINE = Authenticity.GENUINE.value


class CommandJson(TypedDict):
    """A question or command of the outbox; times are UTC in ms, None of what has not happened."""

    id: int
    kind: str
    text: str
    command: str  # the name of the opcode
    state: str
    created_ms: int
    attempts: int
    last_sent_ms: int | None
    confirmed_ms: int | None
    answered_ms: int | None
    why: str
    expires_ms: int
    is_waiting: bool
    needs_abort: bool
    stage: DeliveryStage
    steps: list[ReachedStage]
    fate: str


def key_of(life: int, record_id: int) -> int:
    """One number for a record of a payload: of later lives the larger, within one as its id."""
    return life << KEY_BITS | record_id


def life_and_id(key: int) -> tuple[int, int]:
    """(life, record id) of a key."""
    return key >> KEY_BITS, key & (1 << KEY_BITS) - 1


def track_point(row: sqlite3.Row) -> Point | None:
    """The place in a TRACK row, None when it says none."""
    body = body_of(row)
    lat = scaled(body, "lat", -9e8, 9e8, 1e-7)
    lon = scaled(body, "lon", -18e8, 18e8, 1e-7)
    if lat is None or lon is None:
        return None
    return Point(when_of(row)[0], lat, lon, number(body, "alt", *ALTITUDE_M))


def is_verified(row: Mapping[str, Any] | sqlite3.Row) -> bool:
    """Was this row of ``beacon`` or ``record`` signed by our payload, and the signature checked?"""
    return bool(row["authenticity"] == _GENUINE)


def command_json(entry: QueuedCommand, name: str) -> CommandJson:
    """A command of the outbox as the page shows it; ``name`` is the payload's. The asker is not
    shown."""
    return {
        "id": entry.command_id, "kind": entry.kind, "text": clean_text(entry.text, 200),
        "command": entry.opcode.name, "state": entry.state, "created_ms": entry.created_ms,
        "attempts": entry.attempts, "last_sent_ms": entry.last_sent_ms,
        "confirmed_ms": entry.confirmed_ms, "answered_ms": entry.answered_ms,
        "why": clean_text(entry.why, 100), "expires_ms": entry.expires_ms,
        "is_waiting": entry.is_waiting, "needs_abort": command_state.needs_abort(entry),
        "stage": delivery.stage(entry), "steps": delivery.steps(entry),
        "fate": clean_text(command_state.in_words(entry, name), 200),
    }


def body_of(row: sqlite3.Row) -> Body:
    """The body of a record; empty when it cannot be read.

    Our payload writes those of ``wire.record_bodies``; a stranger may have written anything under
    the same keys, so each value is checked where it is read.
    """
    try:
        return unpack_body(row["body"])
    except ValueError:
        return {}


def when_of(row: sqlite3.Row) -> tuple[int, bool]:
    """(UTC ms of the record, whether it may be believed to the second)."""
    time_ms, heard_ms = int(row["time_ms"]), int(row["heard_utc_ms"])
    oldest_ms = heard_ms - (KEPT_MS if is_verified(row) else PAST_MS)
    if row["quality"] == TimeQuality.NONE:
        offset_ms = row["offset_ms"]
        when_ms = heard_ms if offset_ms is None else time_ms + int(offset_ms)
        return (when_ms if oldest_ms <= when_ms <= heard_ms else heard_ms), False
    if not oldest_ms <= time_ms <= heard_ms + FUTURE_MS:
        return heard_ms, False
    return time_ms, True


def columns_of(names: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> dict[str, list[Any]]:
    """Rows turned into columns, as plots want them."""
    columns: dict[str, list[Any]] = {name: [] for name in names}
    for row in rows:
        for name, value in zip(names, row, strict=True):
            columns[name].append(value)
    return columns
