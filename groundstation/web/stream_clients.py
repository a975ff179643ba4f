"""The clients of the live stream: how many, from which address, and what each is sent.

There are places for CLIENTS_MAX, and for PER_ADDRESS_MAX of one address. Where all are taken, the
address that has most gives its oldest to a newcomer that will still have fewer; otherwise the
newcomer is turned away. A place is taken before anything is awaited, so no two take the same.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass

from groundstation.inputs.notices import Notices
from groundstation.reading.alarms import AlarmBoard
from groundstation.reading.other_payload import UnknownPayload
from groundstation.reading.reader import FlightReader
from groundstation.web.reader_pool import Busy, ReaderPool
from groundstation.web.stream import Ending, PageFeed, Times

POLL_S = 0.25
CLOCK_EVERY_POLLS = 20  # 5 s: also the heartbeat that keeps proxies from closing
CLIENTS_MAX = 32
PER_ADDRESS_MAX = 8


@dataclass(slots=True, eq=False)
class ReaderSeat:
    """The place of one reader. ``is_lost`` once it was given to another."""

    origin: str
    is_lost: bool = False


class StreamClients:
    """The streams of all readers of one archive."""

    def __init__(
        self, pool: ReaderPool, now: Callable[[], int], ending: Callable[[], Ending | None],
        notices: Notices, board: AlarmBoard | None = None,
    ) -> None:
        self.is_closing: Callable[[], bool] = lambda: False
        self._pool = pool
        self._now = now
        self._ending = ending
        self._board = board
        self._times = Times(now, ending, board)
        self._notices = notices
        self._seats: list[ReaderSeat] = []

    def take(self, origin: str) -> ReaderSeat | None:
        """A place for ``origin`` (``tcp.origin``), to be given back; None when none is free."""
        taken = Counter(seat.origin for seat in self._seats)
        if taken[origin] >= PER_ADDRESS_MAX:
            self._notices.count("streams_turned_away")
            return None
        if len(self._seats) >= CLIENTS_MAX:
            largest, count = taken.most_common(1)[0]
            if count <= taken[origin] + 1:
                self._notices.count("streams_turned_away")
                return None
            lost = next(seat for seat in self._seats if seat.origin == largest)
            lost.is_lost = True
            self._seats.remove(lost)
            self._notices.count("streams_given_up")
        seat = ReaderSeat(origin)
        self._seats.append(seat)
        return seat

    def give_back(self, seat: ReaderSeat) -> None:
        """The client has disconnected."""
        if not seat.is_lost:
            self._seats.remove(seat)

    async def messages(
        self, seat: ReaderSeat, after: int | None, payload: int | None = None
    ) -> AsyncIterator[str]:
        """What is sent to ``seat`` of a payload (``ReaderPool``) after this change id, or from now
        on, for as long as it is kept."""
        yield "retry: 2000\n\n"
        polls, was_over, is_last = 0, False, False
        while not is_last:
            # One more look: a flight may end as the page closes.
            is_last = self.is_closing() or seat.is_lost
            message = None
            # No archive yet, too much to do, or more others since: look again.
            with suppress(sqlite3.Error, Busy, UnknownPayload):
                after, message = await self._pool.ask(self._step(after), payload)
            is_over = self._times.is_over
            if message is not None:
                yield message
            elif polls % CLOCK_EVERY_POLLS == 0 or is_over is not was_over:
                was_over = is_over
                yield self._times.message()
            polls += 1
            await asyncio.sleep(POLL_S)

    def _step(self, after: int | None) -> Callable[[FlightReader], tuple[int, str | None]]:
        return lambda reader: PageFeed(
            reader, self._now, self._ending, self._board).step(after)
