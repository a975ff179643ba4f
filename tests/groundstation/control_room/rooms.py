"""Stations around one control room: each with an archive, a receiver and an exchange, whose turns
the test takes; and the payload that hears all of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sql

from groundstation.archive import outbox
from groundstation.archive.archive import Archive
from groundstation.archive.outbox import QueuedCommand
from groundstation.control_room.exchange import RoomExchange
from groundstation.control_room.room import ControlRoom
from groundstation.ground import Ground
from groundstation.uplink.sending_rights import SendingRights
from tests.groundstation.far_end import MASTER_KEY, SIGNED_MISSION
from tests.groundstation.peers.stations import Clock
from wire.auth import Direction, derive_key
from wire.commands import Opcode
from wire.mission import Mission
from wire.mission_control_room import ControlRoomSection

UPLINK_KEY = derive_key(MASTER_KEY, 7, Direction.UPLINK)
TURNS_MAX = 200


def mission_of(station: str, number: int, url: str = "postgresql://room@127.0.0.1/flight",
               **room: Any) -> Mission:
    """The mission of one station with a control room."""
    ground = SIGNED_MISSION.ground.model_copy(update={
        "station": station, "station_number": number,
        "control_room": ControlRoomSection(url=url, **room)})
    return SIGNED_MISSION.model_copy(update={"ground": ground})


class RoomStation:
    """One station; ``restart`` opens its archive again."""

    def __init__(
        self, folder: Path, name: str, number: int, clock: Clock, engine: sql.Engine, *,
        key: bytes | None = UPLINK_KEY,
    ) -> None:
        self.name, self.number, self.clock, self.engine = name, number, clock, engine
        self.path = folder / f"{name}.sqlite"
        self._key = key
        self._archive: Archive | None = None
        self.restart()

    def restart(self) -> None:
        """As after a power cut that lost nothing of the disk's."""
        if self._archive is not None:
            self._archive.close()
        mission = mission_of(self.name, self.number)
        self._archive = Archive(self.path, is_durable=False)
        self.ground = Ground(
            mission, self._archive, self._key, mission.downlink_key(MASTER_KEY),
            rights=SendingRights(mission, self.clock.uptime_ms))
        self.exchange = RoomExchange(
            self.ground, mission, self._open_room, self.clock.now, self.clock.uptime_ms)

    def _open_room(self, *given: Any) -> ControlRoom:
        return ControlRoom(self.engine, mission_of(self.name, self.number), *given)

    def close(self) -> None:
        assert self._archive is not None
        self._archive.close()

    def hear(self, frame: bytes) -> None:
        self.ground.receive(frame, self.clock.now())

    def turn(self) -> None:
        """Exchange until nothing waits."""
        for _ in range(TURNS_MAX):
            has_more = self.exchange.turn()
            self.exchange.poll()
            if not has_more and not self.exchange._inbox:
                return
        raise AssertionError("it never ends")

    def queue(self, opcode: Opcode, text: str = "", asker: str = "station") -> int:
        """As the page does it."""
        return outbox.post(self.path, opcode, text, self.clock.now(), self.number,
                           asker=asker).command_id

    def ask(self, text: str, asker: str = "10.0.0.9") -> int:
        return self.queue(Opcode.ASK, text, asker)

    def entry(self, command_id: int) -> QueuedCommand:
        found = outbox.one(self.ground.archive.db, command_id)
        assert found is not None
        return found

    def state(self, command_id: int) -> str:
        return self.entry(command_id).state

    def next_uplink(self) -> bytes | None:
        return self.ground.next_uplink(self.clock.now())

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.ground.archive.db.execute(query)]

    def heard(self) -> list[tuple[Any, ...]]:
        return self.rows("SELECT station, utc_ms, raw FROM reception ORDER BY station, utc_ms, raw")

    def records(self) -> list[tuple[Any, ...]]:
        return self.rows("SELECT life, record_id, kind, body FROM record ORDER BY life, record_id")


def settle(clock: Clock, *stations: RoomStation, seconds: int = 3) -> None:
    """Let time pass, with nothing on the air."""
    for _ in range(seconds):
        clock.utc_ms += 1_000
        for each in stations:
            each.turn()


def window(clock: Clock, beacon: Callable[[], bytes], *stations: RoomStation) -> list[bytes]:
    """The payload listens: what these stations, which hear it, send one after another."""
    frame, sent = beacon(), []
    for each in stations:
        each.hear(frame)
    for _ in range(120):
        clock.utc_ms += 50
        sent += [data for each in stations if (data := each.next_uplink()) is not None]
    return sent
