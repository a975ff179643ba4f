"""What relaying brings: the words that come home from two payloads, one of which falls silent.

Three runs of the same draw, on one channel, where each waits while it hears the other send; so the
time on the air, and with it the energy, is that of the channel. *Alone*: neither listens for the
other. *Swarm*: each carries for the other, and in orbit they take turns. *Oracle*: alone, and the
lost antenna is not lost, as if whatever reached one payload's station had come from both.

Under one balloon the antenna breaks in the first three tenths of the flight. In orbit, two
follow each other by a minute over three stations, and the second is never heard from the ground.
Words are those of musings and replies in the archive of each payload's own station at the end.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.report import Figure
from sim.balloon import SITES, Launch
from sim.clock import part_rng
from sim.orbit import Orbit, draw_elements
from sim.scenario import ORBIT_CADENCE, ORBIT_HARDWARE, ORBIT_MIND_S, Conditions
from sim.swarm import Swarm, in_line, missions, under_one_balloon
from sim.world import World
from wire import mission
from wire.mission import Mission
from wire.mission_orbit import OrbitStation
from wire.records import Kind, unpack_body

MISSION = Path(__file__).resolve().parent.parent / "mission.toml"
NAMES = ("EDDA", "FENN")
BALLOON_SEEDS = (1, 2)
ORBIT_SEEDS = (1, 2, 3)
START_UTC_MS = 1_790_000_000_000
BURST_M, CLIMB_MPS, LANDING_MPS, REST_S = 8_000.0, 5.0, 5.0, 900.0
BROKEN = (0.0, 0.3)  # of the flight, when the antenna breaks
REVOLUTIONS, LAG_S = 5.0, 60.0
LOSS = 0.3
SLOT_S = 30  # in orbit, where they relay
ARMS = ("alone", "swarm", "oracle")


@dataclass(frozen=True, slots=True)
class Delivered:
    """What came home of all payloads, and what it took."""

    words: int
    airtime_s: float
    days: float


def _words(world: World) -> int:
    with closing(sqlite3.connect(world.archive_path)) as db:
        rows = db.execute(
            "SELECT body FROM record WHERE node_id = ? AND kind IN (?, ?)",
            (world.mission.payload.node_id, int(Kind.MUSING), int(Kind.REPLY))).fetchall()
    return sum(len(str(unpack_body(body).get("text", "")).split()) for (body,) in rows)


def _break_antenna(world: World) -> None:
    world.channel.down.is_cut = world.channel.up.is_cut = True


def _fly(worlds: Sequence[World], broken_s: float | None) -> Delivered:
    """``broken_s`` is when the last payload's antenna breaks; None: it does not."""
    swarm = Swarm(worlds, worlds[0].seed)
    if broken_s is not None:
        worlds[-1].at(round(broken_s * 1000), partial(_break_antenna, worlds[-1]))
    swarm.run_until(swarm.end_s)
    swarm.close()
    airtime_s = sum(world.channel.payload_airtime_ms for world in worlds) / 1000
    return Delivered(sum(map(_words, worlds)), airtime_s, swarm.end_s / 86_400)


def _balloon(plan: Mission, seed: int, arm: str, folder: Path) -> Delivered:
    rng = part_rng(seed, "bench swarm")
    launch = Launch(START_UTC_MS, 300, BURST_M, CLIMB_MPS, LANDING_MPS, REST_S)
    conditions = Conditions(site=rng.choice(SITES), launch=launch, down_loss=LOSS, up_loss=LOSS)
    worlds = under_one_balloon(
        missions(plan, NAMES, arm == "swarm"), seed, folder, conditions)
    broken_s = rng.uniform(*BROKEN) * worlds[0].end_s
    return _fly(worlds, None if arm == "oracle" else broken_s)


def _orbit(plan: Mission, seed: int, arm: str, folder: Path) -> Delivered:
    rng = part_rng(seed, "bench swarm orbit")
    stations = tuple(OrbitStation(
        name=f"station{at}", latitude_deg=site.latitude_deg, longitude_deg=site.longitude_deg,
        altitude_m=site.elevation_m) for at, site in enumerate(rng.sample(SITES, 3)))
    elements = draw_elements(rng, stations[0], START_UTC_MS)
    orbit = Orbit(START_UTC_MS, elements, stations, REVOLUTIONS)
    conditions = Conditions(orbit=orbit, hardware=ORBIT_HARDWARE, charge=1.0)
    plan = plan.model_copy(update={
        "cadence": plan.cadence.model_copy(update=ORBIT_CADENCE),
        "mind": plan.mind.model_copy(update={"every_s": ORBIT_MIND_S})})
    worlds = in_line(missions(plan, NAMES, arm == "swarm", SLOT_S), seed, folder, conditions, LAG_S)
    return _fly(worlds, None if arm == "oracle" else 0.0)


def run(out_dir: Path) -> list[Figure]:
    """Words a day against flying alone and against the oracle, and the time on the air."""
    plan, rows = mission.load(MISSION), []
    for name, fly, seeds in (("balloon", _balloon, BALLOON_SEEDS), ("orbit", _orbit, ORBIT_SEEDS)):
        flown: dict[str, list[Delivered]] = {arm: [] for arm in ARMS}
        for seed in seeds:
            for arm in ARMS:
                with tempfile.TemporaryDirectory() as folder:
                    flown[arm].append(fly(plan, seed, arm, Path(folder)))
        words = {arm: sum(each.words for each in flown[arm]) for arm in ARMS}
        airtime_s = {arm: sum(each.airtime_s for each in flown[arm]) for arm in ARMS}
        days = sum(each.days for each in flown["swarm"])
        rows += [
            Figure(f"{name}: words a day, two payloads", words["swarm"] / days, "words",
                   peers={arm: words[arm] / days for arm in ("alone", "oracle")}),
            Figure(f"{name}: words against each flying alone", words["swarm"] / words["alone"],
                   "times", 1.5),
            Figure(f"{name}: words against all contacts shared", words["swarm"] / words["oracle"],
                   "times", 0.8),
            Figure(f"{name}: time on the air against flying alone",
                   airtime_s["swarm"] / airtime_s["alone"], "times", 1.05, "<="),
        ]
    return rows
