"""The air: everything between the two antennas, and who may transmit when.

It carries frames from the modem to the station and back over the channel, lets strangers in, and
gives the station its turn when a beacon says that the payload listens.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from groundstation.ground import Ground
from sim.clock import SimClock, part_rng
from sim.daemon import Observer
from sim.fakes.station_sources import StationSources
from sim.radio.channel import Channel, GilbertElliott, frame_name
from sim.radio.forgeries import Forger
from sim.radio.impairments import Arrival, FrameDamage
from sim.radio.line_of_sight import Sight
from sim.radio.modem import SimRadio
from sim.radio.strangers import Strangers, Transmission
from wire.airtime import Airtime
from wire.frames import BeaconFrame, decode_downlink
from wire.mission import Mission

GROUND_TURN_MS = 150  # the station's transmitter keys up
SLOT_TURN_MS = 2_000  # into a slot of its payload the station looks whether it may speak
TEND_EVERY_MS = 5_000
STRANGER_LOOKS_MS = 250  # who waits for the payload to listen looks so often
STRANGER_WAITS_MS_MAX = 120_000


class Air:
    """``channel``, the payload's ``radio``, ``strangers`` and the station's ``sources`` are public:
    faults are set there."""

    def __init__(
        self, clock: SimClock, mission: Mission, seed: int, sight: Sight,
        ground: Callable[[], Ground | None],
        observers: list[Observer], plan: Callable[[int, Callable[[], None]], None],
    ) -> None:
        """``ground`` gives the station while it runs; ``plan(at_ms, action)`` makes an event."""
        self.last_beacon: BeaconFrame | None = None  # as sent, heard or not
        self.last_frame: bytes | None = None
        self.mast: list[Callable[[bytes], None]] = []  # other stations that hear what ours hears
        self.ground_offset_ms = 0  # how wrong the station's computer clock is
        self.channel = Channel(
            clock, Airtime.of(mission.radio), part_rng(seed, "channel"), sight,
            (GilbertElliott(part_rng(seed, "down")), GilbertElliott(part_rng(seed, "up"))),
            (FrameDamage(part_rng(seed, "wear down")), FrameDamage(part_rng(seed, "wear up"))),
        )
        self.radio = SimRadio(clock, self.channel, mission.radio.mtu_bytes, self._on_payload_sends)
        node_id = mission.payload.node_id
        self.strangers = Strangers(
            part_rng(seed, "strangers"), node_id, self.channel.counts,
            Forger(part_rng(seed, "forger"), node_id, mission.symbol_mtu_bytes),
        )
        self.sources = StationSources(clock, mission, part_rng(seed, "sources"))
        self._clock = clock
        self._ground = ground
        self._observers = observers
        self._plan = plan
        self._swarm, self._node_id = mission.swarm, node_id
        self._plan_slot()

    @property
    def ground_utc_ms(self) -> int:
        """What the station's computer believes."""
        return self._clock.utc_ms + self.ground_offset_ms

    def tell_uplink(self, frame: bytes) -> None:
        """The station, and nobody else, begins to send ``frame``."""
        self.strangers.overheard.append(frame)
        for observer in self._observers:
            observer.on_uplink(frame)

    def hear_strangers(self) -> None:
        """Once a minute: plan what strangers send in the next one."""
        for sent in self.strangers.minute(self._clock.utc_ms):
            self._plan(self._clock.now_ms + sent.after_ms, partial(self._stranger_sends, sent))

    def _on_payload_sends(self, frame: bytes, end_ms: int) -> None:
        self.last_frame = frame
        self.last_beacon = _beacon(frame) or self.last_beacon
        for observer in self._observers:
            observer.on_send(frame)
        start_ms = self._clock.now_ms
        self._plan(end_ms, lambda: self._down_arrives(frame, start_ms, end_ms))

    def _down_arrives(self, frame: bytes, start_ms: int, end_ms: int) -> None:
        is_listening = self._ground() is not None
        arrivals = self.channel.arrive_down(frame, start_ms, end_ms, is_listening)
        self._spread(arrivals, self.ground_hears)

    def _up_arrives(self, frame: bytes, start_ms: int, end_ms: int) -> None:
        self._spread(self.channel.arrive_up(frame, start_ms, end_ms), self.payload_hears)

    def _spread(self, arrivals: list[Arrival], hear: Callable[[bytes], None]) -> None:
        """What came of a frame: now, and some of it later."""
        for arrival in arrivals:
            if arrival.delay_ms:
                self._plan(self._clock.now_ms + arrival.delay_ms, partial(hear, arrival.data))
            else:
                hear(arrival.data)

    def ground_hears(self, data: bytes) -> None:
        """Bytes reach the station's antenna, whoever sent them, and those beside it."""
        self.station_hears(data)
        for hear in self.mast:
            hear(data)

    def station_hears(self, data: bytes) -> None:
        """Bytes come down the cable to this one station."""
        ground = self._ground()
        if ground is None:
            return
        heard = self.channel.signal(data)
        ground.receive(data, self.ground_utc_ms, heard.rssi_dbm, heard.snr_db, "sim")
        beacon = _beacon(data)
        if beacon is not None and beacon.is_listening:
            self._plan(self._clock.now_ms + GROUND_TURN_MS, self._ground_turn)

    def tend_ground(self) -> None:
        """Time passes at the station, whether anything is heard or not."""
        ground = self._ground()
        if ground is not None:
            ground.tend(self.ground_utc_ms)
            self.sources.tend(ground.archive.path, self.ground_utc_ms)

    def payload_hears(self, data: bytes) -> None:
        """Bytes reach the payload's antenna, whoever sent them."""
        self.radio.deliver(self.channel.signal(data))

    def _ground_turn(self) -> None:
        ground = self._ground()
        if ground is None or self.channel.is_ground_sending:
            return
        frame = ground.next_uplink(self.ground_utc_ms)
        if frame is not None:
            self.tell_uplink(frame)
            start_ms, end_ms = self._clock.now_ms, self.channel.send_up(frame)
            self._plan(end_ms, lambda: self._up_arrives(frame, start_ms, end_ms))

    def _plan_slot(self) -> None:
        """Where payloads take turns the station looks in the next slot of its own, too."""
        if self._swarm is None or self._swarm.slot_s is None:
            return
        since_ms = self._swarm.since_slot_ms(self._node_id, self._clock.utc_ms)
        begin_ms = self._clock.now_ms - since_ms + self._swarm.round_ms
        self._plan(begin_ms + SLOT_TURN_MS, self._slot_turn)

    def _slot_turn(self) -> None:
        self._plan_slot()
        self._ground_turn()

    def _stranger_sends(self, sent: Transmission, waited_ms: int = 0) -> None:
        """Heard by whoever is not sending at that moment. Who means the payload alone waits until
        it listens."""
        if sent.to == "payload" and self.channel.is_payload_sending:
            if waited_ms < STRANGER_WAITS_MS_MAX:
                self._plan(self._clock.now_ms + STRANGER_LOOKS_MS, partial(
                    self._stranger_sends, sent, waited_ms + STRANGER_LOOKS_MS))
        elif sent.to != "station" and not self.channel.is_payload_sending:
            self.payload_hears(sent.data)
        if sent.to != "payload" and not self.channel.is_ground_sending:
            self.ground_hears(sent.data)


def _beacon(data: bytes) -> BeaconFrame | None:
    """The beacon in ``data``, None where it is something else."""
    if frame_name(data) != "beacon":  # most frames: not worth a checksum
        return None
    decoded = decode_downlink(data)
    return decoded if isinstance(decoded, BeaconFrame) else None
