"""The check after a start: is every record found through the index by which records are sent?

The state of a record changes too often for a checksum, and a flipped bit in the index hides records
that are whole. So both are read, a slice at a time: each entry of the index must be in order and
that of its record, and each record must be found by the search that looks for it. SQLite itself
raises an error for a page that is not one.
"""

from __future__ import annotations

import sqlite3

from payload.ports import STATES

CHECK_ROWS = 200  # read in one slice

_ENTRIES = (  # by way of the index, then of the table: SQLite takes from the former what it can
    "SELECT q.state, q.class, q.id, r.state, r.class, r.body "
    "FROM record q INDEXED BY record_queue LEFT JOIN record r NOT INDEXED ON r.id = q.id "
    "WHERE (q.state, q.class, q.id) > (?,?,?) ORDER BY q.state, q.class, q.id LIMIT ?"
)
_RECORDS = (  # a bit in the order of the entries leads their search astray, past whole ones
    "SELECT r.id, EXISTS (SELECT 1 FROM record q INDEXED BY record_queue "
    "WHERE q.state = r.state AND q.class = r.class AND q.id = r.id) "
    "FROM record r NOT INDEXED WHERE r.id > ? ORDER BY r.id LIMIT ?"
)


class IndexCheck:
    """Of one file, from its first entry to its last record."""

    def __init__(self) -> None:
        self.is_done = False
        self._entry: tuple[int, int, int] | None = (-1, 0, 0)  # the latest; None is the last
        self._record_id = -1 << 63

    def slice(self, db: sqlite3.Connection) -> None:
        """Read the next rows. Raises sqlite3.DatabaseError where they do not agree."""
        if self._entry is not None:
            self._entry = self._read_entries(db, self._entry)
        else:
            self._read_records(db)

    def _read_entries(
        self, db: sqlite3.Connection, latest: tuple[int, int, int]
    ) -> tuple[int, int, int] | None:
        rows = db.execute(_ENTRIES, (*latest, CHECK_ROWS)).fetchall()
        for row in rows:
            if not all(type(value) is int for value in row[:3]) or row[:3] <= latest:
                raise sqlite3.DatabaseError("the index is out of order")
            if row[0] not in STATES or row[:2] != row[3:5]:
                raise sqlite3.DatabaseError("an entry of the index has no such record")
            latest = row[:3]
        return latest if len(rows) == CHECK_ROWS else None

    def _read_records(self, db: sqlite3.Connection) -> None:
        rows = db.execute(_RECORDS, (self._record_id, CHECK_ROWS)).fetchall()
        if not all(is_found for _, is_found in rows):
            raise sqlite3.DatabaseError("a record is in no entry of the index")
        self.is_done = len(rows) < CHECK_ROWS
        self._record_id = rows[-1][0] if rows else self._record_id
