"""What fake LoRa chips on SPI have in common: which packets one of them hears.

It hears one when it is receiving, and frequency, spreading, bandwidth and sync word agree; the
coding rate is in the packet's header. One that begins to listen within the preamble needs
``PREAMBLE_NEEDED`` symbols of it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

from sim.fakes.lora_radio import AirPacket, FakeLoraRadio, Plan, Send
from wire.lora import Modulation

BUFFER_BYTES = 256
PREAMBLE_NEEDED = 5


class FakeLoraChip(FakeLoraRadio):
    """Implements ``wire.modems.lora_chip.SpiBus``. Faults, all off at first:

    is_unplugged     nobody drives the line: it reads ``floating``
    is_stuck         it is told to transmit and never does
    is_crc_failing   every packet is heard damaged
    """

    def __init__(self, now_ms: Callable[[], int], plan: Plan, send: Send) -> None:
        super().__init__(now_ms, plan, send)
        self.is_stuck = self.is_crc_failing = False
        self.floating = 0x00
        self.restart()

    def restart(self) -> None:
        """The supply was gone for a moment: nothing is kept, and what it sent breaks off."""
        self._buffer = bytearray(BUFFER_BYTES)
        self._received_to = self._listens_from_ms = 0
        self._busy_until_ms = self._now_ms()
        self._powered = object()  # what was planned before the restart is no more

    def transfer(self, data: bytes) -> bytes:
        """As the chip answers while it is selected."""
        return bytes([self.floating]) * len(data) if self.is_unplugged else self._answer(data)

    def hear(self, packet: AirPacket, rssi_dbm: int, snr_db: int) -> None:
        if self.is_unplugged or not self._is_receiving or not self._is_ours(packet):
            return
        start = self._received_to
        for at, byte in enumerate(packet.data, start):
            self._buffer[at % BUFFER_BYTES] = byte
        self._received_to = (start + len(packet.data)) % BUFFER_BYTES
        self._note_received(start, len(packet.data), rssi_dbm, snr_db)

    def _is_ours(self, packet: AirPacket) -> bool:
        ours, theirs = self._modulation, packet.modulation
        missed = theirs.preamble - PREAMBLE_NEEDED
        began_ms = self._now_ms() - theirs.packet_ms(len(packet.data))
        return (
            (ours.spreading, ours.bandwidth_hz) == (theirs.spreading, theirs.bandwidth_hz)
            and (self._frequency_hz, self._sync_word) == (packet.channel, packet.network)
            and self._listens_from_ms <= began_ms + (
                missed * (1000 << theirs.spreading) // theirs.bandwidth_hz))

    def _begin_to_listen(self, base: int) -> None:
        self._received_to, self._listens_from_ms = base, self._now_ms()

    def _begin_to_send(self, start: int, length: int) -> None:
        data = bytes(self._buffer[at % BUFFER_BYTES] for at in range(start, start + length))
        powered = self._powered

        def sent() -> None:
            if self._powered is powered:
                self._note_sent()

        if not self.is_stuck:
            self._transmit(AirPacket(
                data, self._modulation, self._frequency_hz, self._sync_word), 0, sent)

    @property
    @abstractmethod
    def _is_receiving(self) -> bool: ...

    @property
    @abstractmethod
    def _modulation(self) -> Modulation: ...

    @property
    @abstractmethod
    def _frequency_hz(self) -> int:
        """To whole kHz, as mission files have it."""

    @property
    @abstractmethod
    def _sync_word(self) -> int: ...

    @abstractmethod
    def _answer(self, data: bytes) -> bytes: ...

    @abstractmethod
    def _note_received(self, start: int, length: int, rssi_dbm: int, snr_db: int) -> None: ...

    @abstractmethod
    def _note_sent(self) -> None:
        """What it sent has left the antenna."""
