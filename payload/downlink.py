"""Downlink: chooses what the radio sends next, and when it falls silent to listen.

In this order: the beacon, never late; the callsign every ten minutes; frames of the transfer. The
transfer is fed from the store by class: events first, then the others by their shares of the bytes,
so that neither pictures nor housekeeping can starve the musings (research/flight.md §5.4). Records
whose block was given up half-done go again only when nothing else waits.

Radio windows: a beacon with the listening flag is followed by silence, the ground's turn to speak.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from payload.ports import PortError, Radio
from payload.store import Store
from wire import beacon as beacon_codec
from wire import frames
from wire.beacon import Beacon, Phase, PowerMode
from wire.frames import (
    BeaconFrame,
    FeedbackFrame,
    FrameCounter,
    IdentFrame,
    encode_downlink,
)
from wire.mission import Mission
from wire.records import Priority, Record, pack_body
from wire.transfer import Sender

IDENT_EVERY_MS = 600_000  # callsign rules of the amateur service
AIRTIME_OVERHEAD_BYTES = 10  # preamble, flags and addresses of the modem
LOW_ALTITUDE_M = 3_000  # falling below this, the beacon matters most
LANDED_FRESH_MS = 900_000
LANDED_LATER_MS = 4_500_000
BACKLOG_SYMBOLS_MAX = 6  # laid into blocks ahead of sending; small, so urgent things stay urgent
BLOCK_RESERVE = 32  # block numbers are reserved in the store this many at a time
SALVAGE_JUMP = 0x1000  # after a damaged store: farther than any boot got
GIVEN_UP_MAX = 10_000  # record ids; what is beyond waits in the store for the next boot
RETRY_MS = 100
SHARES: dict[Priority, int] = {
    Priority.TRACK: 40,
    Priority.MUSING: 25,
    Priority.API: 10,
    Priority.IMAGE: 20,
    Priority.BULK: 5,
}
_BLOCK_KEY = "next_block"


class Downlink:
    """One per boot. ``step`` is called once a step; it offers at most one frame."""

    def __init__(self, mission: Mission, radio: Radio | None, store: Store) -> None:
        self.is_radio_lost = False
        self.unsendable_records = 0
        self._mission = mission
        self._radio = radio
        self._store = store
        reserved = int(store.get(_BLOCK_KEY, 0))
        if store.salvaged_from is not None:  # then it may be an old number, or lost
            reserved = (reserved + SALVAGE_JUMP) % 0x10000
        self._sender = Sender(mission.payload.node_id, mission.radio.mtu_bytes, reserved)
        self._reserved = self._durable_upto = reserved
        self._reserve_blocks()
        self._given_up: deque[int] = deque(maxlen=GIVEN_UP_MAX)  # record ids
        self._sequence = 0
        self._credits = dict.fromkeys(SHARES, 0.0)  # bytes
        self._beacon_due_ms = 0
        self._ident_due_ms = 0
        self._listen_due_ms = mission.radio.listen_every_s * 1000
        self._quiet_until_ms = 0
        self._busy_until_ms = 0
        self._phase_since_ms = 0

    def beacon_now(self, now_ms: int) -> None:
        """The next frame is a beacon."""
        self._beacon_due_ms = now_ms

    def on_report(self, report: FeedbackFrame) -> int:
        """Mark what the ground has; returns how many records that were."""
        confirmed = self._sender.on_report(report, self._sequence)
        self._store.mark_confirmed(confirmed)
        return len(confirmed)

    def step(
        self, now_ms: int, phase: Phase, power: PowerMode, altitude_m: float | None,
        beacon: Callable[[], Beacon],
    ) -> int:
        """Offer the next frame if the radio is free. Returns when to come back, ms since boot."""
        if self._radio is None:
            return now_ms + 1000
        wait_ms = max(self._busy_until_ms, self._quiet_until_ms) - now_ms
        if wait_ms > 0:
            return now_ms + wait_ms
        try:
            if not self._radio.is_idle(now_ms):
                return now_ms + RETRY_MS
            if now_ms >= self._beacon_due_ms:
                cadence_ms = 1000 * self._cadence_s(now_ms, phase, power, altitude_m)
                return self._send_beacon(beacon(), cadence_ms, now_ms)
            frame = self._next_frame(now_ms)
            if frame is None:
                return min(self._beacon_due_ms, now_ms + 1000)
            self._offer(frame, now_ms)
        except PortError:
            self.is_radio_lost = True
            return now_ms + 1000
        return max(self._busy_until_ms, now_ms + 1)

    def note_phase(self, now_ms: int) -> None:
        """The phase changed: its age decides the cadence after landing."""
        self._phase_since_ms = now_ms
        self.beacon_now(now_ms)

    def _cadence_s(
        self, now_ms: int, phase: Phase, power: PowerMode, altitude_m: float | None
    ) -> int:
        """Seconds between beacons; table of research/flight.md §5.3."""
        cadence = self._mission.cadence
        if power is PowerMode.CRITICAL:
            return 60
        if phase in (Phase.BOOT, Phase.GROUND):
            return cadence.beacon_ground_s
        if phase is Phase.LANDED:
            age_ms = now_ms - self._phase_since_ms
            if age_ms < LANDED_FRESH_MS:
                return cadence.beacon_landed_s
            return 60 if age_ms < LANDED_LATER_MS else 300
        if phase is Phase.DESCENT and altitude_m is not None and altitude_m < LOW_ALTITUDE_M:
            return cadence.beacon_low_s
        return cadence.beacon_flight_s

    def _send_beacon(self, beacon: Beacon, cadence_ms: int, now_ms: int) -> int:
        is_listening = now_ms >= self._listen_due_ms
        state = beacon_codec.encode(beacon)
        frame = BeaconFrame(
            self._mission.payload.node_id, self._counter(), state, is_listening
        )
        if self._offer(frame, now_ms):
            self._beacon_due_ms = now_ms + cadence_ms
            if is_listening:
                self._quiet_until_ms = self._busy_until_ms + self._mission.radio.listen_s * 1000
                self._listen_due_ms = now_ms + self._mission.radio.listen_every_s * 1000
        return max(self._busy_until_ms, self._quiet_until_ms, now_ms + 1)

    def _next_frame(self, now_ms: int) -> frames.Downlink | None:
        payload = self._mission.payload
        if now_ms >= self._ident_due_ms:
            self._ident_due_ms = now_ms + IDENT_EVERY_MS
            return IdentFrame(payload.node_id, f"DE {payload.callsign} {payload.name}")
        self._feed(now_ms)
        return self._sender.next_frame(self._counter(), self._sequence + 1, now_ms)

    def _feed(self, now_ms: int) -> None:
        """Lay queued records into blocks, a little ahead of what is being sent."""
        while self._sender.backlog_symbols() < BACKLOG_SYMBOLS_MAX and self._may_open_block():
            record = self._next_record(now_ms)
            if record is None:
                break
            try:
                self._sender.push(record, now_ms)
            except ValueError:
                self.unsendable_records += 1
            self._store.mark_in_flight([record.record_id])
        self._given_up.extend(self._sender.take_expired())
        self._reserve_blocks()

    def _next_record(self, now_ms: int) -> Record | None:
        urgent = self._store.queued(Priority.EVENT, 1)
        if urgent:
            return urgent[0]
        has_room = self._sender.takes_pictures(now_ms)
        open_to = [p for p in SHARES if has_room or p < Priority.IMAGE]
        waiting = {p: found[0] for p in open_to if (found := self._store.queued(p, 1))}
        if not waiting:
            if self._given_up and self._sender.is_caught_up(now_ms):
                self._store.mark_queued([self._given_up.popleft()])
            return None
        chosen = max(waiting, key=lambda priority: self._credits[priority])
        size_bytes = len(pack_body(waiting[chosen].body))
        shares = sum(SHARES[priority] for priority in waiting)
        for priority in SHARES:
            earned = size_bytes * SHARES[priority] / shares
            # A class with nothing to send saves nothing up.
            self._credits[priority] += earned if priority in waiting else -self._credits[priority]
        self._credits[chosen] -= size_bytes
        return waiting[chosen]

    def _reserve_blocks(self) -> None:
        """Keep the stored number ahead of use, so that a reboot can never use one twice."""
        if self._store.is_durable(_BLOCK_KEY):
            self._durable_upto = self._reserved
        ahead = (self._reserved - self._sender.next_block) % 0x10000
        if ahead < BLOCK_RESERVE // 2 or ahead > BLOCK_RESERVE:
            self._reserved = (self._sender.next_block + BLOCK_RESERVE) % 0x10000
            self._store.put(_BLOCK_KEY, self._reserved)

    def _may_open_block(self) -> bool:
        """Only numbers whose reservation is on the disk; but a disk that takes nothing must not
        make the payload mute: then a receiver may meet a number again after a reboot, which the
        CRC in the block tells it."""
        left = (self._durable_upto - self._sender.next_block) % 0x10000
        return self._store.is_failing or 0 < left <= BLOCK_RESERVE

    def _counter(self) -> FrameCounter:
        return FrameCounter(self._store.boot & 0xF, self._sequence + 1 & 0xFFF)

    def _offer(self, frame: frames.Downlink, now_ms: int) -> bool:
        assert self._radio is not None
        data = encode_downlink(frame)
        if not self._radio.offer(data, now_ms):
            return False
        self.is_radio_lost = False
        if not isinstance(frame, IdentFrame):
            self._sequence += 1
        radio = self._mission.radio
        airtime_ms = (len(data) + AIRTIME_OVERHEAD_BYTES) * 8000 // radio.rate_bps
        self._busy_until_ms = now_ms + max(1, airtime_ms * 100 // radio.duty_percent)
        return True
