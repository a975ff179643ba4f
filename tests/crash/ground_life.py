"""A station's life in small: what it hears and sends, and what its archive owes it after a cut.

In a full life its raw log is far too small for the noise that it hears, so that something is
thinned most of the time; what the payload signed is owed all the same.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from groundstation.archive import rawlog, retention, schema
from groundstation.archive.archive import Archive
from groundstation.ground import Ground, HeardBytes
from tests.crash.disk import Disk, Refusal
from tests.crash.disk_tap import tapped
from tests.crash.explorer import Recording
from wire import frames, mission
from wire.frames import FrameCounter
from wire.records import EPOCH_2025_MS, Kind, Record, TimeQuality
from wire.transfer import Sender

MISSION = mission.load(Path(__file__).resolve().parents[2] / "mission.toml")
START_MS = EPOCH_2025_MS + 40_000_000_000
CHECKPOINT_PAGES = 12
KEY = bytes(range(32))
FULL_BYTES = 3_000  # of the raw log of a full life
NOISE, FULL_NOISE = 0.1, 0.7  # shares


@dataclass(frozen=True)
class Promise:
    """What had been acknowledged when the power went."""

    heard: tuple[bytes, ...] = ()
    counter: int = 0  # the last uplink counter
    entries: frozenset[int] = frozenset()


@dataclass
class Diary:
    """Everything that reached the station, acknowledged or not."""

    is_full: bool = False
    frames: list[bytes] = field(default_factory=list)
    signed: set[bytes] = field(default_factory=set)
    counter: int = 0
    entries: set[int] = field(default_factory=set)

    def promise(self) -> Promise:
        return Promise(tuple(self.frames), self.counter, frozenset(self.entries))


class FarPayload:
    """Sends data frames, and now and then noise."""

    def __init__(self, rng: random.Random, diary: Diary) -> None:
        self._rng = rng
        self._diary = diary
        self._sender = Sender(MISSION.payload.node_id, MISSION.symbol_mtu_bytes)
        self._sequence = self._records = 0

    def frame(self, now_ms: int) -> bytes:
        is_full = self._diary.is_full
        if self._rng.random() < (FULL_NOISE if is_full else NOISE):
            return self._rng.randbytes(self._rng.choice((9, 40, 400) if is_full else (1, 40, 2000)))
        self._sequence += 1
        frame = None
        while frame is None:
            self._records += 1
            body = {"text": self._rng.randbytes(60).hex(), "about": "cold"}
            record = Record(self._records, Kind.MUSING, 1, now_ms, TimeQuality.GPS, body)
            self._sender.push(record, now_ms)
            counter = FrameCounter(1, self._sequence)
            frame = self._sender.next_frame(counter, self._sequence, now_ms)
        data = frames.encode_downlink(frame, KEY if is_full else None)
        self._diary.signed.update([data] if is_full else ())
        return data


def hear(ground: Ground, far: FarPayload, diary: Diary, rng: random.Random, now_ms: int) -> bool:
    """Some frames come together; True when the station has them for good."""
    heard = [HeardBytes(far.frame(now_ms + i), now_ms + i) for i in range(rng.randrange(1, 4))]
    diary.frames += [h.data for h in heard]
    return ground.receive_many(heard)


def open_archive(folder: Path, diary: Diary) -> Archive:
    bytes_max = FULL_BYTES if diary.is_full else retention.BYTES_MAX
    return Archive(folder / "archive.sqlite", raw_log_bytes_max=bytes_max)


def open_ground(archive: Archive, diary: Diary) -> Ground:
    return Ground(MISSION, archive, None, KEY if diary.is_full else None)


def open_small(folder: Path, diary: Diary) -> tuple[Archive, Ground]:
    archive = open_archive(folder, diary)
    archive.db.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
    return archive, open_ground(archive, diary)


def close(archive: Archive, disk: Disk) -> None:
    """As the end of a killed process does."""
    with disk.without_process():
        archive.close()


def record(
    folder: Path, seed: int, steps: int = 10,
    spoil: Callable[[Archive], None] = lambda archive: None, is_full: bool = False,
) -> tuple[Recording[Promise], Diary]:
    """Three starts of a station on a new disk; ``spoil`` plants a bug into each archive."""
    rng, diary, disk = random.Random(seed), Diary(is_full), Disk(folder, is_traced=True)
    far, promises, now_ms = FarPayload(rng, diary), [(0, Promise())], START_MS
    with tapped(disk):
        for start in range(3):
            archive, ground = open_small(folder, diary)
            spoil(archive)
            for _ in range(steps):
                now_ms += 1000
                assert hear(ground, far, diary, rng, now_ms)
                promises.append((len(disk.trace), diary.promise()))
                if rng.random() < 0.2:
                    diary.counter = archive.take_counter(now_ms, "feedback")
                    diary.entries.add(ground.ask("Are you cold?", now_ms))
                    promises.append((len(disk.trace), diary.promise()))
            if start == 0:
                archive.close()
            else:
                close(archive, disk)
    return Recording(disk.trace, promises), diary


@dataclass
class Ordeal:
    """How a life went on a disk that refused things for a while."""

    disk: Disk
    diary: Diary
    promise: Promise
    refused: int
    was_met: bool
    has_returned: bool


def suffer(
    folder: Path, seed: int, first: int, refusal: Refusal, length: int,
    spoil: Callable[[Archive], None] = lambda archive: None, is_full: bool = False,
) -> Ordeal:
    """A station that runs when its disk begins to refuse ``length`` operations."""
    rng, diary, disk, now_ms = random.Random(seed), Diary(is_full), Disk(folder), START_MS
    far, promise, refused = FarPayload(rng, diary), Promise(), 0
    with tapped(disk):
        archive, ground = open_small(folder, diary)
        while is_full and archive.meta(schema.FORGOTTEN_KEY) is None:
            now_ms += 1000
            hear(ground, far, diary, rng, now_ms)
        spoil(archive)
        begin = disk.operations + first
        disk.refuse = lambda n, verb: refusal if begin <= n < begin + length else None
        for _ in range(8):
            now_ms += 1000
            if hear(ground, far, diary, rng, now_ms):
                promise = diary.promise()
            else:
                refused += 1
        was_met = disk.operations >= begin
        disk.refuse = lambda n, verb: None
        has_returned = hear(ground, far, diary, rng, now_ms + 1000)
        if has_returned:
            promise = diary.promise()
        close(archive, disk)
    return Ordeal(disk, diary, promise, refused, was_met, has_returned)


def check(folder: Path, promise: Promise, diary: Diary) -> str | None:
    """What is wrong with the archive in ``folder`` after a cut, or None."""
    owed = set(promise.heard)
    if diary.is_full:
        owed &= diary.signed
    if owed - {entry.raw for entry, _ in rawlog.read(folder / "archive.raw")}:
        return "the raw log alone has lost acknowledged receptions"
    archive = open_archive(folder, diary)
    try:
        return _check(archive, promise, diary)
    finally:
        archive.close()


def _check(archive: Archive, promise: Promise, diary: Diary) -> str | None:
    heard = [reception.raw for reception in archive.receptions()]
    if diary.is_full:
        if diary.signed.intersection(promise.heard) - set(heard):
            return "acknowledged receptions are lost that were signed"
        if len(promise.heard) > len(heard) + (archive.meta(schema.FORGOTTEN_KEY) or 0):
            return "receptions are gone that nobody counted"
    elif heard[: len(promise.heard)] != list(promise.heard):
        return f"of {len(promise.heard)} acknowledged receptions some are lost: {len(heard)} left"
    rest = iter(diary.frames if diary.is_full else diary.frames[len(promise.heard) :])
    if not all(raw in rest for raw in heard[0 if diary.is_full else len(promise.heard) :]):
        return "a reception was never heard, or not in this order"
    raw = {entry.reception_id: entry.raw for entry, _ in rawlog.read(archive.raw_path)}
    if [raw[number] for number in sorted(raw)] != heard:
        return "the raw log and the database differ"
    entries = {row[0] for row in archive.db.execute("SELECT id FROM outbox")}
    if not promise.entries <= entries <= diary.entries | entries - promise.entries:
        return "an acknowledged command is lost"
    open_ground(archive, diary)
    decoded = _records(archive)
    archive.rebuild()
    open_ground(archive, diary)
    if decoded != _records(archive):
        return "what was decoded is not what the raw log says"
    if archive.take_counter(START_MS, "after") <= promise.counter:
        return "an uplink counter was given out again"
    return None


def _records(archive: Archive) -> list[tuple[int, bytes]]:
    query = "SELECT record_id, body FROM record ORDER BY record_id"
    return [tuple(row) for row in archive.db.execute(query)]
