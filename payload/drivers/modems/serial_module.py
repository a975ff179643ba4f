"""A serial LoRa module (EBYTE, RYLR) as the core's half-duplex radio.

The dialog with the module is ``wire.modems.radio_dialog``'s; this owns its serial port and its
pins. A frame is taken when the module was set up, said that it is free, and was given the bytes.
The next one is refused until the airtime is over, and until the module says that it has sent: by
AUX, or by its answer.
"""

from __future__ import annotations

from typing import Protocol

import structlog

from payload.ports import ByteStream, DeviceAbsent, DeviceTimeout, HeardFrame
from wire.airtime import Airtime
from wire.modems.radio_dialog import ModuleLost, RadioDialog

log = structlog.get_logger("payload")
READ_BYTES_MAX = 4096


class ModeSwitch(Protocol):
    """The pins of a module: M1 and M0 out, AUX in."""

    def select(self, m1: int, m0: int) -> None:
        """Raises DeviceAbsent."""
        ...

    def is_aux_high(self) -> bool | None:
        """None where AUX is not connected. Raises DeviceAbsent."""
        ...


class ModuleRadio:
    """Implements ``payload.ports.Radio``."""

    def __init__(
        self, stream: ByteStream, mtu_bytes: int, airtime: Airtime,
        dialog: RadioDialog, switch: ModeSwitch | None = None,
    ) -> None:
        """``switch`` is None for a module without pins, or whose pins are not connected."""
        self.mtu_bytes = mtu_bytes
        self._stream = stream
        self._airtime = airtime
        self._dialog = dialog
        self._switch = switch
        self._selected: tuple[int, int] | None = None
        self._free_ms = 0
        self._logged: str | None = None  # why it was lost, or what it told

    @property
    def told(self) -> str | None:
        """What the module said of itself since it was last there: version and settings."""
        return self._dialog.told

    def offer(self, frame: bytes, now_ms: int) -> bool:
        """True if taken, False while it is being set up or is sending. Raises DeviceAbsent."""
        assert 0 < len(frame) <= self.mtu_bytes, len(frame)
        if not self.is_idle(now_ms):
            return False
        self._write(self._dialog.send(frame, now_ms))
        self._free_ms = now_ms + self._airtime.on_air_ms(len(frame))
        return True

    def poll(self, now_ms: int) -> list[HeardFrame]:
        """Frames heard since the last call. Raises DeviceAbsent."""
        self._turn(now_ms)
        return [HeardFrame(one.data, one.rssi_dbm, one.snr_db)
                for one in self._dialog.take_heard()]

    def is_idle(self, now_ms: int) -> bool:
        """True when it is set up, and the previous frame has left the antenna. Raises
        DeviceAbsent."""
        self._turn(now_ms)
        return now_ms >= self._free_ms and self._dialog.is_ready()

    def _turn(self, now_ms: int) -> None:
        try:
            data = self._stream.read(READ_BYTES_MAX)
            is_aux_high = None if self._switch is None else self._switch.is_aux_high()
            out = self._dialog.step(data, now_ms, is_aux_high)
            if self._switch is not None and self._selected != self._dialog.pins:
                self._selected = self._dialog.pins
                self._switch.select(*self._selected)
        except DeviceAbsent:
            self._forget()
            raise
        except ModuleLost as error:
            self._forget()
            self._log("radio_module_lost", str(error))
            raise DeviceAbsent(str(error)) from error
        if self._dialog.told is not None:
            self._log("radio_module", self._dialog.told)
        if out:
            self._write(out)

    def _log(self, event: str, words: str) -> None:
        """Once, however often it is looked for."""
        if words != self._logged:
            self._logged = words
            log.info(event, words=words)

    def _write(self, data: bytes) -> None:
        try:
            self._stream.write(data)
        except (DeviceAbsent, DeviceTimeout):
            self._forget()
            raise

    def _forget(self) -> None:
        self._dialog.begin()
        self._selected = None
