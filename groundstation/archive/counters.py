"""Uplink counters: drawn, recorded, and recognised in what the payload reports.

A counter is the second since 2025 in which its frame was signed, rounded up to the station's class.
"""

from __future__ import annotations

import sqlite3

from groundstation.archive import outbox
from groundstation.archive.outbox import QueuedCommand, seconds_of
from wire import auth
from wire.commands import AHEAD_S_MAX

LOW_BITS = 1 << 16  # a beacon shows the last accepted counter modulo this


def next_free(db: sqlite3.Connection, utc_ms: int, what: str, station: int = 0) -> int:
    """The counter that ``take`` would return.

    A payload that knows the time refuses commands dated more than AHEAD_S_MAX ahead. Where this
    station's clock ran ahead and was corrected, commands therefore follow the clock again, unless
    the payload is known to have accepted one of the later time; reports continue from the last
    counter.
    """
    now_s = seconds_of(utc_ms)
    latest = auth.COUNTER_MAX if what == "feedback" else now_s + AHEAD_S_MAX
    last = db.execute(
        "SELECT COALESCE(MAX(uplink.counter), 0) FROM uplink LEFT JOIN outbox ON outbox.id ="
        " outbox_id WHERE uplink.counter <= ? OR outbox.confirmed_ms IS NOT NULL", (latest,),
    ).fetchone()[0]
    counter = auth.next_counter(station, max(int(last) + 1, now_s))
    while db.execute("SELECT 1 FROM uplink WHERE counter = ?", (counter,)).fetchone():
        counter = auth.next_counter(station, counter + 1)
    return counter


def take(
    db: sqlite3.Connection, utc_ms: int, what: str, command_id: int | None = None,
    station: int = 0,
) -> int:
    """A fresh uplink counter of ``station``, written down; the caller commits before it transmits.

    Counters follow the seconds since 2025, so that a lost archive does not lock the station out.
    """
    counter = next_free(db, utc_ms, what, station)
    db.execute(
        "INSERT INTO uplink(counter, utc_ms, what, outbox_id) VALUES (?, ?, ?, ?)",
        (counter, utc_ms, what, command_id),
    )
    if command_id is not None:
        outbox.note_sent(db, command_id, counter, utc_ms)
    return counter


def has_sent(db: sqlite3.Connection, command_id: int) -> bool:
    """Was this command sent from here?"""
    row = db.execute("SELECT 1 FROM uplink WHERE outbox_id = ? LIMIT 1", (command_id,)).fetchone()
    return row is not None


def confirm(db: sqlite3.Connection, low_bits: int, utc_ms: int) -> None:
    """A beacon heard at ``utc_ms`` shows the low 16 bits of the last counter the payload took, from
    any station: those of another are none of ours. It may be that of an earlier attempt.

    Every 65,536th counter has the same ones, and counters are seconds: only the latest that can
    have been drawn by then is meant. Of an older command the COMMAND_RESULT shows it, where there
    is one.
    """
    latest = seconds_of(utc_ms) + AHEAD_S_MAX
    counter = latest - (latest - low_bits) % LOW_BITS
    row = db.execute(
        "SELECT outbox_id FROM uplink WHERE counter = ? AND utc_ms <= ?", (counter, utc_ms)
    ).fetchone()
    entry = outbox.one(db, row[0]) if row and row[0] is not None else None
    if entry is not None and entry.confirmed_ms is None:
        outbox.confirm(db, entry.command_id, utc_ms)


def finish(db: sqlite3.Connection, counter: int, utc_ms: int, refusal: str | None) -> None:
    """The payload reported on the frame with this counter; ``refusal`` is why it did not act."""
    entry = _command_of(db, counter)
    if entry is None:
        return
    if entry.confirmed_ms is None:
        outbox.confirm(db, entry.command_id, utc_ms)
    if refusal is not None:
        outbox.fail(db, entry.command_id, refusal)
    elif entry.kind == "command":
        outbox.answer(db, entry.command_id, utc_ms)


def refuse(db: sqlite3.Connection, counter: int, why: str) -> None:
    """The payload did not take the frame with this counter, and said why."""
    entry = _command_of(db, counter)
    if entry is not None:
        outbox.fail(db, entry.command_id, why)


def _command_of(db: sqlite3.Connection, counter: int) -> QueuedCommand | None:
    row = db.execute("SELECT outbox_id FROM uplink WHERE counter = ?", (counter,)).fetchone()
    return outbox.one(db, row[0]) if row and row[0] is not None else None
