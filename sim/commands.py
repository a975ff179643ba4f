"""``spacepi-sim run`` and ``spacepi-sim soak``: scenarios with faults, checked at every step.

    spacepi-sim run --seed 42 --trace --plot 42.png      one seed, told and drawn
    spacepi-sim run --seed 7 --preset calm --fault "01:12:00 i2c.stuck 40s"
    spacepi-sim soak --seeds 0:1000 --jobs 2             many, and a table
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import structlog
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from sim import plot
from sim.fault_schedule import Scheduled, parse
from sim.faults import catalogue
from sim.scenario import ANY, PRESETS, Scenario
from sim.trace import Trace
from sim.trials import soak, trial
from sim.world import World
from wire import mission as mission_file
from wire.mission import Mission, MissionError

BROKEN = 1
USAGE_ERROR = 2
MissionOption = Annotated[Path, typer.Option("--mission", help="Mission file.")]
PresetOption = Annotated[
    str, typer.Option(help=f"{ANY} (drawn), {', '.join(PRESETS)}.")]


def run(
    mission_path: MissionOption = Path("mission.toml"),
    seed: Annotated[int, typer.Option(min=0, help="Random seed of configuration, weather and "
                                                  "faults.")] = 0,
    preset: PresetOption = ANY,
    fault: Annotated[
        list[str] | None, typer.Option(help="'hh:mm:ss NAME [DURATION in s, m or h]', repeatable, "
                                            "instead of the random faults; 'none' for no faults.")
    ] = None,
    is_traced: Annotated[bool, typer.Option("--trace", help="Print a trace of the "
                                            "flight.")] = False,
    plot_path: Annotated[
        Path | None, typer.Option("--plot", help="Plot the flight to this file, "
                                  f"{', '.join(plot.ENDINGS)}.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Keep both databases in this new folder.")] = None,
) -> None:
    """Fly one seed with all checks; the exit status is 1 if one fails."""
    console = Console(soft_wrap=True, highlight=False)
    with _refusing():
        scenario = _with_faults(
            soak.scenario_of(seed, _mission(mission_path), preset), fault)
    if out is not None and out.exists():
        raise _refusal(f"{out} already exists: choose another --out.")
    reason = plot.refusal(plot_path)
    if reason is not None:
        raise _refusal(reason)
    samples: list[plot.Samples] = []

    def watch(world: World) -> None:
        if is_traced:
            Trace(world, console.print)
        if plot_path is not None:
            samples.append(plot.Samples(world))

    console.print(f"Seed {seed}, {scenario.preset}; faults: "
                  + ("; ".join(map(str, scenario.faults)) or "none"))
    with _quiet():
        outcome = trial.fly(scenario, out, watch)
    if plot_path is not None:
        _draw(samples[0], scenario, plot_path)
    for violation in outcome.violations:
        console.print(str(violation), style="red")
    counts = outcome.counts
    console.print(
        f"{outcome.sim_s / 3600:.1f} hours, {counts['boots']} starts, {counts['beacons']} beacons,"
        f" {counts['records']} records promised. Digest {outcome.digest[:16]}.")
    if outcome.violations:
        raise typer.Exit(BROKEN)
    console.print("Every check held.")


def soak_command(
    mission_path: MissionOption = Path("mission.toml"),
    seeds: Annotated[str, typer.Option(help="FIRST:END, END excluded.")] = "0:50",
    jobs: Annotated[int, typer.Option(min=0, max=256, help="Number of processes; 0: one per "
                                      "core.")] = 0,
    preset: PresetOption = ANY,
    out: Annotated[
        Path | None, typer.Option(help="Also write the table to this Markdown file.")] = None,
) -> None:
    """Fly many seeds and print the results; the exit status is 1 if a check fails."""
    console = Console(soft_wrap=True, highlight=False)
    with _refusing():
        chosen = soak.parse_seeds(seeds)
        soak.scenario_of(chosen.start, _mission(mission_path), preset)
    columns = (TextColumn("[progress.description]{task.description}"), BarColumn(),
               MofNCompleteColumn(), TimeRemainingColumn())
    with _quiet(), Progress(*columns, console=console) as progress:
        task = progress.add_task("flights", total=len(chosen))

        def tell(result: soak.Result) -> None:
            progress.advance(task)
            if result.violations:
                progress.console.print(replay_line(result.seed, preset))
                progress.console.print(f"    {result.violations[0]}", style="red")

        tally = soak.run(chosen, mission_path, jobs or os.cpu_count() or 1, preset, tell)
    text = soak.table(tally)
    console.print(text)
    if tally.flights < len(chosen):
        console.print(f"Stopped after {tally.flights} of {len(chosen)} flights.")
    if out is not None:
        out.write_text(text + "\n", encoding="utf-8")
    if tally.failed:
        console.print("These seeds failed a check; each line repeats one:", style="red")
        for result in tally.failed:
            console.print(replay_line(result.seed, preset))
        raise typer.Exit(BROKEN)
    console.print("Every check held in every flight.")


def faults_command() -> None:
    """List every fault that can be scheduled."""
    console = Console(soft_wrap=True, highlight=False)
    for fault in sorted(catalogue.ALL.values(), key=lambda fault: (fault.number, fault.name)):
        console.print(f"{fault.number:>3}  {fault.name:<24}{fault.what}")


def replay_line(seed: int, preset: str) -> str:
    """The command that repeats a seed."""
    chosen = "" if preset == ANY else f" --preset {preset}"
    return f"spacepi-sim run --seed {seed}{chosen} --trace"


def _with_faults(scenario: Scenario, lines: list[str] | None) -> Scenario:
    if lines is None:
        return scenario
    plan: list[Scheduled] = [parse(line) for line in lines if line != "none"]
    for scheduled in plan:
        catalogue.find(scheduled.name)
    return replace(scenario, faults=tuple(sorted(plan, key=lambda fault: fault.at_s)))


def _draw(samples: plot.Samples, scenario: Scenario, path: Path) -> None:
    title = f"spacepi-sim run --seed {scenario.seed}   ({scenario.preset})"
    plot.draw(samples.rows, list(scenario.faults), title, path)


def _mission(path: Path) -> Mission:
    return mission_file.load(path)


@contextlib.contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except (MissionError, ValueError) as error:
        raise _refusal(str(error)) from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Logs would appear between the lines printed here."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    try:
        yield
    finally:
        structlog.reset_defaults()


def _refusal(sentence: str) -> typer.Exit:
    typer.echo(sentence, err=True)
    return typer.Exit(USAGE_ERROR)
