"""Retention: which records are deleted on a nearly full disk, and which of those kept for others.

Nothing of this payload is deleted while there is room. On a disk that is nearly full new records
take the pages of confirmed ones, the oldest of the least urgent class first. Of what is kept for
other payloads no more than RELAYED_MAX parcels wait: beyond that the oldest is deleted.
"""

from __future__ import annotations

import sqlite3

from wire.records import Priority

RESERVE_BYTES = 32 << 20  # of free disk; with less, confirmed records make room
PRUNE_RECORDS = 100  # in one commit, so that it stays short
PRUNE_PAGES = 64  # free pages in the file that are enough
RELAYED_MAX = 1_000  # parcels of other payloads that wait, 2 MB or so

_DROP_CONFIRMED = (
    "DELETE FROM record WHERE id < (SELECT max(id) FROM record WHERE id < ?) AND id IN ("
    "SELECT id FROM record WHERE state=2 AND class="
    "(SELECT max(class) FROM record WHERE state=2) ORDER BY id LIMIT ?) RETURNING id"
)
_COUNT_RELAYED = "SELECT COUNT(*) FROM record WHERE state IN (0, 1) AND class=?"
_DROP_RELAYED = (
    "DELETE FROM record WHERE id IN (SELECT id FROM record WHERE state=0 AND class=? ORDER BY id "
    "LIMIT ?) RETURNING id"
)


def drop_confirmed(db: sqlite3.Connection, free_bytes: int, ordinary_ids_end: int) -> list[int]:
    """Where the disk has only ``free_bytes``, delete confirmed records; their ids.

    The newest record below ``ordinary_ids_end`` stays: those to come are numbered after it.
    """
    if free_bytes >= RESERVE_BYTES:
        return []
    if db.execute("PRAGMA freelist_count").fetchone()[0] >= PRUNE_PAGES:
        return []
    return [record_id for (record_id,) in db.execute(
        _DROP_CONFIRMED, (ordinary_ids_end, PRUNE_RECORDS))]


def drop_relayed(db: sqlite3.Connection) -> list[int]:
    """Where more is kept for others than may wait, delete the oldest; their ids. Those on their way
    count, and stay."""
    relay = int(Priority.RELAY)
    (waiting,) = db.execute(_COUNT_RELAYED, (relay,)).fetchone()
    too_many = max(0, waiting - RELAYED_MAX)  # for SQLite a negative limit is none
    return [record_id for (record_id,) in db.execute(_DROP_RELAYED, (relay, too_many))]
