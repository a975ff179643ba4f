"""A KISS modem (Dire Wolf, a hardware TNC) on a byte stream as the core's half-duplex radio.

KISS has no flow control and no "sent" report, so the airtime is reckoned here: a frame is on the
air for its bits at the modem's rate plus the transmitter's head and tail, and the next ``offer`` is
refused until then. Otherwise seconds of frames would queue in the modem, behind the beacon.
"""

from __future__ import annotations

from collections.abc import Callable

from payload.ports import ByteStream, DeviceAbsent, HeardFrame
from wire import kiss

READ_BYTES_MAX = 4096
HEARD_FRAMES_MAX = 64  # per poll; the oldest are dropped, as a full receiver would
AX25_OVERHEAD_BYTES = 4  # flags and frame check sequence added by the modem
BIT_STUFFING = 1.2  # HDLC adds a bit after five ones: 20 % at worst


class KissRadio:
    """Implements ``payload.ports.Radio``."""

    def __init__(
        self,
        stream: ByteStream,
        mtu_bytes: int,
        rate_bps: int,
        tx_delay_ms: int = 350,
        to_air: Callable[[bytes], bytes] = bytes,
        from_air: Callable[[bytes], bytes | None] = bytes,
    ) -> None:
        """A modem that sends ``rate_bps`` after ``tx_delay_ms`` of head and tail.

        ``to_air`` and ``from_air`` wrap our frame into what the modem wants, such as AX.25 UI, and
        back (None for a frame that is not ours); by default frames go as they are.
        """
        assert mtu_bytes > 0, mtu_bytes
        assert rate_bps > 0, rate_bps
        self.mtu_bytes = mtu_bytes
        self._stream = stream
        self._rate_bps, self._tx_delay_ms = rate_bps, tx_delay_ms
        self._to_air, self._from_air = to_air, from_air
        self._decoder = kiss.Decoder()
        self._free_ms = 0

    def airtime_ms(self, frame_bytes: int) -> int:
        """How long a frame of that many bytes (as the modem gets it) is on the air, at worst."""
        bits = (frame_bytes + AX25_OVERHEAD_BYTES) * 8 * BIT_STUFFING
        return self._tx_delay_ms + int(bits * 1000 / self._rate_bps) + 1

    def offer(self, frame: bytes, now_ms: int) -> bool:
        """True if taken, False while the previous frame is on the air. Raises DeviceAbsent."""
        assert 0 < len(frame) <= self.mtu_bytes, len(frame)
        if not self.is_idle(now_ms):
            return False
        on_air = self._to_air(frame)
        self._stream.write(kiss.encode(on_air))
        self._free_ms = now_ms + self.airtime_ms(len(on_air))
        return True

    def poll(self, now_ms: int) -> list[HeardFrame]:
        """Frames heard since the last call. Raises DeviceAbsent."""
        try:
            frames = self._decoder.feed(self._stream.read(READ_BYTES_MAX))
        except DeviceAbsent:
            self._decoder = kiss.Decoder()  # half a frame from before is no frame any more
            raise
        heard = [self._from_air(frame) for frame in frames[-HEARD_FRAMES_MAX:]]
        return [HeardFrame(frame) for frame in heard if frame]

    def is_idle(self, now_ms: int) -> bool:
        """True when the previous frame has left the antenna."""
        return now_ms >= self._free_ms
