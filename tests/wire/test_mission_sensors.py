"""The [sensors] section: what is left out, and two chips in one place."""

from __future__ import annotations

from pathlib import Path

import pytest

from wire.mission import MissionError, parse
from wire.mission_sensors import SensorSection

EXAMPLE = Path("mission.toml").read_text()


def with_sensors(lines: str) -> str:
    before, _, rest = EXAMPLE.partition("[sensors]\n")
    return f"{before}[sensors]\n{lines}\n\n[power]{rest.partition('[power]')[2]}"


def test_places_as_a_person_says_them() -> None:
    plan = SensorSection(outside="ds18b20", inside="sht4x", power="none")
    assert plan.places == {"outside": "the 1-Wire bus", "inside": "0x44"}
    plan = SensorSection(outside="ds18b20", outside_id="28-3c01d607a1b2")
    assert plan.places == {"outside": "28-3c01d607a1b2", "power": "0x40"}
    assert SensorSection(outside="sht4x", outside_address=0x45).outside_address == 0x45


@pytest.mark.parametrize(("lines", "sentence"), [
    ('inside = "bme280"\ninside_address = 0x76',
     "sensors.outside_address and sensors.inside_address are both 0x76; two chips cannot share an "
     "address"),
    ('outside = "ds18b20"\ninside = "ds18b20"',
     "sensors.outside and sensors.inside are the same DS18B20; tell them apart by "
     "sensors.outside_id and sensors.inside_id"),
    ('spin = "mpu6050"', "sensors.spin = 'mpu6050'"),
    ('outside = "ds18b20"\noutside_id = "28-3C01"', "sensors.outside_id = '28-3C01'"),
    ("gnss_address = 0x40",
     "sensors.gnss_address and sensors.power_address are both 0x40; two chips cannot share an "
     "address"),
    ('panel = "ina219"\npanel_address = 0x40',
     "sensors.power_address and sensors.panel_address are both 0x40"),
    ("outside_address = 7", "sensors.outside_address = 0x07: must be an address from 0x08 to 0x77"),
    ('outside = "dht22"', "sensors.outside = 'dht22'"),
])
def test_what_cannot_be(lines: str, sentence: str) -> None:
    with pytest.raises(MissionError) as raised:
        parse(with_sensors(lines), "mission.toml")
    assert sentence in str(raised.value)


def test_two_thermometers_by_their_ids() -> None:
    plan = parse(with_sensors(
        'outside = "ds18b20"\noutside_id = "28-3c01d607a1b2"\n'
        'inside = "ds18b20"\ninside_id = "28-0316a2795cff"'), "mission.toml").sensors
    assert plan.flaw() is None
