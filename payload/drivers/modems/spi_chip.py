"""A LoRa chip on SPI (SX1276) as the core's half-duplex radio.

What the chip needs is ``wire.modems.lora_chip``'s; this keeps the airtime. A frame is taken when
the chip was set up and listens, and the next one is refused until the airtime is over and the chip
says that it has sent.
"""

from __future__ import annotations

import structlog

from payload.ports import DeviceAbsent, HeardFrame
from wire.airtime import Airtime
from wire.modems.lora_chip import LoraChip
from wire.modems.radio_dialog import ModuleLost

log = structlog.get_logger("payload")


class ChipRadio:
    """Implements ``payload.ports.Radio``."""

    def __init__(self, chip: LoraChip, mtu_bytes: int, airtime: Airtime) -> None:
        self.mtu_bytes = mtu_bytes
        self._chip = chip
        self._airtime = airtime
        self._free_ms = 0
        self._logged: str | None = None  # why it was lost, or what it told

    @property
    def told(self) -> str | None:
        """Which chip was found and how it was set, since it was last there."""
        return self._chip.told

    def offer(self, frame: bytes, now_ms: int) -> bool:
        """True if taken, False while it sends. Raises DeviceAbsent."""
        assert 0 < len(frame) <= self.mtu_bytes, len(frame)
        if not self.is_idle(now_ms):
            return False
        try:
            self._chip.send(frame, now_ms)
        except ModuleLost as error:
            raise self._absent(error) from error
        self._free_ms = now_ms + self._airtime.on_air_ms(len(frame))
        return True

    def poll(self, now_ms: int) -> list[HeardFrame]:
        """Frames heard since the last call. Raises DeviceAbsent."""
        self._turn(now_ms)
        return [HeardFrame(one.data, one.rssi_dbm, one.snr_db)
                for one in self._chip.take_heard()]

    def is_idle(self, now_ms: int) -> bool:
        """True when it is set up, and the previous frame has left the antenna. Raises
        DeviceAbsent."""
        self._turn(now_ms)
        return now_ms >= self._free_ms and self._chip.is_ready()

    def _turn(self, now_ms: int) -> None:
        try:
            self._chip.step(now_ms)
        except ModuleLost as error:
            raise self._absent(error) from error
        self._log("radio_chip", str(self._chip.told))

    def _absent(self, error: ModuleLost) -> DeviceAbsent:
        self._log("radio_chip_lost", str(error))
        return DeviceAbsent(str(error))

    def _log(self, event: str, words: str) -> None:
        """Once, however often it is looked at."""
        if words != self._logged:
            self._logged = words
            log.info(event, words=words)
