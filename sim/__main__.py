"""spacepi-sim: simulates the whole system.

    spacepi-sim                         a modelled flight at 60 times real time, with the page
    spacepi-sim --headless --fast       the same as fast as it can, no page
    spacepi-sim --replay FILE.csv.gz    a recorded real flight in place of the model
    spacepi-sim --preset orbit          a day in orbit, over one to three stations
    spacepi-sim show FOLDER             the page of a flight that is over
    spacepi-sim run | soak | faults     drawn flights with faults, see ``sim.commands``
    spacepi-sim swarm | swarm-days      several payloads at once, see ``sim.swarm_command``
    spacepi-sim bench-rig               the real processes in real time, see ``sim.rig.command``
"""

from __future__ import annotations

import errno
import secrets
import socket
import sqlite3
import sys
import time
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import structlog
import typer
from rich.console import Console

from payload.mind.persona import Persona, load_persona
from sim import commands, live, summary, swarm_command
from sim.live import LiveDisplay, LivePage, PortTaken, Stop, last_heard_ms
from sim.replay import Replay, ReplayError
from sim.rig.command import bench_rig
from sim.scenario import PRESETS, Conditions, into_orbit
from sim.world import MindKind, PersonaParts, World
from wire import mission as mission_file
from wire.bundle import BundleError, UntrustedKeyError
from wire.mission import Mission, MissionError
from wire.unknown_name import unknown_name

USAGE_ERROR = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells say it
SEEDS = 10_000
HOURS_MAX = 24 * 400.0
DAY_REVOLUTIONS = 15.0
COMMANDS = ("fly", "show", "run", "soak", "faults", "swarm", "swarm-days", "bench-rig")
app = typer.Typer(
    add_completion=False, help="Simulate the whole system: payload, radio link and ground station.")


class Preset(StrEnum):
    BALLOON = "balloon"
    ORBIT = "orbit"


class MindChoice(StrEnum):
    REAL = "real"
    SCRIPTED = "scripted"
    NONE = "none"


def _preset(name: str) -> Preset:
    """Raises BadParameter, which tells the presets of ``run`` from names that nothing has."""
    names = [preset.value for preset in Preset]
    if name in names:
        return Preset(name)
    elsewhere = f"; `spacepi-sim run --preset {name}` flies it" if name in PRESETS else ""
    raise typer.BadParameter(unknown_name("preset", name, names) + elsewhere)


PortOption = Annotated[
    int | None,
    typer.Option(min=0, max=65535, help="Port of the page. Default: the mission's; 0: any free "
                                        "port."),
]
HoursOption = Annotated[
    float | None,
    typer.Option(min=0.01, max=HOURS_MAX, help="Stop after this much simulated time."),
]
PresetOption = Annotated[
    Preset | None,
    typer.Option(parser=_preset, metavar="PRESET",
                 help="balloon, or orbit: that of the mission file, if it has one, else a "
                      "random one. Default: as the mission file says."),
]
MastOption = Annotated[
    float | None,
    typer.Option(min=0.0, max=500.0, help="Height of the station's antenna, which hears nothing "
                                          "beyond its radio horizon. Default: no horizon."),
]


@app.command(epilog="With --mind scripted the same seed gives the same musings.txt and "
             "summary.json, byte for byte.")
def fly(
    mission_path: Annotated[
        Path, typer.Option("--mission", help="Mission file.")] = Path("mission.toml"),
    seed: Annotated[
        int | None, typer.Option(min=0, help="Random seed of weather, burst, losses and answers. "
                                             "Default: random, and printed.")] = None,
    speed: Annotated[
        float, typer.Option(min=0.1, max=100_000, help="Speed as a multiple of real "
                                                       "time.")] = 60.0,
    is_fast: Annotated[
        bool, typer.Option("--fast", help="As fast as possible.")] = False,
    is_headless: Annotated[
        bool, typer.Option("--headless", help="No page and no live status.")] = False,
    mind: Annotated[
        MindChoice, typer.Option(help="real: the persona's model in its own process; scripted: "
                                      "canned lines; none: no mind.")] = MindChoice.REAL,
    bundle: Annotated[
        Path | None, typer.Option(help="Persona bundle, accepted with any signature. Default: the "
                                       "mission's, signed by one of its trusted_keys.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Output folder for archive, musings and summary. Default: "
                                       "a new one in the current folder.")] = None,
    replay: Annotated[
        Path | None, typer.Option(help="Recorded flight, CSV or CSV.gz, instead of the modelled "
                                       "balloon.")] = None,
    port: PortOption = None,
    hours: HoursOption = None,
    preset: PresetOption = None,
    mast_m: MastOption = None,
) -> None:
    """Simulate a flight from pad to landing: payload, radio link and ground station."""
    console = Console()
    mission = _mission(mission_path)
    trajectory = _replay(replay)
    given_seed, seed = seed, secrets.randbelow(SEEDS) if seed is None else seed
    mission, conditions = _conditions(mission, seed, preset, mast_m)
    reserved = None if is_headless else _reserve(mission, port)
    out_dir = _new_folder(out)
    _log_to(out_dir / "sim.log")
    if given_seed is None:
        console.print(f"Seed {seed}: repeat this flight with --seed {seed}.", highlight=False)
    persona, kind = _persona(mission, mission_path, bundle, mind, console)
    stop = Stop()
    with stop.listening():
        world = World(mission, seed, kind, out_dir, trajectory, persona, conditions)
        page = _open_page(world, reserved, console)
        try:
            end_s = world.end_s if hours is None else hours * 3600
            display = LiveDisplay(console, is_headless, page.address if page is not None else None)
            wall_s = _fly(world, end_s, None if is_fast else speed, display, stop)
            _report(world, page, wall_s, console, stop)
            if page is not None and not stop.is_asked:
                _remain(page, console, stop)
                return
        finally:
            if page is not None:
                page.close()
    if stop.is_asked:
        raise typer.Exit(INTERRUPTED)


@app.command()
def show(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="The folder that the flight "
                                                    "wrote.", show_default=False)],
    mission_path: Annotated[
        Path, typer.Option("--mission", help="Mission file of that flight.")
    ] = Path("mission.toml"),
    port: PortOption = None,
) -> None:
    """Serve the page of a finished flight, as it was at the end, until Ctrl-C."""
    console, mission = Console(), _mission(mission_path)
    archive_path = folder / "archive.sqlite"
    try:
        ended_ms = last_heard_ms(archive_path)
    except sqlite3.Error as error:
        raise _refusal(f"{archive_path}: not a flight archive ({error}); name the folder "
                       "of a simulated flight, such as flight-7.") from error
    if ended_ms is None:
        raise _refusal(f"{archive_path}: nothing was received from this flight.")
    stop = Stop()
    with stop.listening():
        page = LivePage(archive_path, mission, lambda: ended_ms, _reserve(mission, port))
        try:
            page.end(ended_ms, folder)
            console.print(f"The page is at {page.address} until Ctrl-C.", highlight=False)
            stop.wait()
        finally:
            page.close()


app.command("run")(commands.run)
app.command("soak")(commands.soak_command)
app.command("faults")(commands.faults_command)
app.command("swarm")(swarm_command.swarm)
app.command("swarm-days")(swarm_command.show_days)
app.command("bench-rig")(bench_rig)


def main() -> None:
    """The entry point; ``spacepi-sim ...`` without a command is ``spacepi-sim fly ...``."""
    first = sys.argv[1] if len(sys.argv) > 1 else "fly"
    if not first.startswith("-") and first not in COMMANDS:  # ``fly`` takes options alone
        typer.echo(unknown_name("command", first, COMMANDS), err=True)
        sys.exit(USAGE_ERROR)
    if sys.argv[1:2] not in ([name] for name in (*COMMANDS, "--help")):
        sys.argv.insert(1, "fly")
    try:
        app(prog_name="spacepi-sim")
    except KeyboardInterrupt:  # before the flight began
        sys.exit(INTERRUPTED)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        sys.exit("The disk is full, so the flight ended; what was written of it is kept. "
                 "Name a folder on another disk with --out.")


def _fly(world: World, end_s: float, speed: float | None, display: LiveDisplay, stop: Stop
         ) -> float:
    """Fly until the end or until asked to stop; returns the wall time, s."""
    begun_s = time.monotonic()
    try:
        live.fly(world, end_s, speed, display, stop)
    except KeyboardInterrupt:  # the second one: it did not want to wait for the event to end
        stop.is_asked = True
    return time.monotonic() - begun_s


def _report(
    world: World, page: LivePage | None, wall_s: float, console: Console, stop: Stop
) -> None:
    """Close the flight, and report it on the page and the terminal."""
    result = summary.finish(world, wall_s)
    if page is not None:
        page.end(world.clock.utc_ms, world.out_dir)
    if stop.is_asked:
        console.print("Stopped before the end; everything so far is kept.", highlight=False)
    for sentence in summary.sentences(result, world.out_dir):
        console.print(sentence, highlight=False, soft_wrap=True)
    factor = result["sim_s"] / max(wall_s, 0.001)
    console.print(f"Wall time {wall_s:.0f} s, {factor:.0f} times real time.", highlight=False)


def _open_page(world: World, reserved: socket.socket | None, console: Console) -> LivePage | None:
    if reserved is None:
        return None
    page = LivePage(world.archive_path, world.mission, lambda: world.clock.utc_ms, reserved)
    console.print(f"The page is at {page.address}", highlight=False)
    return page


def _remain(page: LivePage, console: Console, stop: Stop) -> None:
    """Keep the page for its readers until Ctrl-C or a polite kill."""
    console.print(f"The page remains at {page.address} until Ctrl-C.", highlight=False)
    stop.wait()


def _reserve(mission: Mission, port: int | None) -> socket.socket:
    try:
        return live.reserve(
            mission.ground.web_host, mission.ground.web_port if port is None else port
        )
    except PortTaken as error:
        raise _refusal(str(error)) from error


def _mission(path: Path) -> Mission:
    try:
        return mission_file.load(path)
    except MissionError as error:
        raise _refusal(str(error)) from error


def _conditions(
    mission: Mission, seed: int, preset: Preset | None, mast_m: float | None,
) -> tuple[Mission, Conditions]:
    """What is flown, and under which conditions: an orbit where the mission or the preset says
    so."""
    conditions = Conditions(mast_m=mast_m)
    if preset is Preset.BALLOON:
        return mission.model_copy(update={"orbit": None}), conditions
    if preset is None and mission.orbit is None:
        return mission, conditions
    return into_orbit(seed, mission, conditions, DAY_REVOLUTIONS)


def _replay(path: Path | None) -> Replay | None:
    if path is None:
        return None
    try:
        recorded = Replay(path)
    except ReplayError as error:
        raise _refusal(str(error)) from error
    if recorded.skipped_rows:
        typer.echo(f"{path}: {recorded.skipped_rows} rows were invalid and are ignored.")
    if recorded.repeated_rows:
        typer.echo(f"{path}: {recorded.repeated_rows} rows repeat the time of another and are "
                   f"ignored; {recorded.rows} remain.")
    return recorded


def _new_folder(out: Path | None) -> Path:
    """An output folder without a flight: a flight is never overwritten."""
    folder = out or Path(f"flight-{datetime.now(UTC):%Y%m%d-%H%M%S}")
    if (folder / "archive.sqlite").exists() or (folder / "payload.sqlite").exists():
        raise _refusal(f"{folder} already holds a flight: choose another --out, or remove it.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "sim.log").touch()
    except OSError as error:
        raise _refusal(f"{folder} cannot be written to ({error.strerror}).") from error
    return folder


def _persona(
    mission: Mission, mission_path: Path, chosen: Path | None, mind: MindChoice, console: Console
) -> tuple[PersonaParts, MindKind]:
    """What the bundle gives; without a valid one the flight has no mind, and says so."""
    if mind is not MindChoice.REAL:
        return PersonaParts(), "scripted" if mind is MindChoice.SCRIPTED else "none"
    bundle = chosen or mission_path.resolve().parent / mission.mind.bundle
    if chosen is None and not mission.mind.bundle:
        why = f"{mission_path} names no persona bundle."
    else:
        try:
            persona = _trusted(bundle, mission, chosen is not None, console)
        except BundleError as error:
            why = str(error)
        else:
            return PersonaParts.of(persona), "real"
    console.print(f"Flying without a mind; beacons and records are unaffected: {why}",
                  markup=False, highlight=False, soft_wrap=True)
    return PersonaParts(), "none"


def _trusted(bundle: Path, mission: Mission, is_named: bool, console: Console) -> Persona:
    """The persona of a key that the mission trusts; of another where it was named by hand, which
    is said. Raises BundleError."""
    try:
        return load_persona(bundle, mission.mind.public_keys)
    except UntrustedKeyError as error:
        if not is_named:
            raise
        console.print(
            f"{bundle} is signed by key {error.public_key.hex()}, which the mission does not "
            "trust; it is accepted here because it was given on the command line. For a payload "
            "to accept it, add that key to trusted_keys under [mind] of its mission file.",
            markup=False, highlight=False, soft_wrap=True)
        return load_persona(bundle, (error.public_key,))


def _log_to(path: Path) -> None:
    """Logs go to a file in the output folder, not between the status lines."""
    structlog.configure(
        processors=[structlog.processors.add_log_level, structlog.processors.LogfmtRenderer()],
        logger_factory=structlog.PrintLoggerFactory(path.open("a", encoding="utf-8")),
    )


def _refusal(sentence: str) -> typer.Exit:
    typer.echo(sentence, err=True)
    return typer.Exit(USAGE_ERROR)


if __name__ == "__main__":
    main()
