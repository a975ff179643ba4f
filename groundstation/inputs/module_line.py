"""A serial LoRa module (EBYTE, RYLR) at the station.

The dialog with it is ``wire.modems.radio_dialog``'s, the same as the payload's. The pins M0 and M1
of an EBYTE module are not driven here: a USB adapter has jumpers for them, and the module is used
as it is set; ``spacepi-ground radio`` sets it while the jumpers say configuration.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import serial
import structlog

from wire.mission_radio import RadioSection
from wire.modems.module_dialogs import dialog_of
from wire.modems.radio_dialog import ModuleLost, RadioDialog, RadioFrame

WRITE_S = 5.0  # a module that takes nothing for so long is lost
READ_BYTES = 4096
_log = structlog.get_logger()


class ModuleLine:
    """Implements ``gateway.RadioConnection``. Raises OSError (SerialException) when the port is not
    there."""

    def __init__(
        self, radio: RadioSection, uptime_ms: Callable[[], int], has_mode_pins: bool = False,
        port: Any = None,
    ) -> None:
        """``uptime_ms`` is of a clock that is never set; ``has_mode_pins`` says that the jumpers
        stand at configuration; ``port`` stands in for pyserial's."""
        self.name = radio.device
        dialog = dialog_of(radio, has_mode_pins)
        assert dialog is not None, radio.kind
        self._dialog: RadioDialog = dialog
        self._uptime_ms = uptime_ms
        self.identity: str | None = None
        self._port: Any = port or serial.Serial(
            radio.device, radio.baud, timeout=0, write_timeout=WRITE_S, exclusive=True)

    def read(self, wait_s: float) -> list[RadioFrame]:
        """Frames received within ``wait_s``. Raises OSError when port or module is lost."""
        self._port.timeout = wait_s
        data = self._port.read(1)
        if data:
            data += self._port.read(min(READ_BYTES, self._port.in_waiting))
        try:
            out = self._dialog.step(data, self._uptime_ms())
        except ModuleLost as error:
            raise OSError(str(error)) from error
        if out:
            self._port.write(out)
        if self._dialog.identity != self.identity:
            self.identity = self._dialog.identity
            if self.identity is not None:
                _log.info("radio_module", identity=self.identity)
        return self._dialog.take_heard()

    def can_send(self) -> bool:
        """Is it set up, and has it sent what it was given before?"""
        return self._dialog.is_ready()

    def write(self, frame: bytes) -> None:
        """Transmit; only while it can. Raises OSError when the port is lost."""
        self._port.write(self._dialog.send(frame, self._uptime_ms()))

    def close(self) -> None:
        self._port.close()


def set_up(line: ModuleLine, wait_s: float = 0.2) -> str:
    """Ask the module, and write the settings of the mission file where it has others; its identity.
    Raises OSError where it does not answer."""
    while line.identity is None:
        line.read(wait_s)
    return line.identity
