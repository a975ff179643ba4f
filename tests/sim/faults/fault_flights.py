"""A short flight with one fault in it, and what a test asks about it afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from sim.balloon import SITES, Launch
from sim.fault_schedule import Scheduled
from sim.hardware import Hardware
from sim.scenario import Conditions, Scenario
from sim.trials import trial
from sim.trials.trial import TrialOutcome
from sim.world import World
from tests.sim.flights import mission
from wire.beacon import FaultBits
from wire.mission import Mission
from wire.records import Kind

LAUNCH = Launch(1_780_000_000_000, 120, 6_000.0, 8.0, 8.0, 60.0)
IN_FLIGHT_S = 400


@dataclass
class Seen:
    """An observer: events by name with their fields, and every fault bit that was ever set."""

    world: World
    look: Callable[[World], None] | None = None
    events: Counter[str] = field(default_factory=Counter)
    fields: dict[str, dict[str, Any]] = field(default_factory=dict)
    bits: FaultBits = field(default_factory=lambda: FaultBits(0))
    outcome: TrialOutcome | None = None
    pictures_while_jammed: int = 0
    is_jammed: bool = False

    def on_boot(self) -> None:
        self.events["starts"] += 1

    def on_step(self) -> None:
        flight = self.world.flight
        assert flight is not None
        for note in flight.notes:
            self.events[note.kind.name] += 1
            self.pictures_while_jammed += self.is_jammed and note.kind is Kind.THUMBNAIL
            if note.kind is Kind.EVENT:
                self.events[note.body["event"]] += 1
                self.fields[note.body["event"]] = note.body.get("fields", {})
        self.is_jammed = flight.navigation.is_jammed and not flight.camera.is_busy
        if self.world.clock.now_s >= IN_FLIGHT_S:
            self.bits |= flight.faults(flight.situation(self.world.daemon.now_ms))
            if self.look is not None:
                self.look(self.world)

    def on_send(self, frame: bytes) -> None:
        """Frames are the checks' business."""

    def on_uplink(self, frame: bytes) -> None:
        """So are these."""

    def on_crash(self, error: Exception) -> None:
        self.events["crashes"] += 1


def fly(
    name: str, duration_s: float, look: Callable[[World], None] | None = None,
    hardware: Hardware | None = None, flown: Mission | None = None, burst_m: float = 6_000.0,
) -> Seen:
    """A hop to six kilometres; the fault begins in the ascent. Every check must hold."""
    conditions = Conditions(
        site=SITES[0], launch=LAUNCH._replace(burst_altitude_m=burst_m), charge=1.0,
        down_loss=0.05, up_loss=0.05, burst_s=1.0, hardware=hardware or Hardware())
    plan = (Scheduled(IN_FLIGHT_S, name, duration_s),)
    scenario = replace(Scenario(5, "calm", flown or mission(), conditions), faults=plan)
    seen: list[Seen] = []

    def watch(world: World) -> None:
        seen.append(Seen(world, look))
        world.observers.append(seen[0])

    outcome = trial.fly(scenario, watch=watch)
    assert outcome.violations == (), outcome.violations
    assert outcome.counts[f"fault {name}"] == 1
    seen[0].outcome = outcome
    return seen[0]
