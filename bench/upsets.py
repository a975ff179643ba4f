"""What a flipped bit does to the store of a flown payload: nothing, or something that is noticed.

A flight of ten minutes leaves a store. In each trial one bit of its file is flipped, in turn in the
pages of the small state, in those of the index by which records are sent (their state: queued, in
flight, confirmed), and anywhere. The next life begins on it with the real code: store opened,
flight core stepped once, all of the file looked through as in flight, every record and value read.
A trial is the first of these that is so:

    silent     a record or a value of the small state is read that was never written, or a record
               that the ground lacks is no longer queued, and nothing says so
    stopped    the start raises, or its first step sends no beacon
    salvaged   the file was found damaged, and its rows were copied into a new one
    refused    some of it cannot be read, and SQLite says so
    left out   a record or value is not read: its checksum is wrong, or it is no longer found
    unharmed   everything is read as it was written

    python -m bench.upsets [TRIALS]      prints the table
"""

from __future__ import annotations

import contextlib
import random
import shutil
import sqlite3
import sys
import tempfile
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from payload.flight import Flight
from payload.flight_ports import FlightPorts
from payload.ports import IN_FLIGHT, QUEUED, HeardFrame
from payload.storage import database, small_state
from payload.storage.ids import IDS_KEY, INCARNATION_KEY
from sim.fakes.card_disk import DeskStore
from sim.world import World
from wire import mission
from wire.frames import BeaconFrame, decode_downlink
from wire.mission import Mission
from wire.records import Kind, Record

MISSION = Path(__file__).resolve().parent.parent / "mission.toml"
FLOWN_S = 600
TRIALS = 10_000
TARGETS = ("small state", "record states", "anywhere")
INDEX_PAGES = (2, 10)  # the first byte of a page of an index, or of a table without row ids
COMMITS = 12  # after the first step: damage that is found is salvaged
OUTCOMES = ("silent", "stopped", "salvaged", "refused", "left out", "unharmed")
RENEWED = frozenset(("boot", IDS_KEY, INCARNATION_KEY))  # by every life, or by a salvage


class _Antenna:
    """``ports.Radio``: takes one frame."""

    mtu_bytes = 222
    identity: str | None = None

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def offer(self, frame: bytes, now_ms: int) -> bool:
        self.sent.append(frame)
        return True

    def poll(self, now_ms: int) -> list[HeardFrame]:
        return []

    def is_idle(self, now_ms: int) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class FlownStore:
    """A store as a flight left it: its bytes, what is in it, and where."""

    mission: Mission
    data: bytes
    records: dict[int, Record]
    lacked: frozenset[int]  # those of them that the ground has not confirmed
    small: dict[str, Any]
    page_bytes: int
    pages: dict[str, tuple[int, ...]]  # from 0, by target


def fly(folder: Path, flown_s: float = FLOWN_S) -> FlownStore:
    """A scripted flight, and its store, closed."""
    plan = mission.load(MISSION)
    world = World(plan, 1, "scripted", folder)
    world.run_until(flown_s)
    path = world.payload_path
    world.close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode=DELETE")  # the log is folded in
        page_bytes = db.execute("PRAGMA page_size").fetchone()[0]
    data = path.read_bytes()
    starts = range(0, len(data), page_bytes)
    keys = [key.encode() for key in _small(path)]
    smalls = tuple(at for at, start in enumerate(starts) if sum(
        key in data[start : start + page_bytes] for key in keys) > 2)
    states = tuple(at for at, start in enumerate(starts)
                   if data[start] in INDEX_PAGES and at not in smalls)
    pages = dict(zip(TARGETS, (smalls, states, tuple(range(len(starts)))), strict=True))
    return FlownStore(plan, data, _records(path), _lacked(path), _small(path), page_bytes, pages)


def _records(path: Path) -> dict[int, Record]:
    return {record.record_id: record for kind in Kind for record in database.read(path, kind)}


def _lacked(path: Path) -> frozenset[int]:
    """By the index, as they are sent."""
    with closing(sqlite3.connect(path)) as db:
        return frozenset(number for (number,) in db.execute(
            "SELECT id FROM record INDEXED BY record_queue WHERE state IN (?,?)",
            (QUEUED, IN_FLIGHT)))


def _small(path: Path) -> dict[str, Any]:
    with closing(sqlite3.connect(path)) as db:
        db.text_factory = database.any_text
        return small_state.read(db.execute(f"SELECT {database.SMALL_COLUMNS} FROM small"))


def flip(flown: FlownStore, rng: random.Random, target: str) -> bytes:
    """The file with one bit flipped, in the pages of one of TARGETS."""
    at = rng.choice(flown.pages[target]) * flown.page_bytes + rng.randrange(flown.page_bytes)
    data = bytearray(flown.data)
    data[at] ^= 1 << rng.randrange(8)
    return bytes(data)


def outcome(flown: FlownStore, data: bytes, folder: Path) -> str:
    """One of OUTCOMES: what the next life makes of ``data``."""
    path = folder / "s.sqlite"
    path.write_bytes(data)
    try:
        return _life(flown, path)
    finally:
        for left in folder.iterdir():
            left.unlink()


def _life(flown: FlownStore, path: Path) -> str:
    store, antenna = DeskStore(path, is_durable=False), _Antenna()
    store.open()
    small = {key: value for key in flown.small if (value := store.get(key)) is not None}
    with contextlib.suppress(Exception):  # whatever it is, no beacon was sent
        Flight(flown.mission, FlightPorts(radio=antenna), store, None, None, None,
               random.Random(1)).step(0)
    for second in range(COMMITS):
        store.put("second", second)
        store.commit(10_000 * second)
    is_salvaged = store.salvaged_from is not None
    is_noticed = is_salvaged or store.damaged_records > 0
    store.close()
    try:
        records, lacked = _records(path), _lacked(path)
    except sqlite3.Error:
        records, lacked = None, frozenset()
    if any(value != flown.small[key] for key, value in small.items() if key not in RENEWED) or any(
        number in flown.records and record != flown.records[number]
        for number, record in (records or {}).items()
    ) or (records is not None and not is_noticed and not flown.lacked <= lacked):
        return "silent"
    if not antenna.sent or not isinstance(decode_downlink(antenna.sent[0]), BeaconFrame):
        return "stopped"
    if is_salvaged:
        return "salvaged"
    if records is None:
        return "refused"
    is_whole = flown.records.keys() <= records.keys() and flown.small.keys() <= small.keys()
    return "unharmed" if is_whole else "left out"


def run(flown: FlownStore, trials: int, seed: int = 1) -> dict[str, Counter[str]]:
    """How often each outcome came, by target."""
    rng, counts = random.Random(seed), {target: Counter[str]() for target in TARGETS}
    folder = Path(tempfile.mkdtemp())
    for trial in range(trials):
        target = TARGETS[trial % len(TARGETS)]
        counts[target][outcome(flown, flip(flown, rng, target), folder)] += 1
    shutil.rmtree(folder)
    return counts


def main() -> None:
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else TRIALS
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    with tempfile.TemporaryDirectory() as folder:
        flown = fly(Path(folder))
    print(f"{len(flown.records)} records, {len(flown.small)} values, {len(flown.data)} bytes")
    for target, counts in run(flown, trials, seed).items():
        summary = ", ".join(f"{name} {counts[name]}" for name in OUTCOMES)
        print(f"{target}: {summary}", flush=True)


if __name__ == "__main__":
    main()
