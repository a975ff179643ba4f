"""Downlink: chooses what the radio sends next, and when it falls silent to listen.

In this order: the beacon, never late; the Horus packet, where it ends before the next beacon; the
callsign every ten minutes; frames of the transfer. Where no beacon can be made, a sentence that
needs nothing to be right goes in its place (``payload.beacons``).

The transfer is fed from the store by class: events first, then the others by their shares, so that
neither pictures nor housekeeping can starve the musings (research/flight.md §5.4).

Radio windows: a beacon with the listening flag is followed by silence, the ground's turn to speak.

With a key every frame is signed; where the mission signs and there is no key, frames go out
unsigned, in the room that the MAC would have left.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable

from payload import beacons
from payload.beacons import Guard, Place
from payload.notes import Note
from payload.ports import PortError, Radio
from payload.store import Store
from wire import beacon as beacon_codec
from wire import frames, records
from wire.beacon import Beacon, Phase, PowerMode
from wire.bodies import MODEL_ID_BYTES, Seat, marked_text
from wire.frames import (
    BeaconFrame,
    FeedbackFrame,
    FrameCounter,
    IdentFrame,
    encode_downlink,
)
from wire.horus import Packet
from wire.mission import Mission
from wire.records import Priority, Record
from wire.text_codec import TextModel
from wire.transfer import Sender

IDENT_EVERY_MS = 600_000  # callsign rules of the amateur service
AIRTIME_OVERHEAD_BYTES = 10  # preamble, flags and addresses of the modem
HORUS_MARGIN_MS = 1_000  # head, tail and stuffed bits of a modem that are not reckoned here
LOW_ALTITUDE_M = 3_000  # falling below this, the beacon matters most
LANDED_FRESH_MS = 900_000
LANDED_LATER_MS = 4_500_000
BACKLOG_SYMBOLS_MAX = 6  # laid into blocks ahead of sending; small, so urgent things stay urgent
BLOCK_RESERVE = 32  # block numbers are reserved in the store this many at a time
RETRY_MS = 100
SHARES: dict[Priority, int] = {
    Priority.TRACK: 40,
    Priority.MUSING: 25,
    Priority.API: 10,
    Priority.IMAGE: 20,
    Priority.BULK: 5,
}
# Coding a text costs 0.1 ms a byte on a desk, about ten times that on a Pi Zero 2. When so much was
# coded, the rest waits for the next step: none takes longer for it than 0.07 s here, 0.7 s there
# (this and one text of bodies.TEXT_BYTES_MAX).
TEXT_BYTES_PER_STEP = 300
CODED_REMEMBERED_MAX = 4096  # records that can be sent again in plain; two days of musings
PLAIN_MODELS_MAX = 8  # that the ground said it lacks
_BLOCK_KEY = "next_block"
_PLAIN_KEY = "plain_text_models"


class Downlink:
    """One per boot. ``step`` is called once a step; it offers at most one frame."""

    def __init__(
        self, mission: Mission, radio: Radio | None, store: Store, key: bytes | None = None,
        codec: TextModel | None = None,
    ) -> None:
        """``key`` is ``mission.downlink_key(...)``. ``codec`` packs texts, unless the ground said
        before that it lacks this very model."""
        assert key is None or mission.keys.downlink_mac, "a signed frame would exceed the MTU"
        self.is_radio_lost = False
        self.unsendable_records = 0
        self._mission = mission
        self._radio = radio
        self._store = store
        self._key = key
        reserved = int(store.get(_BLOCK_KEY, 0))
        self._sender = Sender(mission.payload.node_id, mission.symbol_mtu_bytes, reserved)
        self._reserved = reserved
        self._reserve_blocks()
        is_wanted = codec is not None and _number(codec) not in store.get(_PLAIN_KEY, [])
        self._codec = codec if is_wanted else None
        self._coded: deque[int] = deque(maxlen=CODED_REMEMBERED_MAX)  # ids, of this boot
        self._sequence = 0
        self._credits = dict.fromkeys(SHARES, 0.0)
        self._beacon_due_ms = 0
        self._ident_due_ms = 0
        self._listen_due_ms = mission.radio.listen_every_s * 1000
        self._quiet_until_ms = 0
        self._busy_until_ms = 0
        self._phase_since_ms = 0
        self._guard = Guard()
        self._place = Place()
        self._sentences = 0
        self._horus_due_ms = 0
        self._horus_packets = 0

    @property
    def is_beacon_failing(self) -> bool:
        """True while the dumb sentence stands in for the beacon."""
        return "beacon" in self._guard.failing

    def take_notes(self) -> list[Note]:
        """Beacons that began to fail, or work again, since the last call."""
        return self._guard.take_notes()

    def note_place(self, place: Place) -> None:
        """Where it is; all that the dumb sentence will ever know."""
        self._place = place

    def last_words(self, now_ms: int) -> None:
        """The step failed and will be started anew: say where it was, if the radio takes it."""
        if self._radio is not None and now_ms >= self._busy_until_ms:
            with contextlib.suppress(PortError):
                self._send_sentence(now_ms)

    @property
    def unconfirmed_blocks(self) -> int:
        return self._sender.unconfirmed_blocks

    def beacon_now(self, now_ms: int) -> None:
        """The next frame is a beacon."""
        self._beacon_due_ms = now_ms

    def on_report(self, report: FeedbackFrame) -> int:
        """Mark what the ground has; returns how many records that were."""
        confirmed = self._sender.on_report(report, self._sequence)
        self._store.mark_confirmed(confirmed)
        return len(confirmed)

    def send_plain_text(self, model: int) -> str:
        """The ground lacks this text model: send texts without it, and those sent coded again.

        Returns why not, empty when it is done. Kept across reboots, for this model alone.
        """
        plain = self._store.get(_PLAIN_KEY, [])
        if model in plain:
            return ""
        if self._codec is None or _number(self._codec) != model:
            return "no such text model here"
        self._codec = None
        self._store.put(_PLAIN_KEY, [*plain, model][-PLAIN_MODELS_MAX:])
        self._sender.withdraw(set(self._coded))
        self._store.send_again(self._coded)
        self._coded.clear()
        return ""

    def step(
        self, now_ms: int, phase: Phase, power: PowerMode, altitude_m: float | None,
        beacon: Callable[[], Beacon], packet: Callable[[int], Packet] | None = None,
    ) -> int:
        """Offer the next frame if the radio is free. Returns when to come back, ms since boot.

        ``packet`` makes the Horus packet of this number; left out, none is sent.
        """
        if self._radio is None:
            return now_ms + 1000
        wait_ms = max(self._busy_until_ms, self._quiet_until_ms) - now_ms
        if wait_ms > 0:
            return now_ms + wait_ms
        try:
            if not self._radio.is_idle(now_ms):
                return now_ms + RETRY_MS
            cadence_ms = 1000 * self._cadence_s(now_ms, phase, power, altitude_m)
            if now_ms >= self._beacon_due_ms:
                return self._send_beacon(beacon, cadence_ms, now_ms)
            if packet is not None and self._may_send_horus(now_ms):
                every_ms = cadence_ms * self._beacons_per_horus(now_ms, phase)
                return self._send_horus(packet, every_ms, now_ms)
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
        self._horus_due_ms = now_ms
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

    def _send_beacon(self, beacon: Callable[[], Beacon], cadence_ms: int, now_ms: int) -> int:
        is_listening = now_ms >= self._listen_due_ms
        data = self._guard.run("beacon", lambda: encode_downlink(BeaconFrame(
            self._mission.payload.node_id, self._counter(), beacon_codec.encode(beacon()),
            is_listening,
        ), self._key))
        if data is None:
            is_listening = False  # the ground cannot tell
            is_sent = self._send_sentence(now_ms)
        else:
            is_sent = self._transmit(data, now_ms)
            self._sequence += is_sent
        if is_sent:
            self._beacon_due_ms = now_ms + cadence_ms
            if is_listening:
                self._quiet_until_ms = self._busy_until_ms + self._mission.radio.listen_s * 1000
                self._listen_due_ms = now_ms + self._mission.radio.listen_every_s * 1000
        return max(self._busy_until_ms, self._quiet_until_ms, now_ms + 1)

    def _send_sentence(self, now_ms: int) -> bool:
        line = beacons.sentence(self._mission.payload.callsign, self._sentences, self._place)
        is_sent = self._transmit(line, now_ms)
        self._sentences += is_sent
        return is_sent

    def _may_send_horus(self, now_ms: int) -> bool:
        """The real beacon is never late because of it: what does not fit before it waits."""
        size_bytes = beacons.frame_bytes_max(self._mission.radio.mtu_bytes)
        end_ms = now_ms + self._occupied_ms(size_bytes) + HORUS_MARGIN_MS
        return now_ms >= self._horus_due_ms and end_ms <= self._beacon_due_ms

    def _beacons_per_horus(self, now_ms: int, phase: Phase) -> int:
        """One to one where beacons are rare, so that finders without our station are served."""
        is_rare = phase is Phase.LANDED and now_ms - self._phase_since_ms >= LANDED_FRESH_MS
        return 1 if is_rare else self._mission.cadence.horus_every_beacons

    def _send_horus(self, packet: Callable[[int], Packet], every_ms: int, now_ms: int) -> int:
        number = FrameCounter(self._store.boot, self._horus_packets).packed()
        mtu_bytes = self._mission.radio.mtu_bytes
        data = self._guard.run("horus", lambda: beacons.horus_frame(packet(number), mtu_bytes))
        if data is None or self._transmit(data, now_ms):
            self._horus_packets += 1
            self._horus_due_ms = now_ms + every_ms
        return max(self._busy_until_ms, now_ms + 1)

    def _next_frame(self, now_ms: int) -> frames.Downlink | None:
        payload = self._mission.payload
        if now_ms >= self._ident_due_ms:
            self._ident_due_ms = now_ms + IDENT_EVERY_MS
            return IdentFrame(payload.node_id, f"DE {payload.callsign} {payload.name}")
        self._feed(now_ms)
        return self._sender.next_frame(self._counter(), self._sequence + 1, now_ms)

    def _feed(self, now_ms: int) -> None:
        """Lay queued records into blocks, a little ahead of what is being sent."""
        text_bytes = 0
        while (
            self._sender.backlog_symbols() < BACKLOG_SYMBOLS_MAX
            and text_bytes < TEXT_BYTES_PER_STEP
        ):
            record = self._next_record()
            if record is None:
                break
            if self._codec is not None:
                text_bytes += len(marked_text(record.body).encode())
            packed = records.pack(record, self._codec)
            if packed.seat is Seat.MODEL:
                self._coded.append(record.record_id)
            try:
                self._sender.push(record, now_ms, packed)
            except ValueError:
                self.unsendable_records += 1
            self._store.mark_in_flight([record.record_id])
        self._store.mark_queued(self._sender.take_expired())
        self._reserve_blocks()

    def _next_record(self) -> Record | None:
        urgent = self._store.queued(Priority.EVENT, 1)
        if urgent:
            return urgent[0]
        for priority, share in SHARES.items():
            self._credits[priority] = min(200.0, self._credits[priority] + share)
        for priority in sorted(SHARES, key=lambda p: -self._credits[p]):
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
        if not self._transmit(encode_downlink(frame, self._key), now_ms):
            return False
        if not isinstance(frame, IdentFrame):
            self._sequence += 1
        return True

    def _transmit(self, data: bytes, now_ms: int) -> bool:
        assert self._radio is not None
        if not self._radio.offer(data, now_ms):
            return False
        self.is_radio_lost = False
        self._busy_until_ms = now_ms + self._occupied_ms(len(data))
        return True

    def _occupied_ms(self, size_bytes: int) -> int:
        """How long a frame keeps the transmitter, the duty cycle's pause included."""
        radio = self._mission.radio
        airtime_ms = (size_bytes + AIRTIME_OVERHEAD_BYTES) * 8000 // radio.rate_bps
        return max(1, airtime_ms * 100 // radio.duty_percent)


def _number(codec: TextModel) -> int:
    """The short id of a model, as the ground's command names it."""
    return int.from_bytes(codec.model_id[:MODEL_ID_BYTES])
