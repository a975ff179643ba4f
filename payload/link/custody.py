"""Custody: keeps what neighbours were heard to say until the ground has it.

Their frames are gathered in RAM, and become records of this payload a parcel at a time
(``wire.relaying``). From then on a parcel is like any record: durable, sent, repaired, confirmed.
A power cut costs what was gathered in the last minute; its origin still has it.

Data of one parcel are of one session, and go behind the frame that announces it. Symbols are taken
once (``payload.link.known_symbols``), and of each neighbour no more than its share; parcels are
bounded on the disk (``payload.storage.writer``); at each bound it is counted.

Frames that a neighbour's key aboard has verified have a share and a memory of their own. Of all
others nobody here can tell a forged one from a genuine one. A stranger can therefore put rubbish
into parcels, which the ground refuses. It costs the carrier no more than the share; and as that
grows scarce frames are drawn by lot, so that the genuine ones keep the part that they have of what
is heard. It can also put a false session before the data until the neighbour tells the true one
again; the ground holds such data until then.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from payload.link.known_symbols import KnownSymbols, PlacedIn
from wire import relaying
from wire.frames import BeaconFrame, DataFrame, IncarnationFrame
from wire.record_bodies import RelayedBody
from wire.relaying import Carried, Overheard

PARCEL_BYTES = 2_000  # frames of a parcel: a block of ten symbols or so
PARCEL_MS = 60_000  # after its first data a parcel is closed, however small
SHARE_BYTES = 64_000  # of each neighbour at once, then
SHARE_BYTES_PER_S = 20  # as a rule: what a payload says in words is 1 to 5 bytes a second
SCARCE_BYTES = SHARE_BYTES // 4  # with less left of its share, frames are drawn by lot
AHEAD_BYTES = 56  # what goes before the data of a parcel; the share pays for it too

_At = tuple[bytes, int]  # a frame, and when it was heard, ms


@dataclass(slots=True)
class _Parcel:
    """Data of one session, to which more may come."""

    session: PlacedIn
    data: list[_At] = field(default_factory=list)
    data_bytes: int = 0

    @property
    def is_full(self) -> bool:
        return self.data_bytes >= PARCEL_BYTES or len(self.data) >= relaying.FRAMES_MAX - 2

    def is_due(self, now_ms: int) -> bool:
        return now_ms - self.data[0][1] >= PARCEL_MS

    def body(self, ahead: list[_At], now_ms: int) -> RelayedBody:
        """``ahead`` are the frames that go before the data."""
        return relaying.pack(
            Overheard(frame, min(relaying.AGE_S_MAX, (now_ms - heard_ms) // 1000))
            for frame, heard_ms in (*ahead, *self.data))


@dataclass(slots=True)
class _Life:
    """What was heard under one value of the four session bits."""

    announced: IncarnationFrame | None = None  # the latest; a lost store may draw the same bits
    announced_at: _At | None = None
    beacon_at: _At | None = None
    parcel: _Parcel | None = None

    def session_of(self, frame: DataFrame) -> PlacedIn:
        """The verified one, else the one that was announced last, else its bits."""
        if frame.session is not None:
            return frame.session
        return frame.counter.boot if self.announced is None else self.announced.session

    def ahead_of(self, parcel: _Parcel) -> list[_At]:
        """What places its data, and the latest beacon, in the order in which they were heard."""
        is_its = self.announced is not None and parcel.session in (
            self.announced.session, self.announced.counter.boot)
        found = [at for at in (self.announced_at if is_its else None, self.beacon_at)
                 if at is not None]
        return sorted(found, key=lambda at: at[1])


class _Share:
    """How much is still taken of somebody."""

    def __init__(self) -> None:
        self._room_bytes = float(SHARE_BYTES)
        self._room_ms = 0

    def spend(self, size_bytes: int, now_ms: int, lot: float) -> bool:
        """Take so much of it; False where there is not so much, or the ``lot``, 0..1, is against
        it. The fuller it is, the likelier."""
        earned = SHARE_BYTES_PER_S * (now_ms - self._room_ms) / 1000
        self._room_bytes, self._room_ms = min(SHARE_BYTES, self._room_bytes + earned), now_ms
        if size_bytes > self._room_bytes or lot * SCARCE_BYTES > self._room_bytes:
            return False
        self._room_bytes -= size_bytes
        return True


class _Neighbour:
    """Who speaks in the name of one payload: those who were verified, or whoever else does."""

    def __init__(self) -> None:
        self.lives: dict[int, _Life] = {}  # by session bits: sixteen at most
        self.known = KnownSymbols()
        self.share = _Share()

    def life(self, frame: Carried) -> _Life:
        return self.lives.setdefault(frame.counter.boot, _Life())


class Custody:
    """One per boot."""

    def __init__(self, chance: random.Random | None = None) -> None:
        """``chance`` draws what is taken of a share that grows scarce; by default 0's."""
        self.taken_frames = 0
        self.known_frames = 0  # heard before, or of a block of which enough was
        self.refused_frames = 0  # beyond their neighbour's share
        self._chance = chance or random.Random(0)
        # By node id, which the mission lists, and by whether they were verified.
        self._neighbours: dict[tuple[int, bool], _Neighbour] = {}
        self._full: list[RelayedBody] = []  # no more than their shares allow

    def take(self, frame: Carried, data: bytes, now_ms: int, is_verified: bool = False) -> None:
        """A neighbour was heard to say ``data``, which is ``frame``; with its key aboard it
        ``is_verified`` that the neighbour did."""
        if isinstance(frame, DataFrame):
            self._take_data(self._neighbour(frame, is_verified), frame, data, now_ms)
            return
        for each in {is_verified, False}:  # also ahead of data whose session is not known yet
            life = self._neighbour(frame, each).life(frame)
            if isinstance(frame, IncarnationFrame):
                if life.announced is not None and life.announced.session != frame.session:
                    self._close(life, now_ms)
                life.announced, life.announced_at = frame, (data, now_ms)
            elif isinstance(frame, BeaconFrame):
                life.beacon_at = data, now_ms

    def take_parcels(self, now_ms: int) -> list[RelayedBody]:
        """The bodies of the parcels that are to become records now."""
        for neighbour in self._neighbours.values():
            for life in neighbour.lives.values():
                if life.parcel is not None and life.parcel.is_due(now_ms):
                    self._close(life, now_ms)
        bodies, self._full = self._full, []
        return bodies

    def _neighbour(self, frame: Carried, is_verified: bool) -> _Neighbour:
        return self._neighbours.setdefault((frame.node_id, is_verified), _Neighbour())

    def _take_data(
        self, neighbour: _Neighbour, frame: DataFrame, data: bytes, now_ms: int
    ) -> None:
        life = neighbour.life(frame)
        session = life.session_of(frame)
        if not neighbour.known.is_new(session, frame):
            self.known_frames += 1
            return
        if life.parcel is not None and life.parcel.session != session:
            self._close(life, now_ms)
        ahead_bytes = AHEAD_BYTES if life.parcel is None else 0
        if not neighbour.share.spend(len(data) + ahead_bytes, now_ms, self._chance.random()):
            self.refused_frames += 1
            return
        neighbour.known.note(session, frame)
        parcel = life.parcel = life.parcel or _Parcel(session)
        parcel.data.append((data, now_ms))
        parcel.data_bytes += len(data)
        self.taken_frames += 1
        if parcel.is_full:
            self._close(life, now_ms)

    def _close(self, life: _Life, now_ms: int) -> None:
        if life.parcel is not None:
            self._full.append(life.parcel.body(life.ahead_of(life.parcel), now_ms))
        life.parcel = None
