"""The outbox: what people asked this station to send, and what became of it.

States, in words a reader may trust: ``queued`` waits for the payload to listen; ``sent`` went out
at least once; ``confirmed`` means the payload showed that it took the frame; ``answered`` means
its reply is here; ``failed`` was given up or refused, and ``why`` says which.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from groundstation import commander, schema
from wire.auth import COUNTER_MAX
from wire.commands import Command, Opcode
from wire.records import EPOCH_2025_MS

ATTEMPTS_MAX = 30
COLUMNS = (
    "id, kind, opcode, text, state, created_ms, attempts, last_sent_ms, confirmed_ms, answered_ms,"
    " counter, why"
)


@dataclass(frozen=True, slots=True)
class Letter:
    """One row of the outbox; times in UTC ms, None when it has not happened."""

    letter_id: int
    kind: str  # question | command
    opcode: Opcode
    text: str
    state: str
    created_ms: int
    attempts: int
    last_sent_ms: int | None
    confirmed_ms: int | None
    answered_ms: int | None
    counter: int | None
    why: str | None

    def command(self) -> Command:
        """What goes into the frame."""
        return commander.command(self.opcode, self.letter_id, self.text)


def _letter(row: sqlite3.Row) -> Letter:
    number, kind, opcode, *rest = tuple(row)
    return Letter(number, kind, Opcode(opcode), *rest)


def _seconds(utc_ms: int) -> int:
    return max(1, (utc_ms - EPOCH_2025_MS) // 1000)


def add(db: sqlite3.Connection, opcode: Opcode, text: str, utc_ms: int) -> int:
    """Queue a command or question; its id, which is the question id on the air.

    Ids follow the seconds since 2025, so that even a lost archive does not use one twice. The
    caller commits. ``text`` is the question, or the words of the command's arguments; raises
    ValueError with one clause when the opcode does not take it.
    """
    row = db.execute("SELECT COALESCE(MAX(id), 0) + 1 FROM outbox").fetchone()
    letter_id = max(int(row[0]), _seconds(utc_ms))
    kind = "question" if opcode is Opcode.ASK else "command"
    commander.command(opcode, letter_id, text)
    db.execute(
        "INSERT INTO outbox(id, kind, opcode, text, state, created_ms)"
        " VALUES (?, ?, ?, ?, 'queued', ?)",
        (letter_id, kind, int(opcode), text, utc_ms),
    )
    _note(db, letter_id)
    return letter_id


def post(path: Path, opcode: Opcode, text: str, utc_ms: int) -> Letter:
    """Queue a letter from another process than the one that receives.

    Raises ValueError as ``add`` does, and sqlite3.Error when there is no archive.
    """
    db = schema.connect(path)
    try:
        db.execute("PRAGMA synchronous = FULL")
        db.execute("BEGIN IMMEDIATE")
        letter_id = add(db, opcode, text, utc_ms)
        db.execute("COMMIT")
        letter = one(db, letter_id)
    finally:
        db.close()
    assert letter is not None
    return letter


def next_waiting(db: sqlite3.Connection) -> Letter | None:
    """The oldest letter that still has to be sent."""
    row = db.execute(
        f"SELECT {COLUMNS} FROM outbox WHERE state IN ('queued', 'sent') ORDER BY id LIMIT 1"
    ).fetchone()
    return _letter(row) if row else None


def recent(db: sqlite3.Connection, limit: int = 20) -> list[Letter]:
    """The newest letters, newest first."""
    rows = db.execute(f"SELECT {COLUMNS} FROM outbox ORDER BY id DESC LIMIT ?", (limit,))
    return [_letter(row) for row in rows]


def one(db: sqlite3.Connection, letter_id: int) -> Letter | None:
    """The letter of this id."""
    row = db.execute(f"SELECT {COLUMNS} FROM outbox WHERE id = ?", (letter_id,)).fetchone()
    return _letter(row) if row else None


def take_counter(
    db: sqlite3.Connection, utc_ms: int, what: str, letter_id: int | None = None
) -> int:
    """A fresh uplink counter, written down; the caller commits before it transmits."""
    last = db.execute("SELECT COALESCE(MAX(counter), 0) FROM uplink").fetchone()[0]
    counter = min(COUNTER_MAX, max(int(last) + 1, _seconds(utc_ms)))
    db.execute(
        "INSERT INTO uplink(counter, utc_ms, what, outbox_id) VALUES (?, ?, ?, ?)",
        (counter, utc_ms, what, letter_id),
    )
    if letter_id is not None:
        db.execute(
            "UPDATE outbox SET state = 'sent', attempts = attempts + 1, last_sent_ms = ?,"
            " counter = ? WHERE id = ?",
            (utc_ms, counter, letter_id),
        )
        _note(db, letter_id)
    return counter


def confirm_counter(db: sqlite3.Connection, low_bits: int, utc_ms: int) -> None:
    """The beacon shows the low 16 bits of the last counter the payload took."""
    row = db.execute(
        "SELECT id FROM outbox WHERE state = 'sent' AND counter & 65535 = ?", (low_bits,)
    ).fetchone()
    if row:
        confirm(db, row[0], utc_ms)


def confirm(db: sqlite3.Connection, letter_id: int, utc_ms: int) -> None:
    """The payload took this letter."""
    _move(db, letter_id, "confirmed", "confirmed_ms", utc_ms, "('queued', 'sent', 'failed')")


def answer(db: sqlite3.Connection, letter_id: int, utc_ms: int) -> None:
    """The reply to this letter, or the result of this command, is here."""
    confirm(db, letter_id, utc_ms)
    _move(db, letter_id, "answered", "answered_ms", utc_ms, "('confirmed')")


def finish_command(
    db: sqlite3.Connection, counter: int, utc_ms: int, refusal: str | None
) -> None:
    """The payload reported on the frame with this counter; ``refusal`` is why it did not act."""
    row = db.execute("SELECT outbox_id FROM uplink WHERE counter = ?", (counter,)).fetchone()
    if row is None or row[0] is None:
        return
    letter = one(db, row[0])
    assert letter is not None
    if refusal is not None:
        fail(db, letter.letter_id, refusal)
    elif letter.kind == "command":
        answer(db, letter.letter_id, utc_ms)
    else:
        confirm(db, letter.letter_id, utc_ms)


def fail(db: sqlite3.Connection, letter_id: int, why: str) -> None:
    """Give this letter up."""
    moved = db.execute(
        "UPDATE outbox SET state = 'failed', why = ? WHERE id = ? AND state != 'answered'",
        (why, letter_id),
    )
    if moved.rowcount:
        _note(db, letter_id)


def _move(
    db: sqlite3.Connection, letter_id: int, state: str, column: str, utc_ms: int, from_states: str
) -> None:
    moved = db.execute(
        f"UPDATE outbox SET state = ?, {column} = ?, why = NULL"
        f" WHERE id = ? AND state IN {from_states}",
        (state, utc_ms, letter_id),
    )
    if moved.rowcount:
        _note(db, letter_id)


def _note(db: sqlite3.Connection, letter_id: int) -> None:
    db.execute("INSERT INTO change(what, ref) VALUES ('outbox', ?)", (letter_id,))
