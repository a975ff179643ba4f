"""Airtime: how long a frame is on the air, and the pause that the duty cycle requires after it.

Both ends compute it here. A packet modem sends a head (TXDELAY), flags, the packet with
a bit stuffed in after every five ones, a check sequence, flags, and a tail. Of random bits one in
62 is stuffed; what we send is packed, coded or signed, and 5 % is more than it ever takes. A LoRa
module first has to be given the frame over its serial line. A frame of a duty-cycled transmitter is
followed by a pause, so that no stretch of time exceeds the share by more than one frame.

Sources: AX.25 2.2 §3; Chepponis & Karn, "The KISS TNC", 1987 (TXDELAY); Dire Wolf User Guide, whose
TXDELAY 30 and TXTAIL 10 are the 300 and 100 ms that a mission file has by default.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wire import ax25
from wire.lora import Modulation
from wire.modems import ebyte, rylr
from wire.modems.lora_chip import SPI_HZ

if TYPE_CHECKING:
    from wire.mission_radio import RadioSection

HDLC_BYTES = 4  # the flags at both ends and the frame check sequence
STUFFED_PERCENT = 5
LORA_FRAME_BYTES_MAX = 255
UART_BITS = 10  # of a byte, 8N1


@dataclass(frozen=True, slots=True)
class Airtime(ABC):
    """A modem as far as time is concerned. Frames are ours; what comes around them is counted."""

    duty_percent: int

    @staticmethod
    def of(radio: RadioSection) -> Airtime:
        """The modem of a mission file."""
        if radio.kind == "ebyte" and radio.ebyte is not None:
            model = ebyte.Model[radio.ebyte.module]
            return LoraAirtime(
                radio.duty_percent, ebyte.MODULATIONS[radio.rate_bps], ebyte.BAUD_CONFIGURATION,
                ebyte.HEADER_BYTES, model.packet_bytes, model.own_bytes)
        if radio.kind == "rylr" and radio.rylr is not None:
            return LoraAirtime(
                radio.duty_percent, radio.rylr.modulation, radio.baud, 0, rylr.DATA_BYTES_MAX,
                rylr.OWN_BYTES, rylr.COMMAND_BYTES, is_base85=not radio.rylr.is_binary_safe)
        if radio.chip is not None:
            return LoraAirtime(
                radio.duty_percent, radio.chip.modulation, SPI_HZ, 0, LORA_FRAME_BYTES_MAX, 0)
        envelope_bytes = ax25.OVERHEAD_BYTES if radio.framing == "ax25" else 0
        keying_ms = radio.tx_delay_ms + radio.tx_tail_ms
        return HdlcAirtime(radio.duty_percent, radio.rate_bps, keying_ms, envelope_bytes)

    @abstractmethod
    def on_air_ms(self, frame_bytes: int) -> int:
        """From handing it over to silence, rounded up."""

    @abstractmethod
    def bytes_in(self, time_ms: int) -> int:
        """The largest frame that is on the air no longer than ``time_ms``; 0 where none is."""

    def occupied_ms(self, frame_bytes: int) -> int:
        """Until the next frame may begin: its time on the air and the pause of the duty cycle."""
        return -(-self.on_air_ms(frame_bytes) * 100 // self.duty_percent)


@dataclass(frozen=True, slots=True)
class HdlcAirtime(Airtime):
    """A KISS modem; ``envelope_bytes`` come around each frame."""

    rate_bps: int
    keying_ms: int  # head and tail of a transmission
    envelope_bytes: int

    def on_air_ms(self, frame_bytes: int) -> int:
        bits = (frame_bytes + self.envelope_bytes + HDLC_BYTES) * 8
        return self.keying_ms - (-bits * 10 * (100 + STUFFED_PERCENT) // self.rate_bps)

    def bytes_in(self, time_ms: int) -> int:
        bits = (time_ms - self.keying_ms) * self.rate_bps // (10 * (100 + STUFFED_PERCENT))
        return max(0, bits // 8 - self.envelope_bytes - HDLC_BYTES)


@dataclass(frozen=True, slots=True)
class LoraAirtime(Airtime):
    """A module on a serial line of ``baud``, or a chip on a bus as fast, which puts ``own_bytes``
    around each packet."""

    modulation: Modulation
    baud: int
    header_bytes: int  # ours, on the air too
    packet_bytes: int  # the most in one packet; longer frames go as several
    own_bytes: int
    command_bytes: int = 0  # on the line only
    is_base85: bool = False

    def on_air_ms(self, frame_bytes: int) -> int:
        data = frame_bytes + (-(-frame_bytes // 4) if self.is_base85 else 0) + self.header_bytes
        line_ms = -(-1000 * UART_BITS * (data + self.command_bytes) // self.baud)
        full, rest = divmod(data, self.packet_bytes)
        sizes = [self.packet_bytes] * full + [rest] * (rest > 0)
        return line_ms + sum(self.modulation.packet_ms(size + self.own_bytes) for size in sizes)

    def bytes_in(self, time_ms: int) -> int:
        sizes = range(1, LORA_FRAME_BYTES_MAX + 1)
        return bisect_right(sizes, time_ms, key=self.on_air_ms)
