"""What fake LoRa modules and chips have in common: what they put on the air, and when they hear.

Source: the data sheets named in ``wire.modems.ebyte``, ``wire.modems.rylr`` and
``wire.modems.sx1276``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from wire.lora import Modulation


@dataclass(frozen=True, slots=True)
class AirPacket:
    """What is on the air, and how."""

    data: bytes
    modulation: Modulation
    channel: int  # of an EBYTE, or the frequency in Hz
    network: int  # or the sync word


Send = Callable[[AirPacket, int], None]
Plan = Callable[[int, Callable[[], None]], None]


class FakeLoraRadio(ABC):
    """One antenna. While it sends it hears nothing.

    Fault, off at first: ``is_unplugged``, what is between it and us is gone.
    """

    def __init__(self, now_ms: Callable[[], int], plan: Plan, send: Send) -> None:
        """``send(packet, end_ms)`` is called when it begins to transmit; ``plan`` makes an
        event."""
        self.is_unplugged = False
        self.sent_packets = 0
        self._now_ms, self._plan, self._send = now_ms, plan, send
        self._busy_until_ms = 0

    @property
    def is_sending(self) -> bool:
        return self._now_ms() < self._busy_until_ms

    @abstractmethod
    def hear(self, packet: AirPacket, rssi_dbm: int, snr_db: int) -> None:
        """A packet that got through arrives at its antenna."""

    def _transmit(self, packet: AirPacket, own_bytes: int, sent: Callable[[], None]) -> None:
        """Behind what is being sent already."""
        start_ms = max(self._now_ms(), self._busy_until_ms)
        self._busy_until_ms = start_ms + packet.modulation.packet_ms(len(packet.data) + own_bytes)
        end_ms = self._busy_until_ms

        def begin() -> None:
            self.sent_packets += 1
            self._send(packet, end_ms)

        if start_ms == self._now_ms():
            begin()
        else:
            self._plan(start_ms, begin)
        self._plan(end_ms, sent)
