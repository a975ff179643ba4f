"""A serial LoRa module (EBYTE, RYLR) as the core's half-duplex radio.

The dialog with the module is ``wire.modems.radio_dialog``'s; this owns its serial port and its
pins. The module says by AUX, or by its answer, that it has sent.
"""

from __future__ import annotations

from typing import Protocol

from payload.drivers.modems.lora_modem import LoraModem
from payload.ports import ByteStream, DeviceAbsent, DeviceTimeout
from wire.airtime import Airtime
from wire.modems.radio_dialog import ModuleLost, RadioDialog

READ_BYTES_MAX = 4096


class ModeSwitch(Protocol):
    """The pins of a module: M1 and M0 out, AUX in."""

    def select(self, m1: int, m0: int) -> None:
        """Raises DeviceAbsent."""
        ...

    def is_aux_high(self) -> bool | None:
        """None where AUX is not connected. Raises DeviceAbsent."""
        ...


class ModuleRadio(LoraModem):
    """Implements ``payload.ports.Radio``."""

    _EVENT = "radio_module"

    def __init__(
        self, stream: ByteStream, mtu_bytes: int, airtime: Airtime,
        dialog: RadioDialog, switch: ModeSwitch | None = None,
    ) -> None:
        """``switch`` is None for a module without pins, or whose pins are not connected."""
        super().__init__(dialog, mtu_bytes, airtime)
        self._stream = stream
        self._dialog = dialog
        self._switch = switch
        self._selected: tuple[int, int] | None = None

    def _send(self, frame: bytes, now_ms: int) -> None:
        self._write(self._dialog.send(frame, now_ms))

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
            raise self._absent(error) from error
        self._note_identity()
        if out:
            self._write(out)

    def _write(self, data: bytes) -> None:
        try:
            self._stream.write(data)
        except (DeviceAbsent, DeviceTimeout):
            self._forget()
            raise

    def _forget(self) -> None:
        self._dialog.begin()
        self._selected = None
