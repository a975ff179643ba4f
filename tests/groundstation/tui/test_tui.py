"""The flight on a terminal: what is read there, typed there, and cannot be done to it by radio."""

from __future__ import annotations

import asyncio
import fcntl
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from groundstation.archive import outbox
from groundstation.archive.station_lock import is_attended
from groundstation.errors import StationError
from groundstation.outbox_desk import OutboxDesk
from groundstation.reading.alarms import AlarmBoard
from groundstation.tui import command, snapshot
from groundstation.tui.app import FlightScreen
from groundstation.tui.snapshot import SnapshotReader
from tests.groundstation.far_end import SIGNED_MISSION, START_MS, state_at
from tests.groundstation.lied_to import FLOWN, Station
from wire.beacon import Phase
from wire.records import Kind

ROOT = Path(__file__).resolve().parents[3]
LAST_S = FLOWN[-1]
LINE = "The cold has a colour now."
Use = Callable[[Pilot[None]], Awaitable[None]]


class Terminal:
    """The screen beside a station; ``now_s`` is its clock, since the start of the flight."""

    def __init__(self, station: Station) -> None:
        self.station = station
        self.now_s: float = LAST_S + 5
        path = station.archive.path
        desk = OutboxDesk(path, SIGNED_MISSION, self.now_ms)
        self.rung = 0
        self.app = FlightScreen(
            SnapshotReader(station.reader, path, AlarmBoard(SIGNED_MISSION)).look,
            partial(desk.ask, asker="station"), self.now_ms)

    def now_ms(self) -> int:
        return START_MS + round(self.now_s * 1000)

    def run(self, use: Use, size: tuple[int, int] = (80, 24)) -> None:
        def ring() -> None:
            self.rung += 1

        async def play() -> None:
            self.app.bell = ring  # type: ignore[method-assign]
            async with self.app.run_test(size=size) as pilot:
                await pilot.pause()
                await use(pilot)

        asyncio.run(play())

    def shown(self) -> str:
        """The screen as a terminal has it, line by line."""
        return "\n".join(
            "".join(segment.text for segment in strip).rstrip()
            for strip in self.app.screen._compositor.render_strips())

    def text(self, name: str) -> str:
        return str(self.app.query_one(f"#{name}", Static).content)


@pytest.fixture
def station(tmp_path):
    station = Station(tmp_path)
    station.archive.set_meta("can_transmit", 1)
    with station.archive.batch():
        station.archive.note_change("station", None)
    yield station
    station.close()


@pytest.fixture
def terminal(station, monkeypatch):
    """Beside a station that receives; its lock is of this process, which never sees its own."""
    monkeypatch.setattr(snapshot, "is_attended", lambda path: True)
    return Terminal(station)


def think(station: Station, text: str, at_s: int, **more: object) -> None:
    station.far.push(Kind.MUSING, START_MS + at_s * 1000, {
        "text": text, "alt": 3100, "by": "model", "senses": "", **more})
    station.hear(station.far.data(START_MS + (at_s + 60) * 1000), at_s + 60)


@pytest.mark.parametrize("size", [(80, 24), (200, 50), (40, 12)])
def test_diary_position_link_and_age_are_on_the_screen(terminal, size):
    think(terminal.station, LINE, LAST_S - 60)
    state = state_at(LAST_S)

    async def use(pilot: Pilot[None]) -> None:
        screen = terminal.shown()
        assert all(word in screen for word in ("EDDA", "rising", f"{state.altitude_m:.0f} m"))
        assert f"{state.latitude_deg:.5f}, {state.longitude_deg:.5f}" in screen
        assert "verified, 5 s ago" in screen
        if size[0] >= 80:
            assert LINE in screen and "heard 5 s ago, signed" in screen
            assert "lands about" in screen and "frames lost: 0%" in screen
        assert ("This station" in screen) == (size[0] >= 120)
        assert max(map(len, screen.splitlines())) <= size[0]

    terminal.run(use, size)


def test_what_arrives_is_shown_and_a_lie_moves_nothing(terminal):
    station = terminal.station

    async def use(pilot: Pilot[None]) -> None:
        before = terminal.text("place")
        station.lie()
        terminal.now_s = LAST_S + 1300
        terminal.app.show_newest()
        place, line, claim = terminal.text("place").partition("\n")
        assert place.split("  ")[0] == before.split("  ")[0] and "verified, 22 min ago" in place
        assert line and claim.startswith("claimed, not signed: ")
        assert "heard 22 min ago" in terminal.text("strip")
        assert "no beacon for" in terminal.text("alarms") and terminal.rung == 1
        terminal.app.show_newest()
        assert terminal.rung == 1, "once"
        at_s = LAST_S + 1400
        station.hear(station.far.beacon(replace(state_at(at_s), phase=Phase.LANDED)), at_s)
        terminal.now_s = at_s + 1
        terminal.app.show_newest()
        assert "it has landed" in terminal.text("alarms") and terminal.rung == 2
        assert terminal.text("landing").startswith("landed ")

    terminal.run(use)


def test_a_question_is_typed_and_queued(terminal):
    async def use(pilot: Pilot[None]) -> None:
        await pilot.press(*"Is it cold?", "enter")
        await pilot.pause()
        assert terminal.text("note") == "“Is it cold?” is queued."
        assert terminal.app.query_one(Input).value == ""
        entry, = outbox.recent(terminal.station.archive.db)
        assert (entry.text, entry.state) == ("Is it cold?", "queued")
        assert "Is it cold?: queued" in terminal.text("letters")
        await pilot.press("enter")
        terminal.app.query_one(Input).value = "é" * 81
        await pilot.press("enter")
        await pilot.pause()
        assert terminal.text("note") == "A question has at most 160 bytes; this has 162."
        terminal.station.archive.set_meta("can_transmit", 0)
        with terminal.station.archive.batch():
            terminal.station.archive.note_change("station", None)
        terminal.app.show_newest()
        terminal.app.query_one(Input).value = "And now?"
        await pilot.press("enter")
        await pilot.pause()
        assert terminal.text("note").startswith("This station has no key")
        assert len(outbox.recent(terminal.station.archive.db)) == 1

    terminal.run(use)


@pytest.mark.parametrize("text", [
    "[red]alarm[/red] [@click=app.quit]x[/]", "\x1b[2J\x1b]52;c;aGk=\x07gone", "a\rb\x08c",
    "\u202eevil\u2066", "=1+1 {{7*7}} <script>",
])
def test_radio_text_is_text(terminal, text):
    think(terminal.station, text, LAST_S - 60, about=text, senses=text)

    async def use(pilot: Pilot[None]) -> None:
        screen = terminal.shown()
        assert not set(screen) & set("\x1b\x07\x08\r\u202e\u2066")
        for word in ("[red]alarm[/red]", "[@click=app.quit]x[/]", "gone", "evil", "<script>"):
            assert word not in text or word in screen

    terminal.run(use, (200, 50))


def test_a_station_that_is_not_running_is_not_a_payload_that_is_silent(station):
    terminal, path = Terminal(station), station.archive.path

    async def use(pilot: Pilot[None]) -> None:
        assert "No station is receiving: what the payload does is unknown." in terminal.text(
            "station")

    assert not is_attended(path)
    terminal.run(use)
    assert not is_attended(path.with_name("nowhere.sqlite"))


def test_the_lock_of_another_process_is_seen(tmp_path):

    path = tmp_path / "flight.sqlite"
    holding = ("import fcntl, sys; lock = open(sys.argv[1], 'w');"
               " fcntl.lockf(lock, fcntl.LOCK_EX); print('held', flush=True); sys.stdin.read()")
    with subprocess.Popen([sys.executable, "-c", holding, path.with_suffix(".lock")],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        assert is_attended(path)
        with path.with_suffix(".lock").open("w") as lock, pytest.raises(BlockingIOError):
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        holder.communicate("")
    assert not is_attended(path)


def test_an_archive_that_cannot_be_read_keeps_what_was_shown(terminal):
    async def use(pilot: Pilot[None]) -> None:
        before = terminal.text("strip")
        terminal.station.archive.db.execute("ALTER TABLE record RENAME TO gone")
        terminal.station.archive.db.execute("INSERT INTO change(what, ref) VALUES ('x', NULL)")
        terminal.app.show_newest()
        assert terminal.text("station").startswith("The archive cannot be read: ")
        assert terminal.text("strip") == before

    terminal.run(use)


def test_without_textual_it_is_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "groundstation.tui.app", None)
    with pytest.raises(StationError, match=r"needs the package textual: run `pip.*lock/tui\.txt`"):
        command.command(lambda: 0)(tmp_path / "mission.toml")


@pytest.mark.parametrize("piped", ["stdin", "stdout", "stderr"])
def test_without_a_terminal_it_is_one_sentence(monkeypatch, tmp_path, piped):
    """It drew its screen into the pipe (textual draws on stderr), or waited for keys that could not
    come."""
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, SimpleNamespace(isatty=partial(bool, name != piped)))
    with pytest.raises(StationError, match=r"^tui needs a terminal, and its input or output is no"):
        command.command(lambda: 0)(tmp_path / "mission.toml")


def test_the_refusal_is_all_that_a_pipe_gets():
    refused = subprocess.run(
        [sys.executable, "-m", "groundstation", "tui"], stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False, cwd=ROOT)
    assert refused.returncode == 1 and refused.stdout == ""
    assert re.fullmatch("spacepi-ground: tui needs a terminal, .*\n", refused.stderr)
