"""Bus and sensor faults (docs/faults.md, 16 to 23): blocked, absent, swapped, wrong."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import cast

from sim.chips.bosch import BoschChip
from sim.chips.ina import PowerMonitor
from sim.fakes.i2c_bus import SensorTap
from sim.faults.stage import End, Fault, Stage

HANG_MS = 60_000  # of one call, as a kernel without a limit does
STALL_MS = 200
EIO_ONE_IN = 3
OTHER_ADDRESS = {0x76: 0x77, 0x77: 0x76}
WRONG_ID = 0xFF
BATTERY = ("battery_floor",)  # nobody aboard knows it while its sensor is silent or repeats itself


def _outside(stage: Stage) -> tuple[int, BoschChip]:
    address = stage.world.mission.sensors.outside_address
    return address, cast(BoschChip, stage.world.bus.chip(address))


def _power(stage: Stage) -> tuple[int, PowerMonitor]:
    address = stage.world.mission.sensors.power_address
    return address, cast(PowerMonitor, stage.world.bus.chip(address))


def _stuck(stage: Stage, stall_ms: int) -> End:
    bus = stage.world.bus
    before_ms = bus.stall_ms
    bus.is_stuck_low, bus.stall_ms = True, stall_ms

    def end() -> None:
        bus.is_stuck_low, bus.stall_ms = False, before_ms

    return end


def _eio(stage: Stage) -> End:
    bus = stage.world.bus
    bus.eio_one_in = EIO_ONE_IN

    def end() -> None:
        bus.eio_one_in = 0

    return end


def _ailing(stage: Stage, ail: Callable[[BoschChip], None]) -> End:
    """The outside chip as ``ail`` leaves it, after a power-up of its own."""
    _, chip = _outside(stage)
    ail(chip)
    chip.power_up()
    return chip.heal


def _stick(stage: Stage) -> End:
    """The chips go on answering, with what they last measured."""
    chips = _outside(stage)[1], _power(stage)[1]
    for chip in chips:
        chip.is_stuck = True

    def end() -> None:
        for chip in chips:
            chip.is_stuck = False

    return end


def _first_sample(chip: BoschChip) -> None:
    chip.has_bad_first_sample = True


def _move(stage: Stage) -> End:
    address, bus = _outside(stage)[0], stage.world.bus
    to = OTHER_ADDRESS.get(address, 0x77)
    bus.move(address, to)
    return partial(bus.move, to, address)


def _cross(stage: Stage) -> End:
    bus = stage.world.bus
    bus.cross(_outside(stage)[0], _power(stage)[0])
    return bus.uncross


def _unplug(stage: Stage, find: Callable[[Stage], tuple[int, object]]) -> End:
    address, bus = find(stage)[0], stage.world.bus
    bus.unplug(address)
    return partial(bus.plug_in, address)


def _force(stage: Stage, tap: str, **values: float) -> End:
    """The driver says this in place of what it measured."""
    between = cast(SensorTap, getattr(stage.world, tap))
    between.forced = dict(values)

    def end() -> None:
        between.forced = {}

    return end


def _set_power(stage: Stage, flaw: str) -> End:
    _, chip = _power(stage)
    setattr(chip, flaw, True)
    if flaw == "forgets":
        chip.power_up()
    return partial(setattr, chip, flaw, False)


FAULTS: tuple[Fault, ...] = (
    Fault(16, "i2c.stuck", "the clock line is held low, every call takes 0.2 s",
          partial(_stuck, stall_ms=STALL_MS), (30.0, 600.0), BATTERY),
    Fault(16, "i2c.hang", "every call blocks for a minute", partial(_stuck, stall_ms=HANG_MS),
          (60.0, 600.0), BATTERY),
    Fault(17, "i2c.eio", "one transfer in three fails", _eio, (60.0, 1200.0), BATTERY),
    Fault(18, "i2c.wrong_id", "the outside chip reports another chip id",
          partial(_ailing, ail=lambda chip: chip.forge_id(WRONG_ID))),
    Fault(18, "i2c.moved", "the outside chip answers at its other address", _move),
    Fault(19, "sensor.constant", "the chips return the same values for ever", _stick,
          (60.0, 1200.0), (*BATTERY, "told_truth.air", "told_truth.battery")),
    Fault(19, "sensor.first_sample", "the first sample after a reset is wrong",
          partial(_ailing, ail=_first_sample)),
    Fault(19, "sensor.no_data", "the data registers keep their reset values",
          partial(_ailing, ail=lambda chip: chip.skip_measuring())),
    Fault(19, "sensor.calibration", "the calibration reads as all FF",
          partial(_ailing, ail=lambda chip: chip.blank_calibration())),
    Fault(20, "sensor.minus_312", "the temperature is -312 C",
          partial(_force, tap="outside", temperature_c=-312.0)),
    Fault(20, "sensor.no_pressure", "the pressure is 0 hPa",
          partial(_force, tap="outside", pressure_hpa=0.0)),
    Fault(20, "sensor.humidity_140", "the humidity is 140 %",
          partial(_force, tap="outside", humidity_pct=140.0)),
    Fault(20, "sensor.not_a_number", "every value is NaN",
          partial(_force, tap="outside", temperature_c=float("nan"), pressure_hpa=float("inf"),
                  humidity_pct=float("nan"))),
    Fault(21, "i2c.crossed", "two chips receive each other's transfers", _cross, (20.0, 300.0),
          BATTERY),
    Fault(22, "power.absent", "the power sensor is absent", partial(_unplug, find=_power),
          (20.0, 300.0), BATTERY),
    Fault(22, "power.reversed", "the shunt is reversed",
          partial(_set_power, flaw="is_reversed")),
    Fault(22, "power.overflow", "the power sensor reports an overflow",
          partial(_set_power, flaw="has_overflow"), (20.0, 300.0), BATTERY),
    Fault(22, "power.forgets", "the power sensor keeps resetting",
          partial(_set_power, flaw="forgets"), (20.0, 300.0), BATTERY),
    Fault(23, "i2c.replugged", "the outside chip is unplugged and plugged in again",
          partial(_unplug, find=_outside), (5.0, 60.0)),
)
