"""The air between the real payload and the real station: two KISS modems on the channel of ``sim``.

Payload and station each connect to a modem of their own over TCP, as to a Dire Wolf. A modem takes
frames whenever it is given any, sends them one after the other at the channel's rate, and hears
nothing while it does. What becomes of a frame is ``sim.radio.channel``'s business.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial

from sim.radio.channel import Channel
from sim.radio.impairments import Arrival
from sim.rig.live import Connection, Loop, Port
from wire.envelope import Envelope
from wire.modems import kiss

QUEUE_FRAMES_MAX = 64  # of a modem; more are lost, as in one without flow control
Arrive = Callable[[bytes, int, int], list[Arrival]]


class Modem:
    """One end of the air. ``on_frame`` is told of each frame when its owner hands it over."""

    def __init__(
        self, loop: Loop, envelope: Envelope, begin: Callable[[bytes], int], arrive: Arrive,
    ) -> None:
        """``begin(frame)`` says when it will have been sent; ``arrive`` what is heard of it."""
        self.far: Modem | None = None
        self.port = Port(loop, self._join)
        self.on_frame: Callable[[bytes], None] = lambda frame: None
        self.overrun_frames = 0
        self._loop, self._envelope = loop, envelope
        self._begin, self._arrive = begin, arrive
        self._decoder = kiss.Decoder()
        self._owner: Connection | None = None
        self._queue: deque[bytes] = deque()
        self._is_sending = False

    @property
    def is_used(self) -> bool:
        """Is anybody connected?"""
        return self._owner is not None and self._owner.is_open

    def hang_up(self) -> None:
        """The modem is gone for its owner until ``come_back``."""
        self.port.close()
        self._queue.clear()
        if self._owner is not None:
            self._owner.close()

    def come_back(self) -> None:
        self.port.open()

    def deliver(self, frame: bytes) -> None:
        """A frame off the air, for whoever listens."""
        if self._owner is not None:
            self._owner.write(kiss.encode(self._envelope.wrap(frame)))

    def _join(self, connection: Connection) -> None:
        """The latest counts: the one before is that of a process that was killed."""
        if self._owner is not None:
            self._owner.close()
        self._owner, self._decoder = connection, kiss.Decoder()
        connection.on_data = self._take

    def _take(self, data: bytes) -> None:
        for packet in self._decoder.feed(data):
            frame = self._envelope.unwrap(packet)
            if not frame:
                continue
            self.on_frame(frame)
            if len(self._queue) >= QUEUE_FRAMES_MAX:
                self.overrun_frames += 1
                continue
            self._queue.append(frame)
            self._send_next()

    def _send_next(self) -> None:
        if self._is_sending or not self._queue:
            return
        frame = self._queue.popleft()
        self._is_sending = True
        start_ms, end_ms = self._loop.clock.now_ms, self._begin(frame)
        self._loop.at(end_ms, partial(self._sent, frame, start_ms, end_ms))

    def _sent(self, frame: bytes, start_ms: int, end_ms: int) -> None:
        self._is_sending = False
        for arrival in self._arrive(frame, start_ms, end_ms):
            if self.far is not None:
                self._loop.at(end_ms + arrival.delay_ms, partial(self.far.deliver, arrival.data))
        self._send_next()


def modems(loop: Loop, channel: Channel, envelope: Envelope) -> tuple[Modem, Modem]:
    """(the payload's, the station's) on one channel."""
    payload = Modem(loop, envelope, channel.send_down, channel.arrive_down)
    station = Modem(loop, envelope, channel.send_up, channel.arrive_up)
    payload.far, station.far = station, payload
    return payload, station
