"""Reception of one payload: the blocks of its sessions, and the report about them.

Sans-I/O and without a clock: frames and UTC ms in, records and reports out.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from groundstation.decode.beacon_freshness import BeaconFreshness
from groundstation.decode.link import SILENCE_MS, NodeLink
from wire.airtime_budget import AirtimeBudget
from wire.auth import Authenticity
from wire.beacon import Beacon
from wire.bodies import NO_MODELS, Models
from wire.frames import (
    BLOCKS_MAX,
    INCARNATION_BYTES,
    BeaconFrame,
    BlockReport,
    DataFrame,
    FrameCounter,
)
from wire.incoming import RECEIVER_BLOCKS_MAX, Receiver
from wire.records import Record
from wire.session import Session

SESSIONS_MAX = 4  # of a payload, whose blocks are put together; the oldest makes room
QUIET_MS = 60_000  # with nothing new for so long, unverified frames may begin anew
_SAME_FRAMES = 64


class Report(NamedTuple):
    """The content of feedback, and the session that it is about; ``loss`` is 0..1."""

    session: Session
    last_counter: FrameCounter
    loss: float
    first: int
    upto: int
    reports: tuple[BlockReport, ...]


@dataclass(slots=True)
class _SessionState:
    """One session. ``life`` is the number of its incarnation here."""

    session: Session
    life: int
    blocks: Receiver
    news: int = 0  # when something new was heard, in frames of all sessions
    news_ms: int = 0

    @property
    def age(self) -> tuple[int, int]:
        """The smaller, the older."""
        return self.life, self.session.boot


class NodeReceiver:
    """The state of one node id. ``is_verified``: only genuine frames come here."""

    def __init__(
        self, node_id: int, mtu_bytes: int, budget: AirtimeBudget, is_verified: bool,
        models: Models = NO_MODELS,
    ) -> None:
        """``mtu_bytes`` is what a MAC leaves of a frame, ``budget`` what the radio carries."""
        self._freshness = BeaconFreshness()
        self.link = NodeLink(
            node_id, budget.airtime.occupied_ms(INCARNATION_BYTES),
            max(SILENCE_MS, 2 * budget.least_ms))
        self.duplicate_frames = 0
        self._mtu_bytes = mtu_bytes
        self._report_bytes = budget.report_bytes_max
        self._models = models
        self._is_verified = is_verified
        self._sessions: dict[Session, _SessionState] = {}
        self._news = 0
        self._same: deque[bytes] = deque(maxlen=_SAME_FRAMES)

    def is_duplicate(self, raw: bytes) -> bool:
        """True when the same bytes were received a moment ago over another path."""
        if raw in self._same:
            self.duplicate_frames += 1
            return True
        self._same.append(raw)
        return False

    def is_news(self, frame: BeaconFrame, state: Beacon, utc_ms: int) -> bool:
        """Is this ``state`` newer than that of the beacons before it? An unverified one can be
        forged to look like the newest, so only verified ones are ordered."""
        if frame.authenticity is not Authenticity.GENUINE:
            return True
        return self._freshness.is_news(frame.counter, state.time_of_day_s, utc_ms)

    def on_data(
        self, frame: DataFrame, session: Session, life: int, utc_ms: int
    ) -> tuple[list[Record], bool]:
        """(records that became readable, is the frame current).

        A frame is current when it is new and its session is that of the newest frames or a later
        one.
        """
        state = self._of(session, life)
        if state is None:
            return [], False
        blocks, before = state.blocks, state.blocks.new_frames
        is_verified = self._is_verified
        found = blocks.on_data(frame) if is_verified else self._on_claim(state, frame, utc_ms)
        if blocks is state.blocks and blocks.new_frames == before:
            return found, False
        is_current = self.agrees(frame.counter) or state.age == max(
            each.age for each in self._sessions.values())
        if is_current:
            self._news += 1
            state.news, state.news_ms = self._news, utc_ms
        return found, is_current

    def agrees(self, counter: FrameCounter) -> bool:
        """May this be of the same session as the newest frame?"""
        last = self.link.last_counter
        return last is None or last.boot == counter.boot

    def rename(self, known: Session, announced: Session) -> None:
        """What was taken for ``known`` is of ``announced``; its other boots move with it."""
        for session in [s for s in self._sessions if s.incarnation == known.incarnation]:
            state = self._sessions.pop(session)
            boot = announced.boot + session.boot - known.boot
            if boot >= 0:
                state.session = Session(announced.incarnation, boot)
                self._sessions[state.session] = state

    def report(self) -> Report | None:
        """On the session that the newest frame of the payload agrees with and whose data was heard
        last; None where there is none, or nothing is verified."""
        last, loss = self.link.last_counter, self.link.loss
        if not self._is_verified or last is None or loss is None:
            return None
        fitting = [h for h in self._sessions.values() if h.session.boot_bits == last.boot]
        newest = max(fitting, key=lambda state: state.news, default=None)
        found = None if newest is None else newest.blocks.report()
        if newest is None or found is None:
            return None
        return Report(newest.session, last, loss, *found)

    def _of(self, session: Session, life: int) -> _SessionState | None:
        """None for a session that is older than all that there is room for: what comes of it again
        displaces nothing."""
        state = self._sessions.get(session)
        if state is not None:
            return state
        state = _SessionState(session, life, self._new_receiver())
        if len(self._sessions) >= SESSIONS_MAX:
            oldest = min(self._sessions.values(), key=lambda each: each.age)
            if state.age < oldest.age:
                return None
            del self._sessions[oldest.session]
        self._sessions[session] = state
        return state

    def _new_receiver(self) -> Receiver:
        return Receiver(self._mtu_bytes, self._models, self._report_bytes)

    def _on_claim(self, state: _SessionState, frame: DataFrame, utc_ms: int) -> list[Record]:
        """An unverified frame is accepted when its numbers are near the others. Old ones, of this
        session or of another with the same four bits, then displace nothing while the payload is
        heard; when nothing new was heard for a while, what lies elsewhere may be the payload."""
        blocks = state.blocks
        is_quiet = not 0 <= utc_ms - state.news_ms < QUIET_MS
        refused = blocks.old_frames + blocks.stray_frames
        found = blocks.on_data(frame, RECEIVER_BLOCKS_MAX - 1)
        if is_quiet and blocks.old_frames + blocks.stray_frames > refused:
            anew = self._new_receiver()
            found = anew.on_data(frame, BLOCKS_MAX)
            if anew.new_frames:
                state.blocks = anew
        return found
