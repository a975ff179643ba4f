"""The witness: notes what the store promised, so that it can be held to it.

A ``WitnessedStore`` is the real store; it only tells the ledger what it was given and when it said
that a commit had returned. The ledger outlives reboots, as a person with a notebook beside the box
would.
"""

from __future__ import annotations

import random
import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from payload.commands import LAST_KEY
from payload.store import IDS_KEY, Store
from payload.store_file import COLUMNS, CONFIRMED, record_of
from sim.card import Card, CardConnection
from wire.records import Kind, Record, TimeQuality, pack_body

READ_ROWS = 2_000
_COLUMNS = f"{COLUMNS}, state"
_NOTE_PRUNED = f"""
CREATE TEMP TABLE pruned (id INTEGER);
CREATE TEMP TRIGGER note_pruned AFTER DELETE ON main.record WHEN OLD.state={CONFIRMED}
BEGIN INSERT INTO pruned VALUES (OLD.id); END;
"""


@dataclass(slots=True)
class Ledger:
    """What was promised so far. ``acknowledged`` is record id -> CRC-32 of its body.

    It outlives the store too: a store that vanished has taken what was promised on it, but not what
    it said of the ground.
    """

    acknowledged: dict[int, int] = field(default_factory=dict)
    appended: int = 0
    reused_ids: list[int] = field(default_factory=list)
    given_ids: set[int] = field(default_factory=set)  # of records in RAM in the present boot
    # Never on the disk, and perhaps on the ground; True where the disk had the number reserved.
    ram_ids: dict[int, bool] = field(default_factory=dict)
    taken_counters: list[int] = field(default_factory=list)  # of uplink frames, not yet looked at
    pruned_ids: set[int] = field(default_factory=set)  # confirmed ones that made room
    pruned_at_once_max: int = 0  # in one commit
    lost: dict[int, int] = field(default_factory=dict)  # that a fault took from the disk: id -> CRC
    incarnations: list[int] = field(default_factory=list)  # of each life, in order
    made_in: dict[int, int] = field(default_factory=dict)  # record id -> the life that made it

    def lose(self, record_ids: Iterable[int]) -> None:
        """The disk lost these by no fault of the store: they are not asked for any more.

        Only while the payload is off: what a running one was given is counted.
        """
        for record_id in list(record_ids):
            self.lost[record_id] = self.acknowledged.pop(record_id)


def readable_ids(path: Path, record_ids: Iterable[int]) -> set[int]:
    """Those of ``record_ids`` that are on the disk at ``path``, whole, and can be read."""
    found: set[int] = set()
    if not path.exists():
        return found
    query = f"SELECT {COLUMNS} FROM record WHERE id=?"
    with closing(sqlite3.connect(path)) as db:
        for record_id in record_ids:
            with suppress(sqlite3.Error):
                row = db.execute(query, (record_id,)).fetchone()
                if row is not None and record_of(row) is not None:
                    found.add(record_id)
    return found


Row = tuple[int, int, bytes, bool]  # id, kind, body, and does the payload know it is home?


def _row(columns: tuple[Any, ...]) -> Row:
    """What cannot be read is marked as if it were home, so that it is never sent."""
    *stored, state = columns
    record = record_of(tuple(stored)) if state == CONFIRMED else None
    return stored[0], stored[2], stored[7], record is not None


def rows_of_switched_off(path: Path) -> list[Row]:
    """The records in a store that nobody has open, in order; of a damaged one, which its next start
    will salvage, those before the damage."""
    rows: list[Row] = []
    with closing(sqlite3.connect(path)) as db, suppress(sqlite3.DatabaseError):
        rows.extend(map(_row, db.execute(f"SELECT {_COLUMNS} FROM record ORDER BY id")))
    return rows


def ids_on_ground(archive_path: Path, node_id: int) -> set[int]:
    """The records of this payload in a station's archive."""
    with closing(sqlite3.connect(archive_path)) as db:
        rows = db.execute("SELECT record_id FROM record WHERE node_id = ?", (node_id,))
        return {row[0] for row in rows}


class WitnessedStore(Store):
    """``payload.store.Store`` with a ledger beside it."""

    def __init__(self, path: Path, ledger: Ledger, card: Card, chance: random.Random) -> None:
        self._ledger = ledger
        self._card = card
        ledger.given_ids.clear()
        super().__init__(path, is_durable=False, free_bytes=card.free_bytes, chance=chance)
        ledger.incarnations.append(self.incarnation)

    def put(self, key: str, value: Any) -> None:
        """Only whoever takes a frame puts its counter; a disk that returns has older ones."""
        if key == LAST_KEY:
            self._ledger.taken_counters.append(value)
        super().put(key, value)

    def append(
        self, kind: Kind, body: dict[str, Any], mono_ms: int, time_ms: int, quality: TimeQuality
    ) -> Record:
        record = super().append(kind, body, mono_ms, time_ms, quality)
        ledger = self._ledger
        ledger.appended += 1
        number = record.record_id
        is_taken = number in ledger.acknowledged or number in ledger.given_ids
        if is_taken or ledger.ram_ids.get(number, False):
            ledger.reused_ids.append(number)
        ledger.given_ids.add(number)
        ledger.made_in[number] = len(ledger.incarnations) - 1
        ledger.ram_ids[number] = self._db is not None and IDS_KEY not in self._dirty
        return record

    def commit(self, now_ms: int) -> bool:
        promised = {r.record_id: zlib.crc32(pack_body(r.body)) for r, _ in self._ring}
        is_durable = super().commit(now_ms)
        if is_durable:
            self._ledger.acknowledged.update(promised)
            self._ledger.given_ids.difference_update(promised)
            for number in promised:
                self._ledger.ram_ids.pop(number, None)
        return is_durable

    @property
    def ring_records(self) -> int:
        """Records that wait in RAM."""
        return len(self._ring)

    def rows(self) -> Iterator[Row]:
        """The records as they are on the disk now, in order."""
        after_id = 0
        while isinstance(self._db, CardConnection):
            found = self._db.db.execute(
                f"SELECT {_COLUMNS} FROM record WHERE id > ? ORDER BY id LIMIT ?",
                (after_id, READ_ROWS),
            ).fetchall()
            if not found:
                return
            yield from map(_row, found)
            after_id = found[-1][0]

    def _attach(self) -> bool:
        if not self._card.may_open:
            self.is_failing = True
            return False
        is_open = super()._attach()
        if self._db is not None:
            self._db.executescript(_NOTE_PRUNED)
            self._db = cast(sqlite3.Connection, CardConnection(self._db, self._card))
        return is_open

    def _make_room(self, db: sqlite3.Connection) -> None:
        """Whatever was confirmed may go, and nothing else."""
        if self._card.has_plenty:
            return
        super()._make_room(db)
        ledger = self._ledger
        pruned = [record_id for (record_id,) in db.execute("SELECT id FROM pruned")]
        ledger.pruned_ids.update(pruned)
        ledger.pruned_at_once_max = max(ledger.pruned_at_once_max, len(pruned))
        db.execute("DELETE FROM pruned")
