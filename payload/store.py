"""The store: every record of the payload's life in one SQLite file, committed once a step.

A record is durable when ``commit`` has returned True; only then may anything be sent or done
because of it. Nothing is deleted because the ground has it: a confirmation marks, and only a disk
that is nearly full forgets confirmed records, the oldest of the least urgent class first. When the
disk is full, read-only, failing or not there, records wait in a bounded RAM ring and are still
offered to the radio; the oldest of the least urgent class make room, counted. A database that
cannot be read is salvaged (``payload.salvage``).

What a power cut leaves was explored operation by operation and sector by sector; the numbers are in
docs/architecture.md. With synchronous=NORMAL the same explorers find acknowledged records lost.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from payload import salvage, small_state, store_file
from payload.store_file import (
    COLUMNS,
    CONFIRMED,
    IN_FLIGHT,
    QUEUED,
    record_of,
    row_of,
    small_row,
)
from wire.records import Kind, Priority, Record, TimeQuality

RING_RECORDS_MAX = 2_000
RETRY_COMMIT_MS = 5_000
READ_TRIES = 3  # a database that reads badly this often in a row is damaged
SALVAGE_IDS = 1 << 20  # left out after a salvage, once and for each place: more than a life gives
# A life whose own number the disk does not take may be forgotten whole, and so may what goes beyond
# the ids that the disk knows to be taken. Their ids are a series of
DISKLESS_ID = 1 << 31  # their own, in a place that is drawn for each life
DISKLESS_IDS = 1 << 20  # to a place
PLACES = 64
IDS_AHEAD = 1024  # left out at a boot: as many may have gone out from RAM while the disk failed
IDS_KEY = "ids_upto"
RESERVE_BYTES = 32 << 20  # of free disk; with less, confirmed records make room
PRUNE_RECORDS = 100  # in one commit, so that a step stays short
PRUNE_PAGES = 64  # free pages in the file that are enough

_NEWEST_FIRST = frozenset((Priority.MUSING, Priority.BULK))
_INSERT = "INSERT OR IGNORE INTO record VALUES (?,?,?,?,?,?,?,?,?,?)"
_MARK = "UPDATE record SET state=? WHERE id=? AND state<2"  # a confirmation is final


class StoreBusyError(Exception):
    """Another payload process has this store open."""


class Store:
    """One writer, one file. Every call returns at once but ``commit``, which waits for the disk."""

    def __init__(
        self, path: Path, is_durable: bool = True,
        free_bytes: Callable[[Path], int] | None = None, place: int = 0,
    ) -> None:
        """``is_durable`` False does not wait for the disk: a simulated world has its own.

        ``free_bytes`` says how much room the disk of a folder has. ``place``, 0..63, is drawn by
        whoever starts this life. Raises StoreBusyError.
        """
        assert 0 <= place < PLACES, place
        self.dropped_records = 0
        self.damaged_records = 0
        self.is_failing = False
        self.salvaged_from: Path | None = None
        self.boot = 0  # unknown, where the disk was not there at the start
        self.is_counted = False  # has the disk taken this boot's number at the start?
        self.place = place
        self._path = path
        self._synchronous = "FULL" if is_durable else "OFF"
        self._free_bytes = free_bytes or store_file.free_bytes
        self._ring: list[tuple[Record, int]] = []  # appended, not yet durable; (record, mono_ms)
        self._marks: dict[int, int] = {}  # id -> state, not yet durable
        self._small: dict[str, Any] = {}
        self._dirty: dict[str, Any] = {}
        self._next_id = 0  # until the disk has said which are taken
        self._durable_ids = 0  # the disk knows that ids up to here may be taken
        self._diskless_id = DISKLESS_ID + place * DISKLESS_IDS
        self._has_joined = False
        self._retry_ms = 0
        self._db: sqlite3.Connection | None = None
        if self._attach():
            self.boot = int(self.get("boot", 0)) + 1
            self.put("boot", self.boot)
            self.is_counted = self.commit(0)

    def append(
        self, kind: Kind, body: dict[str, Any], mono_ms: int, time_ms: int, quality: TimeQuality
    ) -> Record:
        """Number a new record and hold it for the next commit."""
        record = Record(self._take_id(), kind, self.boot, time_ms, quality, body)
        if len(self._ring) >= RING_RECORDS_MAX:
            victim = max(self._ring, key=lambda held: (held[0].priority, -held[0].record_id))
            self._ring.remove(victim)
            self._marks.pop(victim[0].record_id, None)
            self.dropped_records += 1
        self._ring.append((record, mono_ms))
        return record

    def _take_id(self) -> int:
        if self.is_counted:
            self._reserve_ids()
            if self._next_id <= self._durable_ids:
                self._next_id += 1
                return self._next_id - 1
        self._diskless_id += 1
        return self._diskless_id - 1

    def put(self, key: str, value: Any) -> None:
        """Small state, written with the next commit. ``value`` is what msgpack can hold."""
        if self._small.get(key) != value:
            self._small[key] = value
            self._dirty[key] = value

    def get(self, key: str, default: Any = None) -> Any:
        """Of the type that ``payload.small_state`` says, or ``default``."""
        return self._small.get(key, default)

    def has_forgotten(self, key: str) -> bool:
        """May an earlier life have put ``key``, as a first one does, and this one not know it?"""
        is_first_life = self.boot == 1 and self.salvaged_from is None
        return key not in self._small and not is_first_life

    def is_durable(self, key: str) -> bool:
        """Would what ``get`` returns for ``key`` survive a power cut now?"""
        return self._db is not None and key not in self._dirty

    def commit(self, now_ms: int) -> bool:
        """Make everything since the last commit durable; False while the disk does not take it."""
        if not (self._ring or self._dirty or CONFIRMED in self._marks.values()):
            return True
        if self.is_failing and now_ms < self._retry_ms:
            return False
        if self._db is None:  # to open it is work enough for one step
            with suppress(StoreBusyError):
                if self._attach() and not self.is_counted:
                    self.put("boot", max(1, self.get("boot")))  # so the next life is not the first
            self._retry_ms = now_ms + RETRY_COMMIT_MS
            return False
        if not self._write(self._db):
            self.is_failing = True
            self._retry_ms = now_ms + RETRY_COMMIT_MS
            return False
        self._ring.clear()
        self._marks.clear()
        self._dirty.clear()
        self._durable_ids = self.get(IDS_KEY, 0)
        self.is_failing = False
        return True

    def queued(self, priority: Priority, limit: int) -> list[Record]:
        """Up to ``limit`` durable records that are neither in flight nor confirmed.

        Musings and bulk come newest first, all others oldest first. While the disk fails, records
        of the RAM ring are offered too.
        """
        order = "DESC" if priority in _NEWEST_FIRST else "ASC"
        found = self._records(
            f"WHERE state=0 AND class=? ORDER BY id {order} LIMIT ?", (priority, limit)
        )
        if self.is_failing:
            found += [
                record for record, _ in self._ring
                if record.priority is priority
                and self._marks.get(record.record_id, QUEUED) == QUEUED
            ]
        return found[:limit]

    @property
    def newest_id(self) -> int:
        """The id of the latest record that a working disk was given, 0 before the first."""
        return self._next_id - 1

    def has_queued(self, priority: Priority, after_id: int) -> bool:
        """Whether a record with a larger id has not been laid into a block, RAM ring included."""
        for record, _ in self._ring:
            is_later = record.priority is priority and record.record_id > after_id
            if is_later and self._marks.get(record.record_id, QUEUED) == QUEUED:
                return True
        return self._count(f"state=0 AND class={int(priority)} AND id>{after_id}") > 0

    def mark_in_flight(self, record_ids: Iterable[int]) -> None:
        self._mark(IN_FLIGHT, record_ids)

    def mark_queued(self, record_ids: Iterable[int]) -> None:
        """Back into the queue: the block that carried them made room."""
        self._mark(QUEUED, record_ids)

    def send_again(self, record_ids: Iterable[int]) -> None:
        """Back into the queue, even what was confirmed: the ground has it and cannot read it."""
        again = list(record_ids)
        for record_id in again:
            self._marks.pop(record_id, None)
        if self._db is not None and again:
            try:
                self._db.executemany(
                    "UPDATE record SET state=0 WHERE id=?", [(record_id,) for record_id in again])
            except sqlite3.Error:
                self.is_failing = True

    def mark_confirmed(self, record_ids: Iterable[int]) -> None:
        """The ground has them. They stay."""
        self._mark(CONFIRMED, record_ids)

    def unconfirmed_count(self) -> int:
        """Records the ground has not confirmed, RAM ring included."""
        return self._count("state<2") + len(self._ring)

    def count(self) -> int:
        """Records kept, RAM ring included."""
        return self._count("1") + len(self._ring)

    def texts(self, kind: Kind, limit: int) -> list[str]:
        """The ``text`` of the latest records of ``kind``, oldest first."""
        records = self._records("WHERE kind=? ORDER BY id DESC LIMIT ?", (kind, limit))
        return [str(r.body["text"]) for r in reversed(records) if "text" in r.body]

    def close(self) -> None:
        """Commit, give back the numbers that were kept, and let go of the file."""
        if self._has_joined:
            self.put(IDS_KEY, self._next_id - 1)
        self.commit(self._retry_ms)
        if self._db is not None:
            self._db.close()
            self._db = None

    def _reserve_ids(self) -> None:
        if self._has_joined and self._next_id + IDS_AHEAD // 2 > self.get(IDS_KEY, 0):
            self.put(IDS_KEY, self._next_id + IDS_AHEAD)

    def _write(self, db: sqlite3.Connection) -> bool:
        try:
            with db:
                db.executemany(_INSERT, [row_of(record, mono) for record, mono in self._ring])
                self._set_states(db)
                db.executemany(
                    "INSERT OR REPLACE INTO small VALUES (?,?,?)",
                    [small_row(key, value) for key, value in self._dirty.items()],
                )
                self._make_room(db)
        except sqlite3.OperationalError:
            with suppress(sqlite3.Error):
                self._set_states(db)  # the rollback has undone them
            return False
        except sqlite3.DatabaseError:
            self._detach()
            return False
        return True

    def _set_states(self, db: sqlite3.Connection) -> None:
        db.executemany(_MARK, [(state, record_id) for record_id, state in self._marks.items()])

    def _make_room(self, db: sqlite3.Connection) -> None:
        """On a disk that is nearly full, new records take the pages of old confirmed ones."""
        if self._free_bytes(self._path.parent) >= RESERVE_BYTES:
            return
        if db.execute("PRAGMA freelist_count").fetchone()[0] >= PRUNE_PAGES:
            return
        db.execute(
            "DELETE FROM record WHERE id < (SELECT max(id) FROM record WHERE id < ?) AND id IN ("
            "SELECT id FROM record WHERE state=2 AND class="
            "(SELECT max(class) FROM record WHERE state=2) ORDER BY id LIMIT ?)",
            (self._next_id, PRUNE_RECORDS),
        )

    def _mark(self, state: int, record_ids: Iterable[int]) -> None:
        """Takes effect at once and becomes durable with the next commit."""
        marks = [i for i in record_ids if self._marks.get(i) != CONFIRMED]
        self._marks.update(dict.fromkeys(marks, state))
        if self._db is not None and marks:
            try:
                self._db.executemany(_MARK, [(state, record_id) for record_id in marks])
            except sqlite3.Error:
                self.is_failing = True

    def _records(self, condition: str, values: tuple[int, int]) -> list[Record]:
        records: list[Record] = []
        for row in self._fetch(f"SELECT {COLUMNS} FROM record {condition}", values):
            record = record_of(row)
            if record is None:
                self.damaged_records += 1
                self.mark_confirmed(row[:1])  # kept for the salvage, never sent
            else:
                records.append(record)
        return records

    def _count(self, condition: str) -> int:
        rows = self._fetch(f"SELECT count(*) FROM record WHERE {condition}", ())
        return int(rows[0][0]) if rows else 0

    def _fetch(self, sql: str, values: tuple[int, ...]) -> list[tuple[Any, ...]]:
        """After an error the file is opened again at the next commit, and salvaged if need be."""
        if self._db is None:
            return []
        try:
            return self._db.execute(sql, values).fetchall()
        except sqlite3.Error:
            self._detach()
            return []

    def _detach(self) -> None:
        if self._db is not None:
            with suppress(sqlite3.Error):
                self._db.close()
        self._db = None
        self.is_failing = True

    def _attach(self) -> bool:
        """Open the database, salvaged if need be; False when the disk does not give it."""
        for reading in range(READ_TRIES + 1):  # the last one after a salvage
            try:
                store_file.make_folder(self._path.parent)
                self.salvaged_from = salvage.finish(self._path) or self.salvaged_from
                if not self._path.exists():
                    store_file.create(self._path, self._synchronous)
                elif store_file.is_emptied(self._path):
                    salvage.copy(self._path)
                    self.salvaged_from = salvage.finish(self._path)
                db = store_file.connect(self._path, self._synchronous)
                self._join(db)
            except OSError:
                break
            except sqlite3.DatabaseError as error:
                if not self._is_damage(error):
                    break
            else:
                self._db = db
                self.is_failing = False
                return True
            if reading == READ_TRIES - 1:
                try:
                    salvage.copy(self._path)
                except (OSError, sqlite3.Error):
                    break
        self.is_failing = True
        return False

    def _is_damage(self, error: sqlite3.DatabaseError) -> bool:
        """Is the file itself bad, and not just its disk at the moment?"""
        if not isinstance(error, sqlite3.OperationalError):
            return True
        if "locked" in str(error):
            raise StoreBusyError(f"{self._path}: another payload has this store open") from error
        name = getattr(error, "sqlite_errorname", None)  # without one, Python could not decode it
        return name is None or name in salvage.READ_ERRORS

    def _join(self, db: sqlite3.Connection) -> None:
        """Take over what the disk knows; ``db`` is closed when it does not say it.

        In a life that began without its disk, what RAM knows is newer; but of two numbers the
        larger one counts, because counters never go back. Its records keep their ids, for they may
        have been sent; where the disk has such ids they get others, and are sent again.
        """
        try:
            rows = db.execute("SELECT key, value, crc32 FROM small").fetchall()
            stored = small_state.read(rows)
            last_id, last_boot = store_file.newest(db, DISKLESS_ID)
            last_id = max(last_id, stored.get(IDS_KEY, 0))  # some may have gone out from RAM
            stored.setdefault("boot", last_boot)
            if self.salvaged_from is not None and not self._has_joined:
                last_id += SALVAGE_IDS * (1 + self.place)  # the lost ones may be on the ground
            self._keep_clear(store_file.newest_of(db, *self._diskless_ids))
            db.execute("UPDATE record SET state=0 WHERE state=1")
            self._set_states(db)
        except sqlite3.Error:
            db.close()
            raise
        self._next_id = self._next_id if self._has_joined else last_id + 1
        self._has_joined = True
        for key, value in stored.items():
            self._small[key] = store_file.later(self._small.get(key, value), value)
        self._dirty = {k: v for k, v in self._small.items() if stored.get(k) != v}
        self._reserve_ids()

    @property
    def _diskless_ids(self) -> tuple[int, int]:
        """[first, end) of this life's place."""
        first = DISKLESS_ID + self.place * DISKLESS_IDS
        return first, first + DISKLESS_IDS

    def _keep_clear(self, taken_id: int) -> None:
        """An earlier life drew the same place, and the disk has its records up to ``taken_id``."""
        if self._has_joined or taken_id < self._diskless_ids[0]:
            return
        self._ring = [(replace(record, record_id=taken_id + number), mono_ms)
                      for number, (record, mono_ms) in enumerate(self._ring, 1)]
        self._marks.clear()
        self._diskless_id = taken_id + 1 + len(self._ring)
