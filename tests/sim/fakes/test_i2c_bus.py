"""The bus fails as buses do: nobody there, errors now and then, a clock line that is held low."""

from __future__ import annotations

import errno

import pytest

from payload.devices.bme280 import Bme280
from payload.ports import DeviceAbsent, DeviceGarbage, DeviceTimeout
from payload.sensors import Sensors
from sim.chips.bme280 import Bme280Chip
from sim.clock import part_rng
from sim.fakes.i2c_bus import FakeI2cBus, SensorTap
from tests.sim.desks import ChipBench
from tests.sim.flights import Quiet


def test_an_unplugged_chip_is_absent_and_returns() -> None:
    """Another fresh chip, then the old one again: the driver starts it without help."""
    bench = ChipBench()
    bench.read("bme280")
    bench.bus.unplug(0x76)
    for _ in range(4):
        with pytest.raises(DeviceAbsent):
            bench.one("bme280")
    bench.bus.plug_in(0x76, Bme280Chip(bench.clock, lambda: (5.0, 90_000.0, 30.0), Quiet(2)))
    assert bench.read("bme280")["temperature_c"] == pytest.approx(5.0, abs=0.02)
    bench.bus.unplug(0x40)
    with pytest.raises(DeviceAbsent):
        bench.one("ina219")
    bench.bus.plug_in(0x40)
    assert bench.read("ina219")
    with pytest.raises(OSError) as raised:
        bench.bus.read_byte_data(0x50, 0)
    assert raised.value.errno == errno.EREMOTEIO


def test_a_moved_chip_answers_at_its_new_address_only() -> None:
    bench = ChipBench()
    bench.bus.unplug(0x77)
    bench.bus.move(0x76, 0x75)
    with pytest.raises(DeviceAbsent):
        bench.one("bme280")
    bench.drivers["moved"] = Bme280(bench.bus, 0x75)
    assert bench.read("moved")


def test_two_chips_get_each_others_transfers() -> None:
    """Neither makes sense any more, and both are right again afterwards."""
    bench = ChipBench()
    bench.read("bme280")
    bench.read("bmp388")
    bench.bus.cross(0x76, 0x77)
    for _ in range(4):
        for name in ("bme280", "bmp388"):
            with pytest.raises((DeviceGarbage, DeviceTimeout)):
                bench.one(name)
    bench.bus.uncross()
    assert bench.read("bme280")["temperature_c"] == pytest.approx(20.0, abs=0.02)
    assert bench.read("bmp388")["temperature_c"] == pytest.approx(20.0, abs=0.02)


def test_one_transfer_in_three_fails() -> None:
    """As often as asked; the driver tries twice, and one reading in nine fails."""
    bench = ChipBench()
    bus = FakeI2cBus({0x76: bench.bme280}, part_rng(1, "bus"))
    bench.drivers["noisy"] = Bme280(bus, 0x76)
    bench.read("noisy")
    bus.eio_one_in = 3
    good = 0
    for _ in range(900):
        try:
            bench.one("noisy")
            good += 1
        except DeviceAbsent as error:
            assert isinstance(error.__cause__, OSError)
            assert error.__cause__.errno == errno.EIO
        except DeviceTimeout:
            continue  # three in a row, and the driver starts the chip again
    assert 0.84 < good / 900 < 0.94
    assert bus.failures["EIO"] > 200


def test_a_bus_held_low_costs_time() -> None:
    """Every transfer times out, and says for how long it kept its caller."""
    bench = ChipBench()
    lost: list[int] = []
    bus = FakeI2cBus({0x76: bench.bme280}, block=lost.append)
    bench.drivers["stuck"] = Bme280(bus, 0x76)
    bench.read("stuck")
    bus.is_stuck_low, bus.stall_ms = True, 60_000
    with pytest.raises(DeviceTimeout):
        bench.one("stuck")
    assert lost == [60_000]
    assert bus.failures == {"ETIMEDOUT": 1}
    bus.is_stuck_low = False
    assert bench.one("stuck")


def test_a_tap_says_what_no_chip_can() -> None:
    """Over the real driver and under the core's own limits, which refuse it."""
    bench = ChipBench()
    tap = SensorTap()
    with pytest.raises(DeviceAbsent):
        tap.read(0)
    tap.fit(bench.drivers["bme280"])
    assert tap.name == "bme280"
    sensors = Sensors({"outside": tap}, None)
    for second in range(1, 5):
        bench.clock.now_ms = second * 1000
        sensors.poll(bench.clock.now_ms)
    assert sensors.latest("outside_c", 4_000) == pytest.approx(20.0, abs=0.1)
    tap.forced = {"temperature_c": -312.0, "pressure_hpa": 0.0, "humidity_pct": 140.0}
    bench.clock.now_ms = 20_000
    sensors.poll(20_000)
    assert sensors.rejects == {"outside_c": 1, "pressure_hpa": 1, "humidity_pct": 1}
    assert sensors.latest("outside_c", 20_000) is None
    tap.forced, tap.age_ms = {}, 30_000
    bench.clock.now_ms = 21_000
    sensors.poll(21_000)
    assert sensors.latest("outside_c", 21_000) is None
