"""Airtime: how long a frame is on the air, and the pause that the duty cycle requires after it.

Both ends compute it here. A modem sends a head (TXDELAY), flags, the packet with
a bit stuffed in after every five ones, a check sequence, flags, and a tail. Of random bits one in
62 is stuffed; what we send is packed, coded or signed, and 5 % is more than it ever takes. A frame
of a duty-cycled transmitter is followed by a pause, so that no stretch of time exceeds the share by
more than one frame.

Sources: AX.25 2.2 §3; Chepponis & Karn, "The KISS TNC", 1987 (TXDELAY); Dire Wolf User Guide, whose
TXDELAY 30 and TXTAIL 10 are the 300 and 100 ms that a mission file has by default.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wire import ax25

if TYPE_CHECKING:
    from wire.mission import RadioSection

HDLC_BYTES = 4  # the flags at both ends and the frame check sequence
STUFFED_PERCENT = 5


@dataclass(frozen=True, slots=True)
class Airtime:
    """A modem as far as time is concerned. Frames are ours; ``envelope_bytes`` come around them."""

    rate_bps: int
    duty_percent: int
    keying_ms: int  # head and tail of a transmission
    envelope_bytes: int

    @staticmethod
    def of(radio: RadioSection) -> Airtime:
        """The modem of a mission file."""
        envelope_bytes = ax25.OVERHEAD_BYTES if radio.framing == "ax25" else 0
        keying_ms = radio.tx_delay_ms + radio.tx_tail_ms
        return Airtime(radio.rate_bps, radio.duty_percent, keying_ms, envelope_bytes)

    def on_air_ms(self, frame_bytes: int) -> int:
        """From keying up to silence, rounded up."""
        bits = (frame_bytes + self.envelope_bytes + HDLC_BYTES) * 8
        return self.keying_ms - (-bits * 10 * (100 + STUFFED_PERCENT) // self.rate_bps)

    def occupied_ms(self, frame_bytes: int) -> int:
        """Until the next frame may begin: its time on the air and the pause of the duty cycle."""
        return -(-self.on_air_ms(frame_bytes) * 100 // self.duty_percent)

    def bytes_in(self, time_ms: int) -> int:
        """The largest frame that is on the air no longer than ``time_ms``; 0 where none is."""
        bits = (time_ms - self.keying_ms) * self.rate_bps // (10 * (100 + STUFFED_PERCENT))
        return max(0, bits // 8 - self.envelope_bytes - HDLC_BYTES)
