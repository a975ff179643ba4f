"""A payload's life in small: what it gives to its store, and what the store owes it after a cut."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from payload.storage import database
from payload.storage.durable_store import RETRY_MS
from payload.storage.ids import DISKLESS_ID
from sim.fakes.card_disk import DeskStore
from sim.fakes.sd_card import Card
from tests.crash.disk import Disk, Refusal
from tests.crash.disk_tap import tapped
from tests.crash.explorer import Recording
from wire.records import Kind, Priority, Record, TimeQuality

KINDS = (Kind.EVENT, Kind.TRACK, Kind.MUSING, Kind.THUMBNAIL)
CHECKPOINT_PAGES = 12  # SQLite's own is 1000: a short life would never fold its log into the file


@dataclass(frozen=True)
class Promise:
    """What had been acknowledged when the power went. Records go by the ``n`` in their bodies."""

    records: frozenset[int] = frozenset()
    confirmed: frozenset[int] = frozenset()
    boot: int = 0
    counter: int = 0


@dataclass
class Notebook:
    """Everything that was ever given to the store, and what of it was acknowledged."""

    given: dict[int, Record] = field(default_factory=dict)  # n -> record as it was numbered
    confirmed: set[int] = field(default_factory=set)  # n, in this life
    counter: int = 0  # the highest that was tried
    may_forget: bool = False  # the disk was nearly full: confirmed records may be gone
    promise: Promise = field(default_factory=Promise)
    gone: set[int] = field(default_factory=set)  # n of earlier lives that nobody acknowledged

    def acknowledge(self, store: DeskStore) -> Promise:
        """A commit has returned True."""
        self.promise = Promise(
            frozenset(self.given.keys() - self.gone),
            self.promise.confirmed | self.confirmed, store.boot,
            store.get("uplink_counter", 0),
        )
        return self.promise

    def cut(self) -> None:
        """A life is over; what was not acknowledged in it is not owed."""
        self.gone = set(self.given.keys() - self.promise.records)
        self.confirmed.clear()


def step(store: DeskStore, rng: random.Random, notebook: Notebook, now_ms: int) -> None:
    """One step of a flight: some records, some marks, a counter."""
    for _ in range(rng.randrange(2, 5)):
        size, number = rng.choice((5, 60, 60, 300, 3000)), len(notebook.given)
        body: dict[str, Any] = {"text": rng.randbytes(size).hex()[:size], "n": number}
        notebook.given[number] = store.append(
            rng.choice(KINDS), body, now_ms, now_ms, TimeQuality.NONE
        )
    if store.boot:  # else its records may still get other numbers
        known = sorted(notebook.given.keys() - notebook.gone)
        in_flight, confirmed = rng.sample(known, 2), rng.sample(known, 2)
        store.mark_in_flight([notebook.given[number].record_id for number in in_flight])
        store.mark_confirmed([notebook.given[number].record_id for number in confirmed])
        notebook.confirmed.update(confirmed)
    if rng.random() < 0.5:
        counter = store.get("uplink_counter", 0) + 1
        notebook.counter = max(notebook.counter, counter)
        store.put("uplink_counter", counter)


def open_small(path: Path, notebook: Notebook) -> DeskStore:
    """The real store with its knobs turned down, so that a short life meets all of it."""
    card = Card()
    card.room_bytes = 0 if notebook.may_forget else card.room_bytes
    store = DeskStore(path, card=card)
    if store.writer.db is not None:
        store.writer.db.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
    return store


def record(
    folder: Path, seed: int, steps: int = 12,
    spoil: Callable[[DeskStore], None] = lambda store: None,
) -> tuple[Recording[Promise], Notebook]:
    """Three boots of a payload on a new disk; ``spoil`` plants a bug into each store."""
    rng, notebook, disk = random.Random(seed), Notebook(), Disk(folder, is_traced=True)
    promises = [(0, Promise())]
    with tapped(disk):
        for boot in range(3):
            notebook.may_forget = boot == 2
            store = open_small(folder / "payload.sqlite", notebook)
            spoil(store)
            for number in range(steps):
                step(store, rng, notebook, number)
                assert store.commit(number)
                promises.append((len(disk.trace), notebook.acknowledge(store)))
            if boot == 0:
                store.close()
            else:
                with disk.without_process():
                    store.writer.close()
    return Recording(disk.trace, promises), notebook


@dataclass
class Ordeal:
    """How a life went on a disk that refused things for a while."""

    disk: Disk
    notebook: Notebook
    refused_commits: int
    was_met: bool  # did the life last until the first refusal?
    has_returned: bool  # did the store work again when the disk did?


def suffer(
    folder: Path, seed: int, first: int, refusal: Refusal, length: int,
    spoil: Callable[[DeskStore], None] = lambda store: None,
) -> Ordeal:
    """A boot on a good disk, then one on which ``length`` operations are refused.

    ``first`` is the number of the first of them within that boot, its opening included.
    """
    rng, notebook, disk = random.Random(seed), Notebook(), Disk(folder)
    path, now_ms, refused = folder / "payload.sqlite", 0, 0
    with tapped(disk):
        store = open_small(path, notebook)
        for number in range(3):
            step(store, rng, notebook, number)
            assert store.commit(number)
            notebook.acknowledge(store)
        store.close()
        begin = disk.operations + first
        disk.refuse = lambda n, verb: refusal if begin <= n < begin + length else None
        store = open_small(path, notebook)
        spoil(store)
        for _ in range(14):
            now_ms += RETRY_MS // 4
            step(store, rng, notebook, now_ms)
            if store.commit(now_ms):
                notebook.acknowledge(store)
            else:
                refused += 1
            store.queued(Priority.EVENT, 1)
        was_met = disk.operations >= begin
        disk.refuse = lambda n, verb: None
        step(store, rng, notebook, now_ms)
        now_ms += RETRY_MS
        has_returned = store.commit(now_ms) or store.commit(now_ms + RETRY_MS)
        if has_returned:
            notebook.acknowledge(store)
        with disk.without_process():
            store.writer.close()
    return Ordeal(disk, notebook, refused, was_met, has_returned)


def check(folder: Path, promise: Promise, notebook: Notebook) -> str | None:
    """What is wrong with the store in ``folder`` after a cut, or None."""
    store = DeskStore(folder / "payload.sqlite")
    try:
        return _check(store, promise, notebook)
    finally:
        store.close()


def _check(store: DeskStore, promise: Promise, notebook: Notebook) -> str | None:
    if store.writer.db is None or store.is_failing:
        return "the store did not open"
    try:
        database.check(store.writer.db)
    except sqlite3.DatabaseError:
        return "a cut alone damaged the database: its records are lost"
    states: dict[int, int] = {}
    query = f"SELECT state, {database.COLUMNS} FROM record"
    for state, *columns in store.writer.db.execute(query):
        record = database.record_of(tuple(columns))
        number = -1 if record is None else record.body["n"]
        if record is None or number in states or not _is_same(record, notebook.given[number]):
            return f"record {columns[0]} is not what was given"
        states[number] = state
    lost = promise.records - states.keys()
    if notebook.may_forget:
        lost -= notebook.promise.confirmed | notebook.confirmed
    if lost:
        return f"{len(lost)} acknowledged records are lost, first {min(lost)}"
    if any(states[number] != 2 for number in promise.confirmed & states.keys()):
        return "a confirmation is lost"
    if store.boot <= promise.boot:
        return f"boot {store.boot} after boot {promise.boot}"
    if not promise.counter <= store.get("uplink_counter", 0) <= notebook.counter:
        return "the uplink counter went back"
    taken = {row[0] for row in store.writer.db.execute("SELECT id FROM record")}
    fresh = store.append(Kind.EVENT, {"event": "after"}, 0, 0, TimeQuality.NONE)
    if fresh.record_id <= max((i for i in taken if i < DISKLESS_ID), default=0):
        return f"id {fresh.record_id} was given out again"
    return None if store.commit(0) else "the store takes nothing any more"


def _is_same(stored: Record, given: Record) -> bool:
    """But for the number and the boot, which a life that began without its disk learns late."""
    if given.boot:
        return stored == given
    return replace(stored, record_id=given.record_id, boot=0) == given
