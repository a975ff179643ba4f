"""Thermometers on the kernel's 1-Wire bus, read in a thread: a read lasts as long as a conversion.

Source: Linux Documentation/w1/slaves/w1_therm.rst: reading w1_slave converts and waits, 750 ms at
12 bits. If the kernel never lets a thread go, no other is started beside it.
"""

from __future__ import annotations

import threading
from pathlib import Path

from payload.ports import DeviceAbsent

DEVICES = Path("/sys/bus/w1/devices")
FAMILY = "28-*"  # DS18B20
TEXT_BYTES_MAX = 256


def found(devices: Path = DEVICES) -> list[str]:
    """The ids of the thermometers that the kernel has found, sorted."""
    return sorted(path.name for path in devices.glob(FAMILY))


class KernelThermometer:
    """Implements ``payload.devices.buses.OneWire``."""

    def __init__(self, device_id: str, devices: Path = DEVICES) -> None:
        """``device_id`` such as 28-3c01d607a1b2, or "" for the first that is found. Opens nothing
        yet."""
        self._id = device_id
        self._devices = devices
        self._thread: threading.Thread | None = None
        self._answer: str | OSError | None = None

    def start(self) -> None:
        """Begin a conversion, in a thread that ends with it."""
        if self._thread is not None and self._thread.is_alive():
            return
        self._answer = None
        self._thread = threading.Thread(target=self._convert, name="one-wire", daemon=True)
        self._thread.start()

    def poll(self) -> str | None:
        """The text of w1_slave, once; None until the conversion is over. Raises DeviceAbsent."""
        if self._thread is not None and self._thread.is_alive():
            return None
        answer, self._answer = self._answer, None
        if isinstance(answer, OSError):
            raise DeviceAbsent(f"{self._id or FAMILY}: {answer}") from answer
        return answer

    def _convert(self) -> None:
        try:
            names = [self._id] if self._id else found(self._devices)[:1]
            if not names:
                raise FileNotFoundError(f"no thermometer in {self._devices}")
            with (self._devices / names[0] / "w1_slave").open("rb") as file:
                self._answer = file.read(TEXT_BYTES_MAX).decode("ascii", "replace")
        except OSError as error:
            self._answer = error
