"""The raw logs of the stations of a swarm, and what they give when they are merged.

A station hears every payload; what it heard is one log. Which of them hears a payload in orbit is
said by ``sim.orbit.Orbit.nearest``; under a balloon there is one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from groundstation.archive import rawlog
from groundstation.archive.archive import Archive
from groundstation.archive.rawlog import Reception
from groundstation.ground import Ground, HeardBytes
from sim.orbit import Orbit
from sim.world import World


class StationLogs:
    """What each station heard, of all payloads, as a raw log in a folder."""

    def __init__(self, worlds: Sequence[World], folder: Path) -> None:
        """The worlds have not run yet; all have the same stations."""
        path = worlds[0].trajectory
        self._names = ([station.name for station in path.stations] if isinstance(path, Orbit)
                       else ["station1"])
        self.paths = [folder / f"{name}.raw" for name in self._names]
        self._files = [each.open("wb") for each in self.paths]
        self._numbers = [0] * len(self._names)
        for world in worlds:
            world.air.mast.append(partial(self._hear, world))

    def close(self) -> None:
        """Nothing is heard any more."""
        for file in self._files:
            file.close()

    def _hear(self, world: World, data: bytes) -> None:
        """Whichever station is nearest to this payload heard ``data``."""
        path = world.trajectory
        station = path.nearest(world.clock.now_s) if isinstance(path, Orbit) else 0
        if station is None:  # it has just set
            station = 0
        self._numbers[station] += 1
        self._files[station].write(rawlog.pack(Reception(
            world.air.ground_utc_ms, data, self._names[station], source="sim",
            reception_id=self._numbers[station])))


def decode(log: Path, world: World, path: Path) -> None:
    """What the payload's station would have in ``path`` if it had heard the whole ``log``."""
    archive = Archive(path, world.mission.ground.raw_log_bytes_max, is_durable=False)
    ground = Ground(world.mission, archive, None, world.downlink_key, world.models)
    ground.receive_many(
        HeardBytes(each.raw, each.utc_ms, each.rssi_dbm, each.snr_db, "replay", each.station)
        for each, _ in rawlog.read(log))
    archive.close()


def records_of(path: Path, world: World) -> set[tuple[int, bytes]]:
    """The payload's own records in an archive: (record id, body)."""
    with closing(sqlite3.connect(path)) as db:
        return set(db.execute("SELECT record_id, body FROM record WHERE node_id = ?",
                              (world.mission.payload.node_id,)))
