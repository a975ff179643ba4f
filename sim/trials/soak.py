"""The soak: many seeds, each a random flight with random faults, checked at every step.

Seeds are flown in parallel processes and counted in the order of the seeds, so that the table does
not depend on who was faster. A seed that breaks a check is named with the line that flies it again.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from sim.clock import part_rng
from sim.faults import catalogue
from sim.faults.known import KNOWN_FAILURES
from sim.scenario import ANY, Scenario, draw
from sim.trials import trial
from sim.verify.checks import Violation
from wire import mission as mission_file
from wire.mission import Mission

FIRST_FAULT_S = 60.0
FAULT_REST_S = 300.0  # after the landing the last fault ends
FLIGHTS_PER_PROCESS = 20  # a new process now and then: memory that a library leaks is given back


@dataclass(frozen=True, slots=True)
class Result:
    """What is kept of one seed."""

    seed: int
    preset: str
    faults: tuple[str, ...]
    violations: tuple[Violation, ...]
    counts: Counter[str]
    digest: str
    sim_s: float


@dataclass(slots=True)
class Tally:
    """All seeds so far."""

    flights: int = 0
    sim_s: float = 0.0
    presets: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    failed: list[Result] = field(default_factory=list)

    def add(self, result: Result) -> None:
        self.flights += 1
        self.sim_s += result.sim_s
        self.presets[result.preset] += 1
        self.faults.update(result.faults)
        self.counts.update(result.counts)
        if result.violations:
            self.failed.append(result)


def scenario_of(seed: int, mission: Mission, preset: str = ANY) -> Scenario:
    """The whole drawn flight of ``seed``, faults included. Known failures are not drawn."""
    scenario = draw(seed, mission, preset)
    launch = scenario.conditions.launch
    assert launch is not None
    ascent_s = launch.burst_altitude_m / launch.climb_mps
    end_s = launch.pad_s + 1.4 * ascent_s + FAULT_REST_S
    names = sorted(catalogue.ALL.keys() - KNOWN_FAILURES.keys())
    plan = catalogue.draw(part_rng(seed, "plan"), names, FIRST_FAULT_S, end_s)
    return Scenario(
        scenario.seed, scenario.preset, scenario.mission, scenario.conditions, tuple(plan))


def fly(seed: int, mission_path: Path, preset: str = ANY) -> Result:
    """One seed, in whatever process this is."""
    scenario = scenario_of(seed, mission_file.load(mission_path), preset)
    names = tuple(fault.name for fault in scenario.faults)
    try:
        outcome = trial.fly(scenario)
    except Exception as error:  # noqa: BLE001 (the other seeds are flown all the same)
        broken = Violation("no_crash", 0.0, f"the simulator itself failed: {error!r}")
        return Result(seed, scenario.preset, names, (broken,), Counter(), "", 0.0)
    return Result(seed, scenario.preset, names, outcome.violations, outcome.counts,
                  outcome.digest, outcome.sim_s)


def _fly(job: tuple[int, Path, str]) -> Result:
    return fly(*job)


def run(
    seeds: Iterable[int], mission_path: Path, jobs: int, preset: str = ANY,
    on_result: Callable[[Result], None] = lambda _: None,
) -> Tally:
    """Fly all ``seeds`` in ``jobs`` processes; Ctrl-C ends it with those that were flown."""
    tally = Tally()
    with suppress(KeyboardInterrupt):
        for result in _results([(seed, mission_path, preset) for seed in seeds], jobs):
            tally.add(result)
            on_result(result)
    return tally


def _results(work: list[tuple[int, Path, str]], jobs: int) -> Iterator[Result]:
    if jobs == 1:
        yield from map(_fly, work)
        return
    spawn = multiprocessing.get_context("spawn")
    with spawn.Pool(jobs, _begin_worker, maxtasksperchild=FLIGHTS_PER_PROCESS) as pool:
        yield from pool.imap(_fly, work)


def _begin_worker() -> None:
    """Ctrl-C is for the process that counts; what the rooms log would stand between its lines."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())


def parse_seeds(text: str) -> range:
    """``7`` or ``0:1000`` (the end is not flown). Raises ValueError with one sentence."""
    first, colon, end = text.partition(":")
    try:
        seeds = range(int(first), int(end) if colon else int(first) + 1)
    except ValueError:
        seeds = range(0)
    if not seeds or seeds.start < 0:
        raise ValueError(f"seeds {text!r}: must be one number, or FIRST:END with END above FIRST")
    return seeds


def table(tally: Tally) -> str:
    """What happened, in Markdown."""
    counts = tally.counts
    lost = sum(v.check == "records_kept" for r in tally.failed for v in r.violations)
    rows = [
        ("flights, each from one seed", tally.flights),
        ("hours flown", round(tally.sim_s / 3600)),
        ("faults injected", tally.faults.total()),
        ("kinds of fault", len(tally.faults)),
        ("starts of the payload", counts["boots"]),
        ("daemons killed by the watchdog", counts["watchdog_bites"]),
        ("beacons sent", counts["beacons"]),
        ("frames sent", counts["frames"]),
        ("records promised durable", counts["records"]),
        ("of these lost or altered", lost),
        ("flights in which a check failed", len(tally.failed)),
    ]
    lines = ["| what | number |", "|---|---|"]
    lines += [f"| {what} | {number:,} |" for what, number in rows]
    lines += ["", "| fault | times |", "|---|---|"]
    lines += [f"| {name} | {times} |" for name, times in sorted(tally.faults.items())]
    return "\n".join(lines)
