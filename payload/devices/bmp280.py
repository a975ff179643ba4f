"""BMP280: air temperature and pressure of one Bosch sensor, which is often sold as a BME280.

Its registers are those of a BME280 without the humidity.

Source: Bosch BST-BMP280-DS001 rev 1.23, sections 3.11 (compensation) and 4.2 (memory map);
BST-BME280-DS002 rev 1.6, table 17, names what differs: the chip id, and standby times that are not
used here. It is driven by ``bme280``, states and all.
"""

from __future__ import annotations

from typing import ClassVar

from payload.devices.bme280 import Bme280
from payload.devices.buses import I2cBus


class Bmp280(Bme280):
    """One BMP280 on an I2C bus; keys temperature_c and pressure_hpa."""

    KIND: ClassVar[str] = "BMP280"
    CHIP_IDS: ClassVar[tuple[int, ...]] = (0x58,)  # DS 4.3.1
    HAS_HUMIDITY: ClassVar[bool] = False

    def __init__(self, bus: I2cBus, address: int = 0x76, name: str = "bmp280") -> None:
        """``address`` is 0x76 (SDO low) or 0x77."""
        super().__init__(bus, address, name)
