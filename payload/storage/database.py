"""The store's file: its tables, its rows with their CRCs, and how it is opened."""

from __future__ import annotations

import os
import sqlite3
import zlib
from contextlib import closing
from pathlib import Path
from typing import Any

import msgpack

from payload.ports import QUEUED
from wire.records import Kind, Record, TimeQuality, pack_body, unpack_body

SCHEMA = """
CREATE TABLE IF NOT EXISTS record (
    id INTEGER PRIMARY KEY, class INTEGER NOT NULL, kind INTEGER NOT NULL, boot INTEGER NOT NULL,
    mono_ms INTEGER NOT NULL, time_ms INTEGER NOT NULL, quality INTEGER NOT NULL,
    body BLOB NOT NULL, crc32 INTEGER NOT NULL, state INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS record_queue ON record (state, class, id);
CREATE TABLE IF NOT EXISTS small (
    key TEXT PRIMARY KEY, value BLOB NOT NULL, crc32 INTEGER NOT NULL) WITHOUT ROWID;
"""
# The state changes all the time and means little; the CRC is of all other columns.
COLUMNS = "id, class, kind, boot, mono_ms, time_ms, quality, body, crc32"
ALL_COLUMNS = f"{COLUMNS}, state"
SMALL_COLUMNS = "key, value, crc32"
CACHE_KIB = 512  # of pages in this process; what is read again mostly lies in the kernel's cache
LOCK_WAIT_S = 0.2  # for another program that has the file open
INSERT = f"INSERT OR IGNORE INTO record ({ALL_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?)"
INSERT_SMALL = f"INSERT OR REPLACE INTO small ({SMALL_COLUMNS}) VALUES (?,?,?)"


def row_of(record: Record, mono_ms: int) -> tuple[Any, ...]:
    """The columns of a new record, in the order of the table."""
    columns = (
        record.record_id, record.priority, record.kind, record.boot, mono_ms, record.time_ms,
        record.quality, pack_body(record.body),
    )
    return (*with_crc(columns), QUEUED)


def record_of(row: tuple[Any, ...]) -> Record | None:
    """The record in ``COLUMNS``; None when they are damaged, or a newer spacepi wrote them."""
    record_id, _, kind, boot, _, time_ms, quality, body, _ = row
    if not is_whole(row):
        return None
    try:
        return Record(
            record_id, Kind(kind), boot, time_ms, TimeQuality(quality), unpack_body(body))
    except ValueError:
        return None


def small_row(key: str, value: Any) -> tuple[Any, ...]:
    """A row of the table ``small``."""
    return with_crc((key, msgpack.packb(value)))


def with_crc(columns: tuple[Any, ...]) -> tuple[Any, ...]:
    """A row as it is written: SQLite checks the shape of its pages, not what is in them."""
    return (*columns, zlib.crc32(msgpack.packb(columns)))


def is_whole(row: tuple[Any, ...]) -> bool:
    """Does the last column hold the CRC of those before it?"""
    return with_crc(row[:-1]) == row


def newest_of(db: sqlite3.Connection, first_id: int, end_id: int) -> int:
    """The largest id in [first_id, end_id), 0 when there is none."""
    query = "SELECT max(id) FROM record WHERE id >= ? AND id < ?"
    return db.execute(query, (first_id, end_id)).fetchone()[0] or 0


def newest(db: sqlite3.Connection, end_id: int) -> tuple[int, int]:
    """(id, boot) of the newest record below ``end_id``; 0 and 0 when there is none.

    A damaged id must not number what comes after, so rows that are not whole only count as one.
    """
    rows = db.execute(f"SELECT {COLUMNS} FROM record WHERE id < ? ORDER BY id DESC", (end_id,))
    damaged = 0
    for row in rows:
        if is_whole(row):
            return row[0] + damaged, row[3]
        damaged += 1
    return damaged, 0


def _shape(db: sqlite3.Connection) -> set[tuple[Any, ...]]:
    """The columns of every table and index; a check of the pages does not see a changed name."""
    found: set[tuple[Any, ...]] = set()
    for pragma, name in (
        ("table_info", "record"), ("table_info", "small"), ("index_info", "record_queue"),
    ):
        found |= {(name, *row) for row in db.execute(f"PRAGMA {pragma}({name})")}
    return found


def _sound_shape() -> set[tuple[Any, ...]]:
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript(SCHEMA)
        return _shape(db)


_SOUND_SHAPE = _sound_shape()


def has_schema(path: Path) -> bool:
    """Does the file say where its tables are? False where it cannot be read."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            return _shape(db) >= _SOUND_SHAPE
    except (sqlite3.Error, UnicodeDecodeError):
        return False


def connect(path: Path, synchronous: str) -> sqlite3.Connection:
    """The only writer's connection. Costs the same however much the file holds.

    Raises DatabaseError when the file is seen to be damaged, its OperationalError or OSError when
    the disk refuses or another program has the file.
    """
    db = sqlite3.connect(path, timeout=LOCK_WAIT_S)
    db.text_factory = any_text
    try:
        # First, so that there is no shared-memory file: a full disk turns its pages into SIGBUS.
        db.execute("PRAGMA locking_mode=EXCLUSIVE")
        db.execute("PRAGMA journal_mode=WAL")
        db.execute(f"PRAGMA synchronous={synchronous}")
        db.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
        db.executescript(SCHEMA)
        db.execute("BEGIN IMMEDIATE")  # takes the lock now, so a second writer fails here
        db.execute("COMMIT")
        if not _shape(db) >= _SOUND_SHAPE:  # a newer spacepi may have more
            raise sqlite3.DatabaseError("its tables do not match the schema")
        if synchronous == "FULL":
            sync_folder(path.parent)  # SQLite does it too, but takes no notice of failure
    except (sqlite3.Error, OSError):
        db.close()
        raise
    except UnicodeDecodeError as error:  # sqlite3 quotes the damage in its message
        db.close()
        raise sqlite3.DatabaseError("its table names are not text") from error
    return db


def read(path: Path, kind: Kind) -> list[Record]:
    """The whole records of a kind, oldest first, of a store that no payload has open.

    Raises sqlite3.Error where there is no such store.
    """
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
        db.text_factory = any_text
        rows = db.execute(f"SELECT {COLUMNS} FROM record WHERE kind = ? ORDER BY id", (kind,))
        found = [record_of(row) for row in rows]
    return [record for record in found if record is not None]


def check(db: sqlite3.Connection) -> None:
    """Read every page, and hold the index against the rows: seconds for a file of 100 MB.

    Raises DatabaseError when something is wrong.
    """
    if db.execute("PRAGMA integrity_check(1)").fetchone()[0] != "ok":
        raise sqlite3.DatabaseError("integrity_check")


def fold_log(db: sqlite3.Connection) -> None:
    """Bring all of the log into the file, and begin another.

    After a sync that failed the log may hold pages that no later sync makes durable, and what
    follows them would be lost with them. Raises OperationalError when the disk does not take it.
    """
    if db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] != 0:
        raise sqlite3.OperationalError("the log could not be emptied")
    version = db.execute("PRAGMA user_version").fetchone()[0]
    db.execute(f"PRAGMA user_version={version}")  # a commit, so that the end of the old is durable


def create(path: Path, synchronous: str) -> None:
    """The very first database: whole under its name, or not there at all.

    So a file without a byte in it is one that has lost everything. Raises sqlite3.Error or OSError.
    """
    part = path.with_name(f"{path.name}.new")
    for suffix in ("", "-journal"):
        Path(f"{part}{suffix}").unlink(missing_ok=True)
    with closing(sqlite3.connect(part)) as db:
        db.execute(f"PRAGMA synchronous={synchronous}")
        db.executescript(SCHEMA)
    part.rename(path)
    if synchronous == "FULL":
        sync_folder(path.parent)


def any_text(data: bytes) -> str:
    """For ``text_factory``: text that is no UTF-8 must not raise, its row's CRC tells of it."""
    return data.decode("utf-8", "replace")


def sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` durable. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def is_emptied(path: Path) -> bool:
    """Has the file lost every byte? SQLite takes that for a new database. Raises OSError."""
    return path.stat().st_size == 0


def make_folder(folder: Path) -> None:
    """Make it, durably. Raises OSError."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        sync_folder(path.parent)


def free_bytes(folder: Path) -> int:
    """Room on the disk of ``folder`` that a program without privileges may use."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize
