"""Stations that share what they hear: over a broker in memory that can lose anything, and what each
of them then has."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path
from typing import Any

from groundstation.archive.archive import Archive
from groundstation.ground import Ground
from groundstation.peers.broker import Published
from groundstation.peers.exchange import BrokerLine, PeerExchange
from tests.groundstation.far_end import MASTER_KEY, SIGNED_MISSION, START_MS, FarEnd, state_at
from wire.mission import Mission
from wire.mission_mqtt import MqttSection
from wire.records import Kind

FRAME_MS = 2_000
ROOT = "spacepi/1/N0CALL"


def mission_of(station: str, **mqtt: Any) -> Mission:
    """The mission of one station, with a broker."""
    section = MqttSection(**{"host": "127.0.0.1", **mqtt})
    ground = SIGNED_MISSION.ground.model_copy(update={"station": station, "mqtt": section})
    return SIGNED_MISSION.model_copy(update={"ground": ground})


def flight(frames: int) -> list[tuple[int, bytes]]:
    """(UTC ms, frame) of a flight's first minutes: beacons, tracks and lines, all signed."""
    far = FarEnd(None, SIGNED_MISSION)
    heard = [(START_MS, far.tell())]
    for number in range(1, frames):
        now_ms = START_MS + FRAME_MS * number
        body = {"lat": 521234567 + number, "lon": 51800000, "alt": number, "climb": 512}
        far.push(Kind.TRACK, now_ms, body)
        if number % 7 == 0:
            far.push(Kind.MUSING, now_ms, {"text": f"Thought {number}.", "by": "model"})
        frame = None if number % 5 == 0 else far.data(now_ms)
        heard.append((now_ms, frame or far.beacon(state_at_noon(now_ms))))
    return heard


def state_at_noon(now_ms: int) -> Any:
    """A state with the time of day of its making."""
    from dataclasses import replace

    return replace(state_at(600), time_of_day_s=now_ms // 1000 % 86_400)


class Clock:
    """UTC in ms, and a clock that is never set; both stand still until they are moved."""

    def __init__(self) -> None:
        self.utc_ms = START_MS

    def now(self) -> int:
        return self.utc_ms

    def uptime_ms(self) -> int:
        return self.utc_ms - START_MS


class MemoryBroker:
    """Keeps the last message of each topic and hands on what ``carries`` says, acknowledging all of
    it: as a broker does that is killed now and then."""

    def __init__(self, carries: Callable[[], bool] = lambda: True) -> None:
        self.carries = carries
        self.kept: dict[str, bytes] = {}
        self.lines: list[MemoryLine] = []

    def publish(self, sender: MemoryLine | None, topic: str, data: bytes, is_kept: bool) -> None:
        if is_kept:
            self.kept[topic] = data
        for line in self.lines:
            if line is not sender and line.wants(topic) and self.carries():
                line.messages.append(Published(topic, data))


class MemoryLine:
    """The line of one station to it; ``cut`` and ``restore`` are the network's."""

    name = "memory:1883"
    refusal = ""

    def __init__(self, broker: MemoryBroker, station: str) -> None:
        self.connection, self.why = 0, "not connected yet"
        self.messages: list[Published] = []
        self.acknowledged: list[int] = []
        self._broker, self._station = broker, station
        self._tokens, self._connections = count(1), count(1)
        self.restore()

    def wants(self, topic: str) -> bool:
        return topic.endswith("/heard") or topic == f"{ROOT}/{self._station}/ask"

    def cut(self) -> None:
        self.connection, self.why = 0, "the connection was lost"
        self._broker.lines.remove(self)

    def restore(self) -> None:
        self.connection, self.why = next(self._connections), ""
        self._broker.lines.append(self)
        self.messages += [Published(*kept) for kept in self._broker.kept.items()]

    def publish(self, topic: str, data: bytes, *, is_kept: bool = False) -> int | None:
        if not self.connection:
            return None
        self._broker.publish(self, topic, data, is_kept)
        token = next(self._tokens)
        self.acknowledged.append(token)
        return token

    def take_acknowledged(self) -> list[int]:
        taken, self.acknowledged = self.acknowledged, []
        return taken

    def take_messages(self, messages_max: int) -> list[Published]:
        taken, self.messages = self.messages[:messages_max], self.messages[messages_max:]
        return taken

    def close(self) -> None:
        if self.connection:
            self.cut()


class Station:
    """One station with its archive, which ``restart`` opens again."""

    def __init__(self, folder: Path, name: str, clock: Clock, line: BrokerLine | None) -> None:
        self.name, self.clock, self.line = name, clock, line
        self._path = folder / f"{name}.sqlite"
        self.restart()

    def restart(self) -> None:
        """As after a power cut that lost nothing of the disk's."""
        if hasattr(self, "ground"):
            self.ground.archive.close()
        mission = mission_of(self.name)
        archive = Archive(self._path, is_durable=False)
        self.ground = Ground(mission, archive, None, mission.downlink_key(MASTER_KEY))
        self.exchange = None if self.line is None else PeerExchange(
            self.ground, mission, self.line, self.clock.now, self.clock.uptime_ms)

    def hear(self, frame: bytes) -> None:
        self.ground.receive(frame, self.clock.now())

    def poll(self) -> None:
        assert self.exchange is not None
        self.exchange.poll()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.ground.archive.db.execute(query)]

    def flight(self) -> dict[str, Any]:
        """All that the flight is, whoever heard it."""
        return {
            "records": self.rows("SELECT node_id, life, record_id, kind, boot, time_ms, body"
                                 " FROM record ORDER BY node_id, life, record_id"),
            "beacons": self.rows("SELECT node_id, utc_ms, boot, number, altitude_m, battery_mv"
                                 " FROM beacon ORDER BY utc_ms"),
            "node": self.rows("SELECT node_id, last_ms, frames FROM node"),
            "heard": self.rows("SELECT SUM(heard) FROM link_minute"),
        }

    def receptions(self) -> list[tuple[Any, ...]]:
        return self.rows("SELECT station, utc_ms, raw FROM reception ORDER BY station, utc_ms, raw")


def settle(clock: Clock, stations: Iterable[Station], seconds: int = 90) -> None:
    """Let time pass, with nothing on the air."""
    everyone = list(stations)
    for _ in range(seconds):
        clock.utc_ms += 1000
        for station in everyone:
            station.poll()
