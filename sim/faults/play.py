"""Runs the faults of one flight at their times, on the world's event heap."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from sim.fault_schedule import Scheduled
from sim.faults.catalogue import find
from sim.faults.stage import End, Fault, Stage
from sim.verify.checks import Checks
from sim.world import World


class Player:
    """Begins and ends what is planned; ``clear`` ends whatever still lasts."""

    def __init__(self, world: World, checks: Checks, plan: Iterable[Scheduled]) -> None:
        """Raises ValueError for a name that no fault has."""
        self.stage = Stage(world, checks)
        self._checks = checks
        self._active: dict[int, tuple[Fault, End | None]] = {}
        for number, scheduled in enumerate(plan):
            fault = find(scheduled.name)
            world.at(round(scheduled.at_s * 1000), partial(self._begin, number, fault, scheduled))

    def clear(self) -> None:
        """End everything that still lasts."""
        for number in list(self._active):
            self._end(number)

    def _begin(self, number: int, fault: Fault, scheduled: Scheduled) -> None:
        self._checks.counts[f"fault {fault.name}"] += 1
        self._checks.excuses.begin(fault.excuses)
        self._active[number] = fault, fault.begin(self.stage)
        duration_s = scheduled.duration_s
        if duration_s is None:
            duration_s = fault.lasts_s[0]
        self.stage.after(duration_s, partial(self._end, number))

    def _end(self, number: int) -> None:
        active = self._active.pop(number, None)
        if active is None:
            return
        fault, end = active
        if end is not None:
            end()
        self._checks.excuses.end(fault.excuses)
