"""A flight of the simulator for the tests of the page: an hour, flown once for all of them.

Up to twelve kilometres and down again, with the scripted mind, the camera, the example mission and
its radio, which loses a third of the frames. The workers of one run share it.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sim.balloon import Launch
from sim.scenario import Conditions
from sim.world import PersonaParts, World
from tests.groundstation.far_end import START_MS
from tests.sim.flights import mission

SEED = 11
PAD_S, BURST_M, CLIMB_MPS, LANDING_MPS, REST_S = 120, 12_000.0, 7.0, 6.0, 300.0


def fly(folder: Path) -> None:
    """Leave the flight's ``archive.sqlite`` in ``folder``."""
    launch = Launch(START_MS, PAD_S, BURST_M, CLIMB_MPS, LANDING_MPS, REST_S)
    world = World(mission(), SEED, "scripted", folder, None, PersonaParts(),
                  Conditions(launch=launch))
    world.run_until(world.end_s)
    world.close()


def shared(temporary: pytest.TempPathFactory) -> Path:
    """The archive, flown by whichever worker comes first."""
    base = temporary.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "flown"
    folder.mkdir(exist_ok=True)
    archive = folder / "flight" / "archive.sqlite"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not archive.exists():
            fly(folder / "begun")
            (folder / "begun").rename(archive.parent)
    return archive


def end_ms(archive: Path) -> int:
    """When it was last heard, UTC in ms."""
    with closing(sqlite3.connect(archive)) as db:
        found: int = db.execute("SELECT MAX(utc_ms) FROM reception").fetchone()[0]
    return found
