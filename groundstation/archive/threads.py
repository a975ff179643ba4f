"""Threads: the questions of one person, each with the one that it follows.

Who asked is known to this station alone. A question follows the last one of the same person that
the payload is known to have heard, for half an hour; the payload is told its number, and looks up
what was said (``payload.mind.exchanges``).
"""

from __future__ import annotations

import sqlite3

from groundstation.archive import outbox
from groundstation.archive.outbox import QueuedCommand
from groundstation.sanitise import clean_text
from wire.commands import Command, Opcode

FOLLOWS_WITHIN_MS = 1_800_000  # later, somebody else may be at the same machine
PERSON_CHARS_MAX = 24


def asker_of(name: str) -> str:
    """The asker of questions from the station's terminal under a person's name.

    No address is one of these. Raises ValueError for a name without a visible character, or with
    more than PERSON_CHARS_MAX.
    """
    clean = clean_text(name)
    if not 1 <= len(clean) <= PERSON_CHARS_MAX:
        raise ValueError(f"a name has 1 to {PERSON_CHARS_MAX} visible characters")
    return f"person {clean}"


def before(db: sqlite3.Connection, entry: QueuedCommand) -> QueuedCommand | None:
    """The question that this one follows; None for the first of a thread, and for no question."""
    if entry.opcode is not Opcode.ASK or not entry.asker:
        return None
    row = db.execute(
        "SELECT id FROM outbox WHERE opcode = ? AND asker = ? AND id < ? AND state IN"
        " ('confirmed', 'thinking', 'answered') AND COALESCE(answered_ms, confirmed_ms) >= ?"
        " ORDER BY id DESC LIMIT 1",
        (int(Opcode.ASK), entry.asker, entry.command_id, entry.created_ms - FOLLOWS_WITHIN_MS),
    ).fetchone()
    return outbox.one(db, row[0]) if row else None


def command(db: sqlite3.Connection, entry: QueuedCommand, utc_ms: int) -> Command:
    """What is sent at this time: a FOLLOW_UP for a question in a thread."""
    first = before(db, entry)
    if first is None:
        return entry.command(utc_ms)
    return Command(Opcode.FOLLOW_UP, (entry.command_id, first.command_id, entry.text))


def of_person(db: sqlite3.Connection, asker: str, limit: int) -> list[QueuedCommand]:
    """The latest questions of one asker, oldest first."""
    rows = db.execute(
        "SELECT id FROM outbox WHERE opcode = ? AND asker = ? ORDER BY id DESC LIMIT ?",
        (int(Opcode.ASK), asker, limit)).fetchall()
    entries = [outbox.one(db, row[0]) for row in reversed(rows)]
    return [entry for entry in entries if entry is not None]
