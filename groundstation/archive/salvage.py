"""Moves a damaged or older database aside, and saves what is readable in it and in no raw log."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import structlog

from groundstation.archive import schema

DAMAGED, OLDER = "damaged", "older"  # in the name of what was moved aside, before a common number

_log = structlog.get_logger()


def move_aside(path: Path, error: sqlite3.DatabaseError) -> None:
    """Rename the database at ``path``, and what belongs to it, to a name that is free."""
    is_older = isinstance(error, schema.OlderVersion)
    aside = _name(path, OLDER if is_older else DAMAGED, _count(path) + 1)
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    if is_older:
        _log.info("archive_upgraded", moved_to=aside.name, why=str(error))
    else:
        _log.error("archive_damaged", moved_to=aside.name, why=str(error))


def salvage(path: Path, db: sqlite3.Connection) -> None:
    """Best effort: into ``db`` what people and this station did, from the one moved aside last.

    It is noted in the same commit, so that after a cut before it the next opening does it.
    """
    number = _count(path)
    try:
        done = db.execute("SELECT value FROM meta WHERE key = ?", (schema.SALVAGED_FROM_KEY,))
        if number in (0, *(row[0] for row in done)):
            return
        db.execute("BEGIN IMMEDIATE")
        try:
            _copy(_aside(path, number), db)
        except (sqlite3.Error, UnicodeDecodeError) as error:
            _log.warning("outbox_not_salvaged", why=str(error))
        db.execute("INSERT OR REPLACE INTO meta(key, value) VALUES (?, ?)",
                   (schema.SALVAGED_FROM_KEY, number))
        db.execute("COMMIT")
    except sqlite3.Error as error:  # the disk refuses: tried again at the next opening
        if db.in_transaction:
            db.execute("ROLLBACK")
        _log.warning("outbox_not_salvaged", why=str(error))


def _copy(aside: Path, db: sqlite3.Connection) -> None:
    with closing(sqlite3.connect(aside)) as old:
        for table in ("outbox", "uplink"):
            _copy_rows(old, db, table)
        for key in schema.SALVAGED_KEYS:
            for row in old.execute("SELECT value FROM meta WHERE key = ?", (key,)):
                db.execute("INSERT OR IGNORE INTO meta(key, value) VALUES (?, ?)", (key, row[0]))


def _copy_rows(old: sqlite3.Connection, new: sqlite3.Connection, table: str) -> None:
    """The columns that both have: a table of an earlier version has fewer."""
    columns = [{row[1] for row in db.execute(f"PRAGMA table_info({table})")} for db in (old, new)]
    names = sorted(columns[0] & columns[1])
    marks = ", ".join("?" * len(names))
    for row in old.execute(f"SELECT {', '.join(names)} FROM {table}"):
        new.execute(f"INSERT OR IGNORE INTO {table}({', '.join(names)}) VALUES ({marks})", row)


def _name(path: Path, why: str, number: int) -> Path:
    return path.with_name(f"{path.name}.{why}-{number}")


def _aside(path: Path, number: int) -> Path:
    """The one of this number, whatever it was moved aside for."""
    older = _name(path, OLDER, number)
    return older if older.exists() else _name(path, DAMAGED, number)


def _count(path: Path) -> int:
    """How many were moved aside before."""
    number = 0
    while _aside(path, number + 1).exists():
        number += 1
    return number
