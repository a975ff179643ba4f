"""A flight with eyes: what its pictures show, on the ground and in the thoughts."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("numpy", reason="numpy")

from sim.balloon import SITES, Launch
from sim.daemon import Observer
from sim.scenario import Conditions
from sim.world import World
from tests.sim.flights import mission
from wire.mission_eyes import EyesSection
from wire.records import Kind

LAUNCH = Launch(1_779_970_000_000, 120, 24_000.0, 12.0, 8.0, 60.0)


class Sights(Observer):
    """The bodies of pictures and the senses of musings."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.pictures: list[dict[str, object]] = []
        self.senses: list[str] = []
        world.observers.append(self)

    def on_step(self) -> None:
        assert self.world.flight is not None
        for note in self.world.flight.notes:
            if note.kind is Kind.THUMBNAIL:
                self.pictures.append(dict(note.body))
            if note.kind is Kind.MUSING:
                self.senses.append(str(note.body["senses"]))


@pytest.mark.thorough
def test_what_a_flight_sees(tmp_path: Path) -> None:
    """Goal: a horizon with its tilt from the cloud tops up, a black sky only high, nothing black
    or curved near the ground; in records and thoughts. Method: a hop to 24 km, a picture every
    two minutes, for no thought speaks of one that is older than three."""
    plan = mission()
    plan = plan.model_copy(update={
        "eyes": EyesSection(), "cadence": plan.cadence.model_copy(update={"picture_s": 120})})
    conditions = Conditions(
        site=SITES[0], launch=LAUNCH, charge=1.0, down_loss=0.05, up_loss=0.05, burst_s=1.0)
    world = World(plan, 5, "scripted", tmp_path, conditions=conditions)
    sights = Sights(world)
    try:
        world.run_until(world.end_s)
        assert len(sights.pictures) > 5
        high = [body for body in sights.pictures if float(str(body.get("alt", 0))) > 8_000]
        low = [body for body in sights.pictures if float(str(body.get("alt", 0))) < 5_000]
        assert sum("tilt" in body for body in high) >= 0.5 * len(high) > 0
        assert not any({"black", "curved", "sky"} & body.keys() for body in low)
        assert all("sees" in body for body in sights.pictures)
        assert any("sees " in senses for senses in sights.senses)
        assert world.archive is not None
        (archived,) = world.archive.db.execute(
            "SELECT COUNT(*) FROM record WHERE kind = ?", (int(Kind.THUMBNAIL),)).fetchone()
        assert archived > 0
    finally:
        world.close()
