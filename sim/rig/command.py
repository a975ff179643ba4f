"""``spacepi-sim bench-rig``: the real processes in real time, with faults and a verdict.

    spacepi-sim bench-rig --minutes 10 --kills 3
    spacepi-sim bench-rig --minutes 60 --kills 10 --fault "00:20:00 gnss.vanish 2m" --out bench-1
"""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from sim.fault_schedule import Scheduled
from sim.live import Stop
from sim.replay import Replay, ReplayError
from sim.rig import faults, ledger, live, verdict
from sim.rig.bench import Bench, RigSettings
from sim.rig.faults import RigPlayer
from sim.rig.ledger import Records
from sim.rig.plan import plan_of
from sim.rig.screen import Screen
from sim.rig.verdict import RigFinding
from wire import mission as mission_file
from wire.auth import MASTER_KEY_BYTES
from wire.key_file import KeyFileError
from wire.mission import MissionError

BROKEN = 1
USAGE_ERROR = 2
OUTAGE = "link.outage"


def bench_rig(
    mission_path: Annotated[
        Path, typer.Option("--mission", help="Mission file.")] = Path("mission.toml"),
    hours: Annotated[float, typer.Option(min=0, max=72, help="Duration in hours, added to "
                                         "--minutes.")] = 0.0,
    minutes: Annotated[float, typer.Option(min=0, max=4320, help="Duration in minutes, added to "
                                           "--hours. Without both: 10 minutes.")] = 0.0,
    fault: Annotated[
        list[str] | None, typer.Option(help="'hh:mm:ss NAME [DURATION in s, m or h]', "
                                            "repeatable. Names: "
                                            + ", ".join(sorted(faults.ALL)) + ".")] = None,
    kills: Annotated[
        int, typer.Option(min=0, max=1000, help="How often to kill -9 the daemon at random "
                                                "instants, and as often mind worker and station "
                                                "in turn.")] = 0,
    has_mind: Annotated[
        bool, typer.Option("--mind/--no-mind", help="Run the mission's persona.")
    ] = True,
    loss: Annotated[
        float, typer.Option(min=0, max=0.95, help="Fraction of frames lost, in both "
                                                  "directions.")] = 0.1,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of losses, weather and "
                                                  "answers.")] = 0,
    replay: Annotated[
        Path | None, typer.Option(help="Recorded flight, CSV or CSV.gz, instead of the short "
                                       "flight.")] = None,
    command_every_s: Annotated[
        float, typer.Option(min=0, help="Seconds between queued commands; 0: none.")] = 120.0,
    out: Annotated[
        Path | None, typer.Option(help="New output folder. Default: one in the current "
                                       "folder.")] = None,
) -> None:
    """Run the real processes in real time with faults; the exit status is 1 if something broke."""
    seconds = 3600 * hours + 60 * minutes or 600.0
    screen = Screen()
    try:
        mission = mission_file.load(mission_path)
        has_mind = has_mind and bool(mission.mind.bundle)
        plan = plan_of(fault or [], kills, seconds, seed, has_mind)
        trajectory = None if replay is None else Replay(replay)
        root = _new_folder(out)
        settings = RigSettings(
            seconds, seed, loss, has_mind,
            any(scheduled.name == "storage.full" for scheduled in plan), command_every_s)
        key = secrets.token_bytes(MASTER_KEY_BYTES)
        bench = Bench(root, mission, mission_path, key, settings, screen.show, trajectory)
    except (MissionError, ReplayError, KeyFileError, ValueError, OSError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(USAGE_ERROR) from error
    _greet(screen, bench, root)
    findings, numbers = fly(bench, plan)
    is_good = all(finding.is_good for finding in findings)
    with (root / "verdict.txt").open("w", encoding="utf-8") as file:
        for line, style in _verdict(findings, numbers):
            file.write(line + "\n")
            screen.say(line, style)
    screen.say(f"Output: {root}")
    if not is_good:
        raise typer.Exit(BROKEN)


def _verdict(findings: list[RigFinding], numbers: list[str]) -> Iterator[tuple[str, str | None]]:
    """(line, style): what was found, the numbers, and one word for all."""
    for finding in findings:
        yield str(finding), None if finding.is_good else "red"
    yield "", None
    yield from ((line, None) for line in numbers)
    broken = sum(not finding.is_good for finding in findings)
    yield "", None
    if broken:
        yield f"BROKEN: {broken} of {len(findings)} findings.", "bold red"
    else:
        yield "GOOD: nothing was lost.", "bold green"


def fly(bench: Bench, plan: list[Scheduled]) -> tuple[list[RigFinding], list[str]]:
    """Start, run, stop, judge. Ctrl-C ends the run early; it is judged as well."""
    stop = Stop()
    with contextlib.closing(bench), stop.listening():
        player = RigPlayer(bench, plan)
        bench.start()
        end_ms = round(bench.settings.seconds * 1000)
        bench.loop.run_until(lambda: stop.is_asked or bench.loop.clock.now_ms >= end_ms)
        bench.journal.note("rig", "end of the run: stopping all processes")
        player.clear()
        bench.stop()
        return judge(bench, player)


def judge(bench: Bench, player: RigPlayer) -> tuple[list[RigFinding], list[str]]:
    """Every finding about a bench flight that has ended, and its numbers, a line each."""
    layout, copies = bench.layout, bench.layout.root / "judged"
    try:
        aboard = verdict.read_store(verdict.copy_of(layout.store, copies))
        home, entries, tallies = verdict.read_archive(
            verdict.copy_of(layout.archive, copies), bench.mission.payload.node_id)
    except sqlite3.Error as error:
        return [RigFinding(False, f"a database cannot be read: {error}")], []
    may_prune = "storage.full" in player.played
    # On a full disk confirmed records make room, and what RAM holds is sent before it is durable.
    gone = {number for number in set(home) | set(bench.sent.records) if number not in aboard
            } if may_prune else set()
    heard = bench.channel.heard["beacon"]
    payload, station = bench.payload.counts, bench.station.counts
    kills = {"daemon": payload["kills"], "mind": bench.mind_kills, "station": station["kills"]}
    starts = {"daemon": payload["starts"], "station": station["starts"]}
    numbers = ledger.lines(
        Records.of(aboard, home, bench.sent), bench.sent, heard, entries, kills, starts)
    return [
        _starts(bench),
        *verdict.on_store(aboard, home, may_prune),
        *verdict.on_sent(aboard, bench.sent, gone),
        *verdict.on_archive(aboard, home, tallies, gone),
        *verdict.on_log(aboard, bench.journal),
        *verdict.on_beacons(bench.sent, heard),
        *verdict.on_commands(
            entries, bench.queued, bench.loop.clock.utc_ms, OUTAGE in player.played),
        *(RigFinding(False, breach) for breach in bench.breaches),
    ], numbers


def _starts(bench: Bench) -> RigFinding:
    payload, station = bench.payload.counts, bench.station.counts
    minutes = bench.loop.clock.now_s / 60
    return RigFinding(not payload["crashes"] + station["crashes"], (
        f"{minutes:.0f} minutes; the daemon was started {payload['starts']} times: killed "
        f"{payload['kills']}, by its watchdog {payload['watchdog']}, crashed {payload['crashes']}; "
        f"the station: killed {station['kills']}, crashed {station['crashes']}"
    ))


def _new_folder(out: Path | None) -> Path:
    root = out or Path(f"bench-{live.now_utc():%Y%m%d-%H%M%S}")
    if root.exists() and any(root.iterdir()):
        raise ValueError(f"{root} is not empty: choose another --out.")
    root.mkdir(parents=True, exist_ok=True)
    return root.resolve()


def _greet(screen: Screen, bench: Bench, root: Path) -> None:
    ground = bench.mission.ground
    screen.say(f"The page: http://{ground.web_host}:{ground.web_port}/")
    screen.say("From another terminal: "
               f"spacepi-ground command ping --mission {root / 'station' / 'mission.toml'}")
