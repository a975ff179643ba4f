"""Bits flipped in the state of a record: it is sent, or the damage is noticed.

The state is under no checksum: it changes too often. What guards it is that no single bit makes
"confirmed" of anything else, and that the index which sends records is held against their rows.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from payload.ports import CONFIRMED, STATES
from payload.storage import database
from sim.fakes.card_disk import DeskStore
from wire.records import Kind, Priority, Record, TimeQuality

KINDS = (Kind.EVENT, Kind.MUSING, Kind.TRACK)
PAGE_BYTES = 4_096
LACKED = {number for number in range(1, 10) if (number - 1) // 3 != CONFIRMED}
ROUNDS = 12  # of commits: the file is opened, written, looked through, and salvaged if need be


@pytest.fixture(scope="module")
def flown(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A store of one record of each kind in each state."""
    path = tmp_path_factory.mktemp("flown") / "s.sqlite"
    database.create(path, "OFF")
    with closing(sqlite3.connect(path)) as db, db:
        number = 0
        for state in STATES:
            for kind in KINDS:
                number += 1
                record = Record(number, kind, 1, 0, TimeQuality.NONE, {"text": "x" * number})
                db.execute(database.INSERT, (*database.row_of(record, 0)[:-1], state))
    return path.read_bytes()


def page_of(data: bytes, path: Path, name: str) -> int:
    """The offset of the only page of a table or index."""
    path.write_bytes(data)
    with closing(sqlite3.connect(path)) as db:
        query = "SELECT rootpage FROM sqlite_master WHERE name=?"
        return (int(db.execute(query, (name,)).fetchone()[0]) - 1) * PAGE_BYTES


def cells(data: bytes, page: int) -> Iterator[range]:
    """Where the cells of a leaf page lie, each up to the next."""
    count = int.from_bytes(data[page + 3 : page + 5], "big")
    starts = sorted(page + int.from_bytes(data[page + 8 + 2 * at : page + 10 + 2 * at], "big")
                    for at in range(count))
    return map(range, starts, [*starts[1:], page + PAGE_BYTES])


def is_hidden(flown: bytes, at: int, bit: int, path: Path) -> bool:
    """With this bit flipped: is some record that the ground lacks not offered, and nobody told?"""
    is_noticed, offered = life(flown, at, bit, path)
    return not is_noticed and bool(LACKED - offered)


def lacks(flown: bytes, at: int, bit: int, path: Path) -> bool:
    """With this bit flipped: is some record that the ground lacks not offered?"""
    return bool(LACKED - life(flown, at, bit, path)[1])


def life(flown: bytes, at: int, bit: int, path: Path) -> tuple[bool, set[int]]:
    """A life on the store with this bit flipped: was damage noticed, and what is offered."""
    for suffix in ("", "-wal"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    data = bytearray(flown)
    data[at] ^= 1 << bit
    path.write_bytes(data)
    store = DeskStore(path, is_durable=False)
    store.open()
    store.append(Kind.EVENT, {"event": "boot"}, 0, 0, TimeQuality.NONE)
    for second in range(ROUNDS):
        store.put("second", second)
        store.commit(10_000 * second)
    offered = {record.record_id for p in Priority for record in store.queued(p, 1_000)}
    is_noticed = store.salvaged_from is not None or store.damaged_records > 0
    store.close()
    for left in path.parent.glob("*.damaged-*"):
        left.unlink()
    return is_noticed, offered


def test_no_bit_of_a_state_hides_a_record_in_silence(flown: bytes, tmp_path: Path) -> None:
    """In an index entry each bit, in a row those of its state: the byte that tells its type, the
    last of the head, and the byte of its value, the last of all."""
    path = tmp_path / "s.sqlite"
    index, table = (page_of(flown, path, name) for name in ("record_queue", "record"))
    places = [at for cell in cells(flown, index) for at in cell]
    for cell in cells(flown, table):
        head = cell.start + 2  # the row's length and id have a byte each
        places += [head + flown[head] - 1, cell.stop - 1]
    hidden = [(at, bit) for at in places for bit in range(8) if is_hidden(flown, at, bit, path)]
    assert hidden == []


def test_no_bit_of_the_order_of_the_index_hides_a_record_in_silence(
    flown: bytes, tmp_path: Path
) -> None:
    """A pointer to another entry: each that is read is right, and the search goes astray. Five of
    3,333 flips in the index of a flown store hid up to forty records."""
    path = tmp_path / "s.sqlite"
    index = page_of(flown, path, "record_queue")
    count = int.from_bytes(flown[index + 3 : index + 5], "big")
    places = range(index, index + 8 + 2 * count)
    hidden = [(at - index, bit) for at in places for bit in range(8)
              if is_hidden(flown, at, bit, path)]
    assert hidden == []


def test_no_bit_of_the_schema_costs_a_record(flown: bytes, tmp_path: Path) -> None:
    """One bit in its words, and a file of a whole flight was put aside with nothing salvaged."""
    path = tmp_path / "s.sqlite"
    schema = range(flown.index(b"CREATE INDEX") - 60, PAGE_BYTES, 7)
    lost = [at for at in schema if lacks(flown, at, at % 8, path)]
    assert lost == []
