"""Seeded flights of a mind, flown once and kept: what it said, when, and what that cost.

They are flown as ``spacepi-sim fly --headless --fast`` flies them, with the real worker. A flight
is kept under the hash of its bundle, its seed, the mission file and the code that flies, so an
interrupted run loses one flight at most.
"""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

import payload
import sim
from host_training.stages import RunDir, code_hash
from payload.mind.persona import Persona, load_persona
from sim import live
from sim.live import LiveDisplay, Stop
from sim.world import PersonaParts, World
from wire import mission
from wire.bundle import MANIFEST, UntrustedKeyError, file_sha256
from wire.mission import Mission
from wire.records import Kind, unpack_body

FILE = "flight.json"


@dataclass(frozen=True, slots=True)
class FlownLine:
    """A musing as the payload recorded it. ``at_s`` is since the payload was switched on."""

    seed: int
    at_s: float
    text: str
    about: str
    senses: str
    altitude_m: float | None
    tokens: int
    think_ms: int


@dataclass(frozen=True, slots=True)
class Flown:
    """A flight: its musings in order, and what else the mind was asked.

    ``answers``: replies to questions that were kept; ``refused``: replies to either in which there
    was nothing to keep; ``given_up``: musings for which that came three times; ``think_w``: power
    of thinking on top of idle, of the simulated board.
    """

    seed: int
    lines: list[FlownLine]
    answers: int
    refused: int
    given_up: int
    think_w: float

    @classmethod
    def load(cls, path: Path) -> Flown:
        """Read what ``fly`` wrote."""
        table = json.loads(path.read_text(encoding="utf-8"))
        return cls(**{**table, "lines": [FlownLine(**line) for line in table["lines"]]})


@dataclass(frozen=True, slots=True)
class FlownMind:
    """A bundle that was checked, under the name it has in the table."""

    name: str
    persona: Persona

    @property
    def identity(self) -> str:
        """A hash of all of the bundle: its manifest has those of the files."""
        return file_sha256(self.persona.bundle / MANIFEST)


class _Refusals:
    """``sim.daemon.Observer``: counts what the mind was refused, over reboots too."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._before = (0, 0)  # of boots that are over
        self._now = (0, 0)

    def on_boot(self) -> None:
        self._before, self._now = self.total, (0, 0)

    def on_step(self) -> None:
        if self._world.flight is not None:
            mind = self._world.flight.mind
            self._now = (mind.rejected, mind.given_up)

    def on_send(self, frame: bytes) -> None:
        pass

    def on_uplink(self, frame: bytes) -> None:
        pass

    def on_crash(self, error: Exception) -> None:
        raise error

    @property
    def total(self) -> tuple[int, int]:
        """(replies refused, musings given up)."""
        return self._before[0] + self._now[0], self._before[1] + self._now[1]


def load_mind(name: str, bundle: Path, plan: Mission) -> FlownMind:
    """The mind in ``bundle``, of whatever key: it was named by hand. Raises BundleError."""
    try:
        return FlownMind(name, load_persona(bundle, plan.mind.public_keys))
    except UntrustedKeyError as error:
        return FlownMind(name, load_persona(bundle, (error.public_key,)))


def fly(mind: FlownMind, seed: int, mission_path: Path, run_dir: RunDir,
        report: Callable[[str], None]) -> Flown:
    """The flight of ``seed``, flown now if it is not kept.

    Raises:  KeyboardInterrupt between two events; the flight is then not kept.
    """
    def build(out: Path) -> None:
        report(f"seed {seed}: flying")
        flown = _flown(mind, seed, mission.load(mission_path))
        (out / "flight.part").write_text(json.dumps(asdict(flown), indent=1, ensure_ascii=False),
                                         encoding="utf-8")
        os.replace(out / "flight.part", out / FILE)

    inputs = {"bundle": mind.identity, "mission": file_sha256(mission_path), "seed": seed,
             "code": code_hash(payload, sim)}
    done = Flown.load(run_dir.stage(f"flight-{seed}", inputs, build) / FILE)
    report(f"seed {seed}: {len(done.lines)} lines, {done.refused} replies refused")
    return done


def _flown(mind: FlownMind, seed: int, plan: Mission) -> Flown:
    stop = Stop()
    with tempfile.TemporaryDirectory() as folder, stop.listening():
        world = World(plan, seed, "real", Path(folder), None, PersonaParts.of(mind.persona))
        refusals = _Refusals(world)
        world.observers.append(refusals)
        try:
            live.fly(world, world.end_s, None, LiveDisplay(Console(stderr=True)), stop)
        finally:
            world.close()
        if stop.is_asked:
            raise KeyboardInterrupt
        lines, answers = read_lines(world.payload_path, seed)
        refused, given_up = refusals.total
        return Flown(seed, lines, answers, refused, given_up, world.hardware.board.inference_w)


def read_lines(store: Path, seed: int) -> tuple[list[FlownLine], int]:
    """The musings on a payload's disk, oldest first, and how many questions its mind answered."""
    with closing(sqlite3.connect(store)) as db:
        rows = [(kind, at_ms, unpack_body(body)) for kind, at_ms, body in db.execute(
            "SELECT kind, mono_ms, body FROM record WHERE kind IN (?, ?) ORDER BY id",
            (int(Kind.MUSING), int(Kind.REPLY)))]
    lines = [FlownLine(seed, at_ms / 1000, body["text"], body["about"], body["senses"],
                       body.get("alt"), body["tok"], body["ms"])
             for kind, at_ms, body in rows if kind == Kind.MUSING and body["by"] == "model"]
    answers = sum(kind == Kind.REPLY and body["by"] == "model" for kind, _, body in rows)
    return lines, answers
