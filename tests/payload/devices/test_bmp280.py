"""BMP280: Bosch's worked example out of its registers, and neither chip is taken for the other."""

from __future__ import annotations

import pytest

from payload.devices.bme280 import Bme280
from payload.devices.bmp280 import Bmp280
from payload.ports import DeviceGarbage
from tests.payload.devices.i2c_fake import FakeBus
from tests.payload.devices.test_bme280 import (
    ADDRESS,
    EXAMPLE_RAW_P,
    EXAMPLE_RAW_T,
    EXAMPLE_TP,
    data_bytes,
    start,
)


@pytest.fixture
def bus() -> FakeBus:
    """What a BMP280 has; what it has not reads as zero."""
    fake = FakeBus()
    fake.load(ADDRESS, 0x00, bytes(256))
    fake.load(ADDRESS, 0xD0, b"\x58")
    fake.load(ADDRESS, 0x88, EXAMPLE_TP)
    fake.load(ADDRESS, 0xF7, data_bytes(EXAMPLE_RAW_P, EXAMPLE_RAW_T, 0)[:6])
    return fake


def test_worked_example(bus: FakeBus) -> None:
    """BST-BMP280-DS001 3.12: 25.08 C and 100653.27 Pa; no humidity is made up."""
    sensor = Bmp280(bus, ADDRESS)
    values = sensor.read(start(sensor)).values
    assert values["temperature_c"] == 25.08
    assert values["pressure_hpa"] == pytest.approx(1006.5327, abs=0.0005)
    assert values.keys() == {"temperature_c", "pressure_hpa"}


def test_neither_chip_is_taken_for_the_other(bus: FakeBus) -> None:
    with pytest.raises(DeviceGarbage, match="bme280: chip id 0x58 is not a BME280"):
        Bme280(bus, ADDRESS).read(0)
    bus.load(ADDRESS, 0xD0, b"\x60")
    with pytest.raises(DeviceGarbage, match="bmp280: chip id 0x60 is not a BMP280"):
        Bmp280(bus, ADDRESS).read(0)


def test_blank_calibration_is_garbage(bus: FakeBus) -> None:
    bus.load(ADDRESS, 0x88, b"\xff" * 26)
    sensor = Bmp280(bus, ADDRESS)
    with pytest.raises(DeviceGarbage, match="blank"):
        start(sensor)
