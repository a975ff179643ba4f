"""Simulation speed: three hours with a scripted mind, on one core."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from bench.report import Figure
from sim.world import PersonaParts, World
from wire import mission

SEEDS = (7, 8, 9)
MISSION = Path(__file__).resolve().parent.parent / "mission.toml"


def run(out_dir: Path) -> list[Figure]:
    """Simulated seconds per processor second, the middle of three flights."""
    plan, factors = mission.load(MISSION), []
    for seed in SEEDS:
        with tempfile.TemporaryDirectory() as folder:
            world = World(plan, seed, "scripted", Path(folder), None, PersonaParts())
            began_s = time.process_time()
            world.run_until(world.end_s)
            factors.append(world.end_s / (time.process_time() - began_s))
            world.close()
    factor = sorted(factors)[len(factors) // 2]
    return [Figure("three-hour flight, scripted mind, one core", factor, "x real time", 1000, ">=")]
