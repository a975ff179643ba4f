"""How many frames a second a station makes durable and decodes, in groups of 100.

The frames of a flight as the payload makes them, signed: a beacon, then nine frames of data (track,
housekeeping, texts, a picture). Every group is in the raw log (fsync) and in the database (commit,
``synchronous=FULL``) before it is decoded. The time is the processor's, for the figure is of one
core, and the best of ROUNDS, for other programs slow a processor down too; beside it stands the
time by the clock, which includes waiting for the disk.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import Any

from bench.report import Figure
from bench.typical_records import HOUSEKEEPING, MUSING, TRACK
from groundstation.archive.archive import Archive
from groundstation.ground import Ground, HeardBytes
from wire import beacon, frames
from wire.beacon import Beacon, Phase, PowerMode
from wire.frames import BeaconFrame, FrameCounter, IncarnationFrame
from wire.mission import Mission, load
from wire.records import Kind, Record, TimeQuality
from wire.session import Session
from wire.transfer import Sender

MISSION = Path(__file__).resolve().parents[1] / "mission.toml"
MASTER_KEY = bytes(range(32))
FRAMES, GROUP, ROUNDS = 5_000, 100, 8
FRAME_MS = 1_000
START_MS = 1_790_000_000_000  # 2026-09-21
BEACON_EVERY = 10  # frames
FRAMES_PER_S_MIN = 10_000
_BODIES: tuple[tuple[Kind, dict[str, Any]], ...] = (
    *[(Kind.TRACK, TRACK)] * 6, (Kind.HOUSEKEEPING, HOUSEKEEPING), (Kind.MUSING, MUSING),
    (Kind.TILE, {"picture": 1, "place": 0, "image": bytes(range(256)) * 3}),
)
_STATE = Beacon(
    time_of_day_s=45_000, latitude_deg=52.1234567, longitude_deg=-3.2345678, altitude_m=18_240,
    climb_mps=5.0, speed_mps=12, heading_deg=354, satellites=11, fix_age_s=1, phase=Phase.ASCENT,
    power_mode=PowerMode.NOMINAL, battery_mv=3920, outside_c=-41, inside_c=3, pressure_hpa=72.3,
    queue_records=57,
)


def rows() -> list[Figure]:
    """Frames a second, the best of ROUNDS."""
    mission = load(MISSION)
    heard = list(flight(mission, FRAMES))
    best_cpu_s = best_s = float("inf")
    for _ in range(ROUNDS):
        cpu_s, wall_s = ingest(mission, heard)
        best_cpu_s, best_s = min(best_cpu_s, cpu_s), min(best_s, wall_s)
    return [
        Figure("archive ingest, durable, groups of 100, one core", len(heard) / best_cpu_s,
               "frames/s", FRAMES_PER_S_MIN),
        Figure("the same by the clock, with the disk", len(heard) / best_s, "frames/s"),
    ]


def ingest(mission: Mission, heard: list[HeardBytes]) -> tuple[float, float]:
    """Seconds of processor and of clock for all of it, into a new archive."""
    with tempfile.TemporaryDirectory() as folder:
        archive = Archive(Path(folder) / "archive.sqlite")
        ground = Ground(mission, archive, None, mission.downlink_key(MASTER_KEY))
        begun_cpu_s, begun_s = time.process_time(), time.perf_counter()
        for at in range(0, len(heard), GROUP):
            assert ground.receive_many(heard[at : at + GROUP]), "the disk refuses"
        taken = time.process_time() - begun_cpu_s, time.perf_counter() - begun_s
        assert archive.meta("decoded_upto") == len(heard)
        archive.close()
    return taken


def flight(mission: Mission, count: int) -> Iterator[HeardBytes]:
    """As many frames of one flight, a second apart, none lost."""
    node_id, session = mission.payload.node_id, Session(0x3FA0C1D0, 1)
    key = mission.downlink_key(MASTER_KEY)
    sender = Sender(node_id, mission.symbol_mtu_bytes, session)
    bodies = cycle(_BODIES)
    record_id = 0
    for number in range(count):
        now_ms = START_MS + FRAME_MS * number
        counter = FrameCounter(session.boot_bits, number % 4096)
        if number == 0:
            frame: frames.Downlink = IncarnationFrame(node_id, counter, session)
        elif number % BEACON_EVERY == 0:
            state = beacon.encode(replace(_STATE, time_of_day_s=now_ms // 1000 % 86_400))
            frame = BeaconFrame(node_id, counter, state, False)
        else:
            found = None
            while found is None:
                record_id += 1
                kind, body = next(bodies)
                sender.push(
                    Record(record_id, kind, 1, now_ms // 100 * 100, TimeQuality.GPS, body), now_ms)
                found = sender.next_frame(counter, number, now_ms)
            frame = found
        yield HeardBytes(frames.encode_downlink(frame, key), now_ms)
