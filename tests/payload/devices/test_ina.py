"""INA219 and INA226: words to millivolts and milliamperes, and every doubt is an error."""

from __future__ import annotations

import pytest

from payload.devices.ina219 import Ina219
from payload.devices.ina226 import Ina226
from payload.ports import DeviceAbsent, DeviceGarbage, DeviceTimeout, Sensor
from tests.payload.devices.i2c_fake import FakeBus

ADDRESS = 0x40


def ina219(bus_mv: int, current: int) -> FakeBus:
    bus = FakeBus()
    bus.words[ADDRESS] = {0x02: (bus_mv // 4) << 3 | 2, 0x03: 100, 0x04: current & 0xFFFF}
    return bus


def ina226(bus_word: int, current: int) -> FakeBus:
    bus = FakeBus()
    bus.words[ADDRESS] = {
        0x01: current & 0xFFFF, 0x02: bus_word, 0x03: 10, 0x04: current & 0xFFFF,
        0xFE: 0x5449, 0xFF: 0x2260,
    }
    return bus


def started(sensor: Sensor) -> Sensor:
    with pytest.raises(DeviceTimeout):
        sensor.read(0)
    return sensor


def test_ina219_words() -> None:
    """Goal: units, byte order and sign. Method: known words, as SBOS448G scales them."""
    bus = ina219(7400, 5000)
    values = started(Ina219(bus)).read(1000).values
    assert values == pytest.approx(
        {"battery_mv": 7400.0, "current_ma": 500.0, "power_mw": 200.0}
    )
    assert bus.words[ADDRESS][0x05] == 4096  # SBOS448G equation 1 for 0.1 mA and 100 milliohm
    values = started(Ina219(ina219(7400, -5))).read(1000).values
    assert values["current_ma"] == pytest.approx(-0.5)


def test_ina219_doubts() -> None:
    """Goal: absent, overflow, too early and a chip that forgets are all errors, never values."""
    with pytest.raises(DeviceAbsent):
        Ina219(FakeBus()).read(0)
    bus = ina219(7400, 100)
    sensor = started(Ina219(bus))
    with pytest.raises(DeviceTimeout):
        sensor.read(10)
    bus.words[ADDRESS][0x02] |= 1
    with pytest.raises(DeviceGarbage, match="overflow"):
        sensor.read(1000)
    bus.words[ADDRESS][0x02] &= ~1
    bus.words[ADDRESS][0x05] = 0  # brown-out: the calibration is gone, current would read 0
    with pytest.raises(DeviceTimeout):
        sensor.read(2000)
    assert sensor.read(3000).values["current_ma"] == pytest.approx(10.0)


def test_a_chip_that_keeps_nothing() -> None:
    """Goal: a bus of all FF is no INA219."""

    class Stuck(FakeBus):
        def read_i2c_block_data(self, i2c_addr: int, register: int, length: int) -> list[int]:
            return [0xFF] * length

        def write_i2c_block_data(self, i2c_addr: int, register: int, data: list[int]) -> None:
            return None

    with pytest.raises(DeviceGarbage):
        Ina219(Stuck()).read(0)
    with pytest.raises(DeviceGarbage):
        Ina226(Stuck()).read(0)


def test_ina226_words() -> None:
    """Goal: units and sign of the other chip, for two shunts."""
    values = started(Ina226(ina226(5920, 4000), shunt_mohm=100)).read(1000).values
    assert values == pytest.approx(
        {"battery_mv": 7400.0, "current_ma": 100.0, "power_mw": 6.25}
    )
    values = started(Ina226(ina226(5920, -4000), shunt_mohm=10)).read(1000).values
    assert values["current_ma"] == pytest.approx(-1000.0)


@pytest.mark.parametrize(("register", "word"), [(0x06, 0x0004), (0x01, 0x7FFF), (0x01, 0x8000)])
def test_ina226_overflow(register: int, word: int) -> None:
    """Goal: a current beyond the range is not reported as the range's end."""
    bus = ina226(5920, 4000)
    sensor = started(Ina226(bus))
    bus.words[ADDRESS][register] = word
    with pytest.raises(DeviceGarbage):
        sensor.read(1000)


def test_ina226_identity() -> None:
    """Goal: another chip at the address is garbage; a brown-out is set up again."""
    bus = ina226(5920, 4000)
    bus.words[ADDRESS][0xFE] = 0x1234
    with pytest.raises(DeviceGarbage, match="identity"):
        Ina226(bus).read(0)
    bus.words[ADDRESS][0xFE] = 0x5449
    sensor = started(Ina226(bus))
    bus.words[ADDRESS][0x05] = 0
    with pytest.raises(DeviceTimeout):
        sensor.read(1000)
    assert sensor.read(2000).values["battery_mv"] == pytest.approx(7400.0)
