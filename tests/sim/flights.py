"""Small worlds and recordings for the tests of ``sim``."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

from groundstation.archive import rawlog
from sim.replay import COLUMNS, Replay
from sim.scenario import Conditions
from sim.world import MindKind, World
from wire import mission as mission_file
from wire.bodies import SEALED
from wire.frames import DataFrame, decode_downlink
from wire.incoming import Receiver
from wire.mission import Mission
from wire.records import Kind

ROOT = Path(__file__).parents[2]
HOP_PEAK_M = 6_300.0


def mission() -> Mission:
    return mission_file.load(ROOT / "mission.toml")


class Quiet(random.Random):
    """No noise, so that arithmetic can be compared."""

    def gauss(self, mu: float = 0.0, sigma: float = 1.0) -> float:
        return mu


def hop_rows() -> list[dict[str, str]]:
    """A flight of half an hour: up at 9 m/s from 300 m, down at 12 m/s, then still."""
    rows = []
    altitude_m = 300.0
    for second in range(1_700):
        if second >= 240 and altitude_m < HOP_PEAK_M and second < 907:
            altitude_m += 9.0
        elif second >= 907 and altitude_m > 300.0:
            altitude_m = max(300.0, altitude_m - 12.0)
        is_moving = second >= 240 and altitude_m > 300.0
        clock = 12 * 3600 + second
        rows.append({
            "time_utc": f"{clock // 3600:02d}:{clock // 60 % 60:02d}:{clock % 60:02d}",
            "fix": "3", "sats": "11", "pdop": "1.4",
            "lat_deg": f"{47.0 + 0.00002 * min(second, 1400):.6f}", "lon_deg": "19.200000",
            "gps_alt_m": f"{altitude_m:.1f}", "speed_mps": "2.2" if is_moving else "0.0",
            "heading_deg": "0", "pressure_hpa": "", "baro_alt_m": "", "temp_int_c": "",
            "temp_ext_c": "", "battery_v": "",
        })
    for row in rows[1_400:]:
        row["lat_deg"] = rows[1_400]["lat_deg"]
    return rows


def write_csv(path: Path, rows: list[dict[str, str]]) -> Path:
    """CSV, packed where the name ends in .gz."""
    lines = [",".join(COLUMNS), *(",".join(row[name] for name in COLUMNS) for row in rows)]
    data = ("\n".join(lines) + "\n").encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def hop_world(
    folder: Path, seed: int = 5, mind: MindKind = "scripted", flown: Mission | None = None,
    conditions: Conditions | None = None,
) -> World:
    """A world around the half-hour flight; ``flown`` in place of the example mission."""
    folder.mkdir(parents=True, exist_ok=True)
    replay = Replay(write_csv(folder / "hop.csv", hop_rows()))
    return World(flown or mission(), seed, mind, folder, replay, conditions=conditions)


def sealed_without_model(world: World) -> list[Kind]:
    """The kinds of those heard records that a station with no text model could not have read."""
    receiver, sealed = Receiver(world.mission.symbol_mtu_bytes), []
    for reception, _ in rawlog.read(world.archive_path.with_suffix(".raw")):
        frame = decode_downlink(reception.raw)
        if isinstance(frame, DataFrame):
            sealed += [r.kind for r in receiver.on_data(frame) if SEALED in r.body]
    return sealed
