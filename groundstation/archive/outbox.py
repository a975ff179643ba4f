"""The outbox: queued questions and commands, and their states.

States, in words a reader may trust: ``queued`` waits for the payload to listen; ``sent`` went out
at least once; ``confirmed`` means the payload showed that it took the frame; ``thinking`` means it
has begun to answer the question; ``answered`` means its reply is here. ``expired`` was not heard
aboard in its lifetime, ``withdrawn`` was called back, ``failed`` was given up or refused, and
``why`` says which: none of these goes out again, and where one turns out to have been taken, it is
``confirmed`` after all.

Which command goes next is for ``groundstation.archive.command_order`` to say.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path

from groundstation import command_words
from groundstation.archive import command_order, schema
from groundstation.archive.command_order import CUTDOWN
from wire.auth import next_counter
from wire.commands import Command, Opcode
from wire.mission import GroundSection
from wire.records import EPOCH_2025_MS

PLAIN_TEXTS_MAX = 8
COMMANDS_WAITING_MAX = 64
QUESTIONS_WAITING_MAX = 64
QUESTIONS_WAITING_EACH_MAX = 8  # of one asker
CLOCK_SLACK_MS = 60_000  # by which a station's clock may be set back
COLUMNS = (
    "id, kind, opcode, text, asker, state, created_ms, expires_ms, attempts, last_sent_ms,"
    " confirmed_ms, answered_ms, counter, why, sender"
)


class OutboxFull(ValueError):
    """Too many commands wait; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class QueuedCommand:
    """One row of the outbox; times in UTC ms, None when it has not happened."""

    command_id: int
    kind: str  # question | command
    opcode: Opcode
    text: str
    asker: str  # an address or a name, which only this station sees
    state: str
    created_ms: int
    expires_ms: int
    attempts: int
    last_sent_ms: int | None
    confirmed_ms: int | None
    answered_ms: int | None
    counter: int | None
    why: str | None
    sender: str = ""  # the station that sent it last, where that is another one

    @property
    def is_waiting(self) -> bool:
        """It may still be sent."""
        return self.state in ("queued", "sent")

    @property
    def is_heard(self) -> bool:
        """The payload accepted it."""
        return self.state in ("confirmed", "thinking", "answered")

    def is_alive(self, utc_ms: int) -> bool:
        """Its lifetime is not over.

        One queued at a time that now lies in the future is not alive: the station's clock was set
        back, and how long it has waited is unknown.
        """
        return self.created_ms - CLOCK_SLACK_MS <= utc_ms < self.expires_ms

    def as_of(self, utc_ms: int) -> QueuedCommand:
        """The same, marked as expired where the table does not say so yet."""
        is_over = self.is_waiting and not self.is_alive(utc_ms)
        return replace(self, state="expired") if is_over else self

    def command(self, utc_ms: int) -> Command:
        """What goes into the frame that is sent at this time."""
        return _command(self.opcode, self.command_id, self.text, utc_ms)


def _command(opcode: Opcode, command_id: int, text: str, utc_ms: int) -> Command:
    """``text`` as a person types it; of PLAIN_TEXT, which the station itself queues, the model."""
    if opcode is Opcode.PLAIN_TEXT:
        return Command(opcode, (int(text, 16),))
    return command_words.command(opcode, command_id, text, seconds_of(utc_ms))


_KNOWN = ", ".join(str(int(opcode)) for opcode in Opcode)
_SELECT = f"SELECT {COLUMNS} FROM outbox WHERE opcode IN ({_KNOWN})"  # damaged ones are left out


def _entry(row: sqlite3.Row) -> QueuedCommand:
    number, kind, opcode, *rest = tuple(row)
    return QueuedCommand(number, kind, Opcode(opcode), *rest)


def seconds_of(utc_ms: int) -> int:
    """Seconds since 2025 at this UTC, at least 1; ids of commands and counters follow them."""
    return max(1, (utc_ms - EPOCH_2025_MS) // 1000)


def add(
    db: sqlite3.Connection, opcode: Opcode, text: str, utc_ms: int, station: int = 0, *,
    asker: str = "", lifetime_s: int | None = None,
) -> int:
    """Queue a command or question; its id, which is the question id on the air.

    Ids follow the seconds since 2025, so that even a lost archive does not use one twice, and are
    equal to ``station`` (0..15) modulo 16, so that no two stations use the same. The caller
    commits. ``text`` is the question, or the words of the command's arguments; without
    ``lifetime_s`` it has the default lifetime of the mission file. An ABORT withdraws
    every ARM, FIRE and ABORT that waits. Raises ValueError with one clause when the opcode does not
    take that, and OutboxFull.
    """
    row = db.execute("SELECT COALESCE(MAX(id), 0) + 1 FROM outbox").fetchone()
    command_id = next_counter(station, max(int(row[0]), seconds_of(utc_ms)))
    kind = "question" if opcode is Opcode.ASK else "command"
    _command(opcode, command_id, text, utc_ms)
    if lifetime_s is None:
        lifetime_s = command_order.lifetime_s(opcode, GroundSection())
    else:
        command_order.check_lifetime(opcode, lifetime_s)
    before = waiting(db)
    _check_room(before, opcode, asker)
    if opcode is Opcode.CUTDOWN_ABORT:
        for entry in before:
            if entry.opcode in (*CUTDOWN, Opcode.CUTDOWN_ABORT):
                call_back(db, entry.command_id, "a cutdown_abort was queued after it")
    elif opcode is Opcode.CUTDOWN_FIRE:
        arming = arming_before(db, command_id)
        if arming is None or command_order.is_gone(arming.as_of(utc_ms), utc_ms):
            raise ValueError("cutdown_fire requires a cutdown_arm before it: queue that first")
    db.execute(
        "INSERT INTO outbox(id, kind, opcode, text, asker, state, created_ms, expires_ms)"
        " VALUES (?, ?, ?, ?, ?, 'queued', ?, ?)",
        (command_id, kind, int(opcode), text, asker, utc_ms, utc_ms + 1000 * lifetime_s),
    )
    _note(db, command_id)
    return command_id


def _check_room(waiting: list[QueuedCommand], opcode: Opcode, asker: str) -> None:
    """Neither an ABORT nor what the station itself asks for is ever refused."""
    questions = [entry for entry in waiting if entry.opcode is Opcode.ASK]
    if opcode in (Opcode.CUTDOWN_ABORT, Opcode.PLAIN_TEXT):
        return
    if opcode is not Opcode.ASK:
        if len(waiting) - len(questions) >= COMMANDS_WAITING_MAX:
            raise OutboxFull(f"{COMMANDS_WAITING_MAX} commands are already waiting; withdraw some")
        return
    if sum(entry.asker == asker for entry in questions) >= QUESTIONS_WAITING_EACH_MAX:
        raise OutboxFull(f"{QUESTIONS_WAITING_EACH_MAX} of your questions are already waiting; ask "
                         "again when one of them has been sent")
    if len(questions) >= QUESTIONS_WAITING_MAX:
        raise OutboxFull(f"{QUESTIONS_WAITING_MAX} questions are already waiting; ask again later")


@contextmanager
def of_another_process(path: Path) -> Iterator[sqlite3.Connection]:
    """One durable transaction on the archive, from any process.

    Raises sqlite3.Error when there is no archive; an exception undoes what was done.
    """
    db = schema.connect(path)
    try:
        db.execute("PRAGMA synchronous = FULL")
        db.execute("BEGIN IMMEDIATE")
        yield db
        db.execute("COMMIT")
    finally:
        db.close()


def post(
    path: Path, opcode: Opcode, text: str, utc_ms: int, station: int = 0, *, asker: str = "",
    lifetime_s: int | None = None,
) -> QueuedCommand:
    """Queue a command from another process than the one that receives.

    Raises ValueError as ``add`` does, and sqlite3.Error when there is no archive.
    """
    with of_another_process(path) as db:
        command_id = add(db, opcode, text, utc_ms, station, asker=asker, lifetime_s=lifetime_s)
        entry = one(db, command_id)
    assert entry is not None
    return entry


def withdraw(db: sqlite3.Connection, command_id: int) -> QueuedCommand:
    """Withdraw a command, so that it is not sent again. The caller commits.

    One that was sent may have been accepted all the same. Raises ValueError with one clause when it
    is too late, or there is no such command.
    """
    entry = one(db, command_id)
    if entry is None:
        raise ValueError(f"no queued command has the number {command_id}")
    if not entry.is_waiting:
        what = "was already received" if entry.is_heard else f"is already {entry.state}"
        raise ValueError(f"command {command_id} {what}")
    _leave(db, command_id, "withdrawn", None)
    withdrawn = one(db, command_id)
    assert withdrawn is not None
    return withdrawn


def ask_plain_text(
    db: sqlite3.Connection, model: str, utc_ms: int, station: int = 0
) -> None:
    """Queue the request to send texts without this model (its short id in hex), once, unless it
    expired without being received. The caller commits.

    Above PLAIN_TEXTS_MAX models nothing is requested: the ids are forged.
    """
    rows = db.execute(
        "SELECT text FROM outbox WHERE opcode = ? AND state != 'expired'",
        (int(Opcode.PLAIN_TEXT),))
    requested = {row[0] for row in rows}
    if model not in requested and len(requested) < PLAIN_TEXTS_MAX:
        add(db, Opcode.PLAIN_TEXT, model, utc_ms, station)


def withdraw_plain_text(db: sqlite3.Connection, models: Iterable[str]) -> None:
    """Give up requests that were not taken yet and are no longer needed: the models are here
    now."""
    for model in models:
        rows = db.execute(
            "SELECT id FROM outbox WHERE opcode = ? AND text = ? AND state IN ('queued', 'sent')",
            (int(Opcode.PLAIN_TEXT), model),
        ).fetchall()
        for row in rows:
            fail(db, row[0], "not needed: the text model is available now")


def waiting(db: sqlite3.Connection) -> list[QueuedCommand]:
    """The commands that may still be sent, oldest first; the bounds above keep them few."""
    rows = db.execute(f"{_SELECT} AND state IN ('queued', 'sent') ORDER BY id")
    return [_entry(row) for row in rows]


def last_sent_ms(db: sqlite3.Connection) -> dict[str, int]:
    """When a question of each asker was last sent."""
    rows = db.execute(
        "SELECT asker, MAX(last_sent_ms) FROM outbox WHERE opcode = ? AND last_sent_ms > 0"
        " GROUP BY asker", (int(Opcode.ASK),))
    return dict(tuple(row) for row in rows)


def arming_before(db: sqlite3.Connection, command_id: int) -> QueuedCommand | None:
    """The last CUTDOWN_ARM that was queued before this command."""
    row = db.execute(
        f"{_SELECT} AND opcode = ? AND id < ? ORDER BY id DESC LIMIT 1",
        (int(Opcode.CUTDOWN_ARM), command_id)).fetchone()
    return _entry(row) if row else None


def overdue(db: sqlite3.Connection, utc_ms: int) -> list[QueuedCommand]:
    """The waiting commands whose lifetime is over."""
    return [entry for entry in waiting(db) if not entry.is_alive(utc_ms)]


def expire(db: sqlite3.Connection, utc_ms: int) -> None:
    """Mark these as expired; the caller commits."""
    for entry in overdue(db, utc_ms):
        _leave(db, entry.command_id, "expired", None)


def recent(
    db: sqlite3.Connection, limit: int = 20, before: int | None = None
) -> list[QueuedCommand]:
    """The newest commands, or those with an id below ``before``, newest first."""
    rows = db.execute(
        f"{_SELECT} AND (? IS NULL OR id < ?) ORDER BY id DESC LIMIT ?", (before, before, limit))
    return [_entry(row) for row in rows]


def standing(db: sqlite3.Connection, opcode: Opcode, limit: int) -> list[QueuedCommand]:
    """The latest of a kind, newest first, without those that were withdrawn or have failed."""
    rows = db.execute(f"{_SELECT} AND opcode = ? AND state NOT IN ('withdrawn', 'failed')"
                      " ORDER BY id DESC LIMIT ?", (int(opcode), limit))
    return [_entry(row) for row in rows]


def one(db: sqlite3.Connection, command_id: int) -> QueuedCommand | None:
    """The command of this id."""
    row = db.execute(f"{_SELECT} AND id = ?", (command_id,)).fetchone()
    return _entry(row) if row else None


def put(db: sqlite3.Connection, entry: QueuedCommand) -> None:
    """Write an entry as it is known elsewhere; the caller commits."""
    values = [getattr(entry, field.name) for field in fields(entry)]
    db.execute(
        f"INSERT OR REPLACE INTO outbox({COLUMNS}) VALUES ({', '.join('?' * len(values))})",
        values)
    _note(db, entry.command_id)


def confirm(db: sqlite3.Connection, command_id: int, utc_ms: int) -> None:
    """The payload accepted this command."""
    _move(db, command_id, "confirmed", "confirmed_ms", utc_ms,
          "('queued', 'sent', 'expired', 'withdrawn', 'failed')")


def begin(db: sqlite3.Connection, question_id: int, utc_ms: int) -> None:
    """The payload has begun to answer this question."""
    confirm(db, question_id, utc_ms)
    begun = db.execute("UPDATE outbox SET state = 'thinking' WHERE id = ? AND state = 'confirmed'"
                       " AND kind = 'question'", (question_id,))
    if begun.rowcount:
        _note(db, question_id)


def answer(db: sqlite3.Connection, command_id: int, utc_ms: int) -> None:
    """The reply to this question, or the result of this command, has arrived."""
    confirm(db, command_id, utc_ms)
    _move(db, command_id, "answered", "answered_ms", utc_ms, "('confirmed', 'thinking')")


def fail(db: sqlite3.Connection, command_id: int, why: str) -> None:
    """Abandon this command."""
    _leave(db, command_id, "failed", why)


def call_back(db: sqlite3.Connection, command_id: int, why: str) -> None:
    """Withdraw this command for what happened since."""
    _leave(db, command_id, "withdrawn", why)


def _leave(db: sqlite3.Connection, command_id: int, state: str, why: str | None) -> None:
    """Mark it as not to be sent any more."""
    moved = db.execute(
        "UPDATE outbox SET state = ?, why = ? WHERE id = ? AND state != 'answered'",
        (state, why, command_id),
    )
    if moved.rowcount:
        _note(db, command_id)


def note_sent(db: sqlite3.Connection, command_id: int, counter: int, utc_ms: int) -> None:
    """This command goes out now, in a frame with this counter."""
    db.execute(
        "UPDATE outbox SET state = 'sent', attempts = attempts + 1, last_sent_ms = ?, counter = ?,"
        " sender = '' WHERE id = ?", (utc_ms, counter, command_id))
    _note(db, command_id)


def _move(
    db: sqlite3.Connection, command_id: int, state: str, column: str, utc_ms: int, from_states: str
) -> None:
    moved = db.execute(
        f"UPDATE outbox SET state = ?, {column} = ?, why = NULL"
        f" WHERE id = ? AND state IN {from_states}",
        (state, utc_ms, command_id),
    )
    if moved.rowcount:
        _note(db, command_id)


def _note(db: sqlite3.Connection, command_id: int) -> None:
    db.execute("INSERT INTO change(what, ref) VALUES ('outbox', ?)", (command_id,))
