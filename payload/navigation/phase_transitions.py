"""The table of transitions: one row for every change of phase, and its conditions.

A row is true or false of the machine at one fix and must stay true for ``hold_s``; the first row
of the present phase that has held is taken. From flight no row leads to GROUND.

After a reboot the phase is INFLIGHT_UNKNOWN, and what was known before it counts: what was falling,
or rising not far above, and lies still for 40 s has landed, where two minutes are required
otherwise. When fixes say nothing clear for 55 s it is as before, so that promise P7, the right
phase in a minute, is kept.

Source: values of PITS (gps.c) and rs41-nfw, tuned on four recorded flights.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from wire.beacon import Phase

if TYPE_CHECKING:
    from payload.navigation.phase import PhaseMachine

LAUNCH_M = 150.0  # above the ground; the value PITS and rs41-nfw fly with
LAUNCH_CLIMB_MPS = 1.0
FLOAT_M_MIN = 5_000.0
FLOAT_MS = 180_000
FLOAT_LEFT_M = 300.0
BURST_DROP_M, BURST_FALL_MPS = 300.0, -5.0
PEAK_DROP_M = 800.0
LANDING_M_MAX = 5_000.0  # stillness higher than this is a float
LANDING_ABOVE_GROUND_M = 2_000.0  # or this far above a high plateau
LANDED_MS = 120_000
LANDED_FROM_ASCENT_MS = 300_000  # a launch that came to nothing, or a walk up a hill
LANDED_KNOWN_MS = 40_000  # at 5 m/s a parachute falls 200 m in it; still is within 30 m
LEVEL_MPS = 1.0
AS_BEFORE_S = 55  # of fixes that say neither up nor down, such as those of a landing among trees
REFLIGHT_M = 500.0
REFLIGHT_CLIMB_MPS = 2.0


class Rule(NamedTuple):
    """One way from a phase to another: ``is_true`` of the machine, at every fix for ``hold_s``."""

    origin: Phase
    target: Phase
    reason: str
    hold_s: int
    is_true: Callable[[PhaseMachine], bool]


def _altitude(m: PhaseMachine) -> float:
    assert m.motion.altitude_m is not None, "rows are looked at only with a fix"
    return m.motion.altitude_m


def _climb(m: PhaseMachine) -> float:
    """Climb, 0 while unknown: no row is about a climb of 0."""
    return m.motion.climb_mps or 0.0


def _above(m: PhaseMachine, mark_m: float | None, by_m: float) -> bool:
    """True when at least ``by_m`` above ``mark_m``; False where the mark is unknown."""
    return mark_m is not None and _altitude(m) >= mark_m + by_m


def _is_low(m: PhaseMachine) -> bool:
    ground_m = m.ground_altitude_m or 0.0
    return _altitude(m) < max(LANDING_M_MAX, ground_m + LANDING_ABOVE_GROUND_M)


def _is_launched(m: PhaseMachine) -> bool:
    is_rising = _above(m, m.ground_altitude_m, LAUNCH_M) and _climb(m) >= LAUNCH_CLIMB_MPS
    return is_rising and not m.has_barometer_veto


def _has_dropped(m: PhaseMachine, by_m: float) -> bool:
    return m.peak_altitude_m is not None and _altitude(m) <= m.peak_altitude_m - by_m


def _is_burst(m: PhaseMachine) -> bool:
    return _has_dropped(m, BURST_DROP_M) and _climb(m) <= BURST_FALL_MPS


def _is_below_peak(m: PhaseMachine) -> bool:
    return _has_dropped(m, PEAK_DROP_M) and _climb(m) < LAUNCH_CLIMB_MPS


def _is_level(m: PhaseMachine) -> bool:
    return not _is_low(m) and _altitude(m) > FLOAT_M_MIN and m.motion.level_ms() >= FLOAT_MS


def _is_still(m: PhaseMachine, for_ms: int) -> bool:
    return _is_low(m) and m.motion.still_ms() >= for_ms


def _has_come_down(m: PhaseMachine) -> bool:
    """It was falling; or rising, and came down from so little that the peak tells nothing."""
    was_rising = m.known_phase is Phase.ASCENT
    return m.known_phase is Phase.DESCENT or (was_rising and not _is_below_peak(m))


def _was(m: PhaseMachine, phase: Phase) -> bool:
    return m.known_phase is phase


_P = Phase
_ROWS: tuple[Rule, ...] = (
    Rule(_P.GROUND, _P.ASCENT, "climbing", 20, _is_launched),
    Rule(_P.GROUND, _P.INFLIGHT_UNKNOWN, "high", 10, lambda m: m.is_aloft),
    Rule(_P.GROUND, _P.INFLIGHT_UNKNOWN, "falling", 60, lambda m: _climb(m) <= BURST_FALL_MPS),
    Rule(_P.ASCENT, _P.DESCENT, "falling", 10, _is_burst),
    Rule(_P.ASCENT, _P.DESCENT, "below_peak", 10, _is_below_peak),
    Rule(_P.ASCENT, _P.FLOAT, "level", 0, _is_level),
    Rule(_P.ASCENT, _P.LANDED, "still", 0, lambda m: _is_still(m, LANDED_FROM_ASCENT_MS)),
    Rule(_P.FLOAT, _P.DESCENT, "falling", 10, _is_burst),
    Rule(_P.FLOAT, _P.DESCENT, "below_peak", 10, _is_below_peak),
    Rule(_P.FLOAT, _P.ASCENT, "climbing", 20,
         lambda m: _above(m, m.entry_altitude_m, FLOAT_LEFT_M) and _climb(m) >= LAUNCH_CLIMB_MPS),
    Rule(_P.DESCENT, _P.LANDED, "still", 0, lambda m: _is_still(m, LANDED_MS)),
    Rule(_P.DESCENT, _P.FLOAT, "level", 0, _is_level),
    Rule(_P.DESCENT, _P.ASCENT, "climbing", 60,
         lambda m: _above(m, m.ground_altitude_m or 0, 1_000) and _climb(m) >= REFLIGHT_CLIMB_MPS),
    Rule(_P.INFLIGHT_UNKNOWN, _P.ASCENT, "climbing", 30, lambda m: _climb(m) >= LAUNCH_CLIMB_MPS),
    Rule(_P.INFLIGHT_UNKNOWN, _P.DESCENT, "falling", 30, lambda m: _climb(m) <= -2),
    Rule(_P.INFLIGHT_UNKNOWN, _P.LANDED, "still", 0,
         lambda m: _has_come_down(m) and _is_still(m, LANDED_KNOWN_MS)),
    Rule(_P.INFLIGHT_UNKNOWN, _P.FLOAT, "level", 30,
         lambda m: m.known_phase is _P.FLOAT and abs(_climb(m)) < LEVEL_MPS),
    Rule(_P.INFLIGHT_UNKNOWN, _P.DESCENT, "below_peak", AS_BEFORE_S, _is_below_peak),
    Rule(_P.INFLIGHT_UNKNOWN, _P.FLOAT, "level", 0, _is_level),
    Rule(_P.INFLIGHT_UNKNOWN, _P.LANDED, "still", 0, lambda m: _is_still(m, LANDED_MS)),
    *(Rule(_P.INFLIGHT_UNKNOWN, phase, "as_before", AS_BEFORE_S, partial(_was, phase=phase))
      for phase in (_P.ASCENT, _P.FLOAT, _P.DESCENT)),
    Rule(_P.LANDED, _P.ASCENT, "flying_again", 60,
         lambda m: _above(m, m.entry_altitude_m, REFLIGHT_M) and _climb(m) >= REFLIGHT_CLIMB_MPS),
    Rule(_P.LANDED, _P.DESCENT, "still_falling", 20,
         lambda m: m.is_landing_assumed and _climb(m) <= -3),
)
# In orbit nothing bursts, falls or lands, and the height swings by tens of kilometres.
_ORBIT_ROWS: tuple[Rule, ...] = (
    Rule(_P.GROUND, _P.FLOAT, "high", 10, lambda m: m.is_aloft),
    Rule(_P.INFLIGHT_UNKNOWN, _P.FLOAT, "high", 10, lambda m: m.is_aloft),
    Rule(_P.INFLIGHT_UNKNOWN, _P.GROUND, "low", 10, lambda m: not m.is_aloft),  # on the bench again
)


def _by_origin(rows: tuple[Rule, ...]) -> dict[Phase, tuple[Rule, ...]]:
    return {phase: tuple(row for row in rows if row.origin is phase) for phase in Phase}


TRANSITIONS = _by_origin(_ROWS)
ORBIT_TRANSITIONS = _by_origin(_ORBIT_ROWS)
