"""Opening the store costs the same whatever it holds: the first beacon waits for it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from payload.ports import CONFIRMED, QUEUED, Commit, Committed, Opened, Opening, QueuePage
from payload.storage import database
from payload.storage.ids import DISKLESS_ID
from payload.storage.writer import MUSINGS_MAX, Writer
from wire.records import Kind, Priority, Record, TimeQuality

OPENING = Opening(True, DISKLESS_ID, (DISKLESS_ID, DISKLESS_ID + 1))
PAGES = tuple(QueuePage(priority, False, None, 16) for priority in Priority)
MUSINGS, FEW, MANY = MUSINGS_MAX + 100, 100, 20_000
SLACK_BYTES = 64 << 10  # the tree is a level higher, and the log begins with other pages


def made(path: Path, tracks: int) -> int:
    """A store of words and so many records of where it was; its size in bytes."""
    database.create(path, "OFF")
    kinds = [Kind.MUSING] * MUSINGS + [Kind.TRACK] * tracks
    with closing(sqlite3.connect(path)) as db, db:
        for number, kind in enumerate(kinds, 1):
            record = Record(number, kind, 1, 0, TimeQuality.NONE, {"text": "x" * 100})
            state = CONFIRMED if number % 2 else QUEUED
            db.execute(database.INSERT, (*database.row_of(record, 0)[:-1], state))
    return path.stat().st_size


def bytes_read() -> int:
    """By this process, from any file, since it began."""
    return int(Path("/proc/self/io").read_text().split()[1])


def read_at_start(path: Path) -> tuple[int, int]:
    """(bytes of opening, its first commit and what is sent first, and then of looking through)."""
    writer = Writer(path, is_durable=False)
    begun = bytes_read()
    assert isinstance(writer.serve(OPENING), Opened)
    writer.chore()
    first = writer.serve(Commit(small={"boot": 2}, pages=PAGES))
    opened = bytes_read()
    assert isinstance(first, Committed) and first.is_durable and first.unconfirmed is None
    while not writer.is_checked:
        writer.chore()
    writer.close()
    return opened - begun, bytes_read() - opened


def test_what_a_start_waits_for_does_not_grow_with_the_store(tmp_path: Path) -> None:
    """A million records were checked page by page before the first beacon, for seconds."""
    made(tmp_path / "few", FEW)
    size = made(tmp_path / "many", MANY)
    few, _ = read_at_start(tmp_path / "few")
    many, later = read_at_start(tmp_path / "many")
    assert later > 0.9 * size > 2_000_000, "all of it is read, but afterwards"
    assert many < few + SLACK_BYTES


def test_the_counts_are_kept_and_not_counted_again(tmp_path: Path) -> None:
    """To count them took 60 ms, in every beacon."""
    made(tmp_path / "s.sqlite", MANY)
    writer = Writer(tmp_path / "s.sqlite", is_durable=False)
    writer.serve(OPENING)
    writer.serve(Commit(small={"boot": 2}))
    while not writer.is_checked:
        writer.chore()
    begun = bytes_read()
    record = Record(MUSINGS + MANY + 1, Kind.EVENT, 2, 0, TimeQuality.NONE, {"event": "x"})
    answer = writer.serve(Commit(records=((record, 0),), states={2: CONFIRMED}))
    assert isinstance(answer, Committed) and answer.count == MUSINGS + MANY + 1
    assert answer.unconfirmed == (MUSINGS + MANY) // 2
    assert bytes_read() - begun < SLACK_BYTES
    writer.close()
