"""The store: every record of the payload's life in one SQLite file, committed once a step.

A record is durable when ``commit`` has returned True; only then may anything be sent or done
because of it. Nothing is deleted because the ground has it: a confirmation marks. When the disk is
full, read-only or failing, records wait in a bounded RAM ring and are still offered to the radio;
the oldest of the least urgent class make room, counted. A database that cannot be read is moved
aside and its readable rows are salvaged.

WAL with synchronous=FULL lost nothing in 120 crash states where NORMAL lost 103
(research/pi.md §6.2).
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgpack

from wire.records import Kind, Priority, Record, TimeQuality, pack_body, unpack_body

RING_RECORDS_MAX = 2_000
RETRY_COMMIT_MS = 5_000

_QUEUED, _IN_FLIGHT, _CONFIRMED = 0, 1, 2
_SCHEMA = """
CREATE TABLE IF NOT EXISTS record (
    id INTEGER PRIMARY KEY, class INTEGER NOT NULL, kind INTEGER NOT NULL, boot INTEGER NOT NULL,
    mono_ms INTEGER NOT NULL, time_ms INTEGER NOT NULL, quality INTEGER NOT NULL,
    body BLOB NOT NULL, crc32 INTEGER NOT NULL, state INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS record_queue ON record (state, class, id);
CREATE TABLE IF NOT EXISTS small (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
"""
_NEWEST_FIRST = frozenset((Priority.MUSING, Priority.BULK))
_INSERT = "INSERT OR IGNORE INTO record VALUES (?,?,?,?,?,?,?,?,?,?)"
_COLUMNS = "id, kind, boot, time_ms, quality, body, crc32"


class StoreBusyError(Exception):
    """Another payload process has this store open."""


class Store:
    """One writer, one file. Every call returns at once but ``commit``, which waits for the disk."""

    def __init__(self, path: Path, is_durable: bool = True) -> None:
        """``is_durable`` False does not wait for the disk: a simulated world has its own."""
        self._synchronous = "FULL" if is_durable else "OFF"
        self.dropped_records = 0
        self.damaged_records = 0
        self.is_failing = False
        self.salvaged_from: Path | None = None
        self._ring: list[tuple[Record, int]] = []  # appended, not yet durable; (record, mono_ms)
        self._ring_sent: set[int] = set()
        self._small: dict[str, Any] = {}
        self._dirty: dict[str, Any] = {}
        self._confirmed: list[tuple[int, int]] = []  # (state, id), not yet durable
        self._retry_ms = 0
        self._db = self._open(path)
        self._load()
        self.boot: int = int(self.get("boot", 0)) + 1
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
        if not (self._ring or self._dirty or self._confirmed):
            return True
        if self._db is None or (self.is_failing and now_ms < self._retry_ms):
            return False
        try:
            with self._db:
                self._db.executemany(_INSERT, [_row(r, mono) for r, mono in self._ring])
                sent = [(_IN_FLIGHT, record_id) for record_id in self._ring_sent]
                self._db.executemany("UPDATE record SET state=? WHERE id=?", sent + self._confirmed)
                self._db.executemany(
                    "INSERT OR REPLACE INTO small VALUES (?,?)",
                    [(key, msgpack.packb(value)) for key, value in self._dirty.items()],
                )
        except sqlite3.Error:
            self.is_failing = True
            self._retry_ms = now_ms + RETRY_COMMIT_MS
            return False
        self._confirmed.clear()
        self._ring.clear()
        self._ring_sent.clear()
        self._dirty.clear()
        self.is_failing = False
        return True

    def queued(self, priority: Priority, limit: int) -> list[Record]:
        """Up to ``limit`` durable records that are neither in flight nor confirmed.

        Musings and bulk come newest first, all others oldest first. While the disk fails, records
        of the RAM ring are offered too.
        """
        found: list[Record] = []
        order = "DESC" if priority in _NEWEST_FIRST else "ASC"
        if self._db is not None:
            try:
                rows = self._db.execute(
                    f"SELECT {_COLUMNS} FROM record WHERE state=0 AND class=? "
                    f"ORDER BY id {order} LIMIT ?",
                    (priority, limit),
                ).fetchall()
            except sqlite3.Error:
                self.is_failing = True
                rows = []
            found = [record for row in rows if (record := self._record(row)) is not None]
        if self.is_failing or self._db is None:
            for record, _ in self._ring:
                if record.priority is priority and record.record_id not in self._ring_sent:
                    found.append(record)
        return found[:limit]

    @property
    def newest_id(self) -> int:
        """The id of the latest record, 0 before the first."""
        return self._next_id - 1

    def has_queued(self, priority: Priority, after_id: int) -> bool:
        """Whether a record with a larger id has not been laid into a block, RAM ring included."""
        for record, _ in self._ring:
            is_later = record.priority is priority and record.record_id > after_id
            if is_later and record.record_id not in self._ring_sent:
                return True
        return self._count(f"state=0 AND class={int(priority)} AND id>{after_id}") > 0

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
        """Records ever stored, RAM ring included."""
        return self._count("1") + len(self._ring)

    def texts(self, kind: Kind, limit: int) -> list[str]:
        """The ``text`` of the latest records of ``kind``, oldest first."""
        if self._db is None:
            return []
        rows = self._db.execute(
            f"SELECT {_COLUMNS} FROM record WHERE kind=? ORDER BY id DESC LIMIT ?", (kind, limit)
        ).fetchall()
        records = [record for row in rows if (record := self._record(row)) is not None]
        return [str(r.body["text"]) for r in reversed(records) if "text" in r.body]

    def close(self) -> None:
        """Commit and let go of the file."""
        self.commit(self._retry_ms)
        if self._db is not None:
            self._db.close()
            self._db = None

    def _mark(self, state: int, record_ids: Iterable[int]) -> None:
        """Takes effect at once and becomes durable with the next commit."""
        ring_ids = {record.record_id for record, _ in self._ring}
        marks = []
        for record_id in record_ids:
            if record_id in ring_ids:
                self._ring_sent.add(record_id)
            else:
                marks.append((state, record_id))
        if state == _CONFIRMED:  # only this must survive a power cut
            self._confirmed += marks
        if self._db is not None and marks:
            try:
                self._db.executemany("UPDATE record SET state=? WHERE id=?", marks)
            except sqlite3.Error:
                self.is_failing = True

    def _count(self, condition: str) -> int:
        if self._db is None:
            return 0
        try:
            row = self._db.execute(f"SELECT count(*) FROM record WHERE {condition}").fetchone()
        except sqlite3.Error:
            self.is_failing = True
            return 0
        return int(row[0])

    def _record(self, row: tuple[Any, ...]) -> Record | None:
        record_id, kind, boot, time_ms, quality, body, crc = row
        if zlib.crc32(body) != crc:
            self.damaged_records += 1
            self._confirmed.append((_CONFIRMED, record_id))  # kept for the salvage, never sent
            return None
        return Record(
            record_id, Kind(kind), boot, time_ms, TimeQuality(quality), unpack_body(body)
        )

    def _open(self, path: Path) -> sqlite3.Connection | None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            return _connect(path, self._synchronous)
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise StoreBusyError(f"{path}: another payload has this store open") from error
        except sqlite3.DatabaseError:
            return self._salvage(path)
        except OSError:
            pass
        self.is_failing = True
        return None

    def _salvage(self, path: Path) -> sqlite3.Connection | None:
        """Move a damaged database aside and copy the rows that can still be read."""
        number = 1
        while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
            number += 1
        for suffix in ("", "-wal", "-shm"):
            source = Path(f"{path}{suffix}")
            if source.exists():
                source.rename(f"{aside}{suffix}")
        self.salvaged_from = aside
        try:
            fresh = _connect(path, self._synchronous)
            with fresh:
                fresh.executemany(_INSERT, _readable_rows(aside, "record"))
                small = _readable_rows(aside, "small")
                fresh.executemany("INSERT OR IGNORE INTO small VALUES (?,?)", small)
        except sqlite3.Error:
            self.is_failing = True
            return None
        return fresh

    def _load(self) -> None:
        self._next_id = 1
        if self._db is None:
            return
        rows = self._db.execute("SELECT key, value FROM small").fetchall()
        self._small = {key: msgpack.unpackb(value, strict_map_key=False) for key, value in rows}
        self._db.execute("UPDATE record SET state=0 WHERE state=1")
        last = self._db.execute("SELECT max(id) FROM record").fetchone()[0]
        self._next_id = (last or 0) + 1


def _row(record: Record, mono_ms: int) -> tuple[Any, ...]:
    body = pack_body(record.body)
    return (
        record.record_id, record.priority, record.kind, record.boot, mono_ms, record.time_ms,
        record.quality, body, zlib.crc32(body), _QUEUED,
    )


def _connect(path: Path, synchronous: str) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=0.2)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA locking_mode=EXCLUSIVE")
    db.execute(f"PRAGMA synchronous={synchronous}")
    db.executescript(_SCHEMA)
    db.execute("BEGIN IMMEDIATE")  # takes the lock now, so a second payload fails here
    db.execute("COMMIT")
    if db.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
        db.close()
        raise sqlite3.DatabaseError("quick_check")
    return db


def _readable_rows(path: Path, table: str) -> Iterator[tuple[Any, ...]]:
    """Rows of ``table`` one at a time, past the pages that cannot be read."""
    key = {"record": "id", "small": "key"}[table]
    last: Any = None
    try:
        db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        top = db.execute("SELECT max(id) FROM record").fetchone()[0] or 0
    except sqlite3.Error:
        return
    skips_left = top + 1
    while skips_left:
        try:
            where = f"WHERE {key} > ?" if last is not None else ""
            values = (last,) if last is not None else ()
            sql = f"SELECT * FROM {table} {where} ORDER BY {key} LIMIT 1"
            row = db.execute(sql, values).fetchone()
        except sqlite3.Error:
            if table == "small":
                return
            last, skips_left = (last or 0) + 1, skips_left - 1
            continue
        if row is None:
            return
        last = row[0]
        yield row
