"""Salvage: the readable rows of a damaged database, copied into a new one that replaces it.

The damaged files are moved aside and kept. A power cut at any instant repeats or finishes it: until
the copy is complete it has a name that no program opens, and once it has its final name it is put
in place at the next start.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from payload.ports import CONFIRMED, QUEUED
from payload.storage.database import (
    ALL_COLUMNS,
    COLUMNS,
    SCHEMA,
    SMALL_COLUMNS,
    any_text,
    has_schema,
    is_whole,
    sync_folder,
)
from payload.storage.ids import FIRST_IDS, INCARNATION_KEY

READ_ERRORS = ("SQLITE_IOERR_READ", "SQLITE_IOERR_SHORT_READ")
BAD_HEADER = "unsupported file format"  # a plain SQLITE_ERROR; only its message tells
HEAD_BYTES, PAGE_BYTES = 100, 4_096  # of every file that this payload makes
ID_MAX = 1 << 32
LOOK_UPS_MAX = 20_000  # at one end of a gap: all that hangs on one page of the tree,
ROW_BYTES_MIN = 32  # and no more than the file has room for
LOOK_UP_ERRORS_MAX = 3  # in a row, of the disk itself: each may cost a second


def copy(path: Path) -> None:
    """Copy what can be read of the database at ``path`` beside it, for ``finish``.

    A record of which only the state is damaged goes out again, and so does what was in flight: the
    damage may be that it seems so.
    Raises sqlite3.Error or OSError when the disk does not take it; ``path`` is then as it was.
    """
    part = path.with_name(f"{path.name}.salvaging")
    for suffix in ("", "-journal"):
        Path(f"{part}{suffix}").unlink(missing_ok=True)
    fresh = sqlite3.connect(part)
    try:
        fresh.executescript(SCHEMA)
        with fresh:
            for table, row in _readable(_with_schema(path)):
                _insert(fresh, table, row)
    finally:
        fresh.close()
        for suffix in ("", "-wal", "-shm"):
            Path(f"{path}.schema{suffix}").unlink(missing_ok=True)
    part.rename(_copy_of(path))
    sync_folder(path.parent)  # before anything is moved aside


def finish(path: Path) -> Path | None:
    """Put a whole copy, where there is one, in the place of the damaged database.

    Where that was moved to, or None. Raises OSError.
    """
    copied = _copy_of(path)
    if not copied.exists():
        return None
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists() and path.exists():
        number += 1
    for suffix in ("-journal", "-wal", "-shm", ""):
        source = Path(f"{path}{suffix}")
        if source.exists():
            source.rename(f"{aside}{suffix}")
    copied.rename(path)
    sync_folder(path.parent)
    return aside


def _copy_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.salvaged")


def _insert(db: sqlite3.Connection, table: str, row: tuple[Any, ...]) -> None:
    """Rows that break the rules of their table are not worth keeping."""
    marks = ",".join("?" * len(row))
    try:
        db.execute(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", row)
    except sqlite3.IntegrityError:
        return
    except sqlite3.OperationalError as error:
        if error.sqlite_errorname != "SQLITE_ERROR":  # this one is of another number of columns
            raise


def _with_schema(path: Path) -> Path:
    """The database, or a copy with a sound schema where its own is damaged: the words of it that
    stand on its first page, behind the head of the file. The tables have been in the same places
    since it was made. Without room for a copy it stays as it is. Raises OSError."""
    repaired = path.with_name(f"{path.name}.schema")
    for suffix in ("", "-wal", "-shm"):
        Path(f"{repaired}{suffix}").unlink(missing_ok=True)
    if has_schema(path):
        return path
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        sound = Path(folder) / "sound"
        with closing(sqlite3.connect(sound)) as db:
            db.executescript(SCHEMA)
        first_page = sound.read_bytes()[HEAD_BYTES:PAGE_BYTES]
    for suffix in ("", "-wal"):
        if Path(f"{path}{suffix}").exists():
            shutil.copyfile(f"{path}{suffix}", f"{repaired}{suffix}")
    with repaired.open("r+b") as file:
        file.seek(HEAD_BYTES)
        file.write(first_page)
    return repaired


def _readable(path: Path) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """(table, row) of everything that can be read."""
    try:
        db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorname in READ_ERRORS:  # without its first page nothing can be read
            return
        raise
    db.text_factory = any_text
    with closing(db):
        look_ups = min(LOOK_UPS_MAX, _size_bytes(path) // ROW_BYTES_MIN)
        yield from (("record", _with_state(row)) for row in _records(db, look_ups))
        yield from (("small", row) for row in _small(db))


def _with_state(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return row if row[-1] == CONFIRMED else (*row[:-1], QUEUED)


def _size_bytes(path: Path) -> int:
    """Of the database and its log."""
    files = (path, Path(f"{path}-wal"))
    return sum(file.stat().st_size for file in files if file.exists())


def _records(db: sqlite3.Connection, look_ups: int) -> Iterator[tuple[Any, ...]]:
    """Records one at a time, past the pages that cannot be read.

    A damaged tree may lead past rows that are still found by their id: gaps are looked up, up to
    ``look_ups`` from both ends, since the way to the first row of a page leads over the page before
    it.
    """
    columns = _selectable(db, "record", ALL_COLUMNS)
    record_id = 0
    while (row := _next_readable(db, columns, record_id)) is not None:
        gap = range(record_id + 1, row[0])
        yield from _looked_up(db, columns, gap[:look_ups])
        yield from _looked_up(db, columns, gap[: -look_ups - 1 : -1])
        if not is_whole(row[:-1]):  # perhaps one that only claims this id; the first one is kept
            yield from _looked_up(db, columns, range(row[0], row[0] + 1))
        yield row
        record_id = row[0]
    yield from _looked_up(db, columns, range(record_id + 1, record_id + look_ups))


def _selectable(db: sqlite3.Connection, table: str, columns: str) -> str:
    """What to ask of the table: a newer spacepi may have added columns, damage may have renamed
    one."""
    try:
        db.execute(f"SELECT {columns} FROM {table} LIMIT 0")
    except (sqlite3.Error, UnicodeDecodeError):
        return "*"
    return columns


def _looked_up(
    db: sqlite3.Connection, columns: str, record_ids: range
) -> Iterator[tuple[Any, ...]]:
    """Rows found by their id alone; where the disk gives no answer thrice, the rest is left."""
    errors = 0
    for record_id in record_ids:
        for wanted in (columns, f"{COLUMNS}, NULL"):
            query = f"SELECT {wanted} FROM record WHERE id=?"
            try:
                row = db.execute(query, (record_id,)).fetchone()
            except (sqlite3.Error, UnicodeDecodeError) as error:
                errors += getattr(error, "sqlite_errorname", "") in READ_ERRORS
                continue
            errors = 0
            if row is not None and row[0] == record_id:
                yield row
            break
        if errors >= LOOK_UP_ERRORS_MAX:
            return


def _next_readable(
    db: sqlite3.Connection, columns: str, after_id: int
) -> tuple[Any, ...] | None:
    """The first record behind ``after_id`` that can be read, or None.

    Ids that cannot be read lie together on a page: its end is found by doubling, then halving; of
    the very first page, whose ids may begin anywhere, by halving. Every try that fails may cost
    the second that a card takes to give a sector up.
    """
    is_readable, row = _read_next(db, columns, after_id)
    if is_readable:
        return row
    bad, good = 0, 1 if after_id else FIRST_IDS
    while not (found := _read_next(db, columns, after_id + good))[0]:
        bad, good = good, 2 * good
        if good > ID_MAX:
            return None
    row = found[1]
    while good - bad > 1:
        middle = (good + bad) // 2
        is_readable, closer = _read_next(db, columns, after_id + middle)
        if is_readable:
            good, row = middle, closer
        else:
            bad = middle
    return row


def _read_next(
    db: sqlite3.Connection, columns: str, after_id: int
) -> tuple[bool, tuple[Any, ...] | None]:
    """(can it be read, the next row or None at the end)."""
    try:
        row = db.execute(
            f"SELECT {columns} FROM record WHERE id > ? ORDER BY id LIMIT 1", (after_id,)
        ).fetchone()
    except (sqlite3.Error, UnicodeDecodeError):
        return False, None
    is_forward = row is None or row[0] > after_id  # a damaged tree may lead back to its beginning
    return is_forward, row


def _small(db: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    """But not the incarnation: what is read here may be older than what was lost, and the next
    life must not have the name of one that was."""
    with suppress(sqlite3.Error, UnicodeDecodeError):
        columns = _selectable(db, "small", SMALL_COLUMNS)
        rows = db.execute(f"SELECT {columns} FROM small")
        yield from (row for row in rows if row[0] != INCARNATION_KEY)
