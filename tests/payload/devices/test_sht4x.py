"""SHT4x: Sensirion's CRC, both ends of its formulas, and a heater that stays off."""

from __future__ import annotations

import pytest

from payload.devices.sht4x import MEASURE_PRECISELY, Sht4x, crc8, decode_answer
from payload.ports import DeviceAbsent, DeviceGarbage, DeviceTimeout
from tests.payload.devices.i2c_fake import FakeBus

ADDRESS = 0x44


def answer(temperature: int, humidity: int) -> bytes:
    words = (temperature.to_bytes(2, "big"), humidity.to_bytes(2, "big"))
    return b"".join(word + bytes((crc8(word),)) for word in words)


def started(bus: FakeBus) -> Sht4x:
    sensor = Sht4x(bus, ADDRESS)
    with pytest.raises(DeviceTimeout, match="starting"):
        sensor.read(0)
    return sensor


def test_crc_of_the_data_sheet() -> None:
    """Section 4.4: CRC(0xBEEF) = 0x92."""
    assert crc8(b"\xbe\xef") == 0x92


@pytest.mark.parametrize(("words", "celsius", "percent"), [
    ((0x6666, 0x7333), 25.0, 50.25), ((0x8000, 0x0000), 42.5013, 0.0),
    ((0x0001, 0x0C4A), -44.9973, 0.0), ((0xFFFE, 0xFFFF), 129.9973, 100.0),
])
def test_formulas(words: tuple[int, int], celsius: float, percent: float) -> None:
    """Section 4.6: -45 + 175 S / 65535 and -6 + 125 S / 65535, cut off at 0 and 100."""
    values = decode_answer(answer(*words))
    assert values["temperature_c"] == pytest.approx(celsius, abs=0.0001)
    assert values["humidity_pct"] == pytest.approx(percent, abs=0.01)


def test_the_ends_of_its_counts_are_no_temperature() -> None:
    """In the stratosphere it stays at -45 C, which is not how cold it is."""
    for count in (0x0000, 0xFFFF):
        with pytest.raises(DeviceGarbage, match="beyond"):
            decode_answer(answer(count, 0x8000))


def test_every_single_wrong_bit_is_noticed() -> None:
    good = answer(0x6666, 0x7333)
    for bit in range(48):
        damaged = (int.from_bytes(good, "big") ^ 1 << bit).to_bytes(6, "big")
        with pytest.raises(DeviceGarbage, match="CRC"):
            decode_answer(damaged)


def test_a_read_collects_what_the_one_before_started() -> None:
    bus = FakeBus()
    bus.answers[ADDRESS] = answer(0x6666, 0x7333)
    sensor = started(bus)
    with pytest.raises(DeviceTimeout, match="measuring"):
        sensor.read(8)
    assert sensor.read(1000).taken_ms == 0
    assert sensor.read(2000).taken_ms == 1000
    assert set(bus.commands) == {(ADDRESS, MEASURE_PRECISELY)}  # and never the heater's


def test_absent_noise_and_return() -> None:
    bus = FakeBus()
    sensor = Sht4x(bus, ADDRESS)
    with pytest.raises(DeviceAbsent):
        sensor.read(0)
    bus.answers[ADDRESS] = b"\xff" * 6
    with pytest.raises(DeviceTimeout):
        sensor.read(1000)
    with pytest.raises(DeviceGarbage, match="sht4x: wrong CRC"):
        sensor.read(2000)
    bus.answers[ADDRESS] = answer(0x6666, 0x7333)
    assert sensor.read(3000).values["temperature_c"] == pytest.approx(25.0, abs=0.001)
    bus.stuck = True
    with pytest.raises(DeviceTimeout):
        sensor.read(4000)
