"""A trial: one scenario flown to its end with every check, and its outcome."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sim.faults.play import Player
from sim.scenario import Scenario
from sim.trials import liveness
from sim.verify.checks import Checks, Violation
from sim.world import World


@dataclass(frozen=True, slots=True)
class TrialOutcome:
    """What happened. ``digest`` is the same whenever the same scenario is flown."""

    scenario: Scenario
    violations: tuple[Violation, ...]
    counts: Counter[str]
    digest: str
    sim_s: float

    @property
    def broken(self) -> set[str]:
        """Names of the checks that did not hold."""
        return {violation.check for violation in self.violations}


def fly(
    scenario: Scenario, folder: Path | None = None,
    watch: Callable[[World], None] = lambda _: None,
) -> TrialOutcome:
    """Fly ``scenario``. ``folder`` keeps both databases; None leaves nothing behind.

    ``watch`` may add observers to the world before it begins.
    """
    work = Path(tempfile.mkdtemp(prefix="spacepi-")) if folder is None else folder
    try:
        return _fly(scenario, work, watch)
    finally:
        if folder is None:
            shutil.rmtree(work, ignore_errors=True)


def _fly(scenario: Scenario, folder: Path, watch: Callable[[World], None]) -> TrialOutcome:
    world = World(
        scenario.mission, scenario.seed, "scripted", folder, conditions=scenario.conditions)
    checks = Checks(world)
    player = Player(world, checks, scenario.faults)
    watch(world)
    try:
        world.run_until(world.end_s)
        player.clear()
        liveness.settle(player.stage, checks)
        checks.counts["records"] = len(checks.ledger.acknowledged)
        checks.counts["watchdog_bites"] = world.watchdog.bites
        checks.counts["forged_up"] = world.channel.counts["forged"]
        checks.counts["forged_down"] = world.channel.counts["forged_down"]
        return TrialOutcome(
            scenario, tuple(checks.violations), checks.counts, checks.digest, world.clock.now_s)
    finally:
        world.close()
