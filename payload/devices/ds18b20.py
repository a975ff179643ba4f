"""DS18B20: temperature of one thermometer on the kernel's 1-Wire bus.

Sources: Maxim/Analog Devices DS18B20 data sheet rev 6, table 1 (temperatures), figures 5 and 6
(scratchpad); Maxim application note 27 (CRC-8); Linux drivers/w1/slaves/w1_therm.c, which gives

    72 01 4b 46 7f ff 0e 10 57 : crc=57 YES
    72 01 4b 46 7f ff 0e 10 57 t=23125

Three answers look like a temperature and are none. A CRC that is wrong. Nine zeros, whose CRC is
right: the data line touches ground. And 85.0 C, which the chip holds after power-up: the supply
failed during the conversion. A true 85.0 C is lost with it, 84.9 and 85.1 are not.
"""

from __future__ import annotations

import re

from payload.devices.buses import OneWire
from payload.ports import DeviceGarbage, DeviceTimeout, Reading

CELSIUS_MIN, CELSIUS_MAX = -55.0, 125.0
POWER_UP_C = 85.0
SCRATCHPAD_BYTES = 9
TEXT_CHARS_MAX = 256  # two lines of 40
# Bits of the reading that are undefined at 9, 10, 11 and 12 bits (table 2), by the configuration.
_UNDEFINED_BITS = (3, 2, 1, 0)
_FIRST_LINE = re.compile(r"((?:[0-9a-f]{2} ){9}): crc=[0-9a-f]{2} (YES|NO)\s")


def crc8(data: bytes) -> int:
    """Polynomial x^8 + x^5 + x^4 + 1, reflected; 0 over data that ends with its own CRC."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x8C * (crc & 1)
    return crc


def decode_scratchpad(scratchpad: bytes) -> float:
    """Degrees Celsius from the nine bytes. Raises DeviceGarbage where they hold no reading."""
    if len(scratchpad) != SCRATCHPAD_BYTES or crc8(scratchpad):
        raise DeviceGarbage("wrong CRC")
    if not any(scratchpad):
        raise DeviceGarbage("nothing but zeros: the data line touches ground")
    resolution = scratchpad[4] >> 5 & 0x03
    raw = int.from_bytes(scratchpad[:2], "little", signed=True) >> _UNDEFINED_BITS[resolution]
    celsius = (raw << _UNDEFINED_BITS[resolution]) / 16
    if celsius == POWER_UP_C:
        raise DeviceGarbage("85.0 C, its value after power-up: the supply failed")
    if not CELSIUS_MIN <= celsius <= CELSIUS_MAX:
        raise DeviceGarbage(f"{celsius} C")
    return celsius


class Ds18b20:
    """One DS18B20; key temperature_c. A reading is that of the conversion started before it."""

    def __init__(self, wire: OneWire, name: str = "ds18b20") -> None:
        self.name = name
        self._wire = wire
        self._started_ms: int | None = None

    def read(self, now_ms: int) -> Reading:
        """What the conversion said that the last read started; starts the next one.

        Raises DeviceAbsent, DeviceTimeout while it converts, DeviceGarbage.
        """
        started_ms, self._started_ms = self._started_ms, None
        if started_ms is None:
            self._start(now_ms)
            raise DeviceTimeout(f"{self.name}: starting")
        text = self._wire.poll()
        if text is None:
            self._started_ms = started_ms
            raise DeviceTimeout(f"{self.name}: converting")
        self._start(now_ms)
        found = _FIRST_LINE.match(text[:TEXT_CHARS_MAX])
        if found is None or found[2] == "NO":
            raise DeviceGarbage(f"{self.name}: wrong CRC")
        try:
            celsius = decode_scratchpad(bytes.fromhex(found[1]))
        except DeviceGarbage as error:
            raise DeviceGarbage(f"{self.name}: {error}") from error
        return Reading(started_ms, {"temperature_c": celsius})

    def _start(self, now_ms: int) -> None:
        self._wire.start()
        self._started_ms = now_ms
