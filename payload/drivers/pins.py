"""Pins of the Pi's header: those that are low by default and after any error (the cutdown's, a
transmitter's key), and those of a radio module.

Timing, arming and the reasons to fire belong to the core; this holds levels. The lines must
have pull-down resistors: while no process holds them, they are inputs.

A busy pin, a chip without a driver and a library that is not installed each raise what the library
below gpiozero raises, which is a bare Exception for lgpio: any of them is a pin that is absent.
"""

from __future__ import annotations

import contextlib
from typing import Any

import gpiozero

from payload.ports import DeviceAbsent


class OutputPin:
    """A GPIO that heats the burn wire, or keys a transmitter, while high."""

    def __init__(self, bcm_number: int, pin_factory: Any = None) -> None:
        """``bcm_number`` as on the board's drawing, BCM numbering. Raises DeviceAbsent."""
        try:
            self._device = gpiozero.OutputDevice(
                bcm_number, initial_value=False, pin_factory=pin_factory
            )
        except Exception as error:
            raise DeviceAbsent(f"GPIO {bcm_number}: {error}") from error

    def drive(self, is_high: bool) -> None:
        """Set the level. Raises DeviceAbsent."""
        try:
            self._device.value = int(is_high)
        except Exception as error:
            raise DeviceAbsent(f"output pin: {error}") from error

    def is_high(self) -> bool:
        """The level as read back from the pin."""
        return bool(self._device.value)

    def close(self) -> None:
        """Low, then let go."""
        with contextlib.suppress(Exception):
            self._device.off()
        _close(self._device)


class ModulePins:
    """M0, M1 and, where it is connected, AUX of an EBYTE module. Left as inputs they are pulled up
    by the module, which then sleeps."""

    def __init__(
        self, m0_pin: int, m1_pin: int, aux_pin: int | None, pin_factory: Any = None
    ) -> None:
        """BCM numbers. Raises DeviceAbsent."""
        self._devices: list[Any] = []
        try:
            for number in (m1_pin, m0_pin):
                self._devices.append(gpiozero.OutputDevice(
                    number, initial_value=False, pin_factory=pin_factory))
            self._aux = None if aux_pin is None else gpiozero.InputDevice(
                aux_pin, pull_up=None, active_state=True, pin_factory=pin_factory)
        except Exception as error:
            self.close()
            raise DeviceAbsent(f"pins of the radio module: {error}") from error
        if self._aux is not None:
            self._devices.append(self._aux)

    def select(self, m1: int, m0: int) -> None:
        """Set the mode. Raises DeviceAbsent."""
        try:
            self._devices[0].value, self._devices[1].value = m1, m0
        except Exception as error:
            raise DeviceAbsent(f"pins of the radio module: {error}") from error

    def is_aux_high(self) -> bool | None:
        """None where it is not connected. Raises DeviceAbsent."""
        try:
            return None if self._aux is None else bool(self._aux.value)
        except Exception as error:
            raise DeviceAbsent(f"pins of the radio module: {error}") from error

    def close(self) -> None:
        """Let them go."""
        for device in self._devices:
            _close(device)


def _close(device: Any) -> None:
    with contextlib.suppress(Exception):
        device.close()
