"""The sensors that a mission file names: one table for the Pi and for the simulator."""

from __future__ import annotations

from collections.abc import Callable

from payload.devices.bme280 import Bme280
from payload.devices.bmp280 import Bmp280
from payload.devices.bmp388 import Bmp388
from payload.devices.ina219 import Ina219
from payload.devices.ina226 import Ina226
from payload.ports import I2cBus, Sensor
from wire.mission import SensorSection

_OUTSIDE: dict[str, Callable[[I2cBus, int], Sensor]] = {
    "bme280": Bme280, "bmp280": Bmp280, "bmp388": Bmp388,
}
_POWER: dict[str, Callable[[I2cBus, int, int], Sensor]] = {
    "ina219": lambda bus, address, shunt_mohm: Ina219(bus, address, shunt_mohm=shunt_mohm),
    "ina226": lambda bus, address, shunt_mohm: Ina226(bus, address, shunt_mohm=shunt_mohm),
}


def outside(sensors: SensorSection, bus: I2cBus | None) -> Sensor | None:
    """What measures the air; None where the mission fits none."""
    if bus is None or sensors.outside == "none":
        return None
    return _OUTSIDE[sensors.outside](bus, sensors.outside_address)


def power(sensors: SensorSection, bus: I2cBus | None) -> Sensor | None:
    """What measures the battery; None where the mission fits none."""
    if bus is None or sensors.power == "none":
        return None
    return _POWER[sensors.power](bus, sensors.power_address, sensors.power_shunt_mohm)
