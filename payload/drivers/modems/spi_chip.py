"""A LoRa chip on SPI (SX1276, SX1262) as the core's half-duplex radio.

The chip itself is driven by ``wire.modems.lora_chip``.
"""

from __future__ import annotations

from payload.drivers.modems.lora_modem import LoraModem
from wire.airtime import Airtime
from wire.modems.lora_chip import LoraChip
from wire.modems.radio_dialog import ModuleLost


class ChipRadio(LoraModem):
    """Implements ``payload.ports.Radio``."""

    _EVENT = "radio_chip"

    def __init__(self, chip: LoraChip, mtu_bytes: int, airtime: Airtime) -> None:
        super().__init__(chip, mtu_bytes, airtime)
        self._chip = chip

    def _send(self, frame: bytes, now_ms: int) -> None:
        try:
            self._chip.send(frame, now_ms)
        except ModuleLost as error:
            raise self._absent(error) from error

    def _turn(self, now_ms: int) -> None:
        try:
            self._chip.step(now_ms)
        except ModuleLost as error:
            raise self._absent(error) from error
        self._note_identity()
