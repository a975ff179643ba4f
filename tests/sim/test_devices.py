"""Fake chips through the real device code, and the receiver through the real driver."""

from __future__ import annotations

import itertools

import pytest

from payload.devices.bme280 import Bme280
from payload.devices.gps_ublox import UbloxGnss
from payload.devices.ina219 import Ina219
from payload.ports import DeviceAbsent, DeviceTimeout, GnssFix, PortError
from sim.balloon import SITES, Balloon
from sim.battery import Battery, open_circuit_mv, resistance_ohm
from sim.clock import SimClock, part_rng
from sim.devices import Bme280Chip, FakeI2cBus, Ina219Chip, Trimming
from sim.receiver import FIRST_FIX_S, FakeUblox
from sim.sky import Sky
from sim.thermal import BoxHeat
from tests.sim.flights import Quiet

OTHER_TRIMMING = Trimming(
    (28_213, 26_530, 50), (37_212, -10_540, 3_024, 6_911, -92, -7, 9_900, -10_230, 4_285),
    (75, 371, 0, 302, 50, 30),
)


class _Bench:
    """A clock, a bus with both chips, and the air around them."""

    def __init__(self, trimming: Trimming | None = None) -> None:
        self.clock = SimClock(0)
        self.air = (20.0, 101_325.0, 40.0)
        self.supply = (3_700.0, 400.0)
        options = {} if trimming is None else {"trimming": trimming}
        chip = Bme280Chip(self.clock, lambda: self.air, Quiet(1), **options)
        self.bus = FakeI2cBus({0x76: chip, 0x40: Ina219Chip(lambda: self.supply, Quiet(1))})
        self.bme280 = Bme280(self.bus, 0x76)
        self.ina219 = Ina219(self.bus, 0x40)

    def read(self, sensor: Bme280 | Ina219) -> dict[str, float]:
        """The next reading once the chip has started."""
        for _ in range(6):
            self.clock.now_ms += 1_000
            try:
                return sensor.read(self.clock.now_ms).values
            except DeviceTimeout:
                continue
        raise AssertionError("the chip never started")


@pytest.mark.parametrize("trimming", [None, OTHER_TRIMMING])
def test_bme280_round_trip(trimming: Trimming | None) -> None:
    """True air in, the driver's integer arithmetic out, over the datasheet's range."""
    bench = _Bench(trimming)
    for temperature, hectopascal, humidity in itertools.product(
        (-38.0, -5.0, 24.5, 60.0), (305.0, 650.0, 1_013.25, 1_095.0), (3.0, 50.0, 97.0)
    ):
        bench.air = (temperature, hectopascal * 100, humidity)
        values = bench.read(bench.bme280)
        assert values["temperature_c"] == pytest.approx(temperature, abs=0.02)
        assert values["pressure_hpa"] == pytest.approx(hectopascal, abs=0.05)
        assert values["humidity_pct"] == pytest.approx(humidity, abs=0.2)


def test_bme280_has_no_pressure_below_300_hpa_and_goes_on_measuring_cold() -> None:
    bench = _Bench()
    bench.air = (-62.0, 1_200.0, 1.0)
    values = bench.read(bench.bme280)
    assert "pressure_hpa" not in values
    assert values["temperature_c"] == pytest.approx(-62.0, abs=0.05)


def test_an_unplugged_chip_is_absent_and_returns() -> None:
    """Pull the plug, put a fresh chip in: the driver starts it without help."""
    bench = _Bench()
    bench.read(bench.bme280)
    bench.bus.unplug(0x76)
    for _ in range(4):
        with pytest.raises(DeviceAbsent):
            bench.bme280.read(bench.clock.now_ms)
    bench.bus.plug_in(0x76, Bme280Chip(bench.clock, lambda: (5.0, 90_000.0, 30.0), Quiet(2)))
    assert bench.read(bench.bme280)["temperature_c"] == pytest.approx(5.0, abs=0.02)
    with pytest.raises(OSError):
        bench.bus.read_byte_data(0x50, 0)


def test_ina219_round_trip() -> None:
    bench = _Bench()
    for millivolts, milliamps in ((2_900, 900.0), (3_704, 251.3), (4_200, 0.0), (4_100, -120.0)):
        bench.supply = (millivolts, milliamps)
        values = bench.read(bench.ina219)
        assert values["battery_mv"] == pytest.approx(millivolts, abs=2)
        assert values["current_ma"] == pytest.approx(milliamps, abs=0.2)


def test_the_battery_sags_in_the_cold_and_under_load() -> None:
    battery = Battery(3_000, 0.9)
    warm, cold = battery.terminals(1.0, 25.0), battery.terminals(1.0, -20.0)
    assert cold[0] < warm[0] < open_circuit_mv(0.9)
    assert battery.terminals(3.0, -20.0)[0] < cold[0] - 50
    assert 4 < resistance_ohm(-20) / resistance_ohm(25) < 10
    before = battery.charge(25.0)
    for _ in range(3_600):
        battery.draw(1.5, 25.0, 1.0)
    assert before - battery.charge(25.0) == pytest.approx(0.14, abs=0.02)
    assert open_circuit_mv(-1) < open_circuit_mv(0.5) < open_circuit_mv(2)


def test_thin_air_cools_a_processor_badly() -> None:
    low, high = BoxHeat(20.0), BoxHeat(20.0)
    for _ in range(600):
        low.step(1.0, 2.4, 2.4, 20.0, 1.225, False)
        high.step(1.0, 2.4, 2.4, 20.0, 0.018, False)
    assert high.soc_c - high.inside_c > 1.5 * (low.soc_c - low.inside_c)


class _Sky:
    """A receiver over a real trajectory, polled once a second."""

    def __init__(self, is_clone: bool = False) -> None:
        balloon = Balloon(part_rng(1, "balloon"), Sky(part_rng(1, "sky")), SITES[0])
        self.balloon = balloon
        self.clock = SimClock(balloon.start_utc_ms)
        self.stream = FakeUblox(self.clock, balloon, part_rng(1, "receiver"), is_clone)
        self.gnss = UbloxGnss(self.stream)

    def run(self, until_s: int) -> list[GnssFix]:
        fixes: list[GnssFix] = []
        while self.clock.now_ms < until_s * 1000:
            self.clock.now_ms += 1_000
            fixes += self.gnss.poll(self.clock.now_ms)
        return fixes


def test_receiver_starts_cold_and_then_tells_the_truth() -> None:
    """Time before place; then one fix a second within a few metres, in airborne mode."""
    sky = _Sky()
    fixes = sky.run(60)
    assert sky.gnss.dynamic_model == 6
    first = next(i for i, fix in enumerate(fixes) if fix.fix_type == 3)
    assert FIRST_FIX_S - 3 <= first <= FIRST_FIX_S
    assert any(fix.utc_ms is not None for fix in fixes[:first])
    assert fixes[5].utc_ms is None
    fixes = sky.run(3_000)
    assert len(fixes) == 2_940
    assert {fix.fix_type for fix in fixes} == {3}
    last, truth = fixes[-1], sky.balloon.state(3_000)
    assert last.altitude_m == pytest.approx(truth.altitude_m, abs=8)
    assert last.latitude_deg == pytest.approx(truth.latitude_deg, abs=1e-4)
    assert last.climb_mps == pytest.approx(truth.climb_mps, abs=0.01)
    assert last.utc_ms == sky.balloon.start_utc_ms + 3_000_000
    assert sky.gnss.damage_count == 0


def test_a_portable_receiver_loses_its_fix_at_12_km() -> None:
    """The settings are wiped above 12 km: no fix until the driver has set the model again."""
    sky = _Sky()
    sky.run(4_520)
    assert sky.balloon.state(4_520).altitude_m > 12_500
    sky.stream.dynamic_model = 0
    fix = sky.run(4_522)[-1]
    assert (fix.fix_type, fix.altitude_m) == (0, None)
    assert sky.run(4_600)[-1].fix_type == 3
    assert sky.stream.dynamic_model == 6


def test_a_brown_out_of_the_receiver_is_survived() -> None:
    sky = _Sky()
    sky.run(4_500)
    sky.stream.reset()
    sky.run(4_560)
    assert sky.gnss.resets_seen >= 1
    assert sky.run(4_570)[-1].fix_type == 3


def test_a_clone_speaks_nmea_only() -> None:
    sky = _Sky(is_clone=True)
    fixes = sky.run(90)
    assert fixes[-1].fix_type == 3
    assert sky.gnss.dynamic_model is None


def test_an_unplugged_receiver_raises() -> None:
    sky = _Sky()
    sky.run(40)
    sky.stream.is_unplugged = True
    with pytest.raises(PortError):
        sky.gnss.poll(sky.clock.now_ms)
    sky.stream.is_unplugged = False
    assert sky.run(60)


def test_the_serial_buffer_is_bounded() -> None:
    """Nobody reads for an hour: the newest seconds are there, the rest is gone."""
    sky = _Sky()
    sky.run(40)
    sky.clock.now_ms += 3_600_000
    assert 0 < len(sky.stream.read(1 << 20)) <= 4_096
