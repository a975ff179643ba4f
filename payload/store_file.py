"""The store's file: its tables, its rows with their CRCs, and how it is opened."""

from __future__ import annotations

import os
import sqlite3
import zlib
from pathlib import Path
from typing import Any

import msgpack

from payload import salvage
from wire.records import Kind, Record, TimeQuality, pack_body, unpack_body

QUEUED, IN_FLIGHT, CONFIRMED = 0, 1, 2
SCHEMA = """
CREATE TABLE IF NOT EXISTS record (
    id INTEGER PRIMARY KEY, class INTEGER NOT NULL, kind INTEGER NOT NULL, boot INTEGER NOT NULL,
    mono_ms INTEGER NOT NULL, time_ms INTEGER NOT NULL, quality INTEGER NOT NULL,
    body BLOB NOT NULL, crc32 INTEGER NOT NULL, state INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS record_queue ON record (state, class, id);
CREATE TABLE IF NOT EXISTS small (
    key TEXT PRIMARY KEY, value BLOB NOT NULL, crc32 INTEGER NOT NULL) WITHOUT ROWID;
"""
COLUMNS = "id, kind, boot, time_ms, quality, body, crc32"


def row_of(record: Record, mono_ms: int) -> tuple[Any, ...]:
    """The columns of a new record, in the order of the table."""
    body = pack_body(record.body)
    columns = (record.record_id, record.kind, record.boot, record.time_ms, record.quality, body)
    return (
        record.record_id, record.priority, record.kind, record.boot, mono_ms, record.time_ms,
        record.quality, body, _crc(columns), QUEUED,
    )


def record_of(row: tuple[Any, ...]) -> Record | None:
    """The record in ``COLUMNS``; None when they are damaged, or a newer spacepi wrote them."""
    record_id, kind, boot, time_ms, quality, body, crc = row
    if _crc(row[:-1]) != crc or kind not in Kind._value2member_map_:
        return None
    return Record(record_id, Kind(kind), boot, time_ms, TimeQuality(quality), unpack_body(body))


def _crc(columns: tuple[Any, ...]) -> int:
    return zlib.crc32(msgpack.packb(columns))


def is_whole(value: object, crc: object) -> bool:
    """Is this the value of a row of ``small``, undamaged?"""
    return isinstance(value, bytes) and zlib.crc32(value) == crc


def small_row(key: str, value: Any) -> tuple[str, bytes, int]:
    """A row of the table ``small``."""
    packed = msgpack.packb(value)
    return key, packed, zlib.crc32(packed)


def connect(path: Path, synchronous: str) -> sqlite3.Connection:
    """The only writer's connection.

    Raises DatabaseError when the file is damaged, its OperationalError or OSError when the disk
    refuses.
    """
    db = sqlite3.connect(path, timeout=0.2)
    try:
        # First, so that there is no shared-memory file: a full disk turns its pages into SIGBUS.
        db.execute("PRAGMA locking_mode=EXCLUSIVE")
        db.execute("PRAGMA journal_mode=WAL")
        db.execute(f"PRAGMA synchronous={synchronous}")
        db.executescript(SCHEMA)
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


def make_folder(folder: Path) -> None:
    """Make it, durably. Raises OSError."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        salvage.sync_folder(path.parent)


def free_bytes(folder: Path) -> int:
    """Room on the disk of ``folder`` that a program without privileges may use."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize
