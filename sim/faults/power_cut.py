"""Power cuts (docs/faults.md, 30 to 34): at any instant, repeated, at the worst instant.

Here the flight object is dropped and its committed disk kept; what a cut does inside a commit is
the business of the disk explorers (tests/crash).
"""

from __future__ import annotations

from functools import partial

from sim.balloon import Balloon
from sim.fakes.sd_card import FREE_BYTES
from sim.faults.stage import End, Fault, Stage
from wire.commands import Opcode

LOOP_CUTS, LOOP_S = 10, 60.0
COMMAND_LOOK_S = 0.05
PRUNING_CUTS, PRUNING_S = 4, 120.0


def _cut(stage: Stage) -> None:
    stage.world.reboot()


def _loop(stage: Stage) -> None:
    """A loose plug: ten cuts in a minute, at random instants."""
    for _ in range(LOOP_CUTS):
        stage.after(stage.rng.uniform(0, LOOP_S), partial(stage.world.reboot, 2_000))


def _cut_at(stage: Stage, moment: str) -> None:
    """At the true ``moment`` of the balloon, or now where there is none ahead."""
    path = stage.world.trajectory
    at_s = getattr(path, moment) if isinstance(path, Balloon) else 0.0
    stage.after(max(0.0, at_s - stage.now_ms / 1000), stage.world.reboot)


def _cut_after_command(stage: Stage) -> End:
    """As soon as a command has been taken, before anybody can have heard of it."""
    world = stage.world
    if world.ground is not None and world.archive is not None:
        world.archive.queue(Opcode.MUSE_NOW, "", world.clock.utc_ms)
    counter = world.flight.gate.last_counter if world.flight else 0

    def look() -> None:
        nonlocal counter
        if world.flight is not None and world.flight.gate.last_counter != counter:
            counter = world.flight.gate.last_counter
            world.reboot()

    return stage.every(COMMAND_LOOK_S, look)


def _cut_while_pruning(stage: Stage) -> End:
    """The card is nearly full, so every commit prunes; the power goes in the middle of it."""
    card = stage.world.card
    card.room_bytes = 1 << 20
    for _ in range(PRUNING_CUTS):
        stage.after(stage.rng.uniform(0, PRUNING_S), partial(stage.world.reboot, 2_000))

    def end() -> None:
        card.room_bytes = FREE_BYTES

    return end


FAULTS: tuple[Fault, ...] = (
    Fault(30, "cut.once", "the power is cut for twenty seconds", _cut),
    Fault(31, "cut.loop", "ten cuts in a minute", _loop, (80.0, 80.0), ("beacon_cadence",)),
    Fault(32, "cut.ascent", "a cut at the instant of launch", partial(_cut_at, moment="launch_s")),
    Fault(32, "cut.burst", "a cut at the instant of burst", partial(_cut_at, moment="burst_s")),
    Fault(32, "cut.landing", "a cut at touchdown", partial(_cut_at, moment="landing_s")),
    Fault(33, "cut.command", "a cut between a command and its answer", _cut_after_command,
          (120.0, 240.0)),
    Fault(34, "cut.pruning", "cuts while old records are deleted to make room", _cut_while_pruning,
          (PRUNING_S + 20, PRUNING_S + 20), ("beacon_cadence",)),
)
