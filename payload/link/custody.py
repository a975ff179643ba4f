"""Custody: what neighbours were heard to say is kept until the ground has it.

Their frames are gathered in RAM, and become records of this payload a parcel at a time
(``wire.relaying``). From then on a parcel is like any record: durable, sent, repaired, confirmed.
A power cut costs what was gathered in the last minute; its origin still has it.

A frame is taken once, and of a block no more symbols than it has; in another session its numbers
begin anew. What is taken is bounded for each neighbour, and parcels are bounded on the disk
(``payload.storage.writer``); at both bounds it is counted. Nobody here can tell a forged frame from
a genuine one: a stranger can fill a neighbour's share with rubbish, which the ground refuses, have
a symbol taken for known that was never heard, and put a false session before its data until the
neighbour tells the true one again; the ground holds such data until then.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from wire import relaying
from wire.frames import DataFrame, IncarnationFrame
from wire.record_bodies import RelayedBody
from wire.relaying import Carried, Overheard
from wire.session import Session

PARCEL_BYTES = 2_000  # frames of a parcel: a block of ten symbols or so
PARCEL_MS = 60_000  # after its first data a parcel is closed, however small
SYMBOLS_REMEMBERED_MAX = 4_096  # of each neighbour; the oldest is forgotten, and may come twice
SHARE_BYTES = 64_000  # of each neighbour at once, then
SHARE_BYTES_PER_S = 20  # as a rule: what a payload says in words is 1 to 5 bytes a second

_Session = Session | int  # its four bits, until it was told


@dataclass(slots=True)
class _Parcel:
    """Data of one neighbour, to which more may come."""

    data: list[tuple[bytes, int]] = field(default_factory=list)
    data_bytes: int = 0

    @property
    def is_full(self) -> bool:
        return self.data_bytes >= PARCEL_BYTES or len(self.data) >= relaying.FRAMES_MAX - 2

    def is_due(self, now_ms: int) -> bool:
        return now_ms - self.data[0][1] >= PARCEL_MS

    def body(self, ahead: list[tuple[bytes, int]], now_ms: int) -> RelayedBody:
        """``ahead`` are the frames that go before the data."""
        return relaying.pack(
            Overheard(frame, min(relaying.AGE_S_MAX, (now_ms - heard_ms) // 1000))
            for frame, heard_ms in (*ahead, *self.data))


class _Neighbour:
    """What was heard of one payload."""

    def __init__(self) -> None:
        self.parcel: _Parcel | None = None
        self.ahead: dict[type[Carried], tuple[bytes, int]] = {}  # the latest of each other type
        self._symbols: dict[tuple[_Session, int, int], None] = {}  # and block, symbol
        self._of_block: Counter[tuple[_Session, int]] = Counter()
        self._told: dict[int, Session] = {}  # the latest of each session bits
        self._room_bytes = float(SHARE_BYTES)
        self._room_ms = 0

    def note_session(self, frame: IncarnationFrame) -> None:
        """It says in which session its frames are. A store that was lost draws another one, which
        has the same bits one time in sixteen, as has the sixteenth boot."""
        self._told[frame.counter.boot] = frame.session

    def _session(self, frame: DataFrame) -> _Session:
        return self._told.get(frame.counter.boot, frame.counter.boot)

    def is_new(self, frame: DataFrame) -> bool:
        """Could it help to make its block whole?"""
        block = self._session(frame), frame.block
        is_whole = not frame.is_open and self._of_block[block] >= frame.block_symbols
        return not is_whole and (*block, frame.esi) not in self._symbols

    def note(self, frame: DataFrame) -> None:
        """It was taken."""
        block = self._session(frame), frame.block
        self._symbols[*block, frame.esi] = None
        self._of_block[block] += 1
        if len(self._symbols) > SYMBOLS_REMEMBERED_MAX:
            session, number, _ = oldest = next(iter(self._symbols))
            del self._symbols[oldest]
            self._of_block[session, number] -= 1
            if not self._of_block[session, number]:
                del self._of_block[session, number]

    def spend(self, size_bytes: int, now_ms: int) -> bool:
        """Take so much of its share; False where there is not so much."""
        earned = SHARE_BYTES_PER_S * (now_ms - self._room_ms) / 1000
        self._room_bytes, self._room_ms = min(SHARE_BYTES, self._room_bytes + earned), now_ms
        if size_bytes > self._room_bytes:
            return False
        self._room_bytes -= size_bytes
        return True


class Custody:
    """One per boot."""

    def __init__(self) -> None:
        self.taken_frames = 0
        self.known_frames = 0  # heard before, or of a block of which enough was
        self.refused_frames = 0  # beyond their neighbour's share
        self._neighbours: dict[int, _Neighbour] = {}  # by node id; the mission lists them
        self._full: list[RelayedBody] = []  # no more than their shares allow

    def take(self, frame: Carried, data: bytes, now_ms: int) -> None:
        """A neighbour was heard to say ``data``, which is ``frame``."""
        neighbour = self._neighbours.setdefault(frame.node_id, _Neighbour())
        if not isinstance(frame, DataFrame):
            neighbour.ahead[type(frame)] = data, now_ms
            if isinstance(frame, IncarnationFrame):
                neighbour.note_session(frame)
        elif not neighbour.is_new(frame):
            self.known_frames += 1
        elif not neighbour.spend(len(data), now_ms):
            self.refused_frames += 1
        else:
            neighbour.note(frame)
            self._lay(neighbour, data, now_ms)

    def take_parcels(self, now_ms: int) -> list[RelayedBody]:
        """The bodies of the parcels that are to become records now."""
        for neighbour in self._neighbours.values():
            if neighbour.parcel is not None and neighbour.parcel.is_due(now_ms):
                self._close(neighbour, neighbour.parcel, now_ms)
        bodies, self._full = self._full, []
        return bodies

    def _lay(self, neighbour: _Neighbour, data: bytes, now_ms: int) -> None:
        parcel = neighbour.parcel = neighbour.parcel or _Parcel()
        parcel.data.append((data, now_ms))
        parcel.data_bytes += len(data)
        self.taken_frames += 1
        if parcel.is_full:
            self._close(neighbour, parcel, now_ms)

    def _close(self, neighbour: _Neighbour, parcel: _Parcel, now_ms: int) -> None:
        ahead = sorted(neighbour.ahead.values(), key=lambda each: each[1])
        self._full.append(parcel.body(ahead, now_ms))
        neighbour.parcel = None
