"""The sensors that a mission file names: one table for the Pi and for the simulator."""

from __future__ import annotations

from collections.abc import Callable

from payload.devices.bme280 import Bme280
from payload.devices.bmp280 import Bmp280
from payload.devices.bmp388 import Bmp388
from payload.devices.buses import Buses, I2cBus
from payload.devices.ddc import DdcStream
from payload.devices.ds18b20 import Ds18b20
from payload.devices.gnss_ublox import PVT_ON_I2C, UbloxGnss
from payload.devices.ina219 import Ina219
from payload.devices.ina226 import Ina226
from payload.devices.lsm6ds import Lsm6ds
from payload.devices.sht4x import Sht4x
from payload.ports import ByteStream, Sensor
from wire.mission_sensors import ONE_WIRE, SensorSection

_CHIPS: dict[str, Callable[[I2cBus, int], Sensor]] = {
    "bme280": Bme280, "bmp280": Bmp280, "bmp388": Bmp388, "sht4x": Sht4x, "lsm6ds": Lsm6ds,
}
_POWER: dict[str, Callable[[I2cBus, int, int], Sensor]] = {
    "ina219": lambda bus, address, shunt_mohm: Ina219(bus, address, shunt_mohm=shunt_mohm),
    "ina226": lambda bus, address, shunt_mohm: Ina226(bus, address, shunt_mohm=shunt_mohm),
}


def sensors(plan: SensorSection, buses: Buses) -> dict[str, Sensor]:
    """role -> its sensor, of every role that has one and a bus to read it on."""
    found: dict[str, Sensor] = {}
    for role in plan.places:
        chip = getattr(plan, role)
        if chip == ONE_WIRE:
            found[role] = Ds18b20(buses.one_wire(getattr(plan, f"{role}_id")))
        elif buses.i2c is not None and chip in _CHIPS:
            found[role] = _CHIPS[chip](buses.i2c, getattr(plan, f"{role}_address"))
        elif buses.i2c is not None:
            found[role] = _POWER[chip](
                buses.i2c, getattr(plan, f"{role}_address"), getattr(plan, f"{role}_shunt_mohm"))
    return found


def receiver(plan: SensorSection, buses: Buses, line: ByteStream) -> UbloxGnss:
    """The receiver, on ``line`` or where the mission says so on the I2C bus."""
    if plan.gnss_address is None or buses.i2c is None:
        return UbloxGnss(line)
    return UbloxGnss(DdcStream(buses.i2c, plan.gnss_address), PVT_ON_I2C)
