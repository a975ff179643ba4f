"""Archive queries on threads of their own: the event loop never waits for SQLite.

Each of READERS threads has its own read-only connection. A query beyond WAITING_MAX waiting ones is
refused at once.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from groundstation.reading.other_payload import reader_of
from groundstation.reading.reader import Cached, FlightReader
from wire.mission import Mission

READERS = 4
WAITING_MAX = 64
T = TypeVar("T")


class Busy(Exception):
    """Too many queries wait already."""


class ReaderPool:
    """Its methods are called from one event loop; they raise Busy, UnknownPayload, and whatever a
    query raises. ``payload`` is the node id of the one that is asked about, None the mission's own.
    """

    def __init__(self, path: Path, mission: Mission) -> None:
        self._path = path
        self._mission = mission
        self._cached: Cached = {}
        self._executor = ThreadPoolExecutor(READERS, "reader")
        self._own = threading.local()
        self._readers: list[FlightReader] = []
        self._waiting = 0
        self._under_way: dict[tuple[str, int | None], asyncio.Future[Any]] = {}

    def close(self) -> None:
        """Close the archive; call it after the last query."""
        self._executor.shutdown()
        for reader in self._readers:
            reader.close()

    async def ask(
        self, question: Callable[[FlightReader], T], payload: int | None = None
    ) -> T:
        """The result of ``question``, run in a thread that may wait."""
        if self._waiting >= WAITING_MAX:
            raise Busy
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(
                self._executor, self._answer, question, payload)
        finally:
            self._waiting -= 1

    async def share(
        self, name: str, question: Callable[[FlightReader], T], payload: int | None = None
    ) -> T:
        """The same; callers that use the same name while it is being answered share one answer."""
        key = name, payload
        answer = self._under_way.get(key)
        if answer is None:
            answer = asyncio.ensure_future(self.ask(question, payload))
            self._under_way[key] = answer
            answer.add_done_callback(lambda done: self._on_done(key, done))
        return await asyncio.shield(answer)  # who leaves does not take it from the others

    def _on_done(self, key: tuple[str, int | None], answer: asyncio.Future[Any]) -> None:
        del self._under_way[key]
        if not answer.cancelled():
            answer.exception()  # those who waited for it got it

    def _answer(self, question: Callable[[FlightReader], T], payload: int | None) -> T:
        reader: FlightReader | None = getattr(self._own, "reader", None)
        if reader is None:
            reader = self._own.reader = FlightReader(self._path, self._mission, self._cached)
            self._readers.append(reader)
        try:
            return question(reader_of(reader, payload))
        except sqlite3.Error:  # no archive yet, or it was moved aside: open it anew next time
            reader.close()
            raise
