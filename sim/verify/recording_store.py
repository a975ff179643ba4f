"""The recorder of a simulated store: notes what it promised, so that it can be held to it.

A ``RecordedStore`` is the real store on the real writer. The ledger outlives reboots, as a person
with a notebook beside the box would.
"""

from __future__ import annotations

import random
import sqlite3
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from payload.link.uplink_gate import LAST_KEY
from payload.ports import CONFIRMED, Commit
from payload.storage.database import ALL_COLUMNS, COLUMNS, record_of
from payload.storage.recorder import Recorder
from sim.fakes.card_disk import CardDisk, CardStore, CardWriter
from sim.fakes.sd_card import Card, CardConnection
from wire.records import Record, pack_body

READ_ROWS = 2_000


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
    hasty_ids: list[int] = field(default_factory=list)  # sent before the disk had them
    pruned_ids: set[int] = field(default_factory=set)  # that made room, as they may
    dropped_ids: set[int] = field(default_factory=set)  # of other payloads, beyond the bound
    pruned_at_once_max: int = 0  # in one commit
    lost: dict[int, int] = field(default_factory=dict)  # that a fault took from the disk: id -> CRC
    incarnations: list[int] = field(default_factory=list)  # of each life, in order
    made_in: dict[int, int] = field(default_factory=dict)  # record id -> the life that made it

    def owed(self) -> dict[int, int]:
        """What was promised, without what was dropped since."""
        return {i: crc for i, crc in self.acknowledged.items() if i not in self.dropped_ids}

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
    """A damaged one says nothing of the ground."""
    *stored, state = columns
    record = record_of(tuple(stored)) if state == CONFIRMED else None
    return stored[0], stored[2], stored[7], record is not None


def rows_of_switched_off(path: Path) -> list[Row]:
    """The records in a store that nobody has open, in order; of a damaged one, which its next start
    will salvage, those before the damage."""
    rows: list[Row] = []
    with closing(sqlite3.connect(path)) as db, suppress(sqlite3.DatabaseError):
        rows.extend(map(_row, db.execute(f"SELECT {ALL_COLUMNS} FROM record ORDER BY id")))
    return rows


def ids_on_ground(archive_path: Path, node_id: int) -> set[int]:
    """The records of this payload in a station's archive."""
    with closing(sqlite3.connect(archive_path)) as db:
        rows = db.execute("SELECT record_id FROM record WHERE node_id = ?", (node_id,))
        return {row[0] for row in rows}


class LedgerRecorder(Recorder):
    """Writes into the ledger what the store and its writer tell."""

    def __init__(self, ledger: Ledger) -> None:
        """A new boot."""
        self._ledger = ledger
        ledger.given_ids.clear()

    def appended(self, record: Record, is_reserved: bool) -> None:
        ledger, number = self._ledger, record.record_id
        ledger.appended += 1
        is_taken = number in ledger.acknowledged or number in ledger.given_ids
        if is_taken or ledger.ram_ids.get(number, False):
            ledger.reused_ids.append(number)
        ledger.given_ids.add(number)
        ledger.made_in[number] = len(ledger.incarnations) - 1
        ledger.ram_ids[number] = is_reserved

    def put(self, key: str, value: Any) -> None:
        """Only whoever takes a frame puts its counter; a disk that returns has older ones."""
        if key == LAST_KEY:
            self._ledger.taken_counters.append(value)

    def laid(self, record_ids: Collection[int], is_failing: bool) -> None:
        if not is_failing:
            self._ledger.hasty_ids += [i for i in record_ids if i in self._ledger.given_ids]

    def kept(self, commit: Commit) -> None:
        for record, _ in commit.records:
            self._ledger.acknowledged[record.record_id] = zlib.crc32(pack_body(record.body))
            self._ledger.given_ids.discard(record.record_id)
            self._ledger.ram_ids.pop(record.record_id, None)

    def pruned(self, record_ids: Collection[int]) -> None:
        """Whatever was confirmed may go, and nothing else."""
        self._ledger.pruned_ids.update(record_ids)
        self._ledger.pruned_at_once_max = max(self._ledger.pruned_at_once_max, len(record_ids))

    def dropped(self, record_ids: Collection[int]) -> None:
        """What was kept for others may go too."""
        self._ledger.dropped_ids.update(record_ids)


class RecordedStore(CardStore):
    """``payload.storage.durable_store.Store`` with a ledger beside it."""

    def __init__(
        self, path: Path, ledger: Ledger, card: Card, chance: random.Random,
        now_ms: Callable[[], int] = lambda: 0,
    ) -> None:
        """``now_ms`` is the clock by which the card is slow."""
        recorder = LedgerRecorder(ledger)
        writer = CardWriter(path, card, is_durable=False, recorder=recorder)
        super().__init__(CardDisk(writer, card, now_ms), chance, recorder)

    def rows(self) -> Iterator[Row]:
        """The records as they are on the disk now, in order; none while it is not open.

        Raises sqlite3.DatabaseError for a damaged one.
        """
        db, after_id = self.writer.db, 0
        query = f"SELECT {ALL_COLUMNS} FROM record WHERE id > ? ORDER BY id LIMIT ?"
        while isinstance(db, CardConnection) and (
            found := db.db.execute(query, (after_id, READ_ROWS)).fetchall()
        ):
            yield from map(_row, found)
            after_id = found[-1][0]
