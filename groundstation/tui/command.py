"""``spacepi-ground tui``: the flight on a terminal, for a station without a screen."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from groundstation.errors import StationError
from groundstation.outbox_commands import MissionOption, existing_archive
from groundstation.outbox_desk import STATION, OutboxDesk
from groundstation.reading.alarms import AlarmBoard
from groundstation.reading.reader import FlightReader
from groundstation.tui.snapshot import SnapshotReader
from wire.extras import how_to_install
from wire.mission import load as load_mission


def command(now_ms: Callable[[], int]) -> Callable[..., None]:
    """The command, with the clock by which ages are told and questions dated."""

    def tui(mission: MissionOption = Path("mission.toml")) -> None:
        """Show the flight in this terminal, alongside a running station: diary, last position,
        link, alarms, and a line for questions."""
        try:
            from groundstation.tui.app import FlightScreen
        except ModuleNotFoundError as error:
            raise StationError(
                f"the terminal page needs the package textual: {how_to_install('tui')}"
            ) from error
        if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
            raise StationError("tui needs a terminal, and its input or output is not one: run it "
                               "without a pipe, and over SSH with ssh -t")
        loaded = load_mission(mission)
        path = existing_archive(loaded, mission)
        desk = OutboxDesk(path, loaded, now_ms)
        with contextlib.closing(FlightReader(path, loaded)) as reader:
            snapshots = SnapshotReader(reader, path, AlarmBoard(loaded))
            FlightScreen(snapshots.look, partial(desk.ask, asker=STATION), now_ms).run()

    return tui
