"""A hop with one fault in it: up to two kilometres and down again, and what was seen on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from sim.balloon import Launch
from sim.fault_schedule import Scheduled
from sim.radio.channel import frame_name
from sim.scenario import Scenario, draw
from sim.trials import trial
from sim.trials.trial import TrialOutcome
from sim.world import World
from tests.sim.flights import mission
from wire.beacon import FaultBits
from wire.records import Kind

START_UTC_MS = 1_790_000_000_000
PAD_S, BURST_M, CLIMB_MPS, LANDING_MPS, REST_S = 120, 1_900.0, 7.0, 7.0, 60.0
FAULT_AT_S = 150.0


def hop(fault: str, duration_s: float | None = None, at_s: float = FAULT_AT_S,
        seed: int = 5) -> Scenario:
    """About a quarter of an hour in a good channel, with ``fault`` in it."""
    calm = draw(seed, mission(), "calm")
    assert calm.conditions.launch is not None
    launch = Launch(START_UTC_MS, PAD_S, BURST_M, CLIMB_MPS, LANDING_MPS, REST_S)
    return replace(
        calm, conditions=replace(calm.conditions, launch=launch),
        faults=(Scheduled(at_s, fault, duration_s),))


def hop_in_peace(seed: int = 5) -> Scenario:
    """The same with nothing wrong, but for the forgeries that are in every drawn flight."""
    return replace(hop("core.hog", seed=seed), faults=())


class Seen:
    """An observer: events by name, records by kind, texts, and every fault bit that was set."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.events: Counter[str] = Counter()
        self.kinds: Counter[Kind] = Counter()
        self.commands = 0  # results of those that the flight gives; sources answer by themselves
        self.texts: list[str] = []
        self.outcomes: Counter[str] = Counter()
        self.reasons: list[str] = []
        self.bits = FaultBits(0)
        self.frames: Counter[str] = Counter()
        world.observers.append(self)

    def on_boot(self) -> None:
        """Nothing to note."""

    def on_step(self) -> None:
        flight = self.world.flight
        assert flight is not None
        for note in flight.notes:
            self.kinds[note.kind] += 1
            if note.kind is Kind.COMMAND_RESULT and note.body["command"] != "answer":
                self.commands += 1
            if note.kind is Kind.EVENT:
                self.events[note.body["event"]] += 1
                self.reasons.append(str(note.body.get("fields", {}).get("reason", "")))
            if note.kind in (Kind.MUSING, Kind.REPLY):
                self.texts.append(str(note.body["text"]))
            if note.kind is Kind.API_CALL:
                self.outcomes[note.body["outcome"]] += 1
        self.bits |= flight.faults(flight.situation(self.world.daemon.now_ms))

    def on_send(self, frame: bytes) -> None:
        self.frames[frame_name(frame)] += 1

    def on_uplink(self, frame: bytes) -> None:
        """Nothing to note."""

    def on_crash(self, error: Exception) -> None:
        """The checks see it."""


def fly(
    scenario: Scenario, look: Callable[[World], None] = lambda _: None
) -> tuple[TrialOutcome, Seen]:
    """The outcome, and what was seen; ``look`` gets the world before it begins."""
    seen: list[Seen] = []

    def watch(world: World) -> None:
        seen.append(Seen(world))
        look(world)

    outcome = trial.fly(scenario, watch=watch)
    return outcome, seen[0]
