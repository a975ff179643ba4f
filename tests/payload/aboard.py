"""What is on the payload's disk, read past the store, which holds only the next few records."""

from __future__ import annotations

from payload.storage.database import COLUMNS, record_of
from sim.fakes.card_disk import DeskStore
from wire.records import Record

STEP_MS = 1_000
LOOKS_MAX = 600


def records(store: DeskStore, condition: str = "1") -> dict[int, Record]:
    """By id: those that can be read and of which the SQL ``condition`` is true."""
    assert store.writer.db is not None
    rows = store.writer.db.execute(f"SELECT {COLUMNS} FROM record WHERE {condition}").fetchall()
    found = [record for row in rows if (record := record_of(row)) is not None]
    return {record.record_id: record for record in found}


def queued(store: DeskStore) -> dict[int, Record]:
    """Those that wait to be sent."""
    return records(store, "state = 0")


def look_through(store: DeskStore, now_ms: int = 0) -> int:
    """Let time pass until the file has been looked through, and salvaged if need be; when that
    was."""
    for _ in range(LOOKS_MAX):
        if store.writer.is_checked and not store.is_failing:
            return now_ms
        store.put("now_ms", now_ms)  # a flight has something to write in every step
        store.commit(now_ms)
        now_ms += STEP_MS
    raise AssertionError("it is not done")
