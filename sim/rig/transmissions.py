"""The payload's transmissions, recorded at the radio port before any loss.

Only what is durable may be sent, so every record that passes here is a promise: it must be in the
store at the end, word for word. And the beacon must pass here on time, while the daemon lives.
"""

from __future__ import annotations

import math
from collections import Counter

from sim.clock import SimClock
from sim.verify.airtime_watch import BEACON_SLACK_MS
from wire import beacon as beacon_codec
from wire import frames
from wire.airtime_budget import AirtimeBudget
from wire.auth import Authenticity
from wire.beacon import Beacon, Phase
from wire.bodies import NO_MODELS, Models
from wire.frames import (
    BeaconFrame,
    DataFrame,
    ImpostorFrame,
    IncarnationFrame,
    UnplacedFrame,
)
from wire.incoming import Receiver
from wire.mission import Mission
from wire.records import Record
from wire.session import Session


class SentFrames:
    """Frames in, by ``on_frame``; what they held and how they were spaced, out."""

    def __init__(
        self, clock: SimClock, mission: Mission, downlink_key: bytes | None,
        models: Models = NO_MODELS,
    ) -> None:
        """``models`` are those that the payload packs its texts with (``wire.bodies``)."""
        self.records: dict[int, Record] = {}
        self.counts: Counter[str] = Counter()  # frames by kind
        self.two_meanings: list[int] = []  # record ids that were sent with two contents
        self.latest: Beacon | None = None
        self.late: list[str] = []  # beacons that came too late, in words
        self.longest_gaps_s: dict[int, float] = {}  # between two of one life, by cadence, s
        self.longest_start_s = 0.0  # from the start of the process to its first beacon
        self._clock, self._budget = clock, AirtimeBudget(mission)
        self._mtu_bytes = mission.symbol_mtu_bytes
        self._keys = {} if downlink_key is None else {mission.payload.node_id: downlink_key}
        self._models = models
        self._receiver = Receiver(mission.symbol_mtu_bytes, models)
        self._session: Session | None = None  # as the latest INCARNATION frame told it
        self._excuses = 0
        self._started_ms: int | None = None  # a life that has not sent a beacon yet
        self._beacon_ms: int | None = None  # the last one of this life
        self._landed_ms = 0

    def on_start(self) -> None:
        """A life of the daemon begins."""
        self._started_ms = self._landed_ms = self._clock.now_ms
        self._beacon_ms = None

    def on_end(self) -> None:
        """It is over; until the next one nothing can be expected."""
        self._started_ms = self._beacon_ms = None

    def excuse(self) -> None:
        """Until ``unexcuse`` no beacon can be expected here."""
        self._excuses += 1

    def unexcuse(self) -> None:
        """The next gap is counted from its first beacon."""
        self._excuses -= 1
        self._beacon_ms = None

    def on_frame(self, data: bytes) -> None:
        """The payload gave this to its modem."""
        frame = frames.decode_downlink(data, self._keys, lambda *_: self._sessions())
        if frame is None or isinstance(frame, ImpostorFrame | UnplacedFrame):
            self.counts["unsigned" if frame else "damaged"] += 1
            return
        self.counts[type(frame).__name__] += 1
        if isinstance(frame, IncarnationFrame) and frame.session != self._session:
            self._session = frame.session
            self._receiver = Receiver(self._mtu_bytes, self._models)
        if self._keys and frame.authenticity is not Authenticity.GENUINE:
            self.counts["unsigned"] += 1
        if isinstance(frame, BeaconFrame):
            self._on_beacon(beacon_codec.decode(frame.state))
        elif isinstance(frame, DataFrame):
            for record in self._receiver.on_data(frame):
                first = self.records.setdefault(record.record_id, record)
                if (first.kind, first.boot, first.body) != (record.kind, record.boot, record.body):
                    self.two_meanings.append(record.record_id)

    def _sessions(self) -> list[Session]:
        """No frame is lost here, so a session is told before its data comes."""
        return [] if self._session is None else [self._session]

    def look(self) -> None:
        """Is the next beacon overdue? Asked now and then, and at the end."""
        if self._beacon_ms is not None and not self._excuses:
            self._judge(self._beacon_ms)

    def _on_beacon(self, state: Beacon) -> None:
        now_ms = self._clock.now_ms
        if self._started_ms is not None:
            start_s = (now_ms - self._started_ms) / 1000
            self.longest_start_s = max(self.longest_start_s, start_s)
            self._started_ms = None
        elif self._beacon_ms is not None and not self._excuses:
            self._judge(self._beacon_ms)
        if state.phase is Phase.LANDED and (
            self.latest is None or self.latest.phase is not Phase.LANDED
        ):
            self._landed_ms = now_ms
        self._beacon_ms, self.latest = now_ms, state

    def _judge(self, since_ms: int) -> None:
        gap_ms = self._clock.now_ms - since_ms
        cadence_s = self._cadence_s()
        self.longest_gaps_s[cadence_s] = max(self.longest_gaps_s.get(cadence_s, 0.0), gap_ms / 1000)
        if gap_ms > 2000 * cadence_s + BEACON_SLACK_MS:
            self.late.append(f"none for {gap_ms / 1000:.1f} s where one is due every {cadence_s} s")
            self._beacon_ms = self._clock.now_ms  # said once

    def _cadence_s(self) -> int:
        """What the latest beacon promises, rounded up."""
        state = self.latest or Beacon(phase=Phase.BOOT)
        every_ms = self._budget.beacon_every_ms(
            state.phase or Phase.BOOT, state.power_mode, state.altitude_m,
            self._clock.now_ms - self._landed_ms)
        return math.ceil(every_ms / 1000)
