"""Intake: passes a reception to the decoders; one that makes a decoder fail is undone and skipped.

No bytes make a decoder raise, says P5 of docs/promises.md. When some do all the same, that is a bug
here, and the packet is in the archive for good: without this one place the station would meet it
again at every start. So each reception is decoded alone, and of one that raises nothing stays but
its bytes and a line in the table ``undecodable``. A rebuild with a mended decoder reads it again.

A savepoint a reception, not effects that are collected first and written later: what a reception
does is written by half a dozen modules (archive, outbox, mosaic, foreign), each of which reads what
the one before wrote. It costs 2 to 8 us where a signed beacon costs 57, so a desk still decodes
17,000 of those in a second. What a receiver in memory took from a reception before it raised stays
there: symbols, which the checksum of their block judges, and the number of the frame.
"""

from __future__ import annotations

import sqlite3
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import structlog

from groundstation.archive.archive import Archive
from groundstation.archive.rawlog import Reception

LOGGED_MAX = 10  # undecodable receptions logged one by one; the others are only counted
# Of sqlite3's errors those that are about the values given. The others are about the disk, and what
# the disk refuses is not the reception's fault: it is decoded again when the disk is back.
_OF_THE_VALUES = (
    sqlite3.DataError, sqlite3.IntegrityError, sqlite3.InterfaceError, sqlite3.ProgrammingError,
)

_log = structlog.get_logger()


class Undecodable(NamedTuple):
    """A reception that made a decoder raise; ``error`` says what was raised, and where."""

    reception_id: int
    utc_ms: int
    source: str
    size_bytes: int
    error: str


class Intake:
    """Decodes the receptions of one archive, each on its own."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._logged = 0

    def admit(self, reception: Reception, decode: Callable[[Reception], None]) -> bool:
        """True when ``decode`` went through; False when it raised, and then the archive is as it
        was but for the note. The caller holds a batch. Raises sqlite3.Error where the disk does.
        """
        db, noted = self._archive.db, self._archive.changes_noted
        db.execute("SAVEPOINT reception")
        try:
            decode(reception)
        except Exception as error:
            if isinstance(error, sqlite3.Error) and not isinstance(error, _OF_THE_VALUES):
                raise
            db.execute("ROLLBACK TO reception")
            db.execute("RELEASE reception")
            self._archive.forget_changes(noted)
            self.note(reception, error)
            return False
        db.execute("RELEASE reception")
        return True

    def note(self, reception: Reception, error: Exception) -> None:
        """Count, list and log it. The test suite replaces this to see what was raised."""
        *_, raised = traceback.walk_tb(error.__traceback__)
        place = f"{Path(raised[0].f_code.co_filename).name}:{raised[1]}"
        kind = type(error).__name__
        noted = self._archive.db.execute(
            "INSERT OR IGNORE INTO undecodable(reception_id, error) VALUES (?, ?)",
            (reception.reception_id, f"{kind} at {place}"),
        )
        if not noted.rowcount:  # heard before the restart and fed again
            return
        self._archive.count({"undecodable": 1})
        self._archive.note_change("undecodable", None)
        self._logged += 1
        if self._logged <= LOGGED_MAX:
            _log.error("undecodable", reception_id=reception.reception_id, error=kind, at=place,
                       is_last_logged=self._logged == LOGGED_MAX)


def listed(db: sqlite3.Connection) -> list[Undecodable]:
    """The undecodable receptions, oldest first."""
    rows = db.execute(
        "SELECT reception.id, utc_ms, source, LENGTH(raw), error FROM undecodable"
        " JOIN reception ON reception.id = reception_id ORDER BY reception_id"
    )
    return [Undecodable(*row) for row in rows]
