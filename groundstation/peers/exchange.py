"""Exchanges receptions with other stations: tells what this one hears, takes what they heard.

Everything happens in ``poll``, in the thread that writes the archive. The broker may lose whatever
it likes: what it did not acknowledge is told again, and what it acknowledged and lost is asked for
by whoever lacks it, so the archives of the stations become equal over any broker that is there for
long enough.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import structlog

from groundstation import secret_file
from groundstation.archive import connections
from groundstation.ground import Ground
from groundstation.peers import messages
from groundstation.peers.broker import Broker, Published
from groundstation.peers.incoming import IncomingReceptions
from groundstation.peers.messages import ASK, HEARD, HeardMessage
from groundstation.peers.outgoing import OutgoingReceptions
from wire.mission import Mission

TAKEN_MAX = 1_000  # messages in one round
_log = structlog.get_logger()


class BrokerLine(Protocol):
    """A connection to a broker, as ``groundstation.peers.broker.Broker`` is one."""

    name: str
    connection: int
    why: str
    refusal: str

    def publish(self, topic: str, data: bytes, *, is_kept: bool = False) -> int | None: ...

    def take_acknowledged(self) -> list[int]: ...

    def take_messages(self, messages_max: int) -> list[Published]: ...

    def close(self) -> None: ...


class PeerExchange:
    """Of one station. ``poll`` never waits and raises nothing."""

    def __init__(
        self, ground: Ground, mission: Mission, line: BrokerLine, now: Callable[[], int],
        uptime_ms: Callable[[], int],
    ) -> None:
        """``now`` gives UTC in ms, ``uptime_ms`` is of a clock that is never set. Raises
        sqlite3.Error."""
        assert mission.ground.mqtt is not None
        self._ground = ground
        self._line = line
        self._now = now
        self._uptime_ms = uptime_ms
        self._station = mission.ground.station
        self._root = messages.root(mission)
        self._outgoing = OutgoingReceptions(ground.archive)
        self._incoming = IncomingReceptions(
            ground.archive, self._station, mission.ground.mqtt.stations, self._outgoing.log,
            uptime_ms)
        self._connection = 0
        self._told_state: tuple[int, str] | None = None

    def poll(self) -> None:
        """Take what came, tell what is new, ask for what is lacking."""
        try:
            self._note_connection()
            self._outgoing.settle(self._line.take_acknowledged())
            self._take()
            if self._line.connection:
                self._tell()
        except sqlite3.Error as error:  # the disk refuses: the same again in the next round
            _log.debug("exchange_waits", why=str(error))
        self._incoming.notices.log()

    def close(self) -> None:
        """End the connection."""
        self._line.close()

    def _note_connection(self) -> None:
        line = self._line
        if line.connection not in (0, self._connection):
            self._outgoing.begin()
            self._connection = line.connection
        why = line.refusal if line.connection else line.why
        state = (line.connection, why)
        if state != self._told_state:
            connections.note(self._ground.archive, connections.BROKER, line.name, self._now(),
                             why if why or not line.connection else None)
            self._told_state = state

    def _take(self) -> None:
        heard: list[tuple[str, HeardMessage]] = []
        for message in self._line.take_messages(TAKEN_MAX):
            station, _, kind = message.topic.removeprefix(f"{self._root}/").partition("/")
            if kind == ASK:
                self._answer(message.data)
            elif (found := messages.parse_reception(message.data)) is not None and kind == HEARD:
                heard.append((station, found))
            else:
                self._incoming.notices.count("unreadable")
        if not heard:
            return
        new = self._incoming.take(heard, self._now())
        if self._ground.receive_many(new):  # else they wait in memory, and are asked for after it
            self._incoming.note()

    def _answer(self, data: bytes) -> None:
        request = messages.parse_request(data)
        if request is None:
            self._incoming.notices.count("unreadable")
        elif self._outgoing.rewind(request, self._uptime_ms()):
            _log.info("telling_again", after=request.after)

    def _tell(self) -> None:
        for message in self._outgoing.next(self._now()):
            token = self._line.publish(
                f"{self._root}/{self._station}/{HEARD}", messages.pack(message), is_kept=True)
            if token is None:
                self._outgoing.begin()
                return
            self._outgoing.note_sent(token, message.number)
        for station, request in self._incoming.asks(self._uptime_ms()):
            self._line.publish(f"{self._root}/{station}/{ASK}", messages.pack(request))


def start(
    ground: Ground, mission: Mission, base: Path, now: Callable[[], int],
    uptime_ms: Callable[[], int], stop: threading.Event,
) -> PeerExchange | None:
    """The exchange over the mission's broker; None where it names none. ``base`` is where the
    mission's paths begin.

    Its thread runs until ``stop`` is set and need not be joined. Raises StationError for a password
    that cannot be read.
    """
    mqtt = mission.ground.mqtt
    if mqtt is None:
        return None
    root = messages.root(mission)
    topics = (f"{root}/+/{HEARD}", f"{root}/{mission.ground.station}/{ASK}")
    password = secret_file.read(base / mqtt.password_file, "the broker's") if (
        mqtt.password_file) else None
    broker = Broker(
        mqtt, password, topics, str(base / mqtt.ca_file) if mqtt.ca_file else None)
    exchange = PeerExchange(ground, mission, broker, now, uptime_ms)
    threading.Thread(
        target=broker.run, args=(stop, stop.wait), name="broker", daemon=True).start()
    return exchange
