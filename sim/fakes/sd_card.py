"""The memory card under the payload's store: full, read-only, failing, gone, nearly full, or slow.

What it refuses it refuses at SQLite's own connection, with the errors that SQLite has for it: a
read-only card is ``query_only``; a full one cannot grow its log, which a commit finds out. A slow
one takes its latency for each request of the store (``sim.fakes.card_disk``).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

FREE_BYTES = 1 << 34
_AT_COMMIT = {
    "full": ("database or disk is full", "SQLITE_FULL"),
    "sync": ("disk I/O error", "SQLITE_IOERR_FSYNC"),
}


def no_latency() -> int:
    """A card that answers at once."""
    return 0


class CardFault(StrEnum):
    """One kind of failure; it holds for every access while it is set."""

    FULL = "full"  # ENOSPC: the file cannot grow
    READ_ONLY = "read-only"  # EROFS: remounted after an error
    SYNC = "sync"  # EIO when a commit is written out
    IO = "io"  # EIO on whatever is touched
    GONE = "gone"  # nothing can be opened; what is open goes on


class Card:
    """``fault`` None, plenty of room and no latency at first.

    ``refused`` counts what it did not do, ``delayed`` what it did not do at once.
    """

    def __init__(self) -> None:
        self.fault: CardFault | None = None
        self.room_bytes = FREE_BYTES
        self.refused = 0
        self.delayed = 0
        self.latency_ms: Callable[[], int] = no_latency  # of the next request

    def free_bytes(self, folder: Path) -> int:
        """Room on the card, as ``payload.storage`` asks for it."""
        return 0 if self.fault is CardFault.FULL else self.room_bytes

    @property
    def may_open(self) -> bool:
        """False while a file on it cannot be opened; asking is a refused access then."""
        is_refused = self.fault in (CardFault.GONE, CardFault.IO)
        self.refused += is_refused
        return not is_refused

    def error(self, text: str, name: str) -> sqlite3.OperationalError:
        """The error that SQLite raises for ``name``."""
        self.refused += 1
        error = sqlite3.OperationalError(text)
        error.sqlite_errorname = name
        return error


class CardConnection:
    """What the store sees of a ``sqlite3.Connection`` on this card."""

    def __init__(self, db: sqlite3.Connection, card: Card) -> None:
        self.db = db
        self._card = card
        self._applied: CardFault | None = None

    def execute(self, sql: str, values: Iterable[Any] = ()) -> sqlite3.Cursor:
        """Raises OperationalError where the card refuses."""
        self._meet()
        return self.db.execute(sql, tuple(values))

    def executemany(self, sql: str, rows: Iterable[Any]) -> sqlite3.Cursor:
        """Raises OperationalError where the card refuses."""
        self._meet()
        return self.db.executemany(sql, rows)

    def executescript(self, sql: str) -> sqlite3.Cursor:
        """Raises OperationalError where the card refuses."""
        self._meet()
        return self.db.executescript(sql)

    def close(self) -> None:
        self.db.close()

    def __enter__(self) -> CardConnection:
        self.db.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> Literal[False]:
        if kind is None and self._card.fault in _AT_COMMIT:
            self.db.rollback()  # as SQLite does when the log cannot be written out
            raise self._card.error(*_AT_COMMIT[self._card.fault])
        self._card.refused += kind is not None
        return self.db.__exit__(kind, error, trace)

    def _meet(self) -> None:
        """Bring SQLite into the card's present state."""
        fault = self._card.fault
        if fault is CardFault.IO:
            raise self._card.error("disk I/O error", "SQLITE_IOERR_WRITE")
        if fault is self._applied:
            return
        self._applied = fault
        self.db.execute(f"PRAGMA query_only={int(fault is CardFault.READ_ONLY)}")
