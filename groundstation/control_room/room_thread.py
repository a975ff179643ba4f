"""The thread that talks to the control room: its connection to PostgreSQL, deadlines and retries.

A database that is away, refuses or hangs costs the station nothing but what others know: every
statement has a deadline at the server, a transaction one here, for a server that hangs keeps none,
and one that a station left open is ended by the server. The next try is a random wait away.
"""

from __future__ import annotations

import os
import socket
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sql
import structlog
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_when_event_set,
    wait_random_exponential,
)

from groundstation import secret_file
from groundstation.control_room.exchange import RoomExchange, State
from groundstation.control_room.room import ControlRoom, RoomRefuses
from groundstation.errors import StationError
from groundstation.ground import Ground
from groundstation.sanitise import clean_text
from wire.mission import Mission
from wire.mission_control_room import ControlRoomSection

EVERY_S = 1.0  # between turns while nothing waits
WAIT_S, WAIT_S_MAX = 1.0, 30.0  # between attempts, random and growing ("full jitter")
CONNECT_S = 5
STATEMENT_MS, LOCK_MS, IDLE_MS = 10_000, 5_000, 15_000
TRANSACTION_MS = 30_000
WORDS_MAX = 120
_LOST = (SQLAlchemyError, RoomRefuses, ValueError)  # this of a text that cannot be decoded
_wait = wait_random_exponential(multiplier=WAIT_S, max=WAIT_S_MAX)
_log = structlog.get_logger()


class Deadline:
    """Hangs up on a server that has not answered for too long: libpq would wait for ever."""

    def __init__(self, engine: sql.Engine, uptime_ms: Callable[[], int]) -> None:
        self._uptime_ms = uptime_ms
        self._running: tuple[int, Any] | None = None  # since when, on which connection
        sql.event.listen(engine, "checkout", self._on_checkout)
        sql.event.listen(engine, "checkin", self._on_checkin)

    def watch(self) -> None:
        """Called regularly, in another thread than the one that waits, which then gets an error."""
        running = self._running
        if running is not None and self._uptime_ms() - running[0] > TRANSACTION_MS:
            self._running = None
            with suppress(OSError, SQLAlchemyError, running[1].Error), socket.socket(
                    fileno=os.dup(running[1].fileno())) as line:
                line.shutdown(socket.SHUT_RDWR)

    def _on_checkout(self, connection: Any, record: object, proxy: object) -> None:
        self._running = self._uptime_ms(), connection

    def _on_checkin(self, connection: object, record: object) -> None:
        self._running = None


class RoomThread:
    """Turn after turn of one exchange in ``run``; ``poll`` and ``close`` are for the thread that
    receives, and never wait."""

    def __init__(
        self, exchange: RoomExchange, engine: sql.Engine, name: str, now: Callable[[], int],
        uptime_ms: Callable[[], int],
    ) -> None:
        """``name`` is what the log calls the room; ``now`` gives UTC in ms, ``uptime_ms`` is of a
        clock that is never set."""
        self.exchange = exchange
        self._deadline = Deadline(engine, uptime_ms)
        self._engine = engine
        self._name = name
        self._now = now
        self._has_lost = False

    def poll(self) -> None:
        """Take what came. Raises nothing."""
        self._deadline.watch()
        self.exchange.poll()

    def close(self) -> None:
        """What was not told yet is told after the next start."""

    def run(self, stop: threading.Event, pause: Callable[[float], object]) -> None:
        """Until ``stop`` is set. ``pause`` waits for so many seconds, or less once it is set."""

        def rest(seconds: float) -> None:
            pause(seconds)

        try:
            while not stop.is_set():
                if not self._turn_until_done(stop, rest):
                    rest(EVERY_S)
        finally:
            self._engine.dispose()
            if not stop.is_set():  # a bug, whose traceback is in the log
                self.exchange.state = State(self._now(), "its thread has failed, see the log")

    def _turn_until_done(
        self, stop: threading.Event, rest: Callable[[float], None]
    ) -> bool:
        """One turn, tried until it succeeds or ``stop`` is set; True when more waits."""
        has_more = False
        for attempt in Retrying(
            retry=retry_if_exception_type(_LOST), wait=_wait, sleep=rest,
            stop=stop_when_event_set(stop), before_sleep=self._note_loss,
            retry_error_callback=lambda state: None,
        ):
            with attempt:
                has_more = not stop.is_set() and self._turn()
        return has_more

    def _turn(self) -> bool:
        try:
            has_more = self.exchange.turn()
        except sqlite3.Error as error:  # our own disk refuses: the same again
            _log.debug("control_room_waits", why=str(error))
            return False
        if self.exchange.state is None or self.exchange.state.why:
            self.exchange.state = State(self._now(), "")
        if self._has_lost:
            _log.info("control_room_returned", room=self._name)
        self._has_lost = False
        return has_more

    def _note_loss(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        self.exchange.leave()
        self._engine.dispose()
        why = reason(error)
        before = self.exchange.state
        since_ms = before.since_ms if before is not None and before.why else self._now()
        self.exchange.state = State(since_ms, why)
        if not self._has_lost:
            _log.warning("control_room_unreachable", room=self._name, why=why)
        self._has_lost = True


def reason(error: BaseException | None) -> str:
    """Why there is no exchange, in one clause: the server's own words where it has said any."""
    original = error.orig if isinstance(error, DBAPIError) else None
    message = getattr(getattr(original, "diag", None), "message_primary", None)
    text = message or str(original or error)
    # libpq names every address that it tried, each with what came of it.
    text = text.rpartition("FATAL:")[2].strip().partition("\n")[0]
    text = text.rpartition(" failed: ")[2]
    return clean_text(text, WORDS_MAX) or "it failed without a reason"


def start(
    ground: Ground, mission: Mission, base: Path, now: Callable[[], int],
    uptime_ms: Callable[[], int], stop: threading.Event,
) -> RoomThread:
    """Talk to the mission's control room. ``base`` is where the mission's paths begin.

    The thread runs until ``stop`` is set and need not be joined. Raises StationError for a password
    that cannot be read.
    """
    section = mission.ground.control_room
    assert section is not None
    engine = _engine(section, base)
    exchange = RoomExchange(
        ground, mission, lambda log, signer: ControlRoom(engine, mission, log, signer), now,
        uptime_ms)
    talking = RoomThread(exchange, engine, section.shown, now, uptime_ms)
    threading.Thread(
        target=talking.run, args=(stop, stop.wait), name="control room", daemon=True).start()
    return talking


def _engine(section: ControlRoomSection, base: Path) -> sql.Engine:
    """Without a connection yet. Raises StationError."""
    url = sql.make_url(section.url).set(drivername="postgresql+psycopg")
    if section.password_file:
        url = url.set(password=secret_file.read(base / section.password_file, "the control room's"))
    options = (f"-c statement_timeout={STATEMENT_MS} -c lock_timeout={LOCK_MS}"
               f" -c idle_in_transaction_session_timeout={IDLE_MS}")
    try:
        return sql.create_engine(url, pool_size=1, max_overflow=0, connect_args={
            "connect_timeout": CONNECT_S, "options": options, "application_name": "spacepi-ground",
            "tcp_user_timeout": STATEMENT_MS, "keepalives_idle": 10, "keepalives_interval": 3,
            "keepalives_count": 3})
    except (ImportError, SQLAlchemyError) as error:  # psycopg without libpq; a parameter of the url
        raise StationError(f"[ground.control_room]: {reason(error)}") from error
