"""Downlink: decides which frame is next, and when to stop transmitting and listen.

In this order: the beacon, as often as ``wire.airtime_budget`` says; the callsign every ten minutes;
the Horus packet; which life this is (``payload.link.announcer``); frames of the transfer. After
each beacon one frame of the transfer, or of which life this is, has its turn before the next one,
however slow the link is: a Horus packet goes only where it and that frame end before the next
beacon. Where no beacon can be made, a sentence that needs nothing to be right goes in its place
(``payload.link.interop_beacons``).

What the transfer is fed with is chosen by ``payload.link.record_queue``. A session
(``wire.session``) whose block numbers are used up, after weeks at the earliest, ends, and another
begins.

Radio windows: a beacon with the listening flag is followed by silence, the ground's turn to speak.

Where payloads take turns (``payload.link.time_slots``) everything goes in the own slot, first the
beacon with its window; out of it only a beacon that would otherwise come too late, without one.

With a key every frame is signed; where the mission signs and there is no key, frames go out
unsigned, in the room that the MAC would have left.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from payload.link import interop_beacons
from payload.link.announcer import Announcer
from payload.link.interop_beacons import FaultGuard, Place
from payload.link.pass_plan import Reach
from payload.link.record_queue import RecordQueue
from payload.link.time_slots import OwnSlot
from payload.link.transmitter import RETRY_MS, Transmitter
from payload.notes import Note
from payload.ports import PortError, Radio
from payload.storage.durable_store import Store
from wire import beacon as beacon_codec
from wire import frames
from wire.airtime_budget import LANDED_FRESH_MS, AirtimeBudget
from wire.beacon import Beacon, Phase, PowerMode
from wire.frames import (
    BeaconFrame,
    DataFrame,
    FeedbackFrame,
    FrameCounter,
    IdentFrame,
    IncarnationFrame,
    encode_downlink,
)
from wire.horus import Packet
from wire.mission import Mission
from wire.session import Session
from wire.text_codec import TextModel
from wire.transfer import Sender

IDLE_MS = 1_000  # until a radio that has nothing to send, or none, is looked at again
OVERDUE_MS = 2_000  # so long before the bound of its interval a beacon waits for no turn


class Downlink:
    """One per boot. ``step`` is called once a step; it offers at most one frame."""

    def __init__(
        self, mission: Mission, radio: Radio | None, store: Store, key: bytes | None = None,
        codec: TextModel | None = None,
    ) -> None:
        """``key`` is ``mission.downlink_key(...)``. ``codec`` packs texts, unless the ground said
        before that it lacks this very model."""
        assert key is None or mission.keys.downlink_mac, "a signed frame would exceed the MTU"
        self._mission = mission
        self._budget = AirtimeBudget(mission)
        is_chip = mission.radio.chip is not None
        self.transmitter = Transmitter(radio, self._budget.airtime, is_chip)
        self._store = store
        self._key = key
        self._sender = self._new_sender(Session(store.incarnation, store.boot))
        self.queue = RecordQueue(store, self._sender, codec)
        self._announcer = Announcer()
        self._sequence = 0
        self._beacon_due_ms = 0
        self._cadence_ms = 0  # with which the latest beacon went
        self._beacons_in_a_row = 0  # without a frame of the transfer between them
        self._ident_due_ms = 0
        self._has_identified = False  # with the latest frame
        self._listen_due_ms = mission.radio.listen_every_s * 1000
        self._quiet_until_ms = 0
        self._courteous_from_ms = 0
        self._turn: OwnSlot | None = None  # the present or the next; None: at any time
        self._off_until_ms = 0
        self._phase_since_ms = 0
        self._guard = FaultGuard()
        self.is_away = False
        self._reach = Reach.STATION
        self._reported_upto = 0  # the latest frame before the latest report
        self._place = Place()
        self._sentences = 0
        self._horus_packets = 0
        self._horus_due_ms = 0

    @property
    def session(self) -> Session:
        """What data and reports stand in now."""
        assert self._sender.session is not None
        return self._sender.session

    @property
    def is_beacon_failing(self) -> bool:
        """True while the fallback sentence replaces the beacon."""
        return "beacon" in self._guard.failing

    def take_notes(self) -> list[Note]:
        """A beacon or the radio that began to fail, or works again, since the last call."""
        return self.transmitter.take_notes() + self._guard.take_notes()

    def note_place(self, place: Place) -> None:
        """The position; all that the fallback sentence uses."""
        self._place = place

    def last_words(self, now_ms: int) -> None:
        """The step failed and will be started anew: say where it was, if the radio takes it."""
        may_send = now_ms >= max(self.transmitter.busy_until_ms, self._off_until_ms)
        if may_send and not self.transmitter.is_absent:
            with contextlib.suppress(PortError):
                self._send_sentence(now_ms)

    @property
    def outgoing_blocks(self) -> int:
        """Blocks that are kept because a station still lacks them."""
        return self._sender.outgoing_blocks

    def follow(self, mission: Mission) -> None:
        """Settings changed: cadence and listening are those of ``mission`` from the next frame."""
        self._mission = mission
        self._budget = AirtimeBudget(mission)
        self.transmitter.airtime = self._budget.airtime

    def go_silent(self, until_ms: int) -> None:
        """Send nothing before ``until_ms``, not even a beacon; a new boot knows nothing of it."""
        self._off_until_ms = until_ms

    def is_silent(self, now_ms: int) -> bool:
        """True while a command forbids transmissions."""
        return now_ms < self._off_until_ms

    def keep_quiet(self, now_ms: int) -> None:
        """A neighbour listens: send nothing for as long as a window lasts, if that makes neither
        beacon nor callsign late; half of the time at most. Anybody can forge its beacon."""
        budget = self._budget
        until_ms = min(now_ms + budget.silence_ms,
                       self._beacon_due_ms + self._cadence_ms - budget.owed_ms)
        if budget.must_identify:
            until_ms = min(until_ms, self._ident_due_ms)
        if self._turn is not None:  # it listens in its own slot
            until_ms = min(until_ms, self._turn.from_ms)
        if until_ms <= now_ms or now_ms < self._courteous_from_ms:
            return
        self._courteous_from_ms = 2 * until_ms - now_ms
        self._quiet_until_ms = max(self._quiet_until_ms, until_ms)

    def beacon_now(self, now_ms: int) -> None:
        """The next frame is a beacon."""
        self._beacon_due_ms = min(self._beacon_due_ms, now_ms)  # of one that is late, the earlier
        self._beacons_in_a_row = 0

    def on_report(self, report: FeedbackFrame, now_ms: int) -> int:
        """Mark what the ground has; returns how many records that were."""
        self._announcer.note_report(now_ms)
        self._reported_upto = self._sequence
        confirmed = self._sender.on_report(report, self._sequence)
        self._store.mark_confirmed(confirmed)
        return len(confirmed)

    def step(
        self, now_ms: int, phase: Phase, power: PowerMode, altitude_m: float | None,
        beacon: Callable[[], Beacon], packet: Callable[[int], Packet] | None = None,
    ) -> int:
        """Offer the next frame if the radio is free. Returns when to come back, ms since boot.

        ``packet`` makes the Horus packet of this number; left out, none is sent.
        """
        transmitter = self.transmitter
        if transmitter.is_absent or self.is_silent(now_ms):
            return now_ms + IDLE_MS
        free_ms = max(transmitter.busy_until_ms, self._quiet_until_ms, self._turn_ms())
        overhear_ms = None if self.is_away else self._budget.overhear_ms
        try:
            if free_ms <= now_ms:
                if not transmitter.has_sent(now_ms):
                    return now_ms + RETRY_MS
                free_ms = self._send_next(now_ms, phase, power, altitude_m, beacon, packet)
            return transmitter.look_ms(free_ms, overhear_ms, now_ms)
        except PortError as error:
            transmitter.lose(type(error).__name__)
            return now_ms + IDLE_MS

    def note_slot(self, turn: OwnSlot | None) -> None:
        """The own slot in which everything goes, or the next one; None: at any time."""
        self._turn = turn

    def _turn_ms(self) -> int:
        """When something may go: in the own slot, or when the beacon can wait for it no longer."""
        if self._turn is None:
            return 0
        return min(self._turn.from_ms, self._beacon_due_ms + self._cadence_ms - OVERDUE_MS)

    def _owes_words(self, now_ms: int) -> bool:
        """Does a frame of the transfer go before the beacon? A slot has room for it behind one,
        which only the callsign takes: then the next slot begins with a beacon nevertheless."""
        if self._turn is None:
            return self._beacons_in_a_row > 0
        is_late = now_ms + self._budget.owed_ms > self._beacon_due_ms + self._cadence_ms
        return self._beacons_in_a_row > 1 and not is_late

    def note_phase(self, now_ms: int) -> None:
        """The phase changed: its age decides the cadence after landing."""
        self._phase_since_ms = now_ms
        self._horus_due_ms = now_ms
        self.beacon_now(now_ms)

    def note_reach(self, reach: Reach, is_talked_to: bool, now_ms: int) -> None:
        """Who can hear it. Where it is nobody, beacons and the callsign go alone, and seldom,
        unless a neighbour ``is_talked_to``. A pass repeats what went since the last report."""
        is_away = reach is Reach.NOBODY and not is_talked_to
        if self.is_away and not is_away:
            self.beacon_now(now_ms)
        self.is_away = is_away
        if reach is Reach.STATION and self._reach is not Reach.STATION:
            self._sender.take_back(self._reported_upto, now_ms)
        self._reach = reach

    def beacon_every_ms(
        self, now_ms: int, phase: Phase, power: PowerMode, altitude_m: float | None
    ) -> int:
        """How often the beacon goes now."""
        age_ms = now_ms - self._phase_since_ms
        return self._budget.beacon_every_ms(phase, power, altitude_m, age_ms, self.is_away)

    def _send_next(
        self, now_ms: int, phase: Phase, power: PowerMode, altitude_m: float | None,
        beacon: Callable[[], Beacon], packet: Callable[[int], Packet] | None,
    ) -> int:
        """Offer the first frame whose turn it is, in the order at the top of this file."""
        cadence_ms = self.beacon_every_ms(now_ms, phase, power, altitude_m)
        if self._turn is not None and now_ms < self._turn.from_ms:
            return self._send_beacon(beacon, cadence_ms, now_ms)
        # It goes first in the slot in which it is due.
        is_beacon_due = self._beacon_due_ms <= (self._turn.until_ms if self._turn else now_ms)
        if is_beacon_due and (self.is_away or not self._owes_words(now_ms)):
            return self._send_beacon(beacon, cadence_ms, now_ms)
        if self._may_identify(now_ms):
            return self._identify(now_ms)
        if self.is_away:
            return max(self._beacon_due_ms, now_ms + RETRY_MS)
        if packet is not None and self._may_send_horus(now_ms):
            every_ms = cadence_ms * self._beacons_per_horus(now_ms, phase)
            return self._send_horus(packet, every_ms, now_ms)
        frame = self._next_frame(now_ms)
        if frame is not None:
            self._beacons_in_a_row = 0  # it had its turn, whether the radio takes it or not
            self._offer(frame, now_ms)
            return max(self.transmitter.busy_until_ms, now_ms + 1)
        if is_beacon_due:
            return self._send_beacon(beacon, cadence_ms, now_ms)
        return min(self._beacon_due_ms, now_ms + IDLE_MS)

    def _send_beacon(self, beacon: Callable[[], Beacon], cadence_ms: int, now_ms: int) -> int:
        is_listening = now_ms >= self._listen_due_ms and (
            self._turn is None or self._turn.holds(now_ms, self._budget.silence_ms))
        data = self._guard.run("beacon", lambda: encode_downlink(BeaconFrame(
            self._mission.payload.node_id, self._counter(), beacon_codec.encode(beacon()),
            is_listening,
        ), self._key))
        if data is None:
            is_listening = False  # the ground cannot tell
            is_sent = self._send_sentence(now_ms)
        else:
            is_sent = self.transmitter.send(data, now_ms)
            self._sequence += is_sent
        if is_sent:
            self._beacon_due_ms = now_ms + cadence_ms
            self._cadence_ms = cadence_ms
            self._beacons_in_a_row += 1
            self._has_identified = False
            if is_listening:  # the pause of the duty cycle is part of it
                self._quiet_until_ms = now_ms + self._budget.silence_ms
                self._listen_due_ms = now_ms + self._mission.radio.listen_every_s * 1000
        return max(self.transmitter.busy_until_ms, self._quiet_until_ms, now_ms + 1)

    def _send_sentence(self, now_ms: int) -> bool:
        callsign = self._mission.payload.callsign
        line = interop_beacons.sentence(callsign, self._sentences, self._place)
        is_sent = self.transmitter.send(line, now_ms)
        self._sentences += is_sent
        return is_sent

    def _may_identify(self, now_ms: int) -> bool:
        """Never twice in a row, however early the next time has to be."""
        return self._budget.identifies and now_ms >= self._ident_due_ms and not self._has_identified

    def _identify(self, now_ms: int) -> int:
        payload = self._mission.payload
        if self._offer(IdentFrame(payload.node_id, payload.identification), now_ms):
            self._ident_due_ms = now_ms + self._budget.ident_every_ms
        return max(self.transmitter.busy_until_ms, now_ms + 1)

    def _may_send_horus(self, now_ms: int) -> bool:
        """Where it ends before the next beacon is due, and the frame of words that is owed too."""
        size_bytes = interop_beacons.frame_bytes_max(self._mission.radio.mtu_bytes)
        end_ms = now_ms + self._budget.airtime.occupied_ms(size_bytes)
        owed_ms = self._budget.words_ms if self._beacons_in_a_row else 0
        return now_ms >= self._horus_due_ms and end_ms + owed_ms <= self._beacon_due_ms

    def _beacons_per_horus(self, now_ms: int, phase: Phase) -> int:
        """One to one where beacons are rare, so that finders without our station are served."""
        is_rare = phase is Phase.LANDED and now_ms - self._phase_since_ms >= LANDED_FRESH_MS
        return 1 if is_rare else self._mission.cadence.horus_every_beacons

    def _send_horus(self, packet: Callable[[int], Packet], every_ms: int, now_ms: int) -> int:
        number = FrameCounter(self._store.boot, self._horus_packets).packed()
        mtu_bytes = self._mission.radio.mtu_bytes
        data = self._guard.run(
            "horus", lambda: interop_beacons.horus_frame(packet(number), mtu_bytes))
        if data is None or self.transmitter.send(data, now_ms):
            self._horus_packets += 1
            self._horus_due_ms = now_ms + every_ms
        return max(self.transmitter.busy_until_ms, now_ms + 1)

    def _next_frame(self, now_ms: int) -> DataFrame | IncarnationFrame | None:
        if self._announcer.is_due(now_ms):
            return IncarnationFrame(
                self._mission.payload.node_id, self._counter(), self.session)
        if self._sender.is_used_up:
            self._begin_session()
        self.queue.lay(now_ms)
        return self._sender.next_frame(self._counter(), self._sequence + 1, now_ms)

    def _new_sender(self, session: Session) -> Sender:
        return Sender(self._mission.payload.node_id, self._mission.symbol_mtu_bytes, session,
                      self._budget.report_bytes_max)

    def _begin_session(self) -> None:
        """Under an incarnation that only this life has; what was under way goes again."""
        self._store.mark_queued(self._sender.give_up())
        self._sender = self._new_sender(Session(self._store.draw(), self._store.boot))
        self.queue.follow(self._sender)
        self._announcer = Announcer()

    def _counter(self) -> FrameCounter:
        return FrameCounter(self.session.boot_bits, self._sequence + 1 & 0xFFF)

    def _offer(self, frame: frames.Downlink, now_ms: int) -> bool:
        if not self.transmitter.send(encode_downlink(frame, self._key), now_ms):
            return False
        self._has_identified = isinstance(frame, IdentFrame)
        if self._has_identified:
            self._announcer.note_callsign()
        else:
            self._sequence += 1
        if isinstance(frame, IncarnationFrame):
            self._announcer.note_sent(now_ms, self.transmitter.busy_until_ms - now_ms)
        return True
