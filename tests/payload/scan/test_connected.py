"""What was found becomes keys, and the keys a section that a mission file may have."""

from __future__ import annotations

import pytest

from payload.devices.probes import UBLOX, UNKNOWN, FoundChip
from payload.scan.connected import RYLR, Connected, FoundLine, Value, keys, page, section
from wire.mission_sensors import SensorSection

FIRST, SECOND = "28-0316a2795cff", "28-3c01d607a1b2"
BME280, INA219 = FoundChip(0x76, "bme280"), FoundChip(0x40, "ina219")


def fitted(connected: Connected) -> SensorSection:
    """The section, read as the mission file is."""
    found = {key: value for key, value in keys(connected).items() if value is not None}
    plan = SensorSection.model_validate(found)
    assert plan.flaw() is None
    return plan


def test_the_usual_pair() -> None:
    plan = fitted(Connected(1, [INA219, BME280], [], [FoundLine("/dev/ttyACM0", UBLOX, 9600)]))
    assert plan == SensorSection()


def test_a_thermometer_hangs_outside_and_the_board_lies_in_the_box() -> None:
    plan = fitted(Connected(1, [BME280], [FIRST]))
    assert plan.places == {"outside": "the 1-Wire bus", "inside": "0x76"}
    plan = fitted(Connected(1, [], [FIRST, SECOND]))
    assert plan.places == {"outside": FIRST, "inside": SECOND}
    plan = fitted(Connected(1, [FoundChip(0x44, "sht4x"), BME280]))
    assert (plan.outside, plan.inside) == ("sht4x", "bme280")


def test_a_second_monitor_is_the_panels() -> None:
    plan = fitted(Connected(1, [INA219, FoundChip(0x45, "ina226"), FoundChip(0x6B, "lsm6ds")]))
    assert plan.places == {"power": "0x40", "panel": "0x45", "spin": "0x6b"}
    assert (plan.outside, plan.panel) == ("none", "ina226")


@pytest.mark.parametrize(("connected", "told"), [
    (Connected(1, [FoundChip(0x42, UBLOX)]), {"gnss_address": 0x42}),
    (Connected(1, [FoundChip(0x42, UBLOX)], [], [FoundLine("/dev/ttyUSB0", UBLOX, 38400)]),
     {"gnss_address": None, "gnss_device": "/dev/ttyUSB0", "gnss_baud": 38400}),
    (Connected(1, [], [], [FoundLine("/dev/ttyUSB0", RYLR, 115200)]), {}),
])
def test_the_receiver(connected: Connected, told: dict[str, Value | None]) -> None:
    """On a serial port rather than on the bus; one that says nothing changes no key."""
    assert {key: value for key, value in keys(connected).items() if "gnss" in key} == told


def test_a_bus_that_was_not_asked_says_nothing_of_its_chips() -> None:
    for connected in (Connected(None, [], [FIRST]), Connected(1, [], [FIRST], flaw="it hangs")):
        assert keys(connected) == {
            "outside": "ds18b20", "outside_address": None, "outside_id": None}


def test_page_and_section() -> None:
    connected = Connected(1, [INA219, FoundChip(0x68, UNKNOWN)], [FIRST], [
        FoundLine("/dev/serial0"), FoundLine("/dev/ttyUSB0", RYLR, 115200)])
    assert page(connected).splitlines() == [
        "I2C bus 1", "  0x40  ina219", "  0x68  unknown: not read by spacepi",
        "1-Wire bus", f"  {FIRST}  ds18b20",
        "Serial ports", "  /dev/serial0  silent: a modem that waits, or nothing connected",
        "  /dev/ttyUSB0  RYLR998, 115200 baud"]
    assert section(keys(connected)).splitlines() == [
        "[sensors]", "i2c_bus = 1", 'outside = "ds18b20"', 'inside = "none"', 'power = "ina219"',
        "power_address = 0x40", 'panel = "none"', 'spin = "none"']
    assert page(Connected(1)) == "I2C bus 1: nothing answers"
    assert page(Connected(1, flaw="the bus hangs")).endswith("\nThe bus hangs.")
