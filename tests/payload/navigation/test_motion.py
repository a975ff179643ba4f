"""Motion: climb from fixes that are read late, or whose own seconds are wrong."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from payload.navigation.motion import LATE_MS_MAX, Motion
from tests.payload.flights import UTC_MS, fix_at

CLIMB_MPS = 5.0


def climbs(
    late_ms: Callable[[int], int], utc_ms: Callable[[int], int | None], from_s: int = 60,
) -> list[float]:
    """What a steady climb of 5 m/s reads as, by default from its second minute on."""
    motion, found = Motion(), []
    for second in range(600):
        measured_ms = 1000 * second
        read_ms = measured_ms + late_ms(second)
        fix = replace(
            fix_at(measured_ms, 120.0 + CLIMB_MPS * second),
            taken_ms=read_ms, utc_ms=utc_ms(measured_ms))
        motion.take(fix, read_ms)
        if second >= from_s and motion.climb_mps is not None:
            found.append(motion.climb_mps)
    return found


def test_fixes_read_in_late_steps_do_not_bend_the_climb():
    """Seed 27: stamps .07 to 1.8 s late made the climb wrong by a tenth."""
    draw = random.Random(27)
    late_ms = list(itertools.accumulate(
        (draw.choice((70, 300, 700, 1_100)) for _ in range(600)),
        lambda before, now: max(now, before - 900)))
    found = climbs(late_ms.__getitem__, lambda at_ms: UTC_MS + at_ms)
    assert len(found) > 500
    assert found == pytest.approx([CLIMB_MPS] * len(found), rel=0.01)


@pytest.mark.parametrize("late_s", [0.2, 1.0, 2.0])
def test_a_first_fix_that_is_read_late_does_not_bend_the_climb(late_s):
    """A day of a year in orbit: after a boot -15.2 m/s read as -16.5, since the first fix counted
    from when it was read."""
    found = climbs(lambda second: round(1000 * late_s) if second == 0 else 0,
                   lambda at_ms: UTC_MS + at_ms, from_s=0)
    assert len(found) > 580
    assert found == pytest.approx([CLIMB_MPS] * len(found), rel=0.001)


@pytest.mark.parametrize("utc_ms", (
    lambda at_ms: None,
    lambda at_ms: UTC_MS,
    lambda at_ms: UTC_MS - at_ms,
    lambda at_ms: UTC_MS + 3 * at_ms,
    lambda at_ms: UTC_MS + at_ms // 3,
    lambda at_ms: UTC_MS + at_ms % 60_000,
), ids=("absent", "frozen", "backwards", "fast", "slow", "wraps each minute"))
def test_a_receiver_whose_seconds_are_wrong_is_spaced_by_our_clock(utc_ms):
    found = climbs(lambda second: 0, utc_ms)
    assert len(found) > 500
    share = LATE_MS_MAX / 10_000
    assert all(abs(each / CLIMB_MPS - 1) <= share + 0.01 for each in found)
