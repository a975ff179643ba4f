"""The geofence in a simulated world: the pin is high when it must be, and never else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pytest

from sim.balloon import SITES
from sim.faults.stage import Stage
from sim.scenario import Scenario
from sim.world import World
from tests.sim.faults.short_hops import Seen, fly, hop
from tests.thorough import sampled
from wire.commands import Opcode

AROUND_DEG = 3.0  # far beyond what a hop drifts
CEILING_M = 1_500.0  # above the sea; the hop goes to 1900 m above it
BURN_S = 5


@dataclass
class Pin:
    """When the pin went high, and for how long it was."""

    world: World
    since_s: list[float] = field(default_factory=list)
    high_s: float = 0.0
    altitudes_m: list[float] = field(default_factory=list)
    _was_high: bool = False

    def look(self) -> None:
        is_high = self.world.pin.is_high
        if is_high and not self._was_high:
            self.since_s.append(self.world.clock.now_s)
            self.altitudes_m.append(self.world.body.state().altitude_m)
        self.high_s += 0.5 * is_high
        self._was_high = is_high


def fenced(
    may_fire: bool, fault: str = "config.open_key", duration_s: float | None = None,
    at_s: float = 200.0, **limits: Any,
) -> tuple[Pin, Seen]:
    """Fly a hop inside ``limits``; every check must hold, ``cutdown_safe`` among them."""
    scenario = hop(fault, duration_s, at_s)
    flight = scenario.mission.flight.model_copy(
        update={"cutdown_pin": 17, "burn_s": BURN_S, "fence_may_fire": may_fire, **limits})
    scenario = replace(scenario, mission=scenario.mission.model_copy(update={"flight": flight}))
    return flown(scenario)


def flown(
    scenario: Scenario, act: Callable[[World], None] = lambda _: None
) -> tuple[Pin, Seen]:
    pins: list[Pin] = []

    def watch(world: World) -> None:
        pins.append(Pin(world))
        world.every(500, pins[0].look)
        act(world)

    outcome, seen = fly(scenario, watch)
    assert not outcome.violations, "\n".join(map(str, outcome.violations))
    return pins[0], seen


def site_fence(half_deg: float) -> tuple[tuple[float, float], ...]:
    scenario = hop("config.open_key")
    site = scenario.conditions.site or SITES[0]
    lat, lon = site.latitude_deg, site.longitude_deg
    return ((lat - half_deg, lon - half_deg), (lat - half_deg, lon + half_deg),
            (lat + half_deg, lon + half_deg), (lat + half_deg, lon - half_deg))


def test_above_the_ceiling_it_burns_after_a_minute_and_lets_go() -> None:
    pin, seen = fenced(True, ceiling_m=CEILING_M)
    assert 1 <= len(pin.since_s) <= 3
    assert all(altitude_m > CEILING_M for altitude_m in pin.altitudes_m)
    assert pin.high_s <= len(pin.since_s) * (BURN_S + 1)
    assert seen.events["fence_left"] == 1 and seen.events["cutdown_fired"] == len(pin.since_s)


@pytest.mark.thorough
def test_outside_the_polygon_it_burns_too() -> None:
    """A fence so small that the wind carries the balloon out of it."""
    pin, seen = fenced(True, fence=site_fence(0.002))
    assert pin.since_s and seen.events["fence_left"] == 1


@pytest.mark.thorough
def test_a_fence_that_may_not_fire_only_says_so() -> None:
    pin, seen = fenced(False, ceiling_m=CEILING_M)
    assert not pin.since_s and seen.events["fence_left"] == 1


@pytest.mark.parametrize(("fault", "duration_s"), sampled([
    ("gnss.jump_5", 10.0), ("gnss.equator", 200.0), ("gnss.constant_altitude", 200.0),
]))
def test_a_receiver_that_lies_fires_nothing(fault: str, duration_s: float) -> None:
    """Inside fence and ceiling in truth, whatever the receiver says for up to three minutes."""
    pin, _ = fenced(True, fault, duration_s, fence=site_fence(AROUND_DEG), ceiling_m=12_000.0)
    assert not pin.since_s


@pytest.mark.parametrize(("orders", "burns"), sampled([
    ((Opcode.CUTDOWN_ARM, Opcode.CUTDOWN_FIRE), 1),
    ((Opcode.CUTDOWN_FIRE, Opcode.CUTDOWN_FIRE), 0),
    ((Opcode.CUTDOWN_ARM, Opcode.CUTDOWN_ARM), 0),
], quick=2))
def test_only_arm_and_then_fire_burns_and_once(orders: tuple[Opcode, Opcode], burns: int) -> None:
    def order(world: World) -> None:
        stage = Stage(world, None)  # whose checks nobody asks
        for number, opcode in enumerate(orders):
            stage.after(200.0 + 20.0 * number, partial(stage.command, opcode))

    pin, seen = flown(hop("config.open_key"), order)
    assert (len(pin.since_s), seen.events["cutdown_fired"]) == (burns, burns)
    assert pin.high_s <= burns * 6.5
