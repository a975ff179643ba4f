"""A LoRa chip on SPI (SX1276, SX1262) at the station, which is then a Pi.

How the chip is driven is in ``wire.modems.lora_chip``, the same as for the payload. It has no line
to wait on, so it is looked at every ``LOOK_S``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import structlog

from wire.modems.lora_chip import LoraChip
from wire.modems.radio_dialog import ModuleLost, RadioFrame

TURN_MS = 150  # a payload listens when it has noticed that it has sent, which takes it up to 100
LOOK_S = 0.02  # the next frame takes longer to come; the chip keeps one
_log = structlog.get_logger()


class Closable(Protocol):
    """Bus and pins, as far as they are let go."""

    def close(self) -> None: ...


class ChipLine:
    """Implements ``gateway.RadioConnection``."""

    def __init__(
        self, name: str, chip: LoraChip, bus: Closable, uptime_ms: Callable[[], int],
        pause: Callable[[float], object],
    ) -> None:
        """``uptime_ms`` is of a clock that is never set; ``pause`` waits for so many seconds."""
        self.name = name
        self._chip, self._bus = chip, bus
        self._uptime_ms, self._pause = uptime_ms, pause
        self._logged: str | None = None
        self._quiet_until_ms = 0

    def read(self, wait_s: float) -> list[RadioFrame]:
        """Frames received within ``wait_s``. Raises OSError when the chip is lost."""
        heard = self._look()
        for _ in range(round(wait_s / LOOK_S)):
            if heard:
                break
            self._pause(LOOK_S)
            heard = self._look()
        return heard

    def can_send(self) -> bool:
        """Is it set up, has it sent what it was given before, and would a payload listen by now?"""
        return self._chip.is_ready() and self._uptime_ms() >= self._quiet_until_ms

    def write(self, frame: bytes) -> None:
        """Transmit; only while it can. Raises OSError when the chip is lost."""
        try:
            self._chip.send(frame, self._uptime_ms())
        except ModuleLost as error:
            raise OSError(str(error)) from error

    def close(self) -> None:
        self._bus.close()

    def _look(self) -> list[RadioFrame]:
        now_ms = self._uptime_ms()
        try:
            self._chip.step(now_ms)
        except ModuleLost as error:
            raise OSError(str(error)) from error
        if self._chip.identity != self._logged:
            self._logged = self._chip.identity
            _log.info("radio_chip", identity=self._logged)
        heard = self._chip.take_heard()
        if heard:
            self._quiet_until_ms = now_ms + TURN_MS
        return heard
