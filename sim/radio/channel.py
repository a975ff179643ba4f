"""The radio channel: two half-duplex modems, airtime, fading in bursts, and impairments.

A frame takes its airtime; the far end gets it when it ends, if the channel was not faded in its
middle and the far end was not sending meanwhile. Fading follows Gilbert and Elliott in time: a good
state that loses nothing and a bad one that loses all, each held for exponentially distributed
seconds, so a burst is as long for a direction that sends seldom as for one that sends all the time.
RSSI and SNR fall with distance; ``sim.radio.line_of_sight`` says whether they decide anything.

Source: Gilbert, Capacity of a burst-noise channel, BSTJ 39 (1960).
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass

from payload.ports import HeardFrame
from sim.clock import SimClock
from sim.radio.impairments import Arrival, FrameDamage
from sim.radio.line_of_sight import SEND_DBM, Sight, free_space_db
from wire import horus
from wire.airtime import Airtime
from wire.frames import SIGNED_BIT, VERSION, FrameType, decode_downlink

MEAN_LOSS = 0.30
MEAN_BURST_S = 6.0
_NAMES = {int(kind): kind.name.lower() for kind in FrameType}


class GilbertElliott:
    """Fading of one direction. How often it is asked changes nothing: the states are in time."""

    def __init__(
        self, rng: random.Random, mean_loss: float = MEAN_LOSS, mean_burst_s: float = MEAN_BURST_S,
    ) -> None:
        """``mean_loss`` is the share of time in the bad state, 0..0.95; ``mean_burst_s`` > 0."""
        self._rng = rng
        self.set(mean_loss, mean_burst_s)
        self._is_bad = rng.random() < mean_loss
        self._until_ms = self._stay_ms()

    def set(self, mean_loss: float, mean_burst_s: float) -> None:
        """Fade more or less from the next change of state on."""
        assert 0 <= mean_loss <= 0.95 and mean_burst_s > 0, (mean_loss, mean_burst_s)
        self._mean_loss, self._mean_burst_s = mean_loss, mean_burst_s
        if mean_loss == 0:
            self._is_bad, self._until_ms = False, 0.0

    def is_bad(self, at_ms: float) -> bool:
        """The state at ``at_ms``; the times that are asked for never go back."""
        if self._mean_loss == 0:
            return False
        while at_ms >= self._until_ms:
            self._is_bad = not self._is_bad
            self._until_ms += self._stay_ms()
        return self._is_bad

    def _stay_ms(self) -> float:
        """How long the present state is held: the means have the ratio that gives the loss."""
        if self._mean_loss == 0:
            return 0.0
        mean_s = self._mean_burst_s
        if not self._is_bad:
            mean_s *= (1 - self._mean_loss) / self._mean_loss
        return self._rng.expovariate(1 / mean_s) * 1000


class Leg:
    """One direction of the channel.

    Faults: ``fading.set``, the rates of ``wear``, ``is_cut`` (nothing gets through while it is
    set), and ``cuts``, a list of (from ms, to ms) in which the same holds.
    """

    def __init__(
        self, name: str, counts: Counter[str], fading: GilbertElliott, wear: FrameDamage
    ) -> None:
        """``counts`` gets ``name`` and what became of a frame, such as "up_faded"."""
        self.fading = fading
        self.wear = wear
        self.is_cut = False
        self.cuts: list[tuple[int, int]] = []
        self._name = name
        self._counts = counts

    def carry(self, frame: bytes, start_ms: int, end_ms: int) -> list[Arrival]:
        """What the far end gets of a frame that has just ended, now and later."""
        if self.is_cut or any(begin < end_ms and start_ms < end for begin, end in self.cuts):
            self._counts[f"{self._name}_cut"] += 1
            return []
        if self.fading.is_bad((start_ms + end_ms) / 2):
            self._counts[f"{self._name}_faded"] += 1
            return []
        what, arrivals = self.wear.use(frame)
        if what:
            self._counts[f"{self._name}_{what}"] += 1
        return arrivals


@dataclass(slots=True)
class _Sending:
    start_ms: int = -1_000_000
    end_ms: int = -1_000_000

    def overlaps(self, start_ms: int, end_ms: int) -> bool:
        return self.start_ms < end_ms and start_ms < self.end_ms


def frame_name(frame: bytes) -> str:
    """beacon, data, open_data, ident, feedback, command, horus, ukhas or noise."""
    if frame.startswith(b"$$"):
        return "ukhas"
    kind = frame[0] >> 2 & 0xF & ~SIGNED_BIT if frame else 0
    is_ours = bool(frame) and frame[0] >> 6 == VERSION and kind in _NAMES
    # One Horus frame in many begins like one of ours; only our checksum tells.
    is_horus = horus.is_frame(frame) and decode_downlink(frame) is None
    return "horus" if is_horus else _NAMES[kind] if is_ours else "noise"


class Channel:
    """The air between one payload and one station.

    ``sent`` and ``heard`` count by frame type, ``counts`` what became of frames by leg and name;
    a frame is heard when a whole copy of it arrives, however late.
    """

    def __init__(
        self, clock: SimClock, airtime: Airtime, rng: random.Random,
        sight: Sight, fading: tuple[GilbertElliott, GilbertElliott],
        wear: tuple[FrameDamage, FrameDamage],
    ) -> None:
        """``fading`` and ``wear`` are of the leg down and of the leg up."""
        self.sent: Counter[str] = Counter()  # both directions: the frame types differ
        self.heard: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        self.down = Leg("down", self.counts, fading[0], wear[0])
        self.up = Leg("up", self.counts, fading[1], wear[1])
        self.payload_airtime_ms = 0
        self._clock = clock
        self.airtime = airtime
        self._rng = rng
        self.sight = sight
        self._payload = _Sending()
        self._ground = _Sending()

    @property
    def is_payload_sending(self) -> bool:
        return self._clock.now_ms < self._payload.end_ms

    @property
    def payload_began_ms(self) -> int:
        """When the payload's last transmission began."""
        return self._payload.start_ms

    @property
    def is_ground_sending(self) -> bool:
        return self._clock.now_ms < self._ground.end_ms

    def send_down(self, frame: bytes) -> int:
        """The payload begins to send; returns when it will have been sent."""
        self.payload_airtime_ms += self.airtime.on_air_ms(len(frame))
        return self._begin(self._payload, frame)

    def send_up(self, frame: bytes) -> int:
        """The station begins to send; returns when it will have been sent."""
        return self._begin(self._ground, frame)

    def arrive_down(
        self, frame: bytes, start_ms: int, end_ms: int, is_listening: bool = True
    ) -> list[Arrival]:
        """What the station hears of a frame that has just ended, now and later."""
        arrivals = self.down.carry(frame, start_ms, end_ms)
        if arrivals and (not is_listening or self.is_ground_deaf(start_ms, end_ms)):
            self.counts["down_not_listening"] += 1
            return []
        if arrivals and not self.sight.carries():
            self.counts["down_out_of_reach"] += 1
            return []
        return self._counted(frame, arrivals)

    def arrive_up(self, frame: bytes, start_ms: int, end_ms: int) -> list[Arrival]:
        """What the payload's modem hears of a frame that has just ended, now and later."""
        arrivals = self.up.carry(frame, start_ms, end_ms)
        if arrivals and self.is_payload_deaf(start_ms, end_ms):
            self.counts["up_not_listening"] += 1
            return []
        if arrivals and not self.sight.carries():
            self.counts["up_out_of_reach"] += 1
            return []
        return self._counted(frame, arrivals)

    def is_payload_deaf(self, start_ms: int, end_ms: int) -> bool:
        """True when the payload was sending meanwhile."""
        return self._payload.overlaps(start_ms, end_ms)

    def is_ground_deaf(self, start_ms: int, end_ms: int) -> bool:
        """True when the station was sending meanwhile."""
        return self._ground.overlaps(start_ms, end_ms)

    def signal(self, data: bytes) -> HeardFrame:
        """Bytes with the strength at which they arrive over the present distance."""
        lost_db = free_space_db(max(50.0, self.sight.distance_m()))
        rssi_dbm = SEND_DBM - lost_db + self.sight.gain_db() + self._rng.gauss(0, 2.0)
        snr_db = min(12.0, rssi_dbm - self.sight.noise_dbm)
        return HeardFrame(data, round(rssi_dbm, 1), round(snr_db, 1))

    def _begin(self, sender: _Sending, frame: bytes) -> int:
        sender.start_ms = self._clock.now_ms
        sender.end_ms = self._clock.now_ms + self.airtime.on_air_ms(len(frame))
        self.sent[frame_name(frame)] += 1
        return sender.end_ms

    def _counted(self, frame: bytes, arrivals: list[Arrival]) -> list[Arrival]:
        if arrivals and (arrivals[0].data == frame or arrivals[-1].data == frame):
            self.heard[frame_name(frame)] += 1
        return arrivals
