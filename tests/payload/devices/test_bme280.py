"""BME280: Bosch's worked example comes out of registers, and every way to be wrong is named."""

from __future__ import annotations

import random
import struct

import pytest

from payload.devices.bme280 import Bme280, compensate_humidity, parse_calibration
from payload.ports import DeviceAbsent, DeviceGarbage, DeviceTimeout, PortError
from tests.payload.devices.i2c_fake import FakeBus

ADDRESS = 0x76
# Bosch BST-BMP280-DS001 section 3.12: the worked example, whose trimming the BME280 shares.
EXAMPLE_TP = struct.pack(
    "<HhhHhhhhhhhh",
    27504, 26435, -1000, 36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000,
)
EXAMPLE_RAW_T, EXAMPLE_RAW_P = 519888, 415148
# Humidity trimming of a real part: H1 75, H2 366, H3 0, H4 309, H5 50, H6 30.
EXAMPLE_H1 = 75
EXAMPLE_H = struct.pack("<hBBBBb", 366, 0, 309 >> 4, (309 & 15) | (50 & 15) << 4, 50 >> 4, 30)
EXAMPLE_RAW_H = 0x6B00


def data_bytes(raw_p: int, raw_t: int, raw_h: int) -> bytes:
    return (raw_p << 4).to_bytes(3, "big") + (raw_t << 4).to_bytes(3, "big") + raw_h.to_bytes(
        2, "big"
    )


def chip(bus: FakeBus) -> None:
    bus.load(ADDRESS, 0xD0, b"\x60")
    bus.load(ADDRESS, 0x88, EXAMPLE_TP + b"\x00" + bytes((EXAMPLE_H1,)))
    bus.load(ADDRESS, 0xE1, EXAMPLE_H)
    bus.load(ADDRESS, 0xF7, data_bytes(EXAMPLE_RAW_P, EXAMPLE_RAW_T, EXAMPLE_RAW_H))


@pytest.fixture
def bus() -> FakeBus:
    fake = FakeBus()
    chip(fake)
    return fake


def start(sensor: Bme280, now_ms: int = 0) -> int:
    """Read until it runs; the time of the next read."""
    for _ in range(3):
        with pytest.raises(DeviceTimeout):
            sensor.read(now_ms)
        now_ms += 1000
    return now_ms


def test_worked_example(bus: FakeBus) -> None:
    """Goal: the arithmetic is Bosch's. Method: their registers in, their result out."""
    sensor = Bme280(bus, ADDRESS)
    reading = sensor.read(start(sensor))
    assert reading.values["temperature_c"] == 25.08
    assert reading.values["pressure_hpa"] == pytest.approx(1006.5327, abs=0.001)
    assert reading.taken_ms == 3000
    assert 0 <= reading.values["humidity_pct"] <= 100


def test_humidity_against_the_floating_point_formula(bus: FakeBus) -> None:
    """Goal: the integer formula. Method: Bosch's other one, in floating point, for many inputs."""
    calibration = parse_calibration(EXAMPLE_TP + b"\x00\x4b", EXAMPLE_H)
    h1, h2, h3, h4, h5, h6 = calibration.h
    assert (h1, h2, h3, h4, h5, h6) == (75, 366, 0, 309, 50, 30)
    for raw in range(0x4000, 0xF000, 0x777):
        for t_fine in (-100_000, 0, 128_422, 300_000):
            v = t_fine - 76800.0
            v = (raw - (h4 * 64.0 + h5 / 16384.0 * v)) * (
                h2 / 65536.0 * (1.0 + h6 / 67108864.0 * v * (1.0 + h3 / 67108864.0 * v))
            )
            v = min(max(v * (1.0 - h1 * v / 524288.0), 0.0), 100.0)
            assert compensate_humidity(raw, t_fine, calibration) / 1024 == pytest.approx(v, abs=0.1)


def test_negative_h4_and_h5() -> None:
    """Goal: the two twelve-bit values keep their sign. Method: both at -5."""
    high = struct.pack("<hBBBBB", 366, 0, 0xFF, 0x0B | 0xB0, 0xFF, 30)
    assert parse_calibration(EXAMPLE_TP + b"\x00\x4b", high).h[3:5] == (-5, -5)


def test_wrong_id_is_garbage(bus: FakeBus) -> None:
    """Goal: a BMP280 (0x58) at the address is not taken for a BME280."""
    bus.load(ADDRESS, 0xD0, b"\x58")
    with pytest.raises(DeviceGarbage, match="0x58"):
        Bme280(bus, ADDRESS).read(0)


def test_absent() -> None:
    """Goal: nothing on the bus is DeviceAbsent, every time."""
    sensor = Bme280(FakeBus(), ADDRESS)
    for now_ms in range(5):
        with pytest.raises(DeviceAbsent):
            sensor.read(now_ms)


@pytest.mark.parametrize("blank", [b"\xff", b"\x00"])
def test_blank_calibration(bus: FakeBus, blank: bytes) -> None:
    """Goal: calibration of all FF or all zero never becomes a temperature."""
    bus.load(ADDRESS, 0x88, blank * 26)
    sensor = Bme280(bus, ADDRESS)
    with pytest.raises(DeviceTimeout):
        sensor.read(0)
    with pytest.raises(DeviceGarbage):
        sensor.read(1000)


@pytest.mark.parametrize(
    "data",
    [
        data_bytes(0x80000, EXAMPLE_RAW_T, EXAMPLE_RAW_H),
        data_bytes(EXAMPLE_RAW_P, 0x80000, EXAMPLE_RAW_H),
        data_bytes(EXAMPLE_RAW_P, EXAMPLE_RAW_T, 0x8000),
        data_bytes(EXAMPLE_RAW_P, 0, EXAMPLE_RAW_H),
        b"\xff" * 8,
        b"\x00" * 8,
    ],
)
def test_skipped_or_impossible_measurement(bus: FakeBus, data: bytes) -> None:
    """Goal: a skipped measurement and values no air has are garbage; then it starts again."""
    sensor = Bme280(bus, ADDRESS)
    now_ms = start(sensor)
    bus.load(ADDRESS, 0xF7, data)
    with pytest.raises(DeviceGarbage):
        sensor.read(now_ms)
    chip(bus)
    assert sensor.read(start(sensor, now_ms + 1000)).values["temperature_c"] == 25.08


def test_unplugged_and_back(bus: FakeBus) -> None:
    """Goal: a sensor that was lost sets itself up again. Method: take its registers away."""
    sensor = Bme280(bus, ADDRESS)
    sensor.read(start(sensor))
    lost = bus.chips.pop(ADDRESS)
    for now_ms in range(4000, 8000, 1000):
        with pytest.raises(DeviceAbsent):
            sensor.read(now_ms)
    bus.chips[ADDRESS] = lost
    bus.writes.clear()
    sensor.read(start(sensor, 8000))
    assert (ADDRESS, 0xE0, 0xB6) in bus.writes


def test_reads_too_early_wait(bus: FakeBus) -> None:
    """Goal: no measurement is taken before the second one can be done."""
    sensor = Bme280(bus, ADDRESS)
    for now_ms in (0, 1, 2, 1050):
        with pytest.raises(DeviceTimeout):
            sensor.read(now_ms)
    assert sensor.read(1051).taken_ms == 1051


def test_one_error_in_three_transfers(bus: FakeBus) -> None:
    """Goal: a noisy bus still yields readings. Method: a third of the transfers fails with EIO."""
    bus.fail_chance, bus.random = 1 / 3, random.Random(3)
    sensor = Bme280(bus, ADDRESS)
    good = 0
    for now_ms in range(0, 60_000, 1000):
        try:
            reading = sensor.read(now_ms)
        except PortError:
            continue
        assert reading.values["temperature_c"] == 25.08
        good += 1
    assert good > 40


def test_bus_that_times_out_is_tried_once(bus: FakeBus) -> None:
    """Goal: a stuck clock line costs one time-out, not two, and is DeviceTimeout."""
    bus.stuck = True
    with pytest.raises(DeviceTimeout, match="timed out"):
        Bme280(bus, ADDRESS).read(0)
    assert bus.calls == 1
