"""BMP388: air temperature and pressure of one Bosch sensor (a BMP390 answers the same way).

Source: Bosch BST-BMP388-DS001 rev 1.7, sections 4.3 (memory map), 9.1 to 9.3 (compensation).
The chip runs in normal mode at about 3 Hz, so a read is one block of registers
(``payload.devices.bosch_startup``). The first sample after a reset is left alone: read once a
second, the chip gives its first value with the third read.

Below 300 hPa the pressure is outside the datasheet's range and only indicative.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import ClassVar

from payload.devices.bosch_startup import BoschBarometer
from payload.devices.buses import I2cBus
from payload.ports import DeviceGarbage, Reading

_ID, _ERROR, _STATUS, _DATA, _POWER, _OVERSAMPLING, _RATE, _FILTER, _CALIBRATION, _COMMAND = (
    0x00, 0x02, 0x03, 0x04, 0x1B, 0x1C, 0x1D, 0x1F, 0x31, 0x7E,
)
_SOFT_RESET = 0xB6
_ERROR_ANY = 0x07  # fatal, command, configuration (DS 4.3.2)
_STATUS_COMMAND_READY = 0x10
_NORMAL_BOTH = 0x33  # pressure and temperature enabled, normal mode (DS 4.3.16)
_OVERSAMPLE_P4_T1 = 0x02
_RATE_320_MS = 0x06  # DS 4.3.18
_FILTER_OFF = 0x00
_NO_DATA = 0x800000  # the data registers after reset (DS 4.3.5)


@dataclass(frozen=True, slots=True)
class Bmp388Calibration:
    """Trimming values already scaled (DS 9.1): ``t`` T1..T3 and ``p`` P1..P11."""

    t: tuple[float, ...]
    p: tuple[float, ...]


def parse_calibration(data: bytes) -> Bmp388Calibration:
    """From registers 0x31..0x45 (21 bytes). Raises DeviceGarbage when they are blank."""
    if set(data) <= {0xFF} or set(data) <= {0x00}:
        raise DeviceGarbage("bmp388: calibration is blank")
    t1, t2, t3, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11 = struct.unpack(
        "<HHbhhbbHHbbhbb", data
    )
    if t1 == 0 or t2 == 0:
        raise DeviceGarbage("bmp388: calibration has T1 or T2 zero")
    return Bmp388Calibration(
        (t1 * 2.0**8, t2 / 2.0**30, t3 / 2.0**48),
        (
            (p1 - 2**14) / 2.0**20, (p2 - 2**14) / 2.0**29, p3 / 2.0**32, p4 / 2.0**37,
            p5 * 2.0**3, p6 / 2.0**6, p7 / 2.0**8, p8 / 2.0**15,
            p9 / 2.0**48, p10 / 2.0**48, p11 / 2.0**65,
        ),
    )


def compensate_temperature(raw: int, calibration: Bmp388Calibration) -> float:
    """Degrees Celsius from the 24-bit reading. Source: DS 9.2."""
    t1, t2, t3 = calibration.t
    delta = raw - t1
    return delta * t2 + delta * delta * t3


def compensate_pressure(raw: int, temperature_c: float, calibration: Bmp388Calibration) -> float:
    """Pascal from the 24-bit reading and the compensated temperature. Source: DS 9.3."""
    p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11 = calibration.p
    t = temperature_c
    offset = p5 + p6 * t + p7 * t**2 + p8 * t**3
    slope = p1 + p2 * t + p3 * t**2 + p4 * t**3
    return offset + raw * slope + raw**2 * (p9 + p10 * t) + raw**3 * p11


class Bmp388(BoschBarometer):
    """One BMP388 on an I2C bus; keys temperature_c and pressure_hpa."""

    KIND: ClassVar[str] = "BMP388"
    # DS 4.3.1: BMP388; 0x60 is the BMP390, same registers and formula
    CHIP_IDS: ClassVar[tuple[int, ...]] = (0x50, 0x60)
    SECOND_RESULT_MS: ClassVar[int] = 400  # DS 3.9.2: 11 ms at x4, x1, and one period of 320 ms

    def __init__(self, bus: I2cBus, address: int = 0x77, name: str = "bmp388") -> None:
        """``address`` is 0x76 (SDO low) or 0x77."""
        super().__init__(bus, address, name)
        self._calibration: Bmp388Calibration | None = None

    def _chip_id(self) -> int:
        return self._registers.byte(_ID)

    def _reset(self) -> None:
        self._registers.write_byte(_COMMAND, _SOFT_RESET)

    def _is_ready(self) -> bool:
        return bool(self._registers.byte(_STATUS) & _STATUS_COMMAND_READY)

    def _set_up(self) -> None:
        self._calibration = self._read_calibration()
        self._configure()

    def _read_calibration(self) -> Bmp388Calibration:
        data = self._registers.block(_CALIBRATION, 21)
        if data != self._registers.block(_CALIBRATION, 21):
            raise DeviceGarbage(f"{self.name}: calibration differs between two reads")
        return parse_calibration(data)

    def _configure(self) -> None:
        self._registers.write_byte(_OVERSAMPLING, _OVERSAMPLE_P4_T1)
        self._registers.write_byte(_RATE, _RATE_320_MS)
        self._registers.write_byte(_FILTER, _FILTER_OFF)
        self._registers.write_byte(_POWER, _NORMAL_BOTH)
        if self._registers.byte(_ERROR) & _ERROR_ANY:
            raise DeviceGarbage(f"{self.name}: the chip rejects its configuration")

    def _measure(self, now_ms: int) -> Reading:
        assert self._calibration is not None
        data = self._registers.block(_DATA, 6)
        raw_pressure = int.from_bytes(data[0:3], "little")
        raw_temperature = int.from_bytes(data[3:6], "little")
        if _NO_DATA in (raw_pressure, raw_temperature):
            raise DeviceGarbage(f"{self.name}: no measurement was made")
        temperature_c = compensate_temperature(raw_temperature, self._calibration)
        pressure_hpa = compensate_pressure(raw_pressure, temperature_c, self._calibration) / 100
        self._check(temperature_c, pressure_hpa)
        return Reading(now_ms, {"temperature_c": temperature_c, "pressure_hpa": pressure_hpa})
