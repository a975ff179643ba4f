"""Firsts told in a simulated flight, compared with the simulated truth."""

from __future__ import annotations

from pathlib import Path

import pytest

from payload.prompt import NEWS_WORDS
from sim.world import World
from tests.payload import aboard
from tests.sim.flights import mission
from wire.records import Kind

THOUGHT_S = 90  # from the senses of a thought to its record, at most
STEP_S = 5
ASCENT_S = 3_000  # from power-on to some 10 km


@pytest.mark.thorough
def test_what_is_told_as_first_or_most_is_so(tmp_path: Path) -> None:
    """Goal: each line is true of the air itself, not only of its sensors. Method: the first
    ten kilometres; the truth of every five seconds before the telling."""
    world = World(mission(), 11, "scripted", tmp_path)
    world.run_until(ASCENT_S)
    start_ms = world.trajectory.start_utc_ms
    air = [world.sky.air(world.trajectory.state(at).altitude_m)
           for at in range(0, ASCENT_S, STEP_S)]
    told: dict[str, list[int]] = {}
    for record in aboard.records(world.store).values():
        if record.kind is Kind.MUSING:
            last = str(record.body["senses"]).rstrip(".").rsplit(". ", 1)[-1]
            told.setdefault(last, []).append((record.time_ms - start_ms) // 1000 // STEP_S)
    known = {name: told[words] for name, words in NEWS_WORDS.items() if words in told}
    assert {"coldest", "half-air"} <= known.keys(), told.keys()
    back = THOUGHT_S // STEP_S
    for at in known["coldest"]:
        before = min(layer.temperature_c for layer in air[: at - back - 60 // STEP_S])
        assert min(layer.temperature_c for layer in air[at - back : at + 1]) < before
    for at in known["half-air"]:
        assert min(layer.pressure_pa for layer in air[at - back : at + 1]) <= air[0].pressure_pa / 2
    for at in known.get("first-cloud", []):
        assert max(layer.humidity_pct for layer in air[at - back : at + 1]) > 85
    assert all(len(found) == 1 for name, found in known.items() if name != "coldest")
    assert len(known["coldest"]) <= 3
    world.close()
