"""Ground station faults (docs/faults.md, 78 to 81): its clock, its clients, noise."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from pathlib import Path

from groundstation.archive import rawlog
from groundstation.archive.archive import Archive
from groundstation.ground import Ground, HeardBytes
from groundstation.reading.reader import FlightReader
from sim.faults.stage import End, Fault, Stage
from wire import frames, ukhas
from wire.frames import BeaconFrame, FrameCounter

CLOCK_ERRORS_MS = (-86_400_000 * 3, 86_400_000 * 365 * 10, 3_600_000)
NOISE_BYTES, NOISE_FRAME_BYTES = 10_000_000, 65_536
NOISE_EVERY_S = 0.2
FLOOD_LOGS = 2.0  # times as much as the raw log may have
FLOOD_FRAMES, FLOOD_FRAME_BYTES = 50, 2_000  # at once
FLOOD_EVERY_S = 0.2
LOG_SLACK = 1.25
PAGE_EVERY_S = 0.1
PAGE_BYTES_MAX = 2_000_000
ENTRIES = 50
RESTART_S = 60.0
# By the station's clock a beacon was heard, and a record of another day is not believed.
STATION_TIME = ("told_truth.track",)


def _wrong_clock(stage: Stage) -> End:
    """78: the computer of the station is days or years out."""
    stage.world.air.ground_offset_ms = stage.rng.choice(CLOCK_ERRORS_MS)

    def end() -> None:
        stage.world.air.ground_offset_ms = 0

    return end


def _noise(stage: Stage) -> End:
    """79: ten megabytes of random bytes, in frames of every length."""
    left = NOISE_BYTES

    def strike() -> None:
        nonlocal left
        if left > 0:
            frame = stage.rng.randbytes(stage.rng.randint(0, NOISE_FRAME_BYTES))
            left -= len(frame)
            stage.world.air.ground_hears(frame)

    return stage.every(NOISE_EVERY_S, strike)


def _noise_flood(stage: Stage) -> End:
    """79: noise, strangers and forgeries, more than the raw log may have. What the payload signed
    stays in it, and the log alone still makes the same records again."""
    left = FLOOD_LOGS * _log_bytes_max(stage)

    def strike() -> None:
        nonlocal left
        ground = stage.world.ground
        if left > 0 and ground is not None:
            found = [_flood_frame(stage) for _ in range(FLOOD_FRAMES)]
            left -= sum(map(len, found))
            now_ms = stage.world.air.ground_utc_ms
            ground.receive_many(HeardBytes(data, now_ms, source="sim") for data in found)

    stop = stage.every(FLOOD_EVERY_S, strike)

    def end() -> None:
        stop()
        _look_at_log(stage)

    return end


def _flood_frame(stage: Stage) -> bytes:
    rng, node_id = stage.rng, stage.world.mission.payload.node_id
    kind = rng.randrange(4)
    if kind == 0:  # in our payload's name, with another key
        counter = FrameCounter.unpack(rng.getrandbits(16))
        beacon = BeaconFrame(node_id, counter, rng.randbytes(frames.STATE_BYTES), False)
        return frames.encode_downlink(beacon, bytes(32))
    if kind == 1:
        sentence = ukhas.Sentence("STRANGER", rng.getrandbits(15), 45_000, 52.1, 13.2, 1200)
        return ukhas.encode(sentence)
    return rng.randbytes(rng.randint(0, FLOOD_FRAME_BYTES))


def _log_bytes_max(stage: Stage) -> int:
    return stage.world.mission.ground.raw_log_bytes_max


def _look_at_log(stage: Stage) -> None:
    """Is it within its bound, and does it make the archive again?"""
    world = stage.world
    if world.archive is None or world.ground is None:
        return
    files = _log_files(world.archive.raw_path)
    size_bytes = sum(file.stat().st_size for file in files)
    if size_bytes > LOG_SLACK * _log_bytes_max(stage):
        stage.violate("queues_bounded", f"the raw log has {size_bytes} bytes")
    folder = world.out_dir / "again"
    folder.mkdir()
    for file in files:
        shutil.copy(file, folder)
    with closing(Archive(folder / world.archive_path.name, is_durable=False)) as again:
        Ground(world.mission, again, None, world.downlink_key)
        heard, rebuilt = (_record_ids(archive) for archive in (world.archive, again))
    if heard != rebuilt:
        stage.violate(
            "archive_complete", f"the raw log makes {len(rebuilt)} of {len(heard)} records")
    shutil.rmtree(folder)


def _log_files(path: Path) -> list[Path]:
    return [*(file for _, _, file in rawlog.sealed(path)), path]


def _record_ids(archive: Archive) -> set[tuple[int, int]]:
    return {tuple(row) for row in archive.db.execute("SELECT node_id, record_id FROM record")}


def _flooded_page(stage: Stage) -> End:
    """80: a page that asks for everything ten times a second."""
    reader = FlightReader(stage.world.archive_path, stage.world.mission)

    def ask() -> None:
        answer = {"flight": reader.flight(), "entries": reader.entries(None, ENTRIES)}
        size = len(json.dumps(answer))
        if size > PAGE_BYTES_MAX:
            stage.violate("queues_bounded", f"the page was given {size} bytes")

    stop = stage.every(PAGE_EVERY_S, ask)

    def end() -> None:
        stop()
        reader.close()

    return end


def _silent_page(stage: Stage) -> End:
    """80: hours of silence: the page still answers, and says how old everything is."""
    channel = stage.world.channel
    channel.down.is_cut = True
    reader = FlightReader(stage.world.archive_path, stage.world.mission)

    def end() -> None:
        channel.down.is_cut = False
        if not json.dumps(reader.flight()):
            stage.violate("no_crash", "the page has nothing to say in silence")
        reader.close()

    return end


def _restart(stage: Stage) -> None:
    """The station's process is killed and comes back; what it hears twice is kept once."""
    stage.world.restart_ground(RESTART_S)


FAULTS: tuple[Fault, ...] = (
    Fault(78, "ground.wrong_clock", "the station's clock has the wrong date", _wrong_clock,
          (120.0, 1200.0), STATION_TIME),
    Fault(79, "ground.noise", "ten megabytes of random bytes", _noise, (120.0, 120.0)),
    Fault(79, "ground.noise_flood",
          "noise, foreign frames and forgeries, twice the limit of the raw log",
          _noise_flood, (120.0, 120.0)),
    Fault(80, "ground.flooded_page", "the page is requested ten times a second", _flooded_page,
          (10.0, 60.0)),
    Fault(80, "ground.silent_page", "the page stays open through hours of silence", _silent_page,
          (600.0, 10_800.0)),
    Fault(81, "ground.restart", "the station is killed and restarted a minute later", _restart,
          (RESTART_S, RESTART_S)),
)
