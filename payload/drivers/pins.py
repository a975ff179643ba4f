"""The output pin of the cutdown, low by default and after any error.

Timing, arming and the reasons to fire belong to the core; this holds a level. The line must have a
pull-down resistor: while no process holds it, it is an input.
"""

from __future__ import annotations

from typing import Any

import gpiozero

from payload.ports import DeviceAbsent

# Not an OSError: what gpiozero raises without a GPIO chip, without its library, for a busy pin.
_PIN_ERRORS = (gpiozero.GPIOZeroError, OSError, ImportError, RuntimeError)


class CutdownPin:
    """A GPIO that heats the burn wire while high."""

    def __init__(self, bcm_number: int, pin_factory: Any = None) -> None:
        """``bcm_number`` as on the board's drawing, BCM numbering. Raises DeviceAbsent."""
        try:
            self._device = gpiozero.OutputDevice(
                bcm_number, initial_value=False, pin_factory=pin_factory
            )
        except _PIN_ERRORS as error:
            raise DeviceAbsent(f"GPIO {bcm_number}: {error}") from error

    def drive(self, is_high: bool) -> None:
        """Set the level. Raises DeviceAbsent."""
        try:
            self._device.value = int(is_high)
        except _PIN_ERRORS as error:
            raise DeviceAbsent(f"cutdown pin: {error}") from error

    def is_high(self) -> bool:
        """The level as read back from the pin."""
        return bool(self._device.value)

    def close(self) -> None:
        """Low, then let go."""
        self._device.off()
        self._device.close()
