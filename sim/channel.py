"""The radio channel: two half-duplex modems, airtime, and losses that come in bursts.

A frame takes its airtime; the far end gets it when it ends, if neither the channel swallowed it nor
the far end was sending meanwhile. Losses follow Gilbert and Elliott: a good state that loses
nothing and a bad one that loses all, so the mean burst is the mean stay in the bad state.
RSSI and SNR fall with distance; they are reported, and decide nothing.

Source: Gilbert, Capacity of a burst-noise channel, BSTJ 39 (1960); free-space loss ITU-R P.525.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from payload.ports import DeviceAbsent, HeardFrame
from sim.clock import SimClock
from wire import horus
from wire.frames import SIGNED_BIT, FrameType, decode_downlink

MEAN_LOSS = 0.30
MEAN_BURST_FRAMES = 8.0
MODEM_BYTES = 10  # preamble, flags and addresses around every frame
SEND_DBM = 20.0
FREQUENCY_MHZ = 434.0
NOISE_DBM = -118.0
INBOX_FRAMES_MAX = 64


class GilbertElliott:
    """One direction of the channel, asked once a frame."""

    def __init__(
        self, rng: random.Random, mean_loss: float = MEAN_LOSS,
        mean_burst_frames: float = MEAN_BURST_FRAMES,
    ) -> None:
        """``mean_loss`` 0..0.95; ``mean_burst_frames`` at least 1."""
        assert 0 <= mean_loss <= 0.95 and mean_burst_frames >= 1, (mean_loss, mean_burst_frames)
        self._rng = rng
        self._recover = 1 / mean_burst_frames
        # Share of time in the bad state = spoil / (spoil + recover).
        self._spoil = min(1.0, self._recover * mean_loss / (1 - mean_loss))
        self._is_bad = rng.random() < mean_loss

    def is_lost(self) -> bool:
        """What becomes of the next frame."""
        self._is_bad = self._rng.random() < (1 - self._recover if self._is_bad else self._spoil)
        return self._is_bad


@dataclass(slots=True)
class _Sending:
    start_ms: int = -1
    end_ms: int = -1

    def overlaps(self, start_ms: int, end_ms: int) -> bool:
        return self.start_ms < end_ms and start_ms < self.end_ms


def frame_name(frame: bytes) -> str:
    """beacon, data, open_data, ident, feedback, command, horus, ukhas or noise."""
    if decode_downlink(frame) is None and horus.is_frame(frame):
        return "horus"
    if frame.startswith(b"$$"):
        return "ukhas"
    kind = frame[0] >> 2 & 0xF & ~SIGNED_BIT if frame else 0
    return FrameType(kind).name.lower() if kind in FrameType._value2member_map_ else "noise"


class Channel:
    """The air between one payload and one station. Counts by frame type, both directions."""

    def __init__(
        self, clock: SimClock, rate_bps: int, rng: random.Random,
        distance_m: Callable[[], float],
        down: GilbertElliott, up: GilbertElliott,
    ) -> None:
        self.sent: Counter[str] = Counter()  # both directions: the frame types differ
        self.heard: Counter[str] = Counter()
        self.payload_airtime_ms = 0
        self._clock = clock
        self._rate_bps = rate_bps
        self._rng = rng
        self._distance_m = distance_m
        self._down, self._up = down, up
        self._payload = _Sending()
        self._ground = _Sending()

    def airtime_ms(self, size_bytes: int) -> int:
        """How long a frame keeps the transmitter busy, ms."""
        return (size_bytes + MODEM_BYTES) * 8000 // self._rate_bps

    def set_loss(self, mean_loss: float) -> None:
        """From now on both directions lose this share of frames, singly."""
        self._down = GilbertElliott(self._rng, mean_loss, 1.0)
        self._up = GilbertElliott(self._rng, mean_loss, 1.0)

    @property
    def is_payload_sending(self) -> bool:
        return self._clock.now_ms < self._payload.end_ms

    @property
    def payload_free_ms(self) -> int:
        return self._payload.end_ms

    @property
    def is_ground_sending(self) -> bool:
        return self._clock.now_ms < self._ground.end_ms

    def send_down(self, frame: bytes) -> int:
        """The payload begins to send; returns when it will have been sent."""
        self.payload_airtime_ms += self.airtime_ms(len(frame))
        return self._begin(self._payload, frame)

    def send_up(self, frame: bytes) -> int:
        """The station begins to send; returns when it will have been sent."""
        return self._begin(self._ground, frame)

    def arrive_down(
        self, frame: bytes, start_ms: int, end_ms: int, is_listening: bool = True
    ) -> HeardFrame | None:
        """What the station hears of a frame that has just ended, if anything."""
        is_lost = self._down.is_lost() or not is_listening
        if is_lost or self._ground.overlaps(start_ms, end_ms):
            return None
        return self._heard(frame)

    def arrive_up(self, frame: bytes, start_ms: int, end_ms: int) -> HeardFrame | None:
        """What the payload's modem hears of a frame that has just ended, if anything."""
        is_lost = self._up.is_lost()
        if is_lost or self._payload.overlaps(start_ms, end_ms):
            return None
        return self._heard(frame)

    def _begin(self, sender: _Sending, frame: bytes) -> int:
        sender.start_ms = self._clock.now_ms
        sender.end_ms = self._clock.now_ms + self.airtime_ms(len(frame))
        self.sent[frame_name(frame)] += 1
        return sender.end_ms

    def _heard(self, frame: bytes) -> HeardFrame:
        self.heard[frame_name(frame)] += 1
        distance_km = max(0.05, self._distance_m() / 1000)
        free_space_db = 32.44 + 20 * math.log10(distance_km) + 20 * math.log10(FREQUENCY_MHZ)
        rssi_dbm = SEND_DBM - free_space_db + self._rng.gauss(0, 2.0)
        snr_db = min(12.0, rssi_dbm - NOISE_DBM)
        return HeardFrame(frame, round(rssi_dbm, 1), round(snr_db, 1))


class SimRadio:
    """The payload's modem as ``ports.Radio``. Its clock is the world's, not the payload's."""

    def __init__(
        self, clock: SimClock, channel: Channel, mtu_bytes: int,
        on_send: Callable[[bytes, int], None],
    ) -> None:
        """``on_send(frame, end_ms)`` is called when a frame begins to go out."""
        self.mtu_bytes = mtu_bytes
        self.is_unplugged = False
        self._clock = clock
        self._channel = channel
        self._on_send = on_send
        self._inbox: list[HeardFrame] = []

    def offer(self, frame: bytes, now_ms: int) -> bool:
        """True if taken. Raises DeviceAbsent when unplugged."""
        self._check()
        if self._channel.is_payload_sending or not 0 < len(frame) <= self.mtu_bytes:
            return False
        self._on_send(frame, self._channel.send_down(frame))
        return True

    def poll(self, now_ms: int) -> list[HeardFrame]:
        """Frames heard since the last call. Raises DeviceAbsent when unplugged."""
        self._check()
        heard, self._inbox = self._inbox, []
        return heard

    def is_idle(self, now_ms: int) -> bool:
        """Raises DeviceAbsent when unplugged."""
        self._check()
        return not self._channel.is_payload_sending

    def deliver(self, frame: HeardFrame) -> None:
        """The channel lets the modem hear a frame; a full inbox loses it."""
        if len(self._inbox) < INBOX_FRAMES_MAX and not self.is_unplugged:
            self._inbox.append(frame)

    def clear(self) -> None:
        """The payload rebooted: what nobody read is gone."""
        self._inbox.clear()

    def _check(self) -> None:
        if self.is_unplugged:
            raise DeviceAbsent("the modem is unplugged")
