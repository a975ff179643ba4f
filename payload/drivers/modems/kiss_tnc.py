"""A KISS modem (Dire Wolf, a hardware TNC) on a byte stream as the core's half-duplex radio.

KISS has no flow control and no "sent" report, so the airtime is reckoned (``wire.airtime``), and
the next ``offer`` is refused until it is over. Otherwise seconds of frames would queue in the
modem, behind the beacon.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from payload.ports import ByteStream, DeviceAbsent, HeardFrame
from wire.airtime import Airtime
from wire.modems import kiss

READ_BYTES_MAX = 4096
HEARD_FRAMES_MAX = 64  # per poll; the oldest are dropped, as a full receiver would


class ModemStream(ByteStream, Protocol):
    """A stream that takes a while to open."""

    def is_open(self) -> bool:
        """Will bytes leave now? Opens it where it is not. Raises DeviceAbsent."""
        ...


class KissRadio:
    """Implements ``payload.ports.Radio``."""

    identity: str | None = None  # KISS has no questions

    def __init__(
        self,
        stream: ModemStream,
        mtu_bytes: int,
        airtime: Airtime,
        to_air: Callable[[bytes], bytes] = bytes,
        from_air: Callable[[bytes], bytes | None] = bytes,
        greeting: bytes = b"",
    ) -> None:
        """``airtime`` is the modem's, with the envelope that ``to_air`` puts around a frame.

        ``to_air`` and ``from_air`` wrap our frame into what the modem wants, such as AX.25 UI, and
        back (None for a frame that is not ours); by default frames go as they are. ``greeting`` is
        what a modem is told first, each time it is connected.
        """
        assert mtu_bytes > 0, mtu_bytes
        self.mtu_bytes = mtu_bytes
        self._stream = stream
        self._airtime = airtime
        self._to_air, self._from_air = to_air, from_air
        self._greeting = greeting
        self._is_greeted = False
        self._decoder = kiss.Decoder()
        self._free_ms = 0

    def offer(self, frame: bytes, now_ms: int) -> bool:
        """True if taken, False while the previous frame is on the air, or while the modem is being
        connected: what waits for that has not been sent. Raises DeviceAbsent."""
        assert 0 < len(frame) <= self.mtu_bytes, len(frame)
        if not self.is_idle(now_ms):
            return False
        try:
            if not self._stream.is_open():
                return False
            greeting = b"" if self._is_greeted else self._greeting
            self._stream.write(greeting + kiss.encode(self._to_air(frame)))
        except DeviceAbsent:
            self._is_greeted = False
            raise
        self._is_greeted = True
        self._free_ms = now_ms + self._airtime.on_air_ms(len(frame))
        return True

    def poll(self, now_ms: int) -> list[HeardFrame]:
        """Frames heard since the last call. Raises DeviceAbsent."""
        try:
            frames = self._decoder.feed(self._stream.read(READ_BYTES_MAX))
        except DeviceAbsent:
            self._decoder = kiss.Decoder()  # half a frame from before is no frame any more
            self._is_greeted = False
            raise
        heard = [self._from_air(frame) for frame in frames[-HEARD_FRAMES_MAX:]]
        return [HeardFrame(frame) for frame in heard if frame]

    def is_idle(self, now_ms: int) -> bool:
        """True when the previous frame has left the antenna."""
        return now_ms >= self._free_ms
