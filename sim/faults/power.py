"""Supply and temperature faults (docs/faults.md, 24 to 29): oscillation, sag, heat, cold."""

from __future__ import annotations

from collections import Counter
from functools import partial

from sim.battery import ramp, swing
from sim.fakes.board import Firmware, SimBoard
from sim.faults.stage import End, Fault, Stage
from wire.beacon import PowerMode

SWINGS = 100
SWING_MV = 40  # to either side of the limit: less than the hysteresis
SWING_PERIOD_S = 60.0
MODE_CHANGES_MAX = 4  # in one life; the next begins without the last one's mode
DIP_MV = 500.0
WAS_UNDERVOLTED = 0x50000
HOT_C = 85.0
COLD_C = -30.0
SAG_S = 60.0


def _swing(stage: Stage) -> End:
    """Around the limit of LOW, a hundred times; the mode may not follow each time."""
    world = stage.world
    low_mv = world.mission.power.low_mv
    world.body.forced_battery_mv = swing(low_mv - SWING_MV, low_mv + SWING_MV, SWING_PERIOD_S)
    changes: Counter[int] = Counter()  # by boot
    seen = 0, PowerMode.UNKNOWN  # of which boot, measured there

    def look() -> None:
        """Only a change between two modes that one boot has measured counts."""
        nonlocal seen
        mode = PowerMode.UNKNOWN if world.flight is None else world.flight.power.mode
        now = world.daemon.boots, mode
        if now[0] == seen[0] and now != seen and PowerMode.UNKNOWN not in (*now, *seen):
            changes[now[0]] += 1
        seen = now

    stop = stage.every(1.0, look)

    def end() -> None:
        stop()
        world.body.forced_battery_mv = None
        most = max(changes.values(), default=0)
        # A supply that dips with each frame sent may swing across the hysteresis too.
        width_mv = 2 * SWING_MV + world.body.send_dip_mv
        if most > MODE_CHANGES_MAX and width_mv < world.mission.power.hysteresis_mv:
            stage.violate("battery_floor", f"the power mode changed {most} times")

    return end


def _ramp_down(stage: Stage) -> End:
    """Down through every limit to below the last, and back at the end."""
    world = stage.world
    floor_mv = world.mission.power.critical_mv - 100
    world.body.forced_battery_mv = ramp(
        world.body.supply_mv(), floor_mv, world.clock.now_s, SAG_S)

    def end() -> None:
        world.body.forced_battery_mv = None

    return end


def _dips(stage: Stage) -> End:
    return stage.overrides.set(stage.world.body, send_dip_mv=DIP_MV)


def _board(stage: Stage, name: str, value: object, healed: object) -> End:
    board: SimBoard = stage.world.board
    setattr(board, name, value)
    return partial(setattr, board, name, healed)


def _cold(stage: Stage) -> End:
    body = stage.world.body
    body.forced_inside_c = COLD_C

    def end() -> None:
        body.forced_inside_c = None

    return end


FAULTS: tuple[Fault, ...] = (
    Fault(24, "battery.swing", "the battery oscillates around the LOW limit", _swing,
          (600.0, SWINGS * SWING_PERIOD_S)),
    Fault(24, "battery.ramp", "the battery falls below every limit and recovers", _ramp_down,
          (120.0, 600.0)),
    Fault(25, "battery.send_dips", "the supply dips by half a volt at every transmission", _dips,
          (60.0, 1200.0)),
    Fault(26, "board.sticky", "a past under-voltage is still flagged",
          partial(_board, name="forced_throttled", value=WAS_UNDERVOLTED, healed=None),
          (60.0, 1200.0)),
    Fault(26, "board.undervolted", "the board reports an under-voltage",
          partial(_board, name="forced_throttled", value=WAS_UNDERVOLTED | 0x5, healed=None),
          (30.0, 300.0)),
    Fault(27, "board.missing", "the firmware interface is missing",
          partial(_board, name="firmware", value=Firmware.MISSING, healed=Firmware.WELL)),
    Fault(27, "board.hanging", "the firmware does not answer",
          partial(_board, name="firmware", value=Firmware.HANGING, healed=Firmware.WELL)),
    Fault(27, "board.nonsense", "the firmware returns invalid values",
          partial(_board, name="firmware", value=Firmware.NONSENSE, healed=Firmware.WELL)),
    Fault(28, "board.hot", "the processor is at 85 C for an hour",
          partial(_board, name="forced_soc_c", value=HOT_C, healed=None), (3600.0, 3600.0),
          ("told_truth.inside",)),
    Fault(29, "battery.cold", "the cell is at -30 C, then warms up", _cold, (120.0, 900.0)),
)
