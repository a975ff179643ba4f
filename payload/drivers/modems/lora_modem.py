"""What a serial LoRa module and a LoRa chip have in common as the core's half-duplex radio.

Each is set up by a dialog of ``wire.modems``; here are its airtime, what it heard, and the log. A
frame is taken when the modem is ready, and the next one is refused until the airtime is over and
the modem is ready again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol

import structlog

from payload.ports import DeviceAbsent, HeardFrame
from wire.airtime import Airtime
from wire.modems.radio_dialog import ModuleLost, RadioFrame

log = structlog.get_logger("payload")


class ModemState(Protocol):
    """What of a dialog needs no connection."""

    identity: str | None

    def is_ready(self) -> bool: ...
    def take_heard(self) -> list[RadioFrame]: ...


class LoraModem(ABC):
    """Implements ``payload.ports.Radio``, but for the connection of a kind of modem."""

    _EVENT: str  # what its log calls it

    def __init__(self, state: ModemState, mtu_bytes: int, airtime: Airtime) -> None:
        self.mtu_bytes = mtu_bytes
        self._state = state
        self._airtime = airtime
        self._free_ms = 0
        self._logged: str | None = None  # why it was lost, or its identity

    @property
    def identity(self) -> str | None:
        """What the modem said of itself since it was last there: version and settings."""
        return self._state.identity

    def offer(self, frame: bytes, now_ms: int) -> bool:
        """True if taken, False while it is being set up or is sending. Raises DeviceAbsent."""
        assert 0 < len(frame) <= self.mtu_bytes, len(frame)
        if not self.is_idle(now_ms):
            return False
        self._send(frame, now_ms)
        self._free_ms = now_ms + self._airtime.on_air_ms(len(frame))
        return True

    def poll(self, now_ms: int) -> list[HeardFrame]:
        """Frames heard since the last call. Raises DeviceAbsent."""
        self._turn(now_ms)
        return [HeardFrame(one.data, one.rssi_dbm, one.snr_db)
                for one in self._state.take_heard()]

    def is_idle(self, now_ms: int) -> bool:
        """True when it is set up, and the previous frame has left the antenna. Raises
        DeviceAbsent."""
        self._turn(now_ms)
        return now_ms >= self._free_ms and self._state.is_ready()

    @abstractmethod
    def _send(self, frame: bytes, now_ms: int) -> None:
        """Raises DeviceAbsent."""

    @abstractmethod
    def _turn(self, now_ms: int) -> None:
        """Give the dialog its turn with the modem. Raises DeviceAbsent."""

    def _note_identity(self) -> None:
        if self._state.identity is not None:
            self._log(self._EVENT, self._state.identity)

    def _absent(self, error: ModuleLost) -> DeviceAbsent:
        self._log(f"{self._EVENT}_lost", str(error))
        return DeviceAbsent(str(error))

    def _log(self, event: str, words: str) -> None:
        """Once, however often it is looked at."""
        if words != self._logged:
            self._logged = words
            log.info(event, words=words)
