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

import os
import sqlite3
import zlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgpack

from payload import salvage
from wire.records import Kind, Priority, Record, TimeQuality, pack_body, unpack_body

RING_RECORDS_MAX = 2_000
RETRY_COMMIT_MS = 5_000
READ_TRIES = 3  # a database that reads badly this often in a row is damaged
DISKLESS_ID = 1 << 31  # the first id while the disk has not said which are taken
RESERVE_BYTES = 32 << 20  # of free disk; with less, confirmed records make room
PRUNE_RECORDS = 100  # in one commit, so that a step stays short
PRUNE_PAGES = 64  # free pages in the file that are enough

_QUEUED, _IN_FLIGHT, _CONFIRMED = 0, 1, 2
_SCHEMA = """
CREATE TABLE IF NOT EXISTS record (
    id INTEGER PRIMARY KEY, class INTEGER NOT NULL, kind INTEGER NOT NULL, boot INTEGER NOT NULL,
    mono_ms INTEGER NOT NULL, time_ms INTEGER NOT NULL, quality INTEGER NOT NULL,
    body BLOB NOT NULL, crc32 INTEGER NOT NULL, state INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS record_queue ON record (state, class, id);
CREATE TABLE IF NOT EXISTS small (
    key TEXT PRIMARY KEY, value BLOB NOT NULL, crc32 INTEGER NOT NULL) WITHOUT ROWID;
"""
_INSERT = "INSERT OR IGNORE INTO record VALUES (?,?,?,?,?,?,?,?,?,?)"
_MARK = "UPDATE record SET state=? WHERE id=? AND state<2"  # a confirmation is final
_COLUMNS = "id, kind, boot, time_ms, quality, body, crc32"


class StoreBusyError(Exception):
    """Another payload process has this store open."""


class Store:
    """One writer, one file. Every call returns at once but ``commit``, which waits for the disk."""

    def __init__(
        self, path: Path, is_durable: bool = True,
        free_bytes: Callable[[Path], int] | None = None,
    ) -> None:
        """``is_durable`` False does not wait for the disk: a simulated world has its own.

        ``free_bytes`` says how much room the disk of a folder has. Raises StoreBusyError.
        """
        self.dropped_records = 0
        self.damaged_records = 0
        self.is_failing = False
        self.salvaged_from: Path | None = None
        self.boot = 0  # unknown, while the disk is not there
        self._path = path
        self._synchronous = "FULL" if is_durable else "OFF"
        self._free_bytes = free_bytes or _free_bytes
        self._ring: list[tuple[Record, int]] = []  # appended, not yet durable; (record, mono_ms)
        self._marks: dict[int, int] = {}  # id -> state, not yet durable
        self._small: dict[str, Any] = {}
        self._dirty: dict[str, Any] = {}
        self._next_id = DISKLESS_ID
        self._has_ids = False  # does ``_next_id`` continue those on the disk?
        self._retry_ms = 0
        self._db: sqlite3.Connection | None = None
        if self._attach():
            self.boot = int(self.get("boot", 0)) + 1
            self.put("boot", self.boot)
            self.commit(0)

    def append(
        self, kind: Kind, body: dict[str, Any], mono_ms: int, time_ms: int, quality: TimeQuality
    ) -> Record:
        """Number a new record and hold it for the next commit."""
        record = Record(self._next_id, kind, self.boot, time_ms, quality, body)
        self._next_id += 1
        if len(self._ring) >= RING_RECORDS_MAX:
            victim = max(self._ring, key=lambda held: (held[0].priority, -held[0].record_id))
            self._ring.remove(victim)
            self._marks.pop(victim[0].record_id, None)
            self.dropped_records += 1
        self._ring.append((record, mono_ms))
        return record

    def put(self, key: str, value: Any) -> None:
        """Small state, written with the next commit. ``value`` is what msgpack can hold."""
        if self._small.get(key) != value:
            self._small[key] = value
            self._dirty[key] = value

    def get(self, key: str, default: Any = None) -> Any:
        return self._small.get(key, default)

    def commit(self, now_ms: int) -> bool:
        """Make everything since the last commit durable; False while the disk does not take it."""
        if not (self._ring or self._dirty or _CONFIRMED in self._marks.values()):
            return True
        if self.is_failing and now_ms < self._retry_ms:
            return False
        if self._db is None:  # to open it is work enough for one step
            with suppress(StoreBusyError):
                self._attach()
            self._retry_ms = now_ms + RETRY_COMMIT_MS
            return False
        if not self._write(self._db):
            self.is_failing = True
            self._retry_ms = now_ms + RETRY_COMMIT_MS
            return False
        self._ring.clear()
        self._marks.clear()
        self._dirty.clear()
        self.is_failing = False
        return True

    def queued(self, priority: Priority, limit: int) -> list[Record]:
        """Up to ``limit`` durable records that are neither in flight nor confirmed.

        Musings come newest first, all others oldest first. While the disk fails, records of the
        RAM ring are offered too.
        """
        order = "DESC" if priority is Priority.MUSING else "ASC"
        found = self._records(
            f"WHERE state=0 AND class=? ORDER BY id {order} LIMIT ?", (priority, limit)
        )
        if self.is_failing:
            found += [
                record for record, _ in self._ring
                if record.priority is priority and record.record_id not in self._marks
            ]
        return found[:limit]

    def mark_in_flight(self, record_ids: Iterable[int]) -> None:
        self._mark(_IN_FLIGHT, record_ids)

    def mark_queued(self, record_ids: Iterable[int]) -> None:
        """Back into the queue: the block that carried them made room."""
        self._mark(_QUEUED, record_ids)

    def mark_confirmed(self, record_ids: Iterable[int]) -> None:
        """The ground has them. They stay."""
        self._mark(_CONFIRMED, record_ids)

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
        """Commit and let go of the file."""
        self.commit(self._retry_ms)
        if self._db is not None:
            self._db.close()
            self._db = None

    def _write(self, db: sqlite3.Connection) -> bool:
        try:
            with db:
                db.executemany(_INSERT, [_row(record, mono) for record, mono in self._ring])
                self._set_states(db)
                db.executemany(
                    "INSERT OR REPLACE INTO small VALUES (?,?,?)",
                    [_small_row(key, value) for key, value in self._dirty.items()],
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
            "DELETE FROM record WHERE id < (SELECT max(id) FROM record) AND id IN ("
            "SELECT id FROM record WHERE state=2 AND class="
            "(SELECT max(class) FROM record WHERE state=2) ORDER BY id LIMIT ?)", (PRUNE_RECORDS,)
        )

    def _mark(self, state: int, record_ids: Iterable[int]) -> None:
        """Takes effect at once and becomes durable with the next commit."""
        marks = [i for i in record_ids if self._marks.get(i) != _CONFIRMED]
        self._marks.update(dict.fromkeys(marks, state))
        if self._db is not None and marks:
            try:
                self._db.executemany(_MARK, [(state, record_id) for record_id in marks])
            except sqlite3.Error:
                self.is_failing = True

    def _records(self, condition: str, values: tuple[int, int]) -> list[Record]:
        records: list[Record] = []
        for row in self._fetch(f"SELECT {_COLUMNS} FROM record {condition}", values):
            record = _record(row)
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
                _make_folder(self._path.parent)
                self.salvaged_from = salvage.finish(self._path) or self.salvaged_from
                db = _connect(self._path, self._synchronous)
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
                    salvage.copy(self._path, _SCHEMA)
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
        larger one counts, because counters never go back. Its records get ids that are free; what
        was sent from RAM under another is sent again.
        """
        try:
            rows = db.execute("SELECT key, value, crc32 FROM small").fetchall()
            stored = {key: msgpack.unpackb(value, strict_map_key=False)
                      for key, value, crc in rows if _is_whole(value, crc)}
            if "boot" not in stored:
                query = "SELECT max(boot) FROM record WHERE typeof(boot)='integer'"
                stored["boot"] = db.execute(query).fetchone()[0] or 0
            last_id = db.execute("SELECT max(id) FROM record").fetchone()[0] or 0
            db.execute("UPDATE record SET state=0 WHERE state=1")
            self._set_states(db)
        except sqlite3.Error:
            db.close()
            raise
        if not self._has_ids:
            self._ring = [(replace(record, record_id=last_id + number), mono_ms)
                          for number, (record, mono_ms) in enumerate(self._ring, 1)]
            self._marks.clear()
            self._next_id = last_id + 1 + len(self._ring)
            self._has_ids = True
        self._next_id = max(self._next_id, last_id + 1)
        for key, value in stored.items():
            mine = self._small.get(key, value)
            is_larger = type(mine) is int and type(value) is int and value > mine
            self._small[key] = value if is_larger else mine
        self._dirty = {k: v for k, v in self._small.items() if stored.get(k) != v}


def _row(record: Record, mono_ms: int) -> tuple[Any, ...]:
    body = pack_body(record.body)
    columns = (record.record_id, record.kind, record.boot, record.time_ms, record.quality, body)
    return (
        record.record_id, record.priority, record.kind, record.boot, mono_ms, record.time_ms,
        record.quality, body, _crc(columns), _QUEUED,
    )


def _record(row: tuple[Any, ...]) -> Record | None:
    """The record in ``_COLUMNS``; None when they are damaged, or a newer spacepi wrote them."""
    record_id, kind, boot, time_ms, quality, body, crc = row
    if _crc(row[:-1]) != crc or kind not in Kind._value2member_map_:
        return None
    return Record(record_id, Kind(kind), boot, time_ms, TimeQuality(quality), unpack_body(body))


def _crc(columns: tuple[Any, ...]) -> int:
    return zlib.crc32(msgpack.packb(columns))


def _is_whole(value: object, crc: object) -> bool:
    return isinstance(value, bytes) and zlib.crc32(value) == crc


def _small_row(key: str, value: Any) -> tuple[str, bytes, int]:
    packed = msgpack.packb(value)
    return key, packed, zlib.crc32(packed)


def _connect(path: Path, synchronous: str) -> sqlite3.Connection:
    """Raises DatabaseError when the file is damaged, its OperationalError or OSError when the disk
    refuses.
    """
    db = sqlite3.connect(path, timeout=0.2)
    try:
        # First, so that there is no shared-memory file: a full disk turns its pages into SIGBUS.
        db.execute("PRAGMA locking_mode=EXCLUSIVE")
        db.execute("PRAGMA journal_mode=WAL")
        db.execute(f"PRAGMA synchronous={synchronous}")
        db.executescript(_SCHEMA)
        db.execute("BEGIN IMMEDIATE")  # takes the lock now, so a second payload fails here
        db.execute("COMMIT")
        if db.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise sqlite3.DatabaseError("quick_check")
        if synchronous == "FULL":
            salvage.sync_folder(path.parent)  # SQLite does it too, but takes no notice of failure
    except (sqlite3.Error, OSError):
        db.close()
        raise
    return db


def _make_folder(folder: Path) -> None:
    """Make it, durably. Raises OSError."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        salvage.sync_folder(path.parent)


def _free_bytes(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize
