"""``spacepi-ground ask``, ``chat``, ``command``, ``elements``, ``commands`` and ``withdraw``:
the queue in a terminal.

A command goes into the archive of the running station, which sends it when the payload listens.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from groundstation import command_words
from groundstation.archive import command_order, command_state, outbox, schema, threads
from groundstation.archive.outbox import QueuedCommand
from groundstation.chat import TerminalChat
from groundstation.errors import StationError
from groundstation.outbox_desk import STATION
from groundstation.reading.reader import FlightReader
from groundstation.sanitise import clean_text
from groundstation.tle_file import check_place, read_tle
from wire import key_file
from wire.commands import Opcode
from wire.key_file import KeyFileError
from wire.mission import Mission
from wire.mission import load as load_mission

ARCHIVE_NAME = "archive.sqlite"
MissionOption = Annotated[
    Path, typer.Option(
        "--mission", "-m", help="Mission file, the same as the payload's.", readable=False,
    ),
]
LifetimeOption = Annotated[
    int | None,
    typer.Option(
        "--lifetime", metavar="SECONDS",
        help="Lifetime in seconds, after which it is not sent; default from the mission file.",
    ),
]


def archive_path(mission: Mission, mission_path: Path) -> Path:
    """Where the archive of this mission lies, or will."""
    return mission_path.parent / mission.ground.archive_dir / ARCHIVE_NAME


def existing_archive(mission: Mission, mission_path: Path) -> Path:
    """The same. Raises StationError when there is none yet."""
    path = archive_path(mission, mission_path)
    if not path.exists():
        raise StationError(f"{path}: no archive; `spacepi-ground serve` creates it")
    return path


class OutboxCommands:
    """The commands, with the clock by which commands are dated; they raise what ``main`` says."""

    def __init__(self, now_ms: Callable[[], int], wait: Callable[[], None]) -> None:
        """``wait`` lets a moment pass, between two looks into the archive."""
        self._now_ms = now_ms
        self._wait = wait

    def all(self) -> dict[str, Callable[..., Any]]:
        """By the names under which they are typed."""
        return {"ask": self.ask, "chat": self.chat, "command": self.command,
                "elements": self.elements, "commands": self.list_all, "withdraw": self.withdraw}

    def ask(
        self,
        text: Annotated[str, typer.Argument(help="The question, at most 160 bytes.")],
        mission: MissionOption = Path("mission.toml"), lifetime: LifetimeOption = None,
    ) -> None:
        """Queue a question; the running station sends it when the payload listens."""
        entry = self._post(Opcode.ASK, clean_text(text), mission, lifetime)
        typer.echo(f"Question {entry.command_id} is queued. {_lifetime_of(entry)}")

    def chat(
        self,
        name: Annotated[str, typer.Option(
            help="Who asks, at most 24 characters; it is not transmitted.")],
        mission: MissionOption = Path("mission.toml"),
    ) -> None:
        """Converse with the payload: one question a line; an empty line or Ctrl-D ends."""
        loaded = load_mission(mission)
        try:
            asker = threads.asker_of(name)
        except ValueError as error:
            raise StationError(f"--name: {error}") from error
        path = existing_archive(loaded, mission)
        with contextlib.closing(FlightReader(path, loaded)) as reader:
            talk = TerminalChat(reader, loaded.payload.name, asker, self._now_ms,
                        lambda text: self._post(Opcode.ASK, text, mission, None, asker))
            for line in talk.before():
                typer.echo(line)
            while question := self._line():
                try:
                    talk.say(question, self._wait, typer.echo)
                except (StationError, ValueError) as error:
                    typer.echo(f"  {error}")
                except KeyboardInterrupt:
                    typer.echo("  not waited for; it stays queued")

    def _line(self) -> str:
        """What is typed next; empty at the end."""
        typer.echo("you: ", nl=False)
        try:
            return sys.stdin.readline().strip()
        except KeyboardInterrupt:
            return ""

    def command(
        self,
        name: Annotated[str, typer.Argument(help=", ".join(command_words.names()) + ".")],
        arguments: Annotated[
            list[str] | None, typer.Argument(help="Arguments of the command; most have none.")
        ] = None,
        mission: MissionOption = Path("mission.toml"), lifetime: LifetimeOption = None,
    ) -> None:
        """Queue a command; the running station signs and sends it when the payload listens."""
        try:
            opcode, text = command_words.find(name), clean_text(" ".join(arguments or []))
            command_words.check_setting(opcode, text, load_mission(mission))
        except ValueError as error:
            raise StationError(f"{error}") from error
        _echo_queued(self._post(opcode, text, mission, lifetime))

    def elements(
        self,
        file: Annotated[Path, typer.Argument(help="File with a two-line element set, with or "
                                                  "without a name line.")],
        mission: MissionOption = Path("mission.toml"), lifetime: LifetimeOption = None,
        unchecked: Annotated[bool, typer.Option(
            "--unchecked", help="Queue them even if they contradict where the payload was last."),
        ] = False,
    ) -> None:
        """Queue newer elements, by which payload and station predict its passes from then on."""
        elements, loaded = read_tle(file), load_mission(mission)
        if not unchecked:
            with contextlib.closing(
                FlightReader(existing_archive(loaded, mission), loaded)
            ) as reader:
                check_place(file, elements, reader.tracks().verified)
        _echo_queued(self._post(Opcode.ELEMENTS, elements.text, mission, lifetime))

    def list_all(
        self, mission: MissionOption = Path("mission.toml"),
        limit: Annotated[int, typer.Option(min=1, help="Number of entries, the newest.")] = 20,
    ) -> None:
        """List queued questions and commands with their states, oldest first."""
        loaded = load_mission(mission)
        with contextlib.closing(schema.connect_reader(existing_archive(loaded, mission))) as db:
            entries = [entry.as_of(self._now_ms()) for entry in outbox.recent(db, limit)]
        for entry in reversed(entries):
            queued = datetime.fromtimestamp(entry.created_ms / 1000, UTC)
            what = command_words.in_words(entry.opcode, entry.text)
            typer.echo(f"{entry.command_id}  {queued:%Y-%m-%d %H:%M:%S} UTC  {what}: "
                       f"{command_state.in_words(entry, loaded.payload.name)}")
        if not entries:
            typer.echo("The queue is empty.")

    def withdraw(
        self,
        number: Annotated[int, typer.Argument(help="Number as `commands` lists it.")],
        mission: MissionOption = Path("mission.toml"),
    ) -> None:
        """Withdraw a question or command; one already sent may still be executed."""
        loaded = load_mission(mission)
        try:
            with outbox.of_another_process(existing_archive(loaded, mission)) as db:
                entry = outbox.withdraw(db, number)
        except ValueError as error:
            raise StationError(f"{error}") from error
        typer.echo(f"Command {number}: {command_state.of_withdrawal(entry, loaded.payload.name)}.")

    def _post(
        self, opcode: Opcode, text: str, mission: Path, lifetime_s: int | None,
        asker: str = STATION,
    ) -> QueuedCommand:
        loaded = load_mission(mission)
        key_path = mission.parent / loaded.keys.file
        if not key_path.exists():
            raise KeyFileError(
                f"{key_path}: no such key file, so nothing can be sent; run `spacepi-ground keygen`"
            )
        key_file.load(key_path)  # one that cannot be used is refused before anything is queued
        path, ground = existing_archive(loaded, mission), loaded.ground
        if lifetime_s is None:
            lifetime_s = command_order.lifetime_s(opcode, ground)
        try:
            return outbox.post(path, opcode, text, self._now_ms(), ground.station_number,
                               asker=asker, lifetime_s=lifetime_s)
        except ValueError as error:
            raise StationError(f"{error}") from error


def _echo_queued(entry: QueuedCommand) -> None:
    words = command_words.in_words(entry.opcode, entry.text)
    stop = "" if words.endswith((".", '."')) else "."
    typer.echo(f"Command {entry.command_id} is queued: {words}{stop} {_lifetime_of(entry)}")


def _lifetime_of(entry: QueuedCommand) -> str:
    """Printed when it is queued."""
    minutes, seconds = divmod((entry.expires_ms - entry.created_ms) // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "min"), (seconds, "s"))
    return f"It expires in {' '.join(f'{count} {unit}' for count, unit in parts if count)}."
