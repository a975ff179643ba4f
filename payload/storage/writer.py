"""The writer: the only connection to the store's file. It executes requests and waits for the disk.

It runs wherever waiting is allowed: on the Pi in a thread of its own, in the simulator inside the
call. ``serve`` answers one request; between two of them ``chore`` does a slice of background work:
the records are counted, and each is read once, so that damage is found before it is needed. A file
that reads badly is in doubt: it is checked whole when it is next opened, and salvaged when it is
bad three times in a row (``payload.storage.salvage``).

What is deleted, and when, is in ``payload.storage.retention``.

What a power cut leaves was explored operation by operation and sector by sector; the numbers are in
docs/promises.md. With synchronous=NORMAL the same explorers find acknowledged records lost.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from payload.ports import (
    CONFIRMED,
    IN_FLIGHT,
    QUEUED,
    STATES,
    Commit,
    Committed,
    Opened,
    Opening,
    PageRead,
    QueuePage,
    StoreRefused,
)
from payload.storage import database, retention, salvage, small_state
from payload.storage.database import COLUMNS, record_of, row_of, small_row
from payload.storage.index_check import IndexCheck
from payload.storage.recorder import Recorder
from wire.records import PRIORITY_OF_KIND, Kind, Priority, Record

READ_TRIES = 3  # a database that reads badly this often in a row is damaged
MUSINGS_MAX = 500  # that a life begins with
DAMAGED_MAX = 10_000  # counted; of more it is only known that there are so many

_REQUEUE = "UPDATE record SET state=0 WHERE state=1 OR state<0 OR state>2"  # or in no state at all
_MARK = "UPDATE record SET state=? WHERE id=? AND state<2"  # a confirmation is final
_AGAIN = "UPDATE record SET state=0 WHERE id=? AND state=?"
_COUNT = (
    "SELECT count(*), total(state<2), total(typeof(state)<>'integer') "
    "FROM record INDEXED BY record_queue"
)


class Writer:
    """One file, one writer. ``db`` is None while it is not open."""

    def __init__(
        self, path: Path, is_durable: bool = True,
        free_bytes: Callable[[Path], int] | None = None, recorder: Recorder | None = None,
    ) -> None:
        """``is_durable`` False does not wait for the disk: a simulated world has its own.

        ``free_bytes`` says how much room the disk of a folder has.
        """
        self.db: sqlite3.Connection | None = None
        self._path = path
        self._synchronous = "FULL" if is_durable else "OFF"
        self._free_bytes = free_bytes or database.free_bytes
        self._recorder = recorder or Recorder()
        self._ordinary_ids_end = 0
        self._salvaged_from: Path | None = None
        self._is_in_doubt = False
        self._has_begun = False  # to answer commits
        self._has_failed = False  # to write, since it last did
        self._left_in_flight = False  # by an earlier life, and not yet queued again
        self._counts: tuple[int, int] | None = None  # all records, unconfirmed ones
        self._index_check: IndexCheck | None = IndexCheck()  # None: no more of it is needed
        self._damaged_ids: set[int] = set()
        self._dropped = 0  # relayed records, by the latest commit

    @property
    def is_checked(self) -> bool:
        """Has every record been read since the file was opened first, or salvaged?"""
        return self._index_check is None and not self._is_in_doubt

    def serve(self, request: Opening | Commit) -> Opened | Committed | StoreRefused:
        """Do it, however long that takes."""
        if isinstance(request, Opening):
            return self._open(request)
        self._has_begun = True
        if self.db is None:
            return StoreRefused()
        try:
            is_durable = self._write(self.db, request)
            return self._answer(self.db, request, is_durable)
        except (sqlite3.Error, OSError) as error:  # the latter: its folder is gone
            self._doubt(error)
            return StoreRefused()

    def chore(self) -> None:
        """A slice of background work; none before the first commit, for which a start does.
        """
        if self.db is None or not self._has_begun:
            return
        try:
            if self._counts is None:
                total, unconfirmed, stateless = self.db.execute(_COUNT).fetchone()
                if stateless:
                    raise sqlite3.DatabaseError("a record is in no state")
                self._counts = total, int(unconfirmed)
            elif self._index_check is not None:
                self._index_check.slice(self.db)
                if self._index_check.is_done:
                    self._index_check = None
        except sqlite3.Error as error:
            self._doubt(error)

    def close(self) -> None:
        """Let go of the file."""
        if self.db is not None:
            with suppress(sqlite3.Error):
                self.db.close()
        self.db = None

    def connect(self) -> sqlite3.Connection:
        """Open the file as it is. Raises sqlite3.Error or OSError."""
        return database.connect(self._path, self._synchronous)

    # -- opening -------------------------------------------------------------------------------

    def _open(self, request: Opening) -> Opened | StoreRefused:
        """Open the database, salvaged if need be; Refused when the disk does not give it."""
        self.close()
        self._counts = None  # a commit that failed may be found to be there after all
        self._ordinary_ids_end = request.ordinary_ids_end
        for reading in range(READ_TRIES + 1):  # the last one after a salvage
            try:
                db = self._attached()
                try:
                    self._settle(db)
                    opened = self._opened(db, request)
                except BaseException:
                    db.close()
                    raise
                self.db = db
                return opened
            except OSError:
                break
            except sqlite3.DatabaseError as error:
                if not is_damage(error):
                    break
                self._is_in_doubt = True
            if reading == READ_TRIES - 1:
                try:
                    salvage.copy(self._path)
                except (OSError, sqlite3.Error):
                    break
        return StoreRefused()

    def _attached(self) -> sqlite3.Connection:
        path = self._path
        database.make_folder(path.parent)
        self._put_in_place()
        if not path.exists():
            database.create(path, self._synchronous)
        elif database.is_emptied(path):
            salvage.copy(path)
            self._put_in_place()
        return self.connect()

    def _settle(self, db: sqlite3.Connection) -> None:
        """What an earlier connection left open: raises where it cannot be settled now."""
        if self._is_in_doubt:
            database.check(db)
            self._is_in_doubt, self._index_check = False, None
        if self._has_failed:
            database.fold_log(db)
            self._has_failed = False

    def _put_in_place(self) -> None:
        aside = salvage.finish(self._path)
        if aside is not None:
            self._salvaged_from, self._index_check = aside, None

    def _opened(self, db: sqlite3.Connection, request: Opening) -> Opened:
        rows = db.execute(f"SELECT {database.SMALL_COLUMNS} FROM small").fetchall()
        small = small_state.read(rows)
        newest_id, newest_boot = database.newest(db, request.ordinary_ids_end)
        musings: tuple[str, ...] = ()
        if request.is_first:
            self._left_in_flight = True
            records = self._newest_of_class(db, Kind.MUSING, MUSINGS_MAX)
            musings = tuple(str(r.body["text"]) for r in reversed(records) if "text" in r.body)
        return Opened(small, newest_id, newest_boot, database.newest_of(db, *request.place_ids),
                      musings, self._salvaged_from)

    def _newest_of_class(self, db: sqlite3.Connection, kind: Kind, limit: int) -> list[Record]:
        """The newest records of a kind, of so many of its class: no more is read of a long life."""
        query = f"SELECT {COLUMNS} FROM record WHERE state=? AND class=? ORDER BY id DESC LIMIT ?"
        rows = [row for state in STATES
                for row in db.execute(query, (state, PRIORITY_OF_KIND[kind], limit))]
        rows.sort(key=lambda row: row[0], reverse=True)
        found = (record_of(row) for row in rows[:limit])
        return [record for record in found if record is not None and record.kind is kind]

    # -- writing and reading -------------------------------------------------------------------

    def _write(self, db: sqlite3.Connection, request: Commit) -> bool:
        """One transaction. False when the disk does not take it; raises when the file is bad."""
        self._dropped = 0
        if not request.has_content:
            return True
        total, unconfirmed = self._counts or (0, 0)
        try:
            with db:
                if self._left_in_flight:
                    db.execute(_REQUEUE)
                new = _many(db, database.INSERT, [row_of(*held) for held in request.records])
                confirmed = self._set_states(db, request)
                _many(db, database.INSERT_SMALL,
                      [small_row(key, value) for key, value in request.small.items()])
                has_parcels = any(r.priority is Priority.RELAY for r, _ in request.records)
                dropped = retention.drop_relayed(db) if has_parcels else []
                pruned = retention.drop_confirmed(
                    db, self._free_bytes(self._path.parent), self._ordinary_ids_end)
        except sqlite3.OperationalError as error:
            self._has_failed = True
            if is_damage(error):
                raise
            return False
        self._has_failed = self._left_in_flight = False
        if self._counts is not None:
            self._counts = (total + new - len(dropped) - len(pruned),
                            unconfirmed + new - confirmed - len(dropped))
        self._recorder.dropped(dropped)
        self._recorder.pruned(pruned)
        self._dropped = len(dropped)
        return True

    def _set_states(self, db: sqlite3.Connection, request: Commit) -> int:
        """How many records are confirmed now that were not before."""
        changed = dict.fromkeys(STATES, 0)
        for state in STATES:
            ids = [i for i, wanted in request.states.items() if wanted == state]
            changed[state] = _many(db, _MARK, [(state, record_id) for record_id in ids])
        _many(db, _AGAIN, [(record_id, IN_FLIGHT) for record_id in request.again])
        unconfirmed = _many(db, _AGAIN, [(record_id, CONFIRMED) for record_id in request.again])
        return changed[CONFIRMED] - unconfirmed

    def _answer(self, db: sqlite3.Connection, request: Commit, is_durable: bool) -> Committed:
        pages = tuple(self._read(db, page) for page in request.pages)
        again: tuple[Record, ...] = ()
        if is_durable:
            new = {record.record_id for record, _ in request.records}
            ids = [i for i, state in request.states.items() if state == QUEUED and i not in new]
            again = tuple(self._queued(db, (*ids, *request.again)))
        total, unconfirmed = self._counts or (None, None)
        return Committed(
            is_durable, pages, again, total, unconfirmed, len(self._damaged_ids), self._dropped)

    def _read(self, db: sqlite3.Connection, page: QueuePage) -> PageRead:
        order, sign = ("DESC", "<") if page.is_newest_first else ("ASC", ">")
        beyond = "" if page.beyond_id is None else f" AND id {sign} {page.beyond_id}"
        query = (f"SELECT {COLUMNS} FROM record WHERE state=? AND class=?{beyond} "
                 f"ORDER BY id {order} LIMIT ?")
        rows = db.execute(query, (QUEUED, page.priority, page.limit)).fetchall()
        if self._left_in_flight:
            rows += db.execute(query, (IN_FLIGHT, page.priority, page.limit)).fetchall()
            rows = sorted(rows, reverse=page.is_newest_first)[: page.limit]
        records = tuple(record for row in rows if (record := self._record_of(row)) is not None)
        return PageRead(records, rows[-1][0] if len(rows) == page.limit else None)

    def _queued(self, db: sqlite3.Connection, ids: Iterable[int]) -> Iterable[Record]:
        for record_id in ids:
            row = db.execute(
                f"SELECT {COLUMNS} FROM record WHERE id=? AND state=0", (record_id,)).fetchone()
            record = None if row is None else self._record_of(row)
            if record is not None:
                yield record

    def _record_of(self, row: tuple[Any, ...]) -> Record | None:
        """None, counted, if it is damaged or of a newer spacepi: it stays as it is, and unsent."""
        record = record_of(row)
        if record is None and len(self._damaged_ids) < DAMAGED_MAX:
            self._damaged_ids.add(row[0])
        return record

    # -- doubt ---------------------------------------------------------------------------------

    def _doubt(self, error: sqlite3.Error | OSError) -> None:
        """After an error the file is opened again; it is checked then if the error was its own."""
        self.close()
        self._is_in_doubt |= isinstance(error, sqlite3.DatabaseError) and is_damage(error)


def is_damage(error: sqlite3.DatabaseError) -> bool:
    """Is the file itself bad, and not just its disk at the moment, or locked?"""
    if not isinstance(error, sqlite3.OperationalError):
        return True
    name = getattr(error, "sqlite_errorname", None)  # None: Python could not decode the text
    return name is None or name in salvage.READ_ERRORS or str(error) == salvage.BAD_HEADER


def _many(db: sqlite3.Connection, sql: str, rows: list[Any]) -> int:
    """How many rows it changed."""
    return db.executemany(sql, rows).rowcount if rows else 0
