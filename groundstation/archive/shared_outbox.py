"""This station's copy of a shared outbox: what it offered to others, and how copies become one.

An entry only moves forward, so the copy that has come further is right: copies may be joined in any
order, and again. Whether a lifetime is over each station says by its own clock, and the one that
queued the entry for all.
"""

from __future__ import annotations

import sqlite3
from dataclasses import replace

from groundstation.archive import outbox
from groundstation.archive.command_order import CUTDOWN
from groundstation.archive.outbox import CLOCK_SLACK_MS, QueuedCommand
from groundstation.archive.schema import CONTROL_ROOM_OFFERED_KEY
from wire.auth import is_of_station
from wire.commands import Opcode

# What a station queues for itself: each has its own text models, and its own sources.
_OWN = frozenset((Opcode.PLAIN_TEXT, Opcode.ANSWER))
_RANKS = {"queued": 0, "sent": 1, "expired": 2, "failed": 3, "withdrawn": 4, "confirmed": 5,
          "thinking": 6, "answered": 8}
_REFUSED = 7
STATES = frozenset(_RANKS)


def is_shared(entry: QueuedCommand) -> bool:
    """Do the others see it?"""
    return entry.opcode not in _OWN


def is_private(db: sqlite3.Connection, entry: QueuedCommand, station: int) -> bool:
    """Does no other station know of this entry? Then none can be sending it."""
    is_ours = is_of_station(entry.command_id, station)
    return not is_shared(entry) or (is_ours and entry.command_id > offered_upto(db))


def offered_upto(db: sqlite3.Connection) -> int:
    """The largest id of an entry of this station that others may know; they follow one another."""
    row = db.execute("SELECT value FROM meta WHERE key = ?", (CONTROL_ROOM_OFFERED_KEY,)).fetchone()
    return int(row[0]) if row else 0


def offer(db: sqlite3.Connection, entries: list[QueuedCommand], station: int) -> bool:
    """From now on the others may know these; False, and nothing is noted, where one of them has
    changed meanwhile. The caller commits."""
    if any(outbox.one(db, entry.command_id) != entry for entry in entries):
        return False
    _note_offered(db, entries, station)
    return True


def take(db: sqlite3.Connection, entries: list[QueuedCommand], station: int) -> None:
    """Join what other stations know with what is here. The caller commits."""
    for theirs in entries:
        ours = outbox.one(db, theirs.command_id)
        both = theirs if ours is None else joined(ours, theirs)
        if both != ours:
            outbox.put(db, both)
        if ours is None and theirs.opcode is Opcode.CUTDOWN_ABORT:
            _call_off_cutdown(db, theirs)
    _note_offered(db, entries, station)


def _call_off_cutdown(db: sqlite3.Connection, abort: QueuedCommand) -> None:
    """An ABORT of another station, just learnt of, withdraws every ARM and FIRE that was queued
    before it, or too soon after it for the clocks of two stations to tell."""
    for entry in outbox.waiting(db):
        is_before = entry.created_ms <= abort.created_ms + CLOCK_SLACK_MS
        if entry.opcode in CUTDOWN and is_before:
            outbox.call_back(db, entry.command_id, "a cutdown_abort was queued at another station")


def _note_offered(db: sqlite3.Connection, entries: list[QueuedCommand], station: int) -> None:
    own = [entry.command_id for entry in entries if is_of_station(entry.command_id, station)]
    upto = max(own, default=0)
    if upto > offered_upto(db):
        db.execute("INSERT OR REPLACE INTO meta(key, value) VALUES (?, ?)",
                   (CONTROL_ROOM_OFFERED_KEY, upto))


def joined(ours: QueuedCommand, theirs: QueuedCommand) -> QueuedCommand:
    """What two copies of one entry know together. An entry of the same id that is another one
    changes nothing."""
    if (ours.opcode, ours.text, ours.created_ms) != (
            theirs.opcode, theirs.text, theirs.created_ms):
        return ours
    further = max(ours, theirs, key=_progress)
    latest = max(ours, theirs, key=lambda entry: (entry.last_sent_ms or 0, entry.counter or 0))
    return replace(
        ours, state=further.state, why=further.why,
        attempts=max(ours.attempts, theirs.attempts), last_sent_ms=latest.last_sent_ms,
        counter=latest.counter, sender=latest.sender,
        confirmed_ms=_earlier(ours.confirmed_ms, theirs.confirmed_ms),
        answered_ms=_earlier(ours.answered_ms, theirs.answered_ms))


def _progress(entry: QueuedCommand) -> tuple[int, str]:
    is_refused = entry.state == "failed" and entry.confirmed_ms is not None
    return (_REFUSED if is_refused else _RANKS[entry.state]), entry.why or ""


def _earlier(one: int | None, other: int | None) -> int | None:
    known = [time_ms for time_ms in (one, other) if time_ms is not None]
    return min(known, default=None)
