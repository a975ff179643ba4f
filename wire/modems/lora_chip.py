"""A LoRa chip on an SPI bus: what any of them does, for both ends, without I/O and without a clock.

There is no processor between us and the chip, so setting it up, noticing that it was restarted and
fetching what it heard are done here. Its interrupt lines are not needed: whoever owns the radio
calls ``step`` several times a second, which costs a transfer or two. One that is lost raises
``ModuleLost`` by one of the names below, is left alone for ``RETRY_MS``, and set up again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol

from wire.lora import Modulation
from wire.modems.radio_dialog import HEARD_FRAMES_MAX, ModuleLost, RadioFrame

PACKET_BYTES_MAX = 255
SPI_HZ = 1_000_000  # a tenth of what the chips take; wires in a box are long
SENT_MS = 1_000  # after the airtime, at most, until the chip says that it has sent
RETRY_MS = 1_000


class ChipAbsent(ModuleLost):
    """Nothing answers on the bus, or there is no bus."""


class ChipGarbage(ModuleLost):
    """It answers what its data sheet does not allow, or has lost its settings."""


class ChipTimeout(ModuleLost):
    """It was told to send, and never said that it has."""


class SpiBus(Protocol):
    """One chip on an SPI bus, in mode 0."""

    def transfer(self, data: bytes) -> bytes:
        """As many bytes back as go out, in one selection of the chip. Raises OSError."""
        ...


class LoraChip(ABC):
    """Frames in, frames out. ``identity`` is what was found and set, None until then."""

    def __init__(self, spi: SpiBus, modulation: Modulation) -> None:
        self.identity: str | None = None
        self.damaged_packets = 0  # heard, and wrong by their check sequence
        self._spi = spi
        self._modulation = modulation
        self._heard: list[RadioFrame] = []
        self._sent_by_ms: int | None = None  # None: it listens
        self._lost: ModuleLost | None = None
        self._retry_ms = 0

    def step(self, now_ms: int) -> None:
        """Set it up where that is due, and look at it. Raises ModuleLost."""
        if self._lost is not None:
            if now_ms < self._retry_ms:
                raise type(self._lost)(str(self._lost))
            self._lost = None
        try:
            if self.identity is None:
                self._sent_by_ms = None
                self.identity = self._set_up()
            self._look(now_ms)
        except (ModuleLost, OSError) as error:
            raise self._lose(error, now_ms) from error

    def is_ready(self) -> bool:
        """Would it take a frame now?"""
        return self.identity is not None and self._sent_by_ms is None

    def send(self, frame: bytes, now_ms: int) -> None:
        """Transmit; only when it is ready. Raises ModuleLost."""
        assert self.is_ready() and 1 <= len(frame) <= PACKET_BYTES_MAX, len(frame)
        try:
            self._transmit(frame)
        except (ModuleLost, OSError) as error:
            raise self._lose(error, now_ms) from error
        self._sent_by_ms = now_ms + self._modulation.packet_ms(len(frame)) + SENT_MS

    def take_heard(self) -> list[RadioFrame]:
        """Frames received since the last call, oldest first."""
        heard, self._heard = self._heard, []
        return heard

    def _look(self, now_ms: int) -> None:
        if self._sent_by_ms is None:
            frame = self._received()
            if frame is not None:
                self._heard.append(frame)
                del self._heard[:-HEARD_FRAMES_MAX]
        elif self._has_sent():
            self._sent_by_ms = None
        elif now_ms >= self._sent_by_ms:
            raise ChipTimeout("took a frame and did not send it")

    def _lose(self, error: Exception, now_ms: int) -> ModuleLost:
        self.identity = None
        self._retry_ms = now_ms + RETRY_MS
        self._lost = error if isinstance(error, ModuleLost) else ChipAbsent(str(error))
        return self._lost

    @abstractmethod
    def _set_up(self) -> str:
        """Write every setting, read it back and listen; what was found. Raises ModuleLost."""

    @abstractmethod
    def _transmit(self, frame: bytes) -> None:
        """Raises ModuleLost."""

    @abstractmethod
    def _has_sent(self) -> bool:
        """True once, when the frame has left; then it listens again. Raises ModuleLost."""

    @abstractmethod
    def _received(self) -> RadioFrame | None:
        """The packet that has come since the last call, if any. Raises ModuleLost."""
