"""The planner in simulated flights: what it measures is so, and every check holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.battery import BOOST_EFFICIENCY
from sim.fakes.board import PI_ZERO_2W
from sim.payload_thermal import GNSS_W, SEND_W
from sim.scenario import draw
from sim.trials import trial
from sim.world import World
from tests.payload import aboard
from tests.sim.flights import mission
from wire.mission import Mission
from wire.records import Kind

PAD_S = 1_150  # the launch is at 1200


def worth() -> Mission:
    plan = mission()
    return plan.model_copy(update={"mind": plan.mind.model_copy(update={"pace": "worth"})})


def test_on_the_pad_it_learns_what_base_and_thoughts_draw(tmp_path: Path) -> None:
    """Goal: as the board has it. Method: the pad of one flight, with the chips' noise."""
    world = World(worth(), 11, "scripted", tmp_path)
    world.run_until(PAD_S)
    assert world.flight is not None
    planner = world.flight.mind.musing_due.planner
    assert planner is not None and planner.price is not None
    base_w, think_w = (watts / BOOST_EFFICIENCY for watts in (
        PI_ZERO_2W.idle_w, PI_ZERO_2W.inference_w))
    assert planner.meter.base_w is not None
    assert 0 < planner.meter.base_w - base_w < (GNSS_W + SEND_W) / BOOST_EFFICIENCY
    assert planner.meter.thought_w == pytest.approx(think_w, rel=0.25)
    kinds = [record.kind for record in aboard.records(world.store).values()]
    assert kinds.count(Kind.MUSING) > 2
    world.close()


@pytest.mark.thorough
@pytest.mark.parametrize("seed", [3, 8])
def test_a_whole_flight_by_worth_keeps_every_check(seed: int) -> None:
    outcome = trial.fly(draw(seed, worth(), "cold"))
    assert outcome.violations == ()
