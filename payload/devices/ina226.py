"""INA226: battery voltage and current through one Texas Instruments shunt monitor.

Source: TI SBOS547A, sections 7.5 (programming) and 7.6 (registers). Words are big-endian.
The chip converts continuously. A calibration register that reads otherwise than written means a
reset (a brown-out); the chip is then identified and configured again, and that read raises
DeviceTimeout.

The shunt input ends at 81.92 mV: 0.8 A through a 100 milliohm shunt, 8 A through 10. A current at
that end is reported as DeviceGarbage, since the true one is unknown.
"""

from __future__ import annotations

from payload.devices.buses import I2cBus
from payload.devices.registers import Registers
from payload.ports import DeviceGarbage, DeviceTimeout, Reading

MANUFACTURER_ID, DIE_ID = 0x5449, 0x226  # "TI"; the low four bits of the die id are its revision
_CONFIG, _SHUNT_VOLTAGE, _BUS_VOLTAGE, _POWER, _CURRENT, _CALIBRATION, _MASK = range(7)
_MANUFACTURER, _DIE = 0xFE, 0xFF
_CONFIGURATION = 0x4527  # 16 samples of 1.1 ms averaged, shunt and bus continuous (SBOS547A 7.6.1)
_MATH_OVERFLOW = 0x0004
_SHUNT_FULL_SCALE = (0x7FFF, 0x8000)
_SHUNT_LSB_UV = 2.5
_BUS_LSB_MV = 1.25
# With current LSB = shunt LSB / resistance, equation 1 gives this for every resistance.
_CALIBRATION_VALUE = 2048
FIRST_RESULT_MS = 80  # 16 * 2 * 1.1 ms for the first average, doubled


class Ina226:
    """One INA226 on an I2C bus; keys battery_mv, current_ma and power_mw."""

    def __init__(
        self, bus: I2cBus, address: int = 0x40, name: str = "ina226", shunt_mohm: int = 100
    ) -> None:
        """``address`` 0x40..0x4F; ``shunt_mohm`` the resistor, 1 or more."""
        assert shunt_mohm > 0, shunt_mohm
        self.name = name
        self._registers = Registers(bus, address, name)
        self._current_lsb_ma = _SHUNT_LSB_UV / shunt_mohm
        self._configured_ms: int | None = None

    def read(self, now_ms: int) -> Reading:
        """The latest averaged conversion.

        Raises: DeviceAbsent, DeviceTimeout while starting, DeviceGarbage for a wrong identity, an
        overflow, a current at full scale, or a chip that does not retain its configuration.
        """
        if self._registers.word(_CALIBRATION) != _CALIBRATION_VALUE or self._configured_ms is None:
            self._configure(now_ms)
            raise DeviceTimeout(f"{self.name}: starting")
        if now_ms - self._configured_ms < FIRST_RESULT_MS:
            raise DeviceTimeout(f"{self.name}: starting")
        if self._registers.word(_MASK) & _MATH_OVERFLOW:
            raise DeviceGarbage(f"{self.name}: arithmetic overflow")
        if self._registers.word(_SHUNT_VOLTAGE) in _SHUNT_FULL_SCALE:
            raise DeviceGarbage(f"{self.name}: current is beyond the range")
        return Reading(
            now_ms,
            {
                "battery_mv": self._registers.word(_BUS_VOLTAGE) * _BUS_LSB_MV,
                "current_ma": self._registers.signed_word(_CURRENT) * self._current_lsb_ma,
                "power_mw": self._registers.word(_POWER) * 25 * self._current_lsb_ma,
            },
        )

    def _configure(self, now_ms: int) -> None:
        self._configured_ms = None
        identity = self._registers.word(_MANUFACTURER), self._registers.word(_DIE)
        if identity[0] != MANUFACTURER_ID or identity[1] >> 4 != DIE_ID:
            raise DeviceGarbage(f"{self.name}: identity {identity} is not an INA226")
        self._registers.write_word(_CONFIG, _CONFIGURATION)
        self._registers.write_word(_CALIBRATION, _CALIBRATION_VALUE)
        if self._registers.word(_CALIBRATION) != _CALIBRATION_VALUE:
            raise DeviceGarbage(f"{self.name}: does not retain its configuration")
        self._configured_ms = now_ms
