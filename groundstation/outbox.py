"""The outbox: what people asked this station to send, and what became of it.

States, in words a reader may trust: ``queued`` waits for the payload to listen; ``sent`` went out
at least once; ``confirmed`` means the payload showed that it took the frame; ``answered`` means
its reply is here; ``failed`` was given up or refused, and ``why`` says which.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from groundstation import commander, schema
from wire.auth import next_counter
from wire.commands import Command, Opcode
from wire.records import EPOCH_2025_MS

ATTEMPTS_MAX = 30
PLAIN_TEXTS_MAX = 8
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
        return _command(self.opcode, self.letter_id, self.text)


def _command(opcode: Opcode, letter_id: int, text: str) -> Command:
    """``text`` as a person types it; of PLAIN_TEXT, which the station itself queues, the model."""
    if opcode is Opcode.PLAIN_TEXT:
        return Command(opcode, (int(text, 16),))
    return commander.command(opcode, letter_id, text)


_KNOWN = ", ".join(str(int(opcode)) for opcode in Opcode)
_LETTERS = f"SELECT {COLUMNS} FROM outbox WHERE opcode IN ({_KNOWN})"  # damaged ones are left out


def _letter(row: sqlite3.Row) -> Letter:
    number, kind, opcode, *rest = tuple(row)
    return Letter(number, kind, Opcode(opcode), *rest)


def _seconds(utc_ms: int) -> int:
    return max(1, (utc_ms - EPOCH_2025_MS) // 1000)


def add(
    db: sqlite3.Connection, opcode: Opcode, text: str, utc_ms: int, station: int = 0
) -> int:
    """Queue a command or question; its id, which is the question id on the air.

    Ids follow the seconds since 2025, so that even a lost archive does not use one twice, and are
    equal to ``station`` (0..15) modulo 16, so that no two stations use the same. The caller
    commits. ``text`` is the question, or the words of the command's arguments; raises ValueError
    with one clause when the opcode does not take it.
    """
    row = db.execute("SELECT COALESCE(MAX(id), 0) + 1 FROM outbox").fetchone()
    letter_id = next_counter(station, max(int(row[0]), _seconds(utc_ms)))
    kind = "question" if opcode is Opcode.ASK else "command"
    _command(opcode, letter_id, text)
    db.execute(
        "INSERT INTO outbox(id, kind, opcode, text, state, created_ms)"
        " VALUES (?, ?, ?, ?, 'queued', ?)",
        (letter_id, kind, int(opcode), text, utc_ms),
    )
    _note(db, letter_id)
    return letter_id


def post(path: Path, opcode: Opcode, text: str, utc_ms: int, station: int = 0) -> Letter:
    """Queue a letter from another process than the one that receives.

    Raises ValueError as ``add`` does, and sqlite3.Error when there is no archive.
    """
    db = schema.connect(path)
    try:
        db.execute("PRAGMA synchronous = FULL")
        db.execute("BEGIN IMMEDIATE")
        letter_id = add(db, opcode, text, utc_ms, station)
        db.execute("COMMIT")
        letter = one(db, letter_id)
    finally:
        db.close()
    assert letter is not None
    return letter


def ask_plain_text(db: sqlite3.Connection, model: str, utc_ms: int) -> None:
    """Queue the request to send texts without this model (its short id in hex), once for ever.

    The caller commits. Above PLAIN_TEXTS_MAX models nothing is asked: somebody makes them up.
    """
    rows = db.execute("SELECT text FROM outbox WHERE opcode = ?", (int(Opcode.PLAIN_TEXT),))
    asked = {row[0] for row in rows}
    if model not in asked and len(asked) < PLAIN_TEXTS_MAX:
        add(db, Opcode.PLAIN_TEXT, model, utc_ms)


def withdraw_plain_text(db: sqlite3.Connection, models: Iterable[str]) -> None:
    """Give up requests that were not taken yet and that nobody needs: the models came here."""
    for model in models:
        rows = db.execute(
            "SELECT id FROM outbox WHERE opcode = ? AND text = ? AND state IN ('queued', 'sent')",
            (int(Opcode.PLAIN_TEXT), model),
        ).fetchall()
        for row in rows:
            fail(db, row[0], "not needed: the text model is here now")


def next_waiting(db: sqlite3.Connection) -> Letter | None:
    """The oldest letter that still has to be sent."""
    row = db.execute(
        f"{_LETTERS} AND state IN ('queued', 'sent') ORDER BY id LIMIT 1"
    ).fetchone()
    return _letter(row) if row else None


def recent(db: sqlite3.Connection, limit: int = 20) -> list[Letter]:
    """The newest letters, newest first."""
    rows = db.execute(f"{_LETTERS} ORDER BY id DESC LIMIT ?", (limit,))
    return [_letter(row) for row in rows]


def one(db: sqlite3.Connection, letter_id: int) -> Letter | None:
    """The letter of this id."""
    row = db.execute(f"{_LETTERS} AND id = ?", (letter_id,)).fetchone()
    return _letter(row) if row else None


def take_counter(
    db: sqlite3.Connection, utc_ms: int, what: str, letter_id: int | None = None,
    station: int = 0,
) -> int:
    """A fresh uplink counter of ``station``, written down; the caller commits before it transmits.

    Counters follow the seconds since 2025, so that a lost archive does not lock the station out.
    """
    last = db.execute("SELECT COALESCE(MAX(counter), 0) FROM uplink").fetchone()[0]
    counter = next_counter(station, max(int(last) + 1, _seconds(utc_ms)))
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
    """The beacon shows the low 16 bits of the last counter the payload took, from any station:
    those of another are none of ours. It may be that of an earlier attempt at the letter."""
    row = db.execute(
        "SELECT outbox.id FROM outbox JOIN uplink ON uplink.outbox_id = outbox.id"
        " WHERE outbox.state = 'sent' AND uplink.counter & 65535 = ?"
        " ORDER BY uplink.counter DESC", (low_bits,)
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
    if letter is None:
        return
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
