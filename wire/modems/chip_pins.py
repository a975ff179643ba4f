"""The pins of a LoRa chip beside its bus, on the header of a Pi, at both ends.

Opened when first used, and again after they failed, as its bus is (``spi_device``). Waiting is done
by looking: BUSY falls within 0.2 ms after most commands, and a reset takes two.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from wire.mission_radio import Sx1262Section
from wire.modems.lora_chip import ChipAbsent

BUSY_MS_MAX = 50  # the longest is a calibration: 18 ms where 3.5 are promised; and 5 of a TCXO
RESET_MS = 2  # a whole one of them at least; the chip needs 0.1


class GpioPins:
    """Implements ``wire.modems.sx1262.ChipPins`` with gpiozero."""

    def __init__(
        self, section: Sx1262Section, uptime_ms: Callable[[], int], pin_factory: Any = None
    ) -> None:
        """Opens nothing yet: a Pi whose pins cannot be driven still flies. ``uptime_ms`` is of a
        clock that is never set."""
        self._section = section
        self._uptime_ms = uptime_ms
        self._factory = pin_factory
        self._opened: list[Any] = []  # reset, busy, and the antenna's where there is one

    def wait_ready(self) -> bool:
        """True once BUSY is low; False where it stays high. Raises ChipAbsent."""
        end_ms = self._uptime_ms() + BUSY_MS_MAX
        try:
            busy = self._pins()[1]
            while busy.value:
                if self._uptime_ms() >= end_ms:
                    return False
        except Exception as error:
            raise self._lost(error) from error
        return True

    def reset(self) -> None:
        """NRESET low, and high again. Raises ChipAbsent."""
        try:
            reset = self._pins()[0]
            reset.off()
            end_ms = self._uptime_ms() + RESET_MS
            while self._uptime_ms() < end_ms:
                pass
            reset.on()
        except Exception as error:
            raise self._lost(error) from error

    def close(self) -> None:
        """Let them go; the next use opens them again."""
        opened, self._opened = self._opened, []
        for device in opened:
            with contextlib.suppress(Exception):
                device.close()

    def _pins(self) -> list[Any]:
        if not self._opened:
            import gpiozero  # 2 MB, which most flights do not need

            own, factory = self._section, self._factory
            self._opened.append(gpiozero.OutputDevice(
                own.reset_pin, initial_value=True, pin_factory=factory))
            self._opened.append(gpiozero.InputDevice(
                own.busy_pin, pull_up=None, active_state=True, pin_factory=factory))
            if own.antenna_pin is not None:
                self._opened.append(gpiozero.OutputDevice(
                    own.antenna_pin, initial_value=True, pin_factory=factory))
        return self._opened

    def _lost(self, error: Exception) -> ChipAbsent:
        """gpiozero raises many kinds: without a GPIO chip, without its library, for a busy pin."""
        self.close()
        return ChipAbsent(f"pins of the {self._section.chip}: {error}")
