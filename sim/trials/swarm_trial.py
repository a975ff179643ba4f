"""A swarm on trial: several payloads over several stations for days, with resets and every check.

All of it follows from one seed: elements, stations, losses, resets. Day by day a row for each
payload is given to whoever asked for it. At the end the raw logs of the stations are merged and
decoded anew for each payload, which must give what its own station has; then everybody comes near,
one by one, and brings home what is left (``sim.trials.liveness``).

    union_agrees   the logs of all stations, merged, give the records that came home in flight
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from groundstation.archive import merging
from payload.prompt import PersonaText
from sim.balloon import SITES, draw_launch
from sim.clock import part_rng
from sim.fault_schedule import Scheduled
from sim.faults.play import Player
from sim.orbit import build, strung_out
from sim.scenario import (
    ORBIT_CADENCE,
    ORBIT_HARDWARE,
    ORBIT_MIND_S,
    Conditions,
    stations_at,
)
from sim.swarm import LOSS, Swarm, in_orbits, missions, under_one_balloon
from sim.trials import liveness
from sim.trials.station_logs import StationLogs, decode, records_of
from sim.trials.swarm_days import DAY_S, Day, DayCount
from sim.verify.checks import Checks, Violation
from sim.verify.swarm_checks import SwarmChecks
from sim.world import PersonaParts, World
from wire.mission import Mission

CALLED = ("EDDA", "FENN", "HULDA", "IRPA", "JORD", "KARI", "LOFN", "MIMIR", "NANNA", "ODD",
          "RIND", "SIGYN")
RESET = "cut.once"
_REVOLUTIONS_A_DAY = 17.0  # at most: how long the orbit is told to last
SCAN_EVERY_MS = 6 * 3_600_000  # whole disks: of weeks they are large
UNION = "union.sqlite"

Named = tuple[str, Violation]  # of the payload of this name


@dataclass(frozen=True, slots=True)
class SwarmPlan:
    """What is flown. ``loss`` is that of every link, each way, None as usual; ``resets`` those of a
    payload in a day, on the mean."""

    mission: Mission
    seed: int
    payloads: int
    stations: int = 1
    days: float = 1.0
    is_orbit: bool = True
    loss: float | None = None
    resets: float = 0.0
    slot_s: int | None = None  # None: they send when the channel is free


@dataclass(frozen=True, slots=True)
class SwarmOutcome:
    """What happened. Violations are named by the payload; ``digest`` is the same whenever the same
    plan is flown."""

    violations: tuple[Named, ...]
    rows: tuple[Day, ...]
    sim_s: float
    digest: str


class SwarmTrial:
    """One plan, flown in ``folder``: a folder for each payload, and a raw log of each station."""

    def __init__(self, plan: SwarmPlan, folder: Path) -> None:
        """``folder`` exists and is empty."""
        self.plan = plan
        self.folder = folder
        self.worlds = _worlds(plan, folder)
        self.swarm = Swarm(self.worlds, plan.seed, True, LOSS if plan.loss is None else plan.loss)
        self.checks = [Checks(world, SCAN_EVERY_MS) for world in self.worlds]
        self.across = SwarmChecks(self.worlds, self.checks)
        self.end_s = self.swarm.end_s if not plan.is_orbit else plan.days * DAY_S
        self._players = [
            Player(world, each, drawn_resets(world.seed, plan.resets, self.end_s))
            for world, each in zip(self.worlds, self.checks, strict=True)]
        self._days = [DayCount(world) for world in self.worlds]
        self._logs = StationLogs(self.worlds, folder)
        self._rows: list[Day] = []
        self._violations: list[Named] = []

    def fly(
        self,
        on_day: Callable[[Sequence[Day], Sequence[Named]], None] = lambda rows, found: None,
        is_stopped: Callable[[], bool] = lambda: False,
    ) -> SwarmOutcome:
        """To the end, or to that of a day on which ``is_stopped`` says so. ``on_day`` is given each
        day's rows and what it violated: who looks on need not wait for weeks."""
        now_s = 0.0
        while now_s < self.end_s and not is_stopped():
            from_s, now_s = now_s, min(self.end_s, now_s + DAY_S)
            self.swarm.run_until(now_s)
            rows = [count.end_day(round(from_s / DAY_S) + 1, from_s) for count in self._days]
            self._rows += rows
            on_day(rows, self._found())
        for player in self._players:
            player.clear()
        self._look_at_union()
        self._settle()
        self.across.look_at_archives([world.archive_path for world in self.worlds])
        self._found()
        digest = hashlib.sha256("".join(each.digest for each in self.checks).encode()).hexdigest()
        return SwarmOutcome(tuple(self._violations), tuple(self._rows), now_s, digest)

    def close(self) -> None:
        """Close everything."""
        self._logs.close()
        self.swarm.close()

    def _found(self) -> list[Named]:
        """What was violated since this was last asked, in the order in which it happened."""
        found = []
        for world, each in zip(self.worlds, self.checks, strict=True):
            name = world.mission.payload.name
            known = sum(name == other for other, _ in self._violations)
            found += [(name, violation) for violation in each.violations[known:]]
        found.sort(key=lambda named: named[1].at_s)
        self._violations += found
        return found

    def _settle(self) -> None:
        """Each brings home what is left, alone."""
        self.swarm.disband()
        for player, each in zip(self._players, self.checks, strict=True):
            liveness.settle(player.stage, each)

    def _look_at_union(self) -> None:
        self._logs.close()
        merged = self.folder / "stations.raw"
        merging.merge(self._logs.paths, merged)
        for world, each in zip(self.worlds, self.checks, strict=True):
            path = world.out_dir / UNION
            decode(merged, world, path)
            flown, union = (records_of(path, world) for path in (world.archive_path, path))
            if flown != union:
                each.violate("union_agrees", f"{len(flown - union)} records are not in the merged "
                             f"logs of the stations, {len(union - flown)} only there")


def _worlds(plan: SwarmPlan, folder: Path) -> list[World]:
    rng = part_rng(plan.seed, "swarm trial")
    names = CALLED[:plan.payloads]
    personas = [PersonaParts(text=PersonaText(
        name.capitalize(), f"You are {name.capitalize()}.", ("Say what is so.",), "A script."))
        for name in names]
    sites = rng.sample(SITES, plan.stations)
    launch = draw_launch(rng, sites[0])
    conditions = Conditions(site=sites[0], launch=launch)
    if plan.loss is not None:
        conditions = replace(conditions, down_loss=plan.loss, up_loss=plan.loss)
    if not plan.is_orbit:
        ours = plan.mission.model_copy(update={"orbit": None})
        return under_one_balloon(
            missions(ours, names, slot_s=plan.slot_s), plan.seed, folder, conditions,
            personas=personas)
    ours, stations = plan.mission, stations_at(rng, sites)
    if ours.orbit is None:
        ours = ours.model_copy(update={
            "cadence": ours.cadence.model_copy(update=ORBIT_CADENCE),
            "mind": ours.mind.model_copy(update={"every_s": ORBIT_MIND_S})})
    first = build(rng, ours.orbit, stations, launch, _REVOLUTIONS_A_DAY * plan.days)
    elements = strung_out(rng, first.elements, plan.payloads)
    return in_orbits(missions(ours, names, slot_s=plan.slot_s), plan.seed, folder,
                     replace(conditions, orbit=first, hardware=ORBIT_HARDWARE), elements, personas)


def drawn_resets(seed: int, a_day: float, end_s: float) -> list[Scheduled]:
    """Spontaneous ones, at any time."""
    rng, at_s, found = part_rng(seed, "resets"), 0.0, []
    while a_day > 0 and (at_s := at_s + rng.expovariate(a_day / DAY_S)) < end_s:
        found.append(Scheduled(at_s, RESET))
    return found
