"""What it takes to watch a simulated flight: pacing, the live status, and the page in a thread.

The only part of ``sim`` besides ``__main__`` that reads the machine's clock. The world itself is
only ever moved here, in the main thread; the page reads the archive through connections of its own.

Ctrl-C asks to stop: the flight ends between two events, so both databases are whole. A second one
does not wait.
"""

from __future__ import annotations

import contextlib
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from groundstation.archive.schema import connect_reader
from groundstation.tui.wording import climb
from groundstation.web.routes import create_app
from groundstation.web.server import make_server
from groundstation.web.stream import Ending
from sim.world import World
from wire import beacon
from wire.beacon import Beacon
from wire.mission import Mission
from wire.records import Kind, unpack_body

BAR_CELLS = 60
REDRAW_S = 0.25
LOOK_S = 0.2  # between two looks at the stop flag, when nothing is flown any more
SLICE_S = 10.0  # of simulated time between two looks at the stop flag, when nothing is paced
PLAIN_EVERY_S = 600.0  # of simulated time between two lines where nothing can be redrawn
PAGE_START_S, PAGE_STOP_S = 5.0, 3.0
LAG_S_MAX = 2.0  # further behind than this, the pace forgets what it owes


class PortTaken(Exception):
    """The page's port cannot be had; the message is one sentence for a person."""


class Stop:
    """Set by Ctrl-C or a polite kill; looked at between events."""

    def __init__(self) -> None:
        self.is_asked = False

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """While inside, the first SIGINT or SIGTERM only asks; a second one interrupts."""
        before = {number: signal.signal(number, self._on_signal)
                  for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def wait(self) -> None:
        """Return once it is asked."""
        while not self.is_asked:
            time.sleep(LOOK_S)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.is_asked:
            raise KeyboardInterrupt
        self.is_asked = True


def reserve(host: str, port: int) -> socket.socket:
    """A socket for the page, before anything is flown; port 0 takes any free one.

    Raises PortTaken when the port is in use or not ours to open.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    reserved = socket.socket(family, socket.SOCK_STREAM)
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        reserved.bind((host, port))
    except OSError as error:
        reserved.close()
        raise PortTaken(
            f"Port {port} on {host} cannot be used for the page ({error.strerror}): choose another "
            "with --port, or use --headless."
        ) from error
    return reserved


class LivePage:
    """The ground station's page for a simulated flight, served from a thread."""

    def __init__(
        self, archive_path: Path, mission: Mission, now: Callable[[], int], reserved: socket.socket
    ) -> None:
        """``now`` gives the flight's time, UTC in ms."""
        host, port = reserved.getsockname()[:2]
        self.address = f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
        self._archive_path = archive_path
        self._socket = reserved
        self._ending: Ending | None = None
        self._app = create_app(archive_path, mission, now=now, ending=lambda: self._ending)
        self._server = make_server(self._app, "critical", grace_s=1)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="page", daemon=True
        )
        self._thread.start()
        waited_s = 0.0
        while not self._server.started and self._thread.is_alive() and waited_s < PAGE_START_S:
            time.sleep(0.02)
            waited_s += 0.02

    def end(self, at_ms: int, kept_in: Path) -> None:
        """Tell the readers that the flight is over, and where it is kept."""
        self._ending = Ending(at_ms, str(kept_in))

    def close(self) -> None:
        """Stop serving, and leave the archive as one file."""
        self._server.should_exit = True
        self._thread.join(PAGE_STOP_S)
        self._socket.close()
        self._app.state.pool.close()
        # The reader kept the write-ahead log alive; the last writer to close folds it in.
        with contextlib.closing(sqlite3.connect(self._archive_path)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def last_heard_ms(archive_path: Path) -> int | None:
    """When an archive last heard anything, UTC in ms; None where it never did.

    Raises sqlite3.Error when there is no archive.
    """
    with contextlib.closing(connect_reader(archive_path)) as db:
        found: int | None = db.execute("SELECT max(utc_ms) FROM reception").fetchone()[0]
        return found


@dataclass(slots=True)
class LiveDisplay:
    """Where progress is shown: a terminal that can be redrawn, a plain one, or nowhere."""

    console: Console
    is_quiet: bool = False
    address: str | None = None

    @property
    def can_redraw(self) -> bool:
        return self.console.is_terminal and not self.console.is_dumb_terminal and not self.is_quiet


def fly(world: World, end_s: float, speed: float | None, display: LiveDisplay, stop: Stop) -> None:
    """Move ``world`` to ``end_s`` at ``speed`` times real time, None as fast as it can."""
    if not display.can_redraw:
        _fly_plain(world, end_s, speed, display, stop)
        return
    with Live(console=display.console, auto_refresh=False, transient=True) as live:
        shown_s = 0.0
        for _ in _paced(world, end_s, speed, stop):
            if time.monotonic() - shown_s >= REDRAW_S:
                shown_s = time.monotonic()
                live.update(status(world, end_s, display.address), refresh=True)


def _fly_plain(
    world: World, end_s: float, speed: float | None, display: LiveDisplay, stop: Stop
) -> None:
    told_s = world.clock.now_s
    phase = None
    for _ in _paced(world, end_s, speed, stop):
        state = _state(world)
        is_news = state.phase is not None and state.phase is not phase
        if display.is_quiet or not (is_news or world.clock.now_s - told_s >= PLAIN_EVERY_S):
            continue
        told_s, phase = world.clock.now_s, state.phase
        display.console.print(_line(world, state), highlight=False, soft_wrap=True)


def _paced(world: World, end_s: float, speed: float | None, stop: Stop) -> Iterator[None]:
    """Move the world in slices and yield after each, until the end or until asked to stop."""
    begun_s, from_s = time.monotonic(), world.clock.now_s
    while world.clock.now_s < end_s and not stop.is_asked:
        if speed is None:
            world.run_until(min(end_s, world.clock.now_s + SLICE_S))
            yield
            continue
        elapsed_s = time.monotonic() - begun_s
        target_s = from_s + elapsed_s * speed
        world.run_until(min(end_s, target_s))
        yield
        behind_s = (time.monotonic() - begun_s) - elapsed_s
        if behind_s > LAG_S_MAX:
            begun_s += behind_s  # a slow machine flies slower, it does not race afterwards
        wait_s = (world.next_event_s() - target_s) / speed
        time.sleep(min(max(wait_s, 0.005), 0.1))


def _state(world: World) -> Beacon:
    """What the payload last said; everything unknown before it said anything."""
    return Beacon() if world.last_beacon is None else beacon.decode(world.last_beacon.state)


def _loss(world: World) -> float | None:
    return world.ground.loss() if world.ground is not None else None


def latest_musing(world: World) -> str | None:
    """The newest musing or reply on the ground."""
    if world.archive is None:
        return None
    row = world.archive.db.execute(
        "SELECT body FROM record WHERE node_id = ? AND kind IN (?, ?)"
        " ORDER BY life DESC, record_id DESC LIMIT 1",
        (world.mission.payload.node_id, int(Kind.MUSING), int(Kind.REPLY)),
    ).fetchone()
    return str(unpack_body(row[0]).get("text", "")) if row else None


def _text(value: float | None, unit: str, digits: int = 0) -> str:
    return "unknown" if value is None else f"{value:.{digits}f} {unit}"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 3600}:{int(seconds) // 60 % 60:02d}:{int(seconds) % 60:02d}"


def _bar(part: float) -> Text:
    cells = round(BAR_CELLS * min(1.0, part))
    return Text.assemble(("━" * cells, "cyan"), ("─" * (BAR_CELLS - cells), "dim"))


def _line(world: World, state: Beacon) -> str:
    loss = _loss(world)
    phase = state.phase.name.lower() if state.phase is not None else "unknown"
    lost = "unknown" if loss is None else f"{loss:.0%}"
    return (
        f"{_clock(world.clock.now_s)}  {phase}  {_text(state.altitude_m, 'm')}  "
        f"battery {_text(state.battery_mv, 'mV')}  queue {_text(state.queue_records, 'records')}  "
        f"frames lost {lost}"
    )


def status(world: World, end_s: float, address: str | None) -> Group:
    """The live picture: the state of the payload, the link, and the latest musing."""
    state, loss = _state(world), _loss(world)
    phase_name = state.phase.name if state.phase is not None else "unknown"
    phase = phase_name.lower().replace("_", " ")
    power = state.power_mode.name.lower() if state.power_mode is not None else "unknown"
    table = Table.grid(padding=(0, 3))
    for _ in range(2):
        table.add_column(style="dim", justify="right")
        table.add_column(min_width=22)
    table.add_row("phase", Text(phase, "bold"), "battery", f"{_text(state.battery_mv, 'mV')}"
                  f", {power}")
    table.add_row("altitude", _text(state.altitude_m, "m"), "queue",
                  _text(state.queue_records, "records"))
    table.add_row("climb", climb(state.climb_mps, phase_name), "frames lost",
                  "unknown" if loss is None else f"{loss:.0%}")
    table.add_row("outside", _text(state.outside_c, "C"), "heard",
                  f"{world.channel.heard['beacon']} of {world.channel.sent['beacon']} beacons")
    musing = latest_musing(world)
    parts: list[RenderableType] = [
        Text.assemble((_clock(world.clock.now_s), "bold"), " of ", _clock(end_s)),
        _bar(world.clock.now_s / end_s),
        table,
        Text(musing, style="italic") if musing else Text("No musing yet.", style="dim"),
    ]
    if address is not None:
        parts.append(Text.assemble(("page ", "dim"), address))
    title = f"{world.mission.payload.name}, seed {world.seed}"
    return Group(Panel(Group(*parts), title=title, title_align="left", width=82))
