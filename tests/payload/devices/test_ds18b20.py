"""DS18B20: the data sheet's table of temperatures, and what only looks like one."""

from __future__ import annotations

import pytest

from payload.devices.ds18b20 import Ds18b20, crc8, decode_scratchpad
from payload.ports import DeviceAbsent, DeviceGarbage, DeviceTimeout

# As the kernel gave them, on a Raspberry Pi.
KERNEL = "72 01 4b 46 7f ff 0e 10 57 : crc=57 YES\n72 01 4b 46 7f ff 0e 10 57 t=23125\n"
# Data sheet table 1.
TABLE = {
    0x07D0: 125.0, 0x0191: 25.0625, 0x00A2: 10.125, 0x0008: 0.5, 0x0000: 0.0,
    0xFFF8: -0.5, 0xFF5E: -10.125, 0xFE6F: -25.0625, 0xFC90: -55.0,
}


class Wire:
    """A thermometer whose conversion ends when the test says so."""

    def __init__(self) -> None:
        self.text: str | None = None
        self.starts = 0
        self.is_absent = False

    def start(self) -> None:
        self.starts += 1

    def poll(self) -> str | None:
        if self.is_absent:
            raise DeviceAbsent("no thermometer")
        text, self.text = self.text, None
        return text


def scratchpad(raw: int, configuration: int = 0x7F) -> bytes:
    data = raw.to_bytes(2, "little") + bytes((0x4B, 0x46, configuration, 0xFF, 0x0C, 0x10))
    return data + bytes((crc8(data),))


def started(wire: Wire) -> Ds18b20:
    sensor = Ds18b20(wire)
    with pytest.raises(DeviceTimeout, match="starting"):
        sensor.read(0)
    return sensor


def test_crc_of_the_application_note() -> None:
    """Maxim application note 27: family 02, number 1C B8 01 00 00 00 has CRC A2."""
    assert crc8(bytes.fromhex("021cb801000000")) == 0xA2
    assert crc8(bytes.fromhex("021cb801000000a2")) == 0


@pytest.mark.parametrize(("raw", "celsius"), TABLE.items())
def test_the_table_of_the_data_sheet(raw: int, celsius: float) -> None:
    assert decode_scratchpad(scratchpad(raw)) == celsius


@pytest.mark.parametrize(
    ("configuration", "celsius"), [(0x1F, 10.0), (0x3F, 10.0), (0x5F, 10.125), (0x7F, 10.1875)])
def test_undefined_bits_do_not_count(configuration: int, celsius: float) -> None:
    """Table 2: at 9 bits the low three say nothing."""
    assert decode_scratchpad(scratchpad(0x00A3, configuration)) == celsius


def test_the_value_after_power_up_is_no_reading() -> None:
    """85.0 C is what it holds before it has converted; its neighbours are temperatures."""
    with pytest.raises(DeviceGarbage, match="supply failed"):
        decode_scratchpad(bytes.fromhex("50054b467fff0c101c"))
    assert decode_scratchpad(scratchpad(0x054F)) == 84.9375
    assert decode_scratchpad(scratchpad(0x0551)) == 85.0625


def test_zeros_have_a_right_crc_and_are_no_reading() -> None:
    with pytest.raises(DeviceGarbage, match="touches ground"):
        decode_scratchpad(bytes(9))


@pytest.mark.parametrize("raw", [0x07D1, 0xFC8F])
def test_beyond_its_range(raw: int) -> None:
    with pytest.raises(DeviceGarbage, match=r"C$"):
        decode_scratchpad(scratchpad(raw))


def test_every_single_wrong_bit_is_noticed() -> None:
    good = scratchpad(0x0191)
    for bit in range(72):
        damaged = (int.from_bytes(good, "big") ^ 1 << bit).to_bytes(9, "big")
        with pytest.raises(DeviceGarbage, match="CRC"):
            decode_scratchpad(damaged)


def test_a_reading_is_of_the_conversion_before() -> None:
    wire = Wire()
    sensor = started(wire)
    with pytest.raises(DeviceTimeout, match="converting"):
        sensor.read(1000)
    wire.text = KERNEL
    reading = sensor.read(2000)
    assert (reading.taken_ms, reading.values) == (0, {"temperature_c": 23.125})
    assert wire.starts == 2
    wire.text = KERNEL
    assert sensor.read(3000).taken_ms == 2000


@pytest.mark.parametrize("text", [
    "", "\n", "none", KERNEL.replace("YES", "NO"), KERNEL[:30],
    KERNEL.replace("72 01", "73 01"), "ff " * 9 + ": crc=c9 NO\n" + "ff " * 9 + "t=-62\n",
])
def test_garbage_is_said_and_the_next_conversion_begun(text: str) -> None:
    wire = Wire()
    sensor = started(wire)
    wire.text = text
    with pytest.raises(DeviceGarbage, match="ds18b20: wrong CRC"):
        sensor.read(1000)
    wire.text = KERNEL
    assert sensor.read(2000).values == {"temperature_c": 23.125}


def test_pulled_out_and_put_back() -> None:
    wire = Wire()
    sensor = started(wire)
    wire.is_absent = True
    with pytest.raises(DeviceAbsent):
        sensor.read(1000)
    wire.is_absent = False
    with pytest.raises(DeviceTimeout):
        sensor.read(2000)
    wire.text = KERNEL
    assert sensor.read(3000).taken_ms == 2000
