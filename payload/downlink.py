"""Downlink: chooses what the radio sends next, and when it falls silent to listen.

In this order: the beacon, never late; the callsign every ten minutes; frames of the transfer. The
transfer is fed from the store by class: events first, then the others by their shares, so that
neither pictures nor housekeeping can starve the musings (research/flight.md §5.4).

Radio windows: a beacon with the listening flag is followed by silence, the ground's turn to speak.
"""

from __future__ import annotations

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
from wire.records import Priority, Record
from wire.transfer import Sender

IDENT_EVERY_MS = 600_000  # callsign rules of the amateur service
AIRTIME_OVERHEAD_BYTES = 10  # preamble, flags and addresses of the modem
LOW_ALTITUDE_M = 3_000  # falling below this, the beacon matters most
LANDED_FRESH_MS = 900_000
LANDED_LATER_MS = 4_500_000
BACKLOG_SYMBOLS_MAX = 6  # laid into blocks ahead of sending; small, so urgent things stay urgent
BULK_OUT_MAX = 3  # bulk blocks that may be half heard at a time: one after the other is done
BLOCK_RESERVE = 32  # block numbers are reserved in the store this many at a time
RETRY_MS = 100
SHARES: dict[Priority, int] = {
    Priority.TRACK: 40,
    Priority.MUSING: 25,
    Priority.API: 10,
    Priority.IMAGE: 20,
    Priority.BULK: 5,
}
_TEXT = tuple(priority for priority in Priority if priority < Priority.IMAGE)
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
        self._sender = Sender(mission.payload.node_id, mission.radio.mtu_bytes, reserved)
        self._reserved = reserved
        self._reserve_blocks()
        self._sequence = 0
        self._credits = dict.fromkeys(SHARES, 0.0)
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
        while (record := self._next_record()) is not None:
            try:
                self._sender.push(record, now_ms)
            except ValueError:
                self.unsendable_records += 1
            self._store.mark_in_flight([record.record_id])
        self._store.mark_queued(self._sender.take_expired())
        self._reserve_blocks()

    def _room(self) -> list[Priority]:
        """The classes that may be laid into blocks now. A picture's symbols never stand before a
        line of text, so they have room of their own: one picture, or one tile, ahead of sending."""
        backlog, short = self._sender.backlog_symbols, self._sender.short_blocks
        room: list[Priority] = []
        if backlog(_TEXT) < BACKLOG_SYMBOLS_MAX:
            room += _TEXT
        if not backlog((Priority.IMAGE,)):
            room.append(Priority.IMAGE)
        if not backlog((Priority.BULK,)) and short(Priority.BULK) < BULK_OUT_MAX:
            room.append(Priority.BULK)
        return room

    def _next_record(self) -> Record | None:
        room = self._room()
        urgent = self._store.queued(Priority.EVENT, 1) if Priority.EVENT in room else []
        if urgent:
            return urgent[0]
        for priority, share in SHARES.items():
            self._credits[priority] = min(200.0, self._credits[priority] + share)
        for priority in sorted(SHARES, key=lambda p: -self._credits[p]):
            if priority not in room:
                continue
            waiting = self._store.queued(priority, 1)
            if waiting:
                self._credits[priority] -= 100
                return waiting[0]
        return None

    def _reserve_blocks(self) -> None:
        """Keep the stored number ahead of use, so that a reboot can never use one twice."""
        ahead = (self._reserved - self._sender.next_block) % 0x10000
        if ahead < BLOCK_RESERVE // 2 or ahead > BLOCK_RESERVE:
            self._reserved = (self._sender.next_block + BLOCK_RESERVE) % 0x10000
            self._store.put(_BLOCK_KEY, self._reserved)

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
