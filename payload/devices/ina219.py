"""INA219: battery voltage and current through one Texas Instruments shunt monitor.

Source: TI SBOS448G, sections 8.5 (programming) and 8.6 (registers). Words are big-endian.
The chip converts continuously. It has no identity register, so it is known by keeping what was
written: a calibration register that reads otherwise means that the chip was reset (a brown-out) or
is another chip, and it is configured again. A read that had to configure raises DeviceTimeout.
"""

from __future__ import annotations

from payload.devices.buses import I2cBus
from payload.devices.registers import Registers
from payload.ports import DeviceGarbage, DeviceTimeout, Reading

_CONFIG, _BUS_VOLTAGE, _POWER, _CURRENT, _CALIBRATION = 0x00, 0x02, 0x03, 0x04, 0x05
# 32 V range, gain /8 (320 mV across the shunt), 16 samples averaged, shunt and bus continuous.
CONFIGURATION = 0x3E67
_BUS_OVERFLOW = 0x0001  # SBOS448G 8.6.3.2: the arithmetic overflowed, current and power are invalid
_BUS_LSB_MV = 4
CURRENT_LSB_MA = 0.1  # full scale 3.2 A, the least that holds 2 A with room for inrush
POWER_LSB_MW = 20 * CURRENT_LSB_MA  # SBOS448G equation 3
FIRST_RESULT_MS = 40  # two conversions of 8.51 ms, and a coarse clock


class Ina219:
    """One INA219 on an I2C bus; keys battery_mv, current_ma and power_mw.

    current_ma is positive from the supply to the load and may be negative (charging).
    """

    def __init__(
        self, bus: I2cBus, address: int = 0x40, name: str = "ina219", shunt_mohm: int = 100
    ) -> None:
        """``address`` 0x40..0x4F; ``shunt_mohm`` the resistor, 100 on nearly every breakout."""
        self.name = name
        self._registers = Registers(bus, address, name)
        # SBOS448G equation 1; bit 0 of the register is not kept by the chip.
        self._calibration = int(0.04096 / (CURRENT_LSB_MA / 1000 * shunt_mohm / 1000)) & 0xFFFE
        assert 0 < self._calibration <= 0xFFFE, shunt_mohm
        self._configured_ms: int | None = None

    def read(self, now_ms: int) -> Reading:
        """The latest averaged conversion.

        Raises: DeviceAbsent, DeviceTimeout while starting, DeviceGarbage on the overflow flag or
        when the chip does not retain its configuration.
        """
        if self._registers.word(_CALIBRATION) != self._calibration or self._configured_ms is None:
            self._configure(now_ms)
            raise DeviceTimeout(f"{self.name}: starting")
        if now_ms - self._configured_ms < FIRST_RESULT_MS:
            raise DeviceTimeout(f"{self.name}: starting")
        bus = self._registers.word(_BUS_VOLTAGE)
        if bus & _BUS_OVERFLOW:
            raise DeviceGarbage(f"{self.name}: overflow, current is beyond the range")
        return Reading(
            now_ms,
            {
                "battery_mv": float((bus >> 3) * _BUS_LSB_MV),
                "current_ma": self._registers.signed_word(_CURRENT) * CURRENT_LSB_MA,
                "power_mw": self._registers.word(_POWER) * POWER_LSB_MW,
            },
        )

    def _configure(self, now_ms: int) -> None:
        self._configured_ms = None
        self._registers.write_word(_CONFIG, CONFIGURATION)
        self._registers.write_word(_CALIBRATION, self._calibration)
        kept = self._registers.word(_CONFIG), self._registers.word(_CALIBRATION)
        if kept != (CONFIGURATION, self._calibration):
            raise DeviceGarbage(f"{self.name}: does not retain its configuration, read {kept}")
        self._configured_ms = now_ms
