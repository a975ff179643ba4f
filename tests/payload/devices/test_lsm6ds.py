"""LSM6DS: the spin about whatever is the vertical, in any position of the chip."""

from __future__ import annotations

import math
import struct

import pytest

from payload.devices.lsm6ds import DATA, SETTINGS, WHO_AM_I, Lsm6ds, spin_dps
from payload.ports import DeviceAbsent, DeviceGarbage, DeviceTimeout
from tests.payload.devices.i2c_fake import FakeBus

ADDRESS = 0x6A
ONE_G = 8197  # of 0.122 mg


def sample(*counts: int) -> bytes:
    return struct.pack("<6h", *counts)


def turning(bus: FakeBus) -> None:
    """45 degrees a second about z, which is up."""
    bus.load(ADDRESS, WHO_AM_I, b"\x6c")
    bus.load(ADDRESS, DATA, sample(0, 0, 643, 0, 0, ONE_G))


@pytest.fixture
def bus() -> FakeBus:
    fake = FakeBus()
    turning(fake)
    return fake


def started(bus: FakeBus) -> Lsm6ds:
    sensor = Lsm6ds(bus, ADDRESS)
    for now_ms in (0, 100):
        with pytest.raises(DeviceTimeout, match="starting"):
            sensor.read(now_ms)
    return sensor


def test_a_known_rate_and_its_sign(bus: FakeBus) -> None:
    """DS12140 4.1: 70 mdps a count at 2000 dps; anticlockwise from above is positive."""
    sensor = started(bus)
    assert sensor.read(1000).values == {"spin_dps": pytest.approx(45.01, abs=0.01)}
    bus.load(ADDRESS, DATA, sample(0, 0, 643, 0, 0, -ONE_G))  # the chip hangs head down
    assert sensor.read(2000).values == {"spin_dps": pytest.approx(-45.01, abs=0.01)}


def test_any_position_gives_the_same_spin() -> None:
    """Method: the same turning seen from chips fixed at every angle."""
    for degrees in range(0, 360, 15):
        up = (math.cos(math.radians(degrees)), math.sin(math.radians(degrees)) * 0.6,
              math.sin(math.radians(degrees)) * 0.8)
        counts = [round(1000 * part) for part in up] + [round(ONE_G * part) for part in up]
        assert spin_dps(sample(*counts)) == pytest.approx(70.0, abs=0.1)


def test_swinging_is_no_spin() -> None:
    """A rate across the vertical, as of a pendulum, is none about it."""
    assert spin_dps(sample(900, -900, 0, 0, 0, ONE_G)) == 0.0


@pytest.mark.parametrize(("counts", "is_known"), [
    ((0, 0, 100, 0, 0, 2460), True), ((0, 0, 100, 0, 0, 2457), False),  # 0.3 g
    ((0, 0, 100, 0, 0, 0), False),
    ((0, 0, 32766, 0, 0, ONE_G), True), ((0, 0, 32767, 0, 0, ONE_G), False),
    ((-32768, 0, 0, 0, 0, ONE_G), False),
])
def test_where_there_is_no_spin_to_tell(counts: tuple[int, ...], is_known: bool) -> None:
    assert (spin_dps(sample(*counts)) is not None) is is_known


def test_in_free_fall_it_answers_and_tells_nothing(bus: FakeBus) -> None:
    sensor = started(bus)
    bus.load(ADDRESS, DATA, sample(5000, -3000, 643, 10, 20, 30))
    assert sensor.read(1000).values == {}


def test_other_chips_and_brown_outs(bus: FakeBus) -> None:
    bus.load(ADDRESS, WHO_AM_I, b"\x68")  # an MPU-6050 at 0x69 says so
    with pytest.raises(DeviceGarbage, match="chip id 0x68 is not an LSM6DS"):
        Lsm6ds(bus, ADDRESS).read(0)
    bus.load(ADDRESS, WHO_AM_I, b"\x69")
    sensor = started(bus)
    assert sensor.read(1000).values
    bus.load(ADDRESS, min(SETTINGS), bytes(3))  # after a brown-out both are off
    with pytest.raises(DeviceTimeout):
        sensor.read(2000)
    assert sensor.read(3000).values
    bus.chips.clear()
    with pytest.raises(DeviceAbsent):
        sensor.read(4000)
