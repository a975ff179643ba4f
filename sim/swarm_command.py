"""``spacepi-sim swarm``: several payloads over several stations for days, with every check.

    spacepi-sim swarm --payloads 6 --stations 3 --days 30 --loss 0.7 --resets 1 --plot days.png
    spacepi-sim swarm --preset balloon --payloads 2
    spacepi-sim swarm-days FOLDER --plot days.png       the table and plot of one that was flown
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import structlog
import typer
from rich.console import Console

from sim import plot
from sim.live import Stop
from sim.swarm import PAYLOADS_MAX, STATIONS_MAX
from sim.trials import swarm_days, swarm_plot
from sim.trials.swarm_days import Day, DaysFile
from sim.trials.swarm_trial import Named, SwarmPlan, SwarmTrial
from wire import mission as mission_file
from wire.airtime_budget import AirtimeBudget
from wire.mission import Mission, MissionError

BROKEN = 1
USAGE_ERROR = 2
INTERRUPTED = 130
BALLOON_PAYLOADS_MAX = 4  # on one line
DAYS_MAX = 400.0
DAYS_FILE = "days.csv"
SLOT_S = 20


class SwarmPreset(StrEnum):
    BALLOON = "balloon"
    ORBIT = "orbit"


PlotOption = Annotated[
    Path | None, typer.Option("--plot", help="Plot the days to this file, "
                              f"{', '.join(plot.ENDINGS)}.")]


def swarm(
    mission_path: Annotated[
        Path, typer.Option("--mission", help="Mission file.")] = Path("mission.toml"),
    seed: Annotated[
        int, typer.Option(min=0, help="Random seed of elements, stations, losses and "
                                      "resets.")] = 0,
    preset: Annotated[
        SwarmPreset, typer.Option(help="orbit: released by one rocket; balloon: under one "
                                       "balloon, to the end of its flight.")] = SwarmPreset.ORBIT,
    payloads: Annotated[
        int, typer.Option(min=2, max=PAYLOADS_MAX, help="Number of payloads.")] = 6,
    stations: Annotated[
        int | None, typer.Option(min=1, max=STATIONS_MAX, help="Number of stations. Default: 3; "
                                 "for a balloon 1.")] = None,
    days: Annotated[
        float, typer.Option(min=0.01, max=DAYS_MAX, help="Simulated days in orbit.")] = 1.0,
    loss: Annotated[
        float | None, typer.Option(min=0.0, max=0.95, help="Mean loss of every link, each way, "
                                   "in bursts. Default: 0.3 to the ground, 0.05 between "
                                   "payloads.")] = None,
    resets: Annotated[
        float, typer.Option(min=0.0, max=24.0, help="Mean number of spontaneous resets of a "
                                                    "payload in a day.")] = 0.0,
    slot_s: Annotated[
        int | None, typer.Option("--slot", metavar="SECONDS", min=0, max=60,
                                 help="Length of the time slot of each payload; 0: they send when "
                                      "the channel is free. Default: 20; under a balloon "
                                      "0.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Output folder for stores, archives, logs and days.csv. "
                                       "Default: swarm-SEED in the current folder.")] = None,
    plot_path: PlotOption = None,
) -> None:
    """Fly a swarm with all checks after every step; the exit status is 1 if one fails."""
    is_orbit = preset is SwarmPreset.ORBIT
    if not is_orbit and payloads > BALLOON_PAYLOADS_MAX:
        raise _refusal(f"--payloads {payloads}: one balloon carries at most "
                       f"{BALLOON_PAYLOADS_MAX}; more fly with --preset orbit.")
    if not is_orbit and stations not in (None, 1):
        raise _refusal(f"--stations {stations}: those of a balloon stand side by side at the pad "
                       "and hear the same; several need --preset orbit.")
    try:
        mission = mission_file.load(mission_path)
    except MissionError as error:
        raise _refusal(str(error)) from error
    slot_s = _slot_s(mission, SLOT_S if slot_s is None and is_orbit else slot_s)
    _check_plot(plot_path)
    console = Console(highlight=False, soft_wrap=True)
    folder = _new_folder(out or Path(f"swarm-{seed}"))
    plan = SwarmPlan(mission, seed, payloads, stations or (3 if is_orbit else 1), days, is_orbit,
                     loss, resets, slot_s)
    _fly(plan, folder, console, plot_path)


def show_days(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Output folder of `swarm --out`, finished or "
                                                    "not.", show_default=False)],
    plot_path: PlotOption = None,
) -> None:
    """Print and plot the days of a swarm, finished or still flying."""
    _check_plot(plot_path)
    path = folder / DAYS_FILE
    try:
        rows = swarm_days.read(path)
    except OSError as error:
        raise _refusal(f"{path} cannot be read ({error.strerror}); name a folder written by "
                       "swarm --out.") from error
    if not rows:
        raise _refusal(f"{path}: no day is over yet.")
    _show(rows, f"{folder.name}", Console(highlight=False, soft_wrap=True), plot_path)


def _fly(plan: SwarmPlan, folder: Path, console: Console, plot_path: Path | None) -> None:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    stop, file = Stop(), DaysFile(folder / DAYS_FILE)

    def tell(rows: Sequence[Day], found: Sequence[Named]) -> None:
        file.add(rows)
        said, home = sum(row.words_said for row in rows), sum(row.words_home for row in rows)
        console.print(f"Day {rows[0].day}: {said} words said, {home} came home, "
                      f"{sum(row.resets for row in rows)} resets.")
        _tell_violations(found, console)

    with stop.listening():
        trial = SwarmTrial(plan, folder)
        try:
            outcome = trial.fly(tell, lambda: stop.is_asked)
        finally:
            trial.close()
            structlog.reset_defaults()
    _show(outcome.rows, title(plan), console, plot_path)
    _tell_violations(outcome.violations, console)
    if stop.is_asked:
        console.print("Stopped at the end of a day; everything so far is kept.")
    console.print(f"{outcome.sim_s / 86_400:.2f} days, digest {outcome.digest[:16]}; stores, "
                  f"archives and the stations' logs are in {folder}.")
    if outcome.violations:
        raise typer.Exit(BROKEN)
    console.print("Every check held.")
    if stop.is_asked:
        raise typer.Exit(INTERRUPTED)


def _tell_violations(found: Sequence[Named], console: Console) -> None:
    for name, violation in found:
        console.print(f"{name:<6}{violation}", style="red", markup=False)


def title(plan: SwarmPlan) -> str:
    """What was flown, for a plot."""
    where = f"{plan.stations} stations" if plan.is_orbit else "one balloon"
    loss = "" if plan.loss is None else f", {100 * plan.loss:g} % loss"
    resets = f", resets: {plan.resets:g} a day and payload" if plan.resets else ""
    slots = f", slots of {plan.slot_s} s" if plan.slot_s else ""
    return f"{plan.payloads} payloads, {where}{loss}{resets}{slots}, seed {plan.seed}"


def _slot_s(mission: Mission, slot_s: int | None) -> int | None:
    """None for no slots; a refusal for one in which nothing fits."""
    least_s = math.ceil(AirtimeBudget(mission).slot_ms_min / 1000)
    if slot_s and slot_s < least_s:
        raise _refusal(f"--slot {slot_s}: too short for a beacon, its listening window and a full "
                       f"frame; allowed is {least_s} to 60, or 0 for no slots.")
    return slot_s or None


def _show(rows: Sequence[Day], name: str, console: Console, plot_path: Path | None) -> None:
    console.print(swarm_days.table(rows))
    if plot_path is not None:
        swarm_plot.draw(rows, name, plot_path)


def _check_plot(plot_path: Path | None) -> None:
    """Before days are flown."""
    reason = plot.refusal(plot_path)
    if reason is not None:
        raise _refusal(reason)


def _new_folder(folder: Path) -> Path:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise _refusal(f"{folder} is not empty: choose another --out.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _refusal(f"{folder} cannot be written to ({error.strerror}).") from error
    return folder


def _refusal(sentence: str) -> typer.Exit:
    typer.echo(sentence, err=True)
    return typer.Exit(USAGE_ERROR)
