"""The output of a simulated flight: summary.json, musings.txt, and a few plain sentences.

Both databases are read after the flight, with the ends closed, and compared record by record:
*committed* is every id from the lowest to the highest of one boot at either end, since the store
numbers without gaps within a boot and leaves some out after a power cut; *lost* is committed, and
neither aboard nor on the ground. The last records of a boot, lost at both ends, are not seen here;
``records_kept`` of ``sim.verify.checks`` sees them.

``summary.json`` is a ``Summary``. ``wall_s`` is how long the flight took on this
machine; with a scripted mind, or none, it is null, so that the same seed gives the same bytes.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, TypedDict

from sim.world import World
from wire import beacon
from wire.beacon import Phase
from wire.records import Kind, unpack_body

GAP_IDS_MAX = 1 << 16  # a life loses fewer in a row


class LandingPlace(TypedDict):
    """Where it lies, as the payload last told."""

    lat_deg: float
    lon_deg: float
    altitude_m: float


class Summary(TypedDict):
    """``summary.json``; None is unknown, or has not happened."""

    seed: int
    sim_s: float
    wall_s: float | None
    phase_final: str
    peak_altitude_m: float | None
    burst_utc: str | None
    landing: LandingPlace | None
    beacons_sent: int
    beacons_heard: int
    horus_sent: int
    horus_heard: int
    records_stored: int
    records_heard: int
    records_lost: int
    musings: int
    api_calls: int
    api_failures: int


def finish(world: World, wall_s: float | None) -> Summary:
    """Close the world, write both files, and return the summary."""
    world.close()
    musings = heard_musings(world.archive_path, world.mission.payload.node_id)
    summary = summarise(world, wall_s, len(musings))
    text = "".join(line + "\n" for line in musings)
    (world.out_dir / "musings.txt").write_text(text, encoding="utf-8")
    (world.out_dir / "summary.json").write_text(
        json.dumps(summary, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    return summary


def heard_musings(archive_path: Path, node_id: int) -> list[str]:
    """The musings that reached the ground, in the order in which they were thought."""
    with closing(sqlite3.connect(archive_path)) as db:
        rows = db.execute(
            "SELECT body FROM record WHERE node_id = ? AND kind = ? ORDER BY life, record_id",
            (node_id, int(Kind.MUSING)),
        ).fetchall()
    bodies = [unpack_body(body) for (body,) in rows]
    lines = [" ".join(str(body.get("text", "")).split()) for body in bodies]
    return [line + " [canned]" if body.get("by") == "canned" else line
            for line, body in zip(lines, bodies, strict=True)]


def summarise(world: World, wall_s: float | None, musings: int) -> Summary:
    """The numbers of a closed world."""
    aboard = _aboard(world.payload_path)
    heard = _heard_ids(world.archive_path, world.mission.payload.node_id)
    committed = _committed(world)
    phase = last_phase(world)
    tracks = [body for kind, body in aboard.values() if kind == Kind.TRACK and "alt" in body]
    burst_ms, peak_m = None, max((float(body["alt"]) for body in tracks), default=None)
    outcomes: Counter[bool] = Counter()
    for kind, body in aboard.values():
        if kind == Kind.EVENT and body.get("event") == "burst":
            burst_ms = body.get("fields", {}).get("utc_ms")
            peak_m = max(peak_m or 0.0, float(body.get("fields", {}).get("peak_m", 0.0)))
        elif kind == Kind.API_CALL and body.get("outcome") != "asked":
            outcomes[body.get("outcome") == "ok"] += 1
    landing: LandingPlace | None = None
    if phase is Phase.LANDED and tracks:
        last = tracks[-1]
        landing = {
            "lat_deg": round(last["lat"] / 1e7, 7), "lon_deg": round(last["lon"] / 1e7, 7),
            "altitude_m": last["alt"],
        }
    return {
        "seed": world.seed,
        "sim_s": round(world.clock.now_s, 1),
        "wall_s": None if wall_s is None or world.mind_kind != "real" else round(wall_s, 1),
        "phase_final": phase.name.lower() if phase is not None else "unknown",
        "peak_altitude_m": None if peak_m is None else round(peak_m, 1),
        "burst_utc": None if burst_ms is None else utc_text(burst_ms),
        "landing": landing,
        "beacons_sent": world.channel.sent["beacon"],
        "beacons_heard": world.channel.heard["beacon"],
        "horus_sent": world.channel.sent["horus"],
        "horus_heard": world.channel.heard["horus"],
        "records_stored": len(aboard),
        "records_heard": len(heard),
        "records_lost": len(committed - heard - aboard.keys()),
        "musings": musings,
        "api_calls": sum(outcomes.values()),
        "api_failures": outcomes[False],
    }


def last_phase(world: World) -> Phase | None:
    """What the payload last said of itself, heard or not."""
    if world.last_beacon is None:
        return None
    return beacon.decode(world.last_beacon.state).phase


def utc_text(utc_ms: int) -> str:
    """ISO 8601 in whole seconds."""
    return datetime.fromtimestamp(utc_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def sentences(summary: Summary, out_dir: Path) -> list[str]:
    """The summary for a person."""
    hours = summary["sim_s"] / 3600
    lines = [f"Seed {summary['seed']}: {hours:.1f} hours flown, phase {summary['phase_final']}."]
    if summary["peak_altitude_m"] is not None:
        burst = f", burst at {summary['burst_utc']}" if summary["burst_utc"] else ""
        lines.append(f"Highest point: {summary['peak_altitude_m']:.0f} m{burst}.")
    landing = summary["landing"]
    if landing is not None:
        lines.append(
            f"It landed at {landing['lat_deg']:.5f}, {landing['lon_deg']:.5f}, "
            f"{landing['altitude_m']:.0f} m above the sea."
        )
    waiting = summary["records_stored"] - summary["records_heard"]
    lines += [
        f"Beacons: {summary['beacons_sent']} sent, {summary['beacons_heard']} heard; as Horus "
        f"packets {summary['horus_sent']} and {summary['horus_heard']}.",
        f"Records: {summary['records_stored']} stored, {summary['records_heard']} received on the "
        f"ground, {max(0, waiting)} still only on board, {summary['records_lost']} lost.",
        f"Musings heard: {summary['musings']}. API calls: {summary['api_calls']}, of which "
        f"{summary['api_failures']} failed.",
        f"The archive is {out_dir / 'archive.sqlite'}, the musings are in "
        f"{out_dir / 'musings.txt'}.",
    ]
    return lines


def _aboard(path: Path) -> dict[int, tuple[int, dict[str, Any]]]:
    """record id -> (kind, body) of what the payload's disk holds."""
    with closing(sqlite3.connect(path)) as db:
        rows = db.execute("SELECT id, kind, body FROM record ORDER BY id").fetchall()
    return {record_id: (kind, unpack_body(body)) for record_id, kind, body in rows}


def _committed(world: World) -> set[int]:
    """Every id between two of the same boot, at either end, that lie near each other: another
    store, or one that was salvaged, goes on far away."""
    with closing(sqlite3.connect(world.payload_path)) as db:
        rows = db.execute("SELECT boot, id FROM record").fetchall()
    with closing(sqlite3.connect(world.archive_path)) as db:
        rows += db.execute(
            "SELECT boot, record_id FROM record WHERE node_id = ?",
            (world.mission.payload.node_id,)).fetchall()
    found = {record_id for _, record_id in rows}
    for (boot, low), (next_boot, high) in pairwise(sorted(rows)):
        if boot == next_boot and high - low < GAP_IDS_MAX:
            found.update(range(low, high))
    return found


def _heard_ids(path: Path, node_id: int) -> set[int]:
    with closing(sqlite3.connect(path)) as db:
        rows = db.execute("SELECT record_id FROM record WHERE node_id = ?", (node_id,)).fetchall()
    return {int(record_id) for (record_id,) in rows}
