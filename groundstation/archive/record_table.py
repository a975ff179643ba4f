"""The table of records: each is kept once, whichever life of its store it comes from again.

A record that was sent without a disk keeps its id when that returns, so the same id with the same
contents is the same record in every life. Text takes the place of the same record sealed
(``wire.bodies``). The same id with other contents is another record in another life; in the same
one it is kept next to the first, as a conflict. ``life`` is the number of a store
(``groundstation.decode.sessions``).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

import msgpack
import structlog

from groundstation.archive.archive import Archive
from wire import bodies
from wire.auth import Authenticity
from wire.bodies import SEALED, Body, unpack_body
from wire.records import Record, TimeQuality

_log = structlog.get_logger()
_COLUMNS = (
    "(node_id, life, record_id, kind, boot, time_ms, quality, body, heard_utc_ms, authenticity)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_pack: Callable[[Body], bytes] = msgpack.Packer().pack
_Row = tuple[Any, ...]


def add(
    archive: Archive, node_id: int, records: Sequence[Record], heard_utc_ms: int,
    authenticity: Authenticity, life: int = 0,
) -> list[Record]:
    """Keep the records that became readable together; those of them that were not here already.

    The caller holds a batch. Raises ValueError for a body that cannot be packed.
    """
    rows = [(node_id, life, record.record_id, int(record.kind), record.boot, record.time_ms,
             int(record.quality), _pack(record.body), heard_utc_ms, authenticity.value)
            for record in records]
    if _are_unknown(archive.db, node_id, {record.record_id for record in records}, len(records)):
        _insert(archive, rows)
        new = list(records)
    else:
        new = [each for each, row in zip(records, rows, strict=True) if _add_beside(archive, row)]
    for record in new:
        if record.quality is TimeQuality.NONE:
            _learn_boot_clock(archive.db, node_id, life, record.boot,
                              heard_utc_ms - record.time_ms)
        if SEALED in record.body:
            archive.count({"sealed": 1})
    return new


def _are_unknown(db: sqlite3.Connection, node_id: int, ids: set[int], count: int) -> bool:
    """Are these ``count`` different ids that no record of the payload has?"""
    marks = ", ".join("?" * len(ids))
    here = db.execute(
        f"SELECT 1 FROM record WHERE node_id = ? AND record_id IN ({marks}) LIMIT 1",
        (node_id, *ids)).fetchone()
    return here is None and len(ids) == count


def _insert(archive: Archive, rows: Sequence[_Row]) -> None:
    """Rows that are not there yet."""
    for row in rows:
        added = archive.db.execute(f"INSERT INTO record{_COLUMNS}", row)
        archive.note_change("record", added.lastrowid)


def _add_beside(archive: Archive, row: _Row) -> bool:
    """Add the row, whose id may be known; False when the record was here already."""
    node_id, life, record_id, kind, boot, time_ms, quality, body, *_ = row
    here = archive.db.execute(
        "SELECT id, life, body, kind, boot, time_ms, quality FROM record"
        " WHERE node_id = ? AND record_id = ?", (node_id, record_id),
    ).fetchall()
    for row_id, _, first_body, *first in here:
        if first == [kind, boot, time_ms, quality]:
            is_new = _read_again(archive, row_id, unpack_body(first_body), body)
            if is_new is not None:
                return is_new
    if any(its_life == life for _, its_life, *_ in here):
        _keep_conflict(archive, row)
        return False
    _insert(archive, [row])
    return True


def _read_again(archive: Archive, row_id: int, here: Body, body: bytes) -> bool | None:
    """Whether ``body`` completes the record in this row; None when that is another record."""
    now = unpack_body(body)
    is_same = bodies.without_text(here) == bodies.without_text(now)
    if here == now or (is_same and SEALED in now):
        return False
    if is_same and SEALED in here:
        archive.db.execute("UPDATE record SET body = ? WHERE id = ?", (body, row_id))
        archive.note_change("record", row_id)
        archive.count({"sealed": -1})
        return True
    return None


def _keep_conflict(archive: Archive, row: _Row) -> None:
    kept = archive.db.execute(f"INSERT OR IGNORE INTO record_conflict{_COLUMNS}", row)
    if kept.rowcount:
        archive.count({"conflicts": 1})
        _log.warning("record_conflict", node_id=row[0], record_id=row[2])


def _learn_boot_clock(
    db: sqlite3.Connection, node_id: int, life: int, boot: int, offset_ms: int
) -> None:
    """A boot without UTC is dated by its fastest record: none is heard before it is made."""
    db.execute(
        "INSERT INTO boot_clock(node_id, life, boot, offset_ms) VALUES (?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET offset_ms = MIN(offset_ms, excluded.offset_ms)",
        (node_id, life, boot, offset_ms),
    )
