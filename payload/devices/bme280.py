"""BME280: air temperature, pressure and humidity of one Bosch sensor.

Source: Bosch BST-BME280-DS002 rev 1.6, sections 4.2.3 (compensation), 5.3 and 5.4 (memory map).
The chip runs in normal mode, one measurement a second, so a read is one block of registers and
nothing here ever waits (``payload.devices.bosch_startup``). The first sample after a reset may be
wrong without looking so, and is left alone: read once a second, the chip gives its first value with
the fourth read.

Below 300 hPa (about 9 km) the datasheet promises nothing and some chips stick: no pressure then.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import ClassVar

from payload.devices.bosch_startup import BoschBarometer
from payload.devices.buses import I2cBus
from payload.ports import DeviceGarbage, Reading

_ID, _RESET, _CTRL_HUM, _STATUS, _CTRL_MEAS, _CONFIG, _DATA = (
    0xD0, 0xE0, 0xF2, 0xF3, 0xF4, 0xF5, 0xF7,
)
_CALIBRATION_1, _CALIBRATION_2 = 0x88, 0xE1
_SOFT_RESET = 0xB6  # DS 5.4.2
_STATUS_IM_UPDATE = 0x01  # DS 5.4.4: calibration is being copied
_OVERSAMPLING_1 = 0x01
_NORMAL_MODE_1X = 0x27  # osrs_t x1, osrs_p x1, normal (DS 5.4.5)
_STANDBY_1000_MS = 0xA0  # filter off (DS 5.4.6)
_SKIPPED_20_BIT, _SKIPPED_16_BIT = 0x80000, 0x8000  # DS 5.4.7: no measurement was made
PRESSURE_HPA_MIN = 300.5  # DS table 1: 300 hPa; the half is the noise of a chip that sticks there


@dataclass(frozen=True, slots=True)
class Bme280Calibration:
    """Trimming values of one chip (DS table 16): ``t`` T1..T3, ``p`` P1..P9, ``h`` H1..H6."""

    t: tuple[int, ...]
    p: tuple[int, ...]
    h: tuple[int, ...]


def parse_calibration(low: bytes, high: bytes) -> Bme280Calibration:
    """From registers 0x88..0xA1 (26 bytes) and 0xE1..0xE7 (7 bytes).

    Raises DeviceGarbage where a chip cannot have such values: all FF, all zero, T1 or P1 zero.
    """
    if set(low) <= {0xFF} or set(low) <= {0x00} or set(high) <= {0xFF}:
        raise DeviceGarbage("bme280: calibration is blank")
    words = struct.unpack("<HhhHhhhhhhhh", low[:24])
    h2, h3 = struct.unpack_from("<hB", high, 0)
    h4 = int.from_bytes(high[3:4], "big", signed=True) << 4 | high[4] & 0x0F
    h5 = int.from_bytes(high[5:6], "big", signed=True) << 4 | high[4] >> 4
    h6 = int.from_bytes(high[6:7], "big", signed=True)
    if words[0] == 0 or words[3] == 0:
        raise DeviceGarbage("bme280: calibration has T1 or P1 zero")
    return Bme280Calibration(words[:3], words[3:], (low[25], h2, h3, h4, h5, h6))


def compensate_temperature(raw: int, calibration: Bme280Calibration) -> tuple[int, int]:
    """Centidegrees and ``t_fine``, from the 20-bit reading. Source: DS 4.2.3."""
    t1, t2, t3 = calibration.t
    var1 = (((raw >> 3) - (t1 << 1)) * t2) >> 11
    delta = (raw >> 4) - t1
    t_fine = var1 + ((((delta * delta) >> 12) * t3) >> 14)
    return (t_fine * 5 + 128) >> 8, t_fine


def compensate_pressure(raw: int, t_fine: int, calibration: Bme280Calibration) -> int:
    """Pascal times 256 (Q24.8), from the 20-bit reading; 0 where it would divide by zero.

    Source: DS 4.2.3, the 64-bit variant. C truncates the one division and Python floors it; both
    numbers there are positive for any real chip, and one count is 1/256 Pa.
    """
    p1, p2, p3, p4, p5, p6, p7, p8, p9 = calibration.p
    var1 = t_fine - 128000
    var2 = var1 * var1 * p6 + ((var1 * p5) << 17) + (p4 << 35)
    var1 = ((var1 * var1 * p3) >> 8) + ((var1 * p2) << 12)
    var1 = (((1 << 47) + var1) * p1) >> 33
    if var1 == 0:
        return 0
    value = (((1048576 - raw) << 31) - var2) * 3125 // var1
    var1 = (p9 * (value >> 13) * (value >> 13)) >> 25
    var2 = (p8 * value) >> 19
    return ((value + var1 + var2) >> 8) + (p7 << 4)


def compensate_humidity(raw: int, t_fine: int, calibration: Bme280Calibration) -> int:
    """Percent relative humidity times 1024 (Q22.10), 0..102400. Source: DS 4.2.3."""
    h1, h2, h3, h4, h5, h6 = calibration.h
    t = t_fine - 76800
    wet = ((raw << 14) - (h4 << 20) - h5 * t + 16384) >> 15
    gain = (((((t * h6) >> 10) * (((t * h3) >> 11) + 32768)) >> 10) + 2097152) * h2 + 8192
    value = wet * (gain >> 14)
    value -= ((((value >> 15) * (value >> 15)) >> 7) * h1) >> 4
    return min(max(value, 0), 419430400) >> 12


class Bme280(BoschBarometer):
    """One BME280 on an I2C bus; keys temperature_c, pressure_hpa and humidity_pct."""

    KIND: ClassVar[str] = "BME280"
    CHIP_IDS: ClassVar[tuple[int, ...]] = (0x60,)  # DS 5.4.1
    SECOND_RESULT_MS: ClassVar[int] = 1_050  # DS 9.1: 9.3 ms at 1x, standby, and 9.3 ms again
    HAS_HUMIDITY: ClassVar[bool] = True

    def __init__(self, bus: I2cBus, address: int = 0x76, name: str = "bme280") -> None:
        """``address`` is 0x76 (SDO low) or 0x77."""
        super().__init__(bus, address, name)
        self._calibration: Bme280Calibration | None = None

    def _chip_id(self) -> int:
        return self._registers.byte(_ID)

    def _reset(self) -> None:
        self._registers.write_byte(_RESET, _SOFT_RESET)

    def _is_ready(self) -> bool:
        return not self._registers.byte(_STATUS) & _STATUS_IM_UPDATE

    def _set_up(self) -> None:
        self._calibration = self._read_calibration()
        self._configure()

    def _read_calibration(self) -> Bme280Calibration:
        low, high = self._trimming()
        if (low, high) != self._trimming():
            raise DeviceGarbage(f"{self.name}: calibration differs between two reads")
        return parse_calibration(low, high)

    def _trimming(self) -> tuple[bytes, bytes]:
        """The registers of the calibration; those of the humidity are zero where there is none."""
        low = self._registers.block(_CALIBRATION_1, 26)
        return low, self._registers.block(_CALIBRATION_2, 7) if self.HAS_HUMIDITY else bytes(7)

    def _configure(self) -> None:
        """DS 5.4.3: ctrl_hum takes effect with the write of ctrl_meas, so that comes last."""
        self._registers.write_byte(_CONFIG, _STANDBY_1000_MS)
        if self.HAS_HUMIDITY:
            self._registers.write_byte(_CTRL_HUM, _OVERSAMPLING_1)
        self._registers.write_byte(_CTRL_MEAS, _NORMAL_MODE_1X)

    def _measure(self, now_ms: int) -> Reading:
        assert self._calibration is not None
        data = self._registers.block(_DATA, 8 if self.HAS_HUMIDITY else 6)
        raw_pressure = int.from_bytes(data[0:3], "big") >> 4
        raw_temperature = int.from_bytes(data[3:6], "big") >> 4
        raw_humidity = int.from_bytes(data[6:8], "big")  # 0 of a chip that has none
        if _SKIPPED_20_BIT in (raw_pressure, raw_temperature) or raw_humidity == _SKIPPED_16_BIT:
            raise DeviceGarbage(f"{self.name}: no measurement was made")
        centidegrees, t_fine = compensate_temperature(raw_temperature, self._calibration)
        temperature_c = centidegrees / 100
        pressure_hpa = compensate_pressure(raw_pressure, t_fine, self._calibration) / 25600
        self._check(temperature_c, pressure_hpa)
        values = {"temperature_c": temperature_c}
        if self.HAS_HUMIDITY:
            humidity = compensate_humidity(raw_humidity, t_fine, self._calibration)
            values["humidity_pct"] = humidity / 1024
        if pressure_hpa > PRESSURE_HPA_MIN:
            values["pressure_hpa"] = pressure_hpa
        return Reading(now_ms, values)
