"""Fake chips through the real drivers: true air in, their arithmetic out; and every fault."""

from __future__ import annotations

import itertools
from contextlib import suppress
from pathlib import Path

import pytest

from payload.devices.bme280 import Bme280
from payload.devices.bmp280 import Bmp280
from payload.devices.bmp388 import Bmp388
from payload.devices.bosch_startup import BoschBarometer
from payload.devices.ds18b20 import Ds18b20
from payload.devices.lsm6ds import Lsm6ds
from payload.devices.sht4x import Sht4x
from payload.ports import DeviceAbsent, DeviceGarbage, DeviceTimeout
from sim.chips.bme280 import EXAMPLE_TRIMMING, Trimming
from sim.chips.bmp280 import Bmp280Chip
from sim.chips.bmp388 import EXAMPLE_TRIMMING_388, Trimming388
from sim.chips.bosch import AirReading
from sim.chips.ds18b20 import Ds18b20Chip
from sim.chips.lsm6ds import Hanging, Lsm6dsChip
from sim.chips.sht4x import Sht4xChip
from sim.fakes.gnss_settings import M8, M10, Generation
from sim.fakes.i2c_bus import FakeI2cBus
from sim.hardware import Hardware
from sim.scenario import Conditions
from tests.sim.desks import ChipBench
from tests.sim.flights import Quiet, hop_world, mission
from tests.thorough import sampled

OTHER_TRIMMING = Trimming(
    (28_213, 26_530, 50), (37_212, -10_540, 3_024, 6_911, -92, -7, 9_900, -10_230, 4_285),
    (75, 371, 0, 302, 50, 30),
)
OTHER_TRIMMING_388 = Trimming388(
    (27_201, 19_010, -6), (-812, -1_210, 30, 1, 24_870, 30_120, 4, -7, 15_990, 13, -55)
)


AIR = list(itertools.product(
    (-38.0, -5.0, 24.5, 60.0), (305.0, 650.0, 1_013.25, 1_095.0), (3.0, 50.0, 97.0)
))


@pytest.mark.parametrize("trimming", [EXAMPLE_TRIMMING, OTHER_TRIMMING])
def test_bme280_round_trip(trimming: Trimming) -> None:
    """The floating-point inverse against the driver's integers, over the datasheet's range."""
    bench = ChipBench(trimming)
    for temperature, hectopascal, humidity in AIR:
        bench.air_now = (temperature, hectopascal * 100, humidity)
        values = bench.read("bme280")
        assert values["temperature_c"] == pytest.approx(temperature, abs=0.02)
        assert values["pressure_hpa"] == pytest.approx(hectopascal, abs=0.05)
        assert values["humidity_pct"] == pytest.approx(humidity, abs=0.2)


@pytest.mark.parametrize("trimming", [EXAMPLE_TRIMMING, OTHER_TRIMMING])
def test_bmp280_round_trip(trimming: Trimming) -> None:
    """The same registers without humidity, on a bus where nothing else is."""
    bench = ChipBench()
    chip = Bmp280Chip(bench.clock, lambda: bench.air_now, Quiet(1), trimming)
    bench.drivers["bmp280"] = Bmp280(FakeI2cBus({0x76: chip}), 0x76)
    for temperature, hectopascal, _ in AIR:
        bench.air_now = (temperature, hectopascal * 100, 50.0)
        values = bench.read("bmp280")
        assert values["temperature_c"] == pytest.approx(temperature, abs=0.02)
        assert values["pressure_hpa"] == pytest.approx(hectopascal, abs=0.05)
        assert "humidity_pct" not in values


@pytest.mark.parametrize("trimming", [EXAMPLE_TRIMMING_388, OTHER_TRIMMING_388])
def test_bmp388_round_trip(trimming: Trimming388) -> None:
    bench = ChipBench(trimming_388=trimming)
    for temperature, hectopascal, _ in AIR:
        bench.air_now = (temperature, hectopascal * 100, 0.0)
        values = bench.read("bmp388")
        assert values["temperature_c"] == pytest.approx(temperature, abs=0.001)
        assert values["pressure_hpa"] == pytest.approx(hectopascal, abs=0.01)


def test_below_300_hpa_a_bme280_sticks_and_a_bmp388_drifts() -> None:
    """Neither datasheet promises anything there; both go on measuring how cold it is."""
    bench = ChipBench()
    bench.air_now = (-62.0, 1_200.0, 1.0)
    values = bench.read("bme280")
    assert "pressure_hpa" not in values
    assert values["temperature_c"] == pytest.approx(-62.0, abs=0.05)
    assert bench.bme280._noisy().pressure_pa == 30_000
    high = bench.read("bmp388")["pressure_hpa"]
    assert 0.05 < abs(high - 12.0) < 3.1
    bench.air_now = (-50.0, 31_000.0, 1.0)
    assert bench.read("bmp388")["pressure_hpa"] == pytest.approx(310.0, abs=0.01)


def test_bmp388_refuses_to_convert_faster_than_it_can() -> None:
    """Pressure x32 takes 65 ms; asked for every 5 ms it sets its configuration error."""
    bench = ChipBench()
    bench.read("bmp388")
    bench.bmp388.write(0x1C, b"\x05")
    bench.bmp388.write(0x1D, b"\x00")
    bench.bmp388.write(0x1B, b"\x33")
    assert bench.bmp388.read(0x02, 1) == b"\x04"


@pytest.mark.parametrize(("name", "current_step_ma", "currents_ma"), [
    ("ina219", 0.2, (900.0, 251.3, 0.0, -120.0)), ("ina226", 0.03, (800.0, 251.3, 0.0, -120.0)),
])
def test_power_monitors_round_trip(
    name: str, current_step_ma: float, currents_ma: tuple[float, ...]
) -> None:
    bench = ChipBench()
    for millivolts, milliamps in zip((2_900, 3_704, 4_200, 4_100), currents_ma, strict=True):
        bench.supply = (millivolts, milliamps)
        values = bench.read(name)
        assert values["battery_mv"] == pytest.approx(millivolts, abs=2)
        assert values["current_ma"] == pytest.approx(milliamps, abs=current_step_ma)
        power_mw = abs(millivolts * milliamps) / 1000
        assert values["power_mw"] == pytest.approx(power_mw, abs=3)


def test_an_ina226_with_100_milliohm_ends_at_0_8_a() -> None:
    """81.92 mV is all that its shunt input takes: what a thinking Pi draws is beyond that."""
    bench = ChipBench()
    bench.supply = (3_700.0, 950.0)
    with pytest.raises(DeviceGarbage, match="beyond"):
        bench.read("ina226")


@pytest.mark.parametrize(("name", "wrong_id"), [("bme280", 0x58), ("bmp388", 0x42),
                                                ("ina226", 0x1234)])
def test_a_wrong_identity(name: str, wrong_id: int) -> None:
    """0x58 is a BMP280, which many a shop sells as a BME280."""
    bench = ChipBench()
    chip = getattr(bench, name)
    chip.forge_id(wrong_id)
    with pytest.raises(DeviceGarbage):
        bench.one(name)
    chip.heal()
    assert bench.read(name)


@pytest.mark.parametrize("name", ["bme280", "bmp388"])
def test_blank_calibration_and_skipped_measurements(name: str) -> None:
    """Both are garbage to the driver, which starts the chip anew once it is healed."""
    bench = ChipBench()
    chip = getattr(bench, name)
    chip.blank_calibration()
    with pytest.raises(DeviceGarbage, match="blank"):
        bench.read(name)
    chip.heal()
    bench.read(name)
    chip.skip_measuring()
    with pytest.raises(DeviceGarbage, match="no measurement"):
        bench.one(name)
    chip.heal()
    assert bench.read(name)["temperature_c"] == pytest.approx(20.0, abs=0.02)


@pytest.mark.parametrize("name", ["bme280", "bmp388", "ina219", "ina226"])
def test_a_stuck_chip_repeats_itself(name: str) -> None:
    bench = ChipBench()
    before = bench.read(name)
    getattr(bench, name).is_stuck = True
    bench.air_now, bench.supply = (-30.0, 50_000.0, 5.0), (3_000.0, 100.0)
    assert bench.read(name) == before
    getattr(bench, name).heal()
    assert bench.read(name) != before


def _first_temperature_c(name: str) -> float:
    """What a driver that reads ten times a second says first of air at -30 C."""
    bench = ChipBench()
    bench.air_now = (-30.0, 101_325.0, 40.0)
    getattr(bench, name).has_bad_first_sample = True
    while True:
        bench.clock.now_ms += 100
        with suppress(DeviceTimeout):
            return bench.drivers[name].read(bench.clock.now_ms).values["temperature_c"]


@pytest.mark.parametrize(("name", "driver"), [("bme280", Bme280), ("bmp388", Bmp388)])
def test_the_first_sample_after_a_reset_may_be_wrong_and_is_not_told(
    name: str, driver: type[BoschBarometer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plausible, far from the truth, and what a driver in a hurry tells."""
    assert _first_temperature_c(name) == pytest.approx(-30.0, abs=0.02)
    monkeypatch.setattr(driver, "SECOND_RESULT_MS", 60)
    assert abs(_first_temperature_c(name) + 30.0) > 20


@pytest.mark.parametrize("name", ["bme280", "bmp388"])
def test_impossible_air_reaches_the_driver(name: str) -> None:
    """As cold as the counts go, and no pressure at all: the driver says so and gives nothing."""
    bench = ChipBench()
    chip = getattr(bench, name)
    bench.read(name)
    for air in (AirReading(-312.0, 90_000.0, 50.0), AirReading(20.0, 0.0, 50.0)):
        chip.forced_air = air
        with pytest.raises(DeviceGarbage):
            bench.one(name)
        chip.heal()
        bench.read(name)
    chip.forced_air = AirReading(20.0, 90_000.0, 140.0)
    assert bench.read(name).get("humidity_pct", 100.0) == 100.0


def test_power_monitor_faults() -> None:
    bench = ChipBench()
    for name in ("ina219", "ina226"):
        chip = getattr(bench, name)
        chip.is_reversed = True
        assert bench.read(name)["current_ma"] == pytest.approx(-400.0, abs=0.2)
        chip.heal()
        chip.has_overflow = True
        with pytest.raises(DeviceGarbage, match="overflow"):
            bench.one(name)
        chip.heal()
        chip.power_up()
        with pytest.raises(DeviceTimeout):
            bench.one(name)
        assert bench.read(name)["current_ma"] == pytest.approx(400.0, abs=0.2)
        chip.power_up()
        chip.forgets = True
        with pytest.raises(DeviceGarbage, match="does not retain"):
            bench.one(name)


def test_any_register_can_be_forced() -> None:
    bench = ChipBench()
    bench.bme280.forced[0xD0] = 0x12
    assert bench.bus.read_i2c_block_data(0x76, 0xCF, 3) == [0, 0x12, 0]
    bench.ina219.forced[0x02] = 0xABCD
    assert bench.bus.read_i2c_block_data(0x40, 0x02, 2) == [0xAB, 0xCD]


AROUND = list(itertools.product((-54.0, -38.0, 0.0, 24.5, 60.0), (3.0, 50.0, 97.0)))


def test_sht4x_round_trip_and_its_floor() -> None:
    """Its counts end at -45 C: what is colder is no reading of 45."""
    bench = ChipBench()
    chip = Sht4xChip(bench.clock, lambda: bench.air_now, Quiet(1))
    bench.drivers["sht4x"] = Sht4x(FakeI2cBus({0x44: chip}), 0x44)
    for temperature, humidity in AROUND:
        bench.air_now = (temperature, 50_000.0, humidity)
        if temperature < -45:
            bench.clock.now_ms += 1_000
            with suppress(DeviceTimeout), pytest.raises(DeviceGarbage, match="beyond"):
                bench.one("sht4x")
            continue
        bench.clock.now_ms += 1_000
        with suppress(DeviceTimeout, DeviceGarbage):
            bench.one("sht4x")  # of the air before
        values = bench.read("sht4x")
        assert values["temperature_c"] == pytest.approx(temperature, abs=0.002)
        assert values["humidity_pct"] == pytest.approx(humidity, abs=0.002)
    chip.has_bad_crc = True
    with pytest.raises(DeviceGarbage, match="CRC"):
        bench.one("sht4x")
    chip.heal()
    assert bench.read("sht4x") and chip.heated == 0


def test_ds18b20_round_trip_and_faults() -> None:
    """The kernel's text between them; each fault is garbage, and none a temperature."""
    bench = ChipBench()
    chip = Ds18b20Chip(bench.clock, lambda: bench.air_now, Quiet(1))
    bench.drivers["ds18b20"] = Ds18b20(chip)
    for temperature, _ in AROUND:
        bench.air_now = (temperature, 50_000.0, 0.0)
        with suppress(DeviceTimeout):
            bench.one("ds18b20")  # of the air before
        assert bench.read("ds18b20") == {"temperature_c": temperature}
    for fault, words in (("has_bad_crc", "CRC"), ("is_shorted", "ground"),
                         ("is_underfed", "supply")):
        setattr(chip, fault, True)
        with pytest.raises(DeviceGarbage, match=words):
            bench.one("ds18b20")
        setattr(chip, fault, False)
        assert bench.read("ds18b20") == {"temperature_c": 60.0}
    chip.is_unplugged = True
    with pytest.raises(DeviceAbsent):
        bench.one("ds18b20")
    chip.is_unplugged = False
    chip.power_up()
    assert bench.read("ds18b20") == {"temperature_c": 60.0}


UP = ((0.0, 0.0, 1.0), (1.0, 0.0, 0.0), (0.6, -0.8, 0.0))


@pytest.mark.parametrize("up", UP)
def test_lsm6ds_round_trip(up: tuple[float, float, float]) -> None:
    bench = ChipBench()
    hanging = [Hanging(0.0, 1.0)]
    chip = Lsm6dsChip(lambda: hanging[0], Quiet(1), up)
    bench.drivers["lsm6ds"] = Lsm6ds(FakeI2cBus({0x6A: chip}), 0x6A)
    for spin in (-1_400.0, -30.0, 0.0, 6.0, 400.0):
        hanging[0] = Hanging(spin, 1.0)
        assert bench.read("lsm6ds")["spin_dps"] == pytest.approx(spin, abs=0.2)
    hanging[0] = Hanging(700.0, 0.02)  # behind the burst
    assert bench.one("lsm6ds").values == {}
    hanging[0] = Hanging(4_000.0, 1.0)
    if up == UP[0]:
        assert bench.one("lsm6ds").values == {}  # beyond its range
    chip.forge_id(0x68)
    chip.power_up()
    with pytest.raises(DeviceGarbage, match="0x68"):
        bench.read("lsm6ds")
    chip.heal()
    chip.forgets = True
    with pytest.raises(DeviceGarbage, match="does not retain"):
        bench.read("lsm6ds")


@pytest.mark.parametrize("generation", sampled([M8, M10]), ids=["M8", "M10"])
def test_a_flight_with_everything_on_i2c(generation: Generation, tmp_path: Path) -> None:
    """Receiver, panel and gyroscope: the airborne mode is set and read back over registers, and
    what they measure is told."""
    plan = mission()
    sensors = plan.sensors.model_copy(update={
        "gnss_address": 0x42, "panel": "ina219", "panel_address": 0x41, "spin": "lsm6ds"})
    conditions = Conditions(hardware=Hardware(receiver=generation))
    world = hop_world(
        tmp_path, flown=plan.model_copy(update={"sensors": sensors}), conditions=conditions)
    world.run_until(120)
    assert world.flight is not None and world.receiver.dynamic_model == 6
    assert world.flight.navigation.dynamic_model_ok
    situation = world.flight.situation(world.daemon.now_ms)
    assert situation.fix_age_s is not None and situation.fix_age_s <= 2
    assert situation.spin_dps == pytest.approx(0.0, abs=1.0)
    assert situation.panel_mv == pytest.approx(world.body.panel()[0], abs=5)
    assert situation.panel_ma == pytest.approx(world.body.panel()[1], abs=1)
    world.close()


def test_a_bus_that_is_not_proven_keeps_the_receiver_waiting(tmp_path: Path) -> None:
    """Goal: a hung bus that killed the daemon twice is left alone by the receiver too."""
    plan = mission()
    sensors = plan.sensors.model_copy(update={"gnss_address": 0x42})
    world = hop_world(tmp_path, flown=plan.model_copy(update={"sensors": sensors}))
    world.bus.is_stuck_low, world.bus.stall_ms = True, 60_000
    world.run_until(300)
    kills = world.boots
    world.run_until(600)
    assert world.boots == kills <= 4
    assert world.flight is not None and world.flight.bus_guard.is_resting
    world.close()


@pytest.mark.parametrize("fitted", sampled([
    {"outside": "ds18b20", "inside": "bme280", "inside_address": 0x76},
    {"outside": "bmp388", "outside_address": 0x77, "inside": "sht4x", "inside_address": 0x44},
    {"outside": "bme280", "inside": "ds18b20"},
    {"outside": "bmp280"},
], quick=2), ids=lambda fitted: " ".join(
    value for value in fitted.values() if isinstance(value, str)))
def test_a_flight_reports_its_air_and_its_box(fitted: dict[str, object], tmp_path: Path) -> None:
    """Each mix of chips gives temperature, pressure and, in the box, the box's temperature."""
    plan = mission()
    sensors = plan.sensors.model_copy(update=fitted)
    world = hop_world(tmp_path, flown=plan.model_copy(update={"sensors": sensors}))
    world.run_until(40)
    assert world.flight is not None
    situation = world.flight.situation(world.daemon.now_ms)
    assert situation.outside_c == pytest.approx(world.body.outside_c(), abs=0.5)
    assert situation.pressure_hpa == pytest.approx(world.body.air()[1] / 100, abs=0.5)
    truth = world.body.inside_c() if "inside" in fitted else world.body.soc_c()
    assert situation.inside_c == pytest.approx(truth, abs=0.5)
    world.close()
