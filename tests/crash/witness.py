"""The two writers of the block-level proof, and what each is owed: run as a process of its own.

    python -m tests.crash.witness payload|station|careless FOLDER JOURNAL STEPS

Item ``n`` is the same wherever it is made, so the checker needs to know only how many of them were
acknowledged. That goes into an extended attribute of JOURNAL (see ``tests.crash.block_device``).
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from groundstation.archive import rawlog
from groundstation.archive.archive import Archive
from groundstation.ground import Ground, HeardBytes
from sim.fakes.card_disk import DeskStore
from tests.crash.block_device import ATTRIBUTE
from tests.payload import aboard
from wire import frames, mission
from wire.frames import IdentFrame
from wire.records import EPOCH_2025_MS, Kind, TimeQuality

MISSION = mission.load(Path(__file__).resolve().parents[2] / "mission.toml")
KINDS = (Kind.EVENT, Kind.TRACK, Kind.MUSING, Kind.THUMBNAIL)
CHECKPOINT_PAGES = 40
ITEMS_PER_STEP = 2


def body(number: int) -> dict[str, Any]:
    rng = random.Random(number)
    return {"n": number, "text": rng.randbytes(rng.choice((20, 150, 150, 2000))).hex()}


def frame(number: int) -> bytes:
    return frames.encode_downlink(IdentFrame(MISSION.payload.node_id, f"DE N0CALL {number}"))


def write_payload(
    folder: Path, steps: int, acknowledge: Callable[[int], None], is_careless: bool
) -> None:
    """A payload of several boots; a careless one has synchronous=NORMAL."""
    number = 0
    for boot in range(3):
        store = DeskStore(folder / "data" / "payload.sqlite")
        assert store.writer.db is not None
        store.writer.db.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
        if is_careless:
            store.writer.db.execute("PRAGMA synchronous=NORMAL")
        for step in range(steps // 3):
            for _ in range(ITEMS_PER_STEP):
                kind = KINDS[number % len(KINDS)]
                store.append(kind, body(number), number, number, TimeQuality.NONE)
                number += 1
            store.put("phase", {"boot": boot, "step": step})
            assert store.commit(step)
            acknowledge(number)
        store.close()


def write_station(folder: Path, steps: int, acknowledge: Callable[[int], None]) -> None:
    number = 0
    for _ in range(3):
        archive = Archive(folder / "data" / "archive.sqlite")
        archive.db.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
        ground = Ground(MISSION, archive, None)
        for _ in range(steps // 3):
            numbers = range(number, number + ITEMS_PER_STEP)
            assert ground.receive_many([HeardBytes(frame(n), EPOCH_2025_MS + n) for n in numbers])
            number = numbers.stop
            acknowledge(number)
        archive.close()


def check_payload(folder: Path, acknowledged: int) -> str | None:
    """What is wrong with the payload's store, or None."""
    store = DeskStore(folder / "data" / "payload.sqlite")
    try:
        if store.writer.db is None or store.salvaged_from is not None:
            return "the store did not open, or had to be salvaged"
        found = {record.body["n"]: record.body for record in aboard.records(store).values()}
        wrong = [number for number, b in found.items() if b != body(number)]
        (rows,) = store.writer.db.execute("SELECT count(*) FROM record").fetchone()
        if wrong or rows != len(found):
            return f"{rows} records, {len(found)} of them whole, and {wrong} not what was given"
        lost = set(range(acknowledged)) - found.keys()
        return f"{len(lost)} acknowledged records are lost" if lost else None
    finally:
        store.close()


def check_station(folder: Path, acknowledged: int) -> str | None:
    """What is wrong with the station's archive, or None."""
    archive = Archive(folder / "data" / "archive.sqlite")
    try:
        heard = {reception.raw for reception in archive.receptions()}
        raw = {entry.raw for entry, _ in rawlog.read(archive.raw_path)}
        owed = {frame(number) for number in range(acknowledged)}
        lost = owed - heard, owed - raw
        if any(lost):
            return f"{len(lost[0])} receptions are lost, {len(lost[1])} of the raw log"
        return None if heard == raw else "the raw log and the database differ"
    finally:
        archive.close()


def main() -> None:
    who, folder, journal, steps = sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])

    def acknowledge(count: int) -> None:
        os.setxattr(journal, ATTRIBUTE, str(count).encode())

    if who == "station":
        write_station(folder, steps, acknowledge)
    else:
        write_payload(folder, steps, acknowledge, is_careless=who == "careless")


if __name__ == "__main__":
    main()
