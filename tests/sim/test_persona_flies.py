"""The shipped persona on a short flight: its own process, killed twice, and nothing is lost."""

import os
import signal
from pathlib import Path

from payload.persona import load_persona
from sim import summary
from sim.replay import Replay
from sim.worker_mind import WorkerMind
from sim.world import PersonaParts, World
from tests.sim.flights import ROOT, hop_rows, mission, sealed_without_model, write_csv
from wire.records import Kind

BUNDLE = ROOT / "host_training" / "examples" / "edda.bundle"
BUNDLE_BYTES_MAX = 10_000_000


def test_the_shipped_bundle_is_whole_and_small() -> None:
    persona = load_persona(BUNDLE)
    assert persona.text.name == "Edda" and "not the person" in persona.manifest.disclosure
    assert sum(file.stat().st_size for file in BUNDLE.iterdir()) <= BUNDLE_BYTES_MAX


def test_the_mind_worker_killed_in_flight_costs_no_record(tmp_path: Path) -> None:
    persona = load_persona(BUNDLE)
    parts = PersonaParts.of(persona)
    assert parts.codec is not None
    hop = Replay(write_csv(tmp_path / "hop.csv", hop_rows()))
    world = World(mission(), 5, "real", tmp_path, hop, parts)
    workers = set()
    for at_s in (300, 700, 1100):
        world.run_until(at_s)
        assert isinstance(world.mind, WorkerMind)
        if world.mind.pid is not None:
            workers.add(world.mind.pid)
            os.kill(world.mind.pid, signal.SIGKILL)
    world.run_until(world.end_s)
    result = summary.finish(world, None)
    assert len(workers) == 3, "each time another worker was there to be killed"
    musings = (tmp_path / "musings.txt").read_text().splitlines()
    assert result["records_lost"] == 0 and len(musings) >= 5
    assert len(set(musings)) == len(musings) and "" not in musings
    coded = sealed_without_model(world)
    assert coded.count(Kind.MUSING) == len(musings), "the persona's own codec packed them"
