"""Checks the numbers that a payload uses on the air: none may ever have two meanings.

A session is begun by one life alone; in a session a symbol number has one content, and in a life
frame numbers rise by one. Record ids are the ledger's business (``sim.verify.recording_store``).
"""

from __future__ import annotations

import zlib

from wire.frames import BeaconFrame, DataFrame, IncarnationFrame
from wire.session import Session


class NumbersWatch:
    """Of one world. Each method says in words what is wrong, None when nothing is."""

    def __init__(self) -> None:
        self._begun: set[Session] = set()
        self._symbols: dict[tuple[Session, int, int], int] = {}  # CRC-32 of the content
        self._last_number: int | None = None
        self._swallowed = 0

    def on_boot(self, session: Session) -> str | None:
        """A life begins."""
        self._last_number = None
        is_again = session in self._begun
        self._begun.add(session)
        return f"{session} was begun twice" if is_again else None

    def on_frame(
        self, session: Session, frame: BeaconFrame | DataFrame | IncarnationFrame, swallowed: int
    ) -> str | None:
        """The payload sends ``frame`` in this session. ``swallowed`` counts the frames that the
        modem took and did not send: in orbit the next may follow minutes later."""
        number, last = frame.counter.number, self._last_number
        missing, self._swallowed = swallowed - self._swallowed, swallowed
        self._last_number = number
        if last is not None and not 0 <= (number - last - 1 & 0xFFF) <= missing:
            return f"frame {number} was sent after {last}"
        if isinstance(frame, DataFrame):
            crc = zlib.crc32(frame.symbol)
            if self._symbols.setdefault((session, frame.block, frame.esi), crc) != crc:
                return f"symbol {frame.esi} of block {frame.block} was sent with two contents"
        return None
