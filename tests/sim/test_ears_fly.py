"""A flight with ears: what is heard on the way, by the ground, against what truly happened."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("numpy", reason="numpy")

from payload.sound import Sound
from sim.balloon import SITES, Balloon, Launch
from sim.daemon import Observer
from sim.scenario import Conditions
from sim.world import World
from tests.sim.flights import mission
from wire.mission_microphone import MicrophoneSection
from wire.records import Kind

LAUNCH = Launch(1_780_000_000_000, 120, 6_000.0, 10.0, 8.0, 60.0)
EARS = MicrophoneSection(device="plughw:1,0", every_s=30, take_s=6, sensitivity_dbfs=-26.0)


class Sounds(Observer):
    """(s, sound) of every take, the senses of every musing, and the records."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.takes: list[tuple[float, Sound]] = []
        self.records = 0
        self.senses: list[str] = []
        world.observers.append(self)

    def on_step(self) -> None:
        assert self.world.flight is not None
        last = self.world.flight.ears.last
        if last is not None and (not self.takes or self.takes[-1][1] is not last):
            self.takes.append((self.world.clock.now_s, last))
        for note in self.world.flight.notes:
            if note.kind is Kind.SOUND:
                self.records += 1
            if note.kind is Kind.MUSING:
                self.senses.append(str(note.body["senses"]))


@pytest.mark.thorough
def test_what_a_flight_sounds_like(tmp_path: Path) -> None:
    """Goal: wind that fades on the way up, a roar and flapping on the way down, no voices in the
    air; each as a record on the ground, and in the thoughts. Method: a hop to 6 km
    with a take every half minute."""
    plan = mission().model_copy(update={"microphone": EARS})
    conditions = Conditions(
        site=SITES[0], launch=LAUNCH, charge=1.0, down_loss=0.05, up_loss=0.05, burst_s=1.0)
    world = World(plan, 5, "scripted", tmp_path, conditions=conditions)
    sounds = Sounds(world)
    try:
        world.run_until(world.end_s)
        path = world.trajectory
        assert isinstance(path, Balloon) and world.ground is not None
        times = path.launch_s + 30, path.burst_s, path.burst_s + 20, path.landing_s - 60
        up = [sound for t, sound in sounds.takes if times[0] < t < times[1]]
        down = [sound for t, sound in sounds.takes if times[2] < t < times[3]]
        assert {sound.heard for sound in up} == {("wind",)}
        assert {sound.heard for sound in down} == {("wind", "flutter")}
        levels = [sound.spl_db or 0.0 for sound in up]
        assert all(a > b for a, b in zip(levels, levels[5:], strict=False)), "but for gusts"
        assert levels[0] - levels[-1] > 3
        assert all((sound.spl_db or 0.0) > levels[-1] + 1 for sound in down)
        assert any("hears wind and flapping." in senses for senses in sounds.senses)
        assert any("hears wind." in senses for senses in sounds.senses)
        assert world.archive is not None
        (archived,) = world.archive.db.execute(
            "SELECT COUNT(*) FROM record WHERE kind = ?", (int(Kind.SOUND),)).fetchone()
        assert sounds.records - 2 <= archived <= sounds.records >= 4
    finally:
        world.close()

