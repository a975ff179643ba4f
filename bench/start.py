"""Time from the start of the daemon to its first beacon: an empty store, and 10^6 records.

The real daemon with Edda's files and a key, as it flies on a Pi, where there is no rich, and with
nothing fitted but a modem, which is played here. The store of 225 MB is built in a temporary folder
and taken out of the machine's memory before each start. ``make bench NAME=start``;
``python -m bench.start 20000`` is the same with 20,000 records.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Any

from bench.report import Figure, write
from bench.typical_records import HOUSEKEEPING, MUSING, TRACK
from payload.ports import CONFIRMED, QUEUED
from payload.storage import database
from wire import ax25, frames, key_file
from wire.auth import MASTER_KEY_BYTES
from wire.beacon import Beacon, decode
from wire.frames import BeaconFrame
from wire.modems import kiss
from wire.records import EPOCH_2025_MS, Kind, Record, TimeQuality

ROOT = Path(__file__).resolve().parents[1]
RECORDS = 1_000_000
STARTS = 3
AS_ON_A_PI = "import sys; sys.modules['rich'] = None; from payload.__main__ import main; main()"
COUNT_S_MAX = 120  # until the beacon says how many records wait
FIRST_BEACON_S, RSS_MB = 5, 60
LATEST_QUEUED = 50_000  # the rest is at home
_IMAGE = bytes(range(256)) * 12
_BODIES: list[tuple[Kind, dict[str, Any]]] = [
    *[(Kind.TRACK, TRACK)] * 28, *[(Kind.HOUSEKEEPING, HOUSEKEEPING)] * 6,
    *[(Kind.MUSING, MUSING)] * 2, *[(Kind.API_CALL, {"api": "weather", "outcome": "timeout"})] * 2,
    (Kind.EVENT, {"event": "phase", "severity": "info"}),
    (Kind.THUMBNAIL, {"image": _IMAGE, "scene": "cloud", "picture": 1}),
]


def run(out_dir: Path, records: int = RECORDS) -> list[Figure]:
    """Seconds to the first beacon, the middle of three starts each, and memory."""
    first_s: dict[int, list[float]] = {0: [], records: []}
    peak_mb, rss_mb, counted_s = 0.0, 0.0, []
    with tempfile.TemporaryDirectory() as place:
        folders = {count: Path(place) / str(count) for count in first_s}
        for count, folder in folders.items():
            build(folder / "data" / "payload.sqlite", count)
            key_file.create(folder / "mission.key", bytes(MASTER_KEY_BYTES))
        for _ in range(STARTS):
            for count, folder in folders.items():
                with Desk(folder) as desk:
                    first_s[count].append(next(desk.beacons)[0])
                    if count:
                        counted_s.append(desk.counted_s())
                        peak_mb = max(peak_mb, desk.memory_mb("VmHWM"))
                        rss_mb = max(rss_mb, desk.memory_mb("VmRSS"))
        size_mb = (folders[records] / "data" / "payload.sqlite").stat().st_size / 1e6
    empty_s, full_s = (statistics.median(taken) for taken in first_s.values())
    return [
        Figure("start to first beacon, empty store", empty_s, "s", FIRST_BEACON_S, "<="),
        Figure(f"start to first beacon, {records:,} records", full_s, "s", FIRST_BEACON_S, "<=",
               {"empty": empty_s}),
        Figure("start to a beacon that knows how many wait", statistics.median(counted_s), "s"),
        Figure(f"memory of the flight core, {records:,} records", rss_mb, "MB", RSS_MB, "<="),
        Figure("the same at its peak", peak_mb, "MB", RSS_MB, "<="),
        Figure("that store", size_mb, "MB"),
    ]


def build(path: Path, records: int) -> None:
    """A store of so many records, as a long life leaves it; none makes no file."""
    path.parent.mkdir(parents=True)
    if not records:
        return
    database.create(path, "OFF")
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute("PRAGMA synchronous=OFF")
        db.executemany(database.INSERT, rows(records))


def rows(records: int) -> Iterable[tuple[Any, ...]]:
    for number in range(1, records + 1):
        kind, body = _BODIES[number % len(_BODIES)]
        record = Record(number, kind, 1, EPOCH_2025_MS + 1000 * number, TimeQuality.GPS, body)
        state = QUEUED if number > records - LATEST_QUEUED else CONFIRMED
        yield (*database.row_of(record, 1000 * number)[:-1], state)


class Desk:
    """The daemon in a folder, and what its modem hears."""

    def __init__(self, folder: Path) -> None:
        forget(folder / "data" / "payload.sqlite")
        self._server = socket.create_server(("127.0.0.1", 0))
        text = (ROOT / "mission.toml").read_text()
        for old, new in (
            ("port = 8001", f"port = {self._server.getsockname()[1]}"),
            ("rate_bps = 2400", "rate_bps = 200000"), ("i2c_bus = 1", "i2c_bus = 20"),
            ("beacon_ground_s = 30", "beacon_ground_s = 5"), ('bundle = "', f'bundle = "{ROOT}/'),
        ):
            assert old in text, old
            text = text.replace(old, new)
        (folder / "mission.toml").write_text(text)
        self._began_s = time.monotonic()
        self._process = subprocess.Popen(
            [sys.executable, "-c", AS_ON_A_PI, "run"], cwd=folder, stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(ROOT), "MALLOC_ARENA_MAX": "1"})  # as the unit has
        self.beacons = self._listen()

    def __enter__(self) -> Desk:
        return self

    def __exit__(self, *error: object) -> None:
        self.beacons.close()
        self._process.kill()
        self._process.wait()
        self._server.close()

    def _listen(self) -> Generator[tuple[float, Beacon], None, None]:
        """(seconds since the process began, the beacon)."""
        connection, _ = self._server.accept()
        decoder = kiss.Decoder()
        with connection:
            while data := connection.recv(4096):
                for raw in decoder.feed(data):
                    packet = ax25.decode(raw)
                    frame = None if packet is None else frames.decode_downlink(packet.information)
                    if isinstance(frame, BeaconFrame):
                        yield time.monotonic() - self._began_s, decode(frame.state)

    def counted_s(self) -> float:
        """When a beacon first said how many records wait."""
        for at_s, beacon in self.beacons:
            if beacon.queue_records is not None:
                return at_s
            assert at_s < COUNT_S_MAX, "nobody counts them"
        raise AssertionError("the daemon hung up")

    def memory_mb(self, name: str) -> float:
        """Resident memory: VmRSS now, VmHWM at its highest. Source: proc(5)."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.split(f"{name}:")[1].split()[0]) / 1024


def forget(path: Path) -> None:
    """Have the machine forget what it holds of the file in memory, as after a power cut."""
    if not path.exists():
        return
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


if __name__ == "__main__":
    place = Path(__file__).parent / "out"
    sys.exit(write("start", run(place, int(sys.argv[1]) if sys.argv[1:] else RECORDS), place))
