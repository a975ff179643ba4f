"""BMP388: the floating-point formula agrees with Bosch's integer one; errors are named."""

from __future__ import annotations

import struct

import pytest

from payload.devices.bmp388 import (
    Bmp388,
    compensate_pressure,
    compensate_temperature,
    parse_calibration,
)
from payload.ports import DeviceAbsent, DeviceGarbage, DeviceTimeout
from tests.payload.devices.i2c_fake import FakeBus

ADDRESS = 0x77
# T1 T2 T3, P1..P11 as a real part has them.
TRIM = (27480, 19117, -7, -1009, -1456, 35, 0, 25081, 30395, 3, -6, 16386, 15, -60)
CALIBRATION = struct.pack("<HHbhhbbHHbbhbb", *TRIM)
RAW_T = 8_520_000


def bosch_integer(raw_p: int, raw_t: int) -> tuple[float, float]:
    """(C, Pa) by the integer arithmetic of Bosch's BMP3 sensor API, the independent witness."""
    t1, t2, t3, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11 = TRIM
    delta = raw_t - 256 * t1
    t_lin = (t2 * delta * 262144 + delta * delta * t3) // 4294967296
    celsius = t_lin * 25 / 16384 / 100
    square = t_lin * t_lin
    cube = (square // 64) * t_lin // 256
    offset = p5 * 140737488355328 + p8 * cube // 32 + p7 * square * 16 + p6 * t_lin * 4194304
    slope = (
        (p1 - 16384) * 70368744177664
        + p4 * cube // 32
        + p3 * square * 4
        + (p2 - 16384) * t_lin * 2097152
    )
    first = slope // 16777216 * raw_p
    second = (p10 * t_lin + 65536 * p9) * raw_p // 8192
    second = raw_p * (second // 10) // 512 * 10
    third = (p11 * raw_p * raw_p // 65536) * raw_p // 128
    total = offset // 4 + first + second + third
    return celsius, total * 25 // 1099511627776 / 100


def find_raw_pressure(pascal: float) -> int:
    """The 24-bit reading that the integer formula turns into about ``pascal``."""
    low, high = 0, 1 << 24
    rising = bosch_integer(high, RAW_T)[1] > bosch_integer(low, RAW_T)[1]
    while high - low > 1:
        middle = (low + high) // 2
        if (bosch_integer(middle, RAW_T)[1] < pascal) == rising:
            low = middle
        else:
            high = middle
    return low


def chip(bus: FakeBus, raw_p: int, raw_t: int = RAW_T) -> None:
    bus.load(ADDRESS, 0x00, b"\x50")
    bus.load(ADDRESS, 0x02, b"\x00\x70")  # no error; ready
    bus.load(ADDRESS, 0x31, CALIBRATION)
    bus.load(ADDRESS, 0x04, raw_p.to_bytes(3, "little") + raw_t.to_bytes(3, "little"))


def start(sensor: Bmp388) -> None:
    for now_ms in (0, 1000):
        with pytest.raises(DeviceTimeout):
            sensor.read(now_ms)


@pytest.mark.parametrize("pascal", [2_000, 30_000, 60_000, 101_325, 110_000])
def test_against_the_integer_formula(pascal: float) -> None:
    """Goal: the compensation. Method: Bosch's integer arithmetic, written apart, agrees."""
    calibration = parse_calibration(CALIBRATION)
    raw_p = find_raw_pressure(pascal)
    celsius, integer_pa = bosch_integer(raw_p, RAW_T)
    temperature_c = compensate_temperature(RAW_T, calibration)
    assert temperature_c == pytest.approx(celsius, abs=0.01)
    assert -40 < temperature_c < 85
    assert compensate_pressure(raw_p, temperature_c, calibration) == pytest.approx(
        integer_pa, abs=2.0
    )


def test_a_reading_from_registers() -> None:
    """Goal: bytes to values. Method: registers holding 1000 hPa."""
    bus = FakeBus()
    chip(bus, find_raw_pressure(100_000))
    sensor = Bmp388(bus, ADDRESS)
    start(sensor)
    reading = sensor.read(2000)
    assert reading.values["pressure_hpa"] == pytest.approx(1000.0, abs=0.05)
    assert set(reading.values) == {"temperature_c", "pressure_hpa"}


def test_errors_are_named() -> None:
    """Goal: absent, wrong id, blank calibration, chip error and no data are told apart."""
    bus = FakeBus()
    with pytest.raises(DeviceAbsent):
        Bmp388(bus, ADDRESS).read(0)
    chip(bus, find_raw_pressure(100_000))
    bus.load(ADDRESS, 0x00, b"\x58")
    with pytest.raises(DeviceGarbage, match="chip id"):
        Bmp388(bus, ADDRESS).read(0)
    for register, data in ((0x31, b"\xff" * 21), (0x02, b"\x04")):
        chip(bus, find_raw_pressure(100_000))
        bus.load(ADDRESS, register, data)
        sensor = Bmp388(bus, ADDRESS)
        with pytest.raises(DeviceTimeout):
            sensor.read(0)
        with pytest.raises(DeviceGarbage):
            sensor.read(1000)
    for data in (b"\x00\x00\x80" * 2, b"\xff" * 6, bytes(6)):
        chip(bus, find_raw_pressure(100_000))
        bus.load(ADDRESS, 0x04, data)
        sensor = Bmp388(bus, ADDRESS)
        start(sensor)
        with pytest.raises(DeviceGarbage):
            sensor.read(2000)
