"""Worth: what a thought is worth at each moment of a flight, in one table.

The unit is an ordinary thought in the ascent after a long silence. A moment is news from when it
begins, fades in a straight line until it is old, and is told by the first thought that comes
meanwhile. What an ordinary thought is worth grows with the silence before it, and ever more slowly:
so thoughts of nothing in particular spread evenly.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import MappingProxyType
from typing import NamedTuple

from payload.mind.planner.remaining_flight import RemainingFlight
from wire.beacon import Phase

HALF_AIR_HEIGHT_M, LANDING_HEIGHT_M = 5_500.0, 1_000.0


class MomentKind(NamedTuple):
    """One kind of moment: worth when new, s until it is old, how many of it are still to come."""

    worth: float
    lasts_s: float
    to_come: Callable[[RemainingFlight], float]


def _rising(past_m: float, chance: float) -> Callable[[RemainingFlight], float]:
    """It comes with this chance when the way up leads past this height."""
    return lambda way: chance if way.rises_past(past_m) else 0.0


def _hourly(count: float) -> Callable[[RemainingFlight], float]:
    return lambda way: count * way.seconds / 3600


NEWS: MappingProxyType[str, MomentKind] = MappingProxyType({
    # The beginning, once in a life.
    "launch": MomentKind(8.0, 180, lambda way: float(way.ground_s > 0)),
    # White all around: the first thing that is nowhere on the ground.
    "first-cloud": MomentKind(3.0, 300, _rising(2_000, 0.5)),
    # The sky opens.
    "clouds-passed": MomentKind(4.0, 240, _rising(3_500, 0.5)),
    # Half of the air is below: a number that everybody understands.
    "half-air": MomentKind(2.0, 300, _rising(HALF_AIR_HEIGHT_M, 1.0)),
    # Colder than anything so far; several times on the way up.
    "coldest": MomentKind(2.0, 300, lambda way: 3.0 * way.rises_past(9_000)),
    # It grows warmer again, and nobody expects it.
    "tropopause": MomentKind(4.0, 300, _rising(11_000, 0.8)),
    # The light changes; from a balloon once a flight at most.
    "sunrise": MomentKind(8.0, 600, lambda way: float(way.has_sunrise)),
    "sunset": MomentKind(8.0, 600, lambda way: float(way.has_sunset)),
    # The loudest second of the flight, and everything turns around.
    "burst": MomentKind(10.0, 180, lambda way: float(way.up_s > 0)),
    # Nobody answers any more.
    "silence": MomentKind(3.0, 600, lambda way: 0.5 * (way.up_s > 0)),
    # Somebody does.
    "heard-again": MomentKind(3.0, 300, _hourly(0.2)),
    # A source failed, as nearly always.
    "call-failed": MomentKind(0.5, 300, _hourly(15.0)),
    # It answered.
    "call-worked": MomentKind(5.0, 600, _hourly(0.3)),
    # Long waiting for an answer, or to be found.
    "waiting": MomentKind(2.0, 300, _hourly(0.1)),
    "unfound": MomentKind(2.0, 300, lambda way: 0.0),
    # A person waits. In flight questions are answered whatever the price.
    "question": MomentKind(10.0, 600, _hourly(1.0)),
    # The ground comes near.
    "landing": MomentKind(6.0, 150, lambda way: float(way.falls_past(LANDING_HEIGHT_M))),
    # It is over, and it lives.
    "landed": MomentKind(5.0, 180, lambda way: float(way.down_s > 0)),
})
# Of an ordinary thought after a long silence: on the ground there is little to tell, and a fall is
# short.
ORDINARY: MappingProxyType[Phase, float] = MappingProxyType({
    Phase.BOOT: 0.3, Phase.GROUND: 0.3, Phase.ASCENT: 1.0, Phase.FLOAT: 1.0, Phase.DESCENT: 1.2,
    Phase.LANDED: 0.3, Phase.INFLIGHT_UNKNOWN: 1.0,
})


def news(name: str, age_s: float) -> float:
    """What is left of the worth of a moment that began ``age_s`` ago, 0 when it is old."""
    kind = NEWS[name]
    return kind.worth * max(0.0, 1.0 - age_s / kind.lasts_s)


def ordinary(silence: float) -> float:
    """Part of its full worth, 0..1, after a silence in units of the mission's interval."""
    return 1.0 - math.exp(-silence)


def ripe(silence: float) -> float:
    """Part of its full worth that thinking now adds over thinking at this pace anyway, 0..1.

    A thought ends a silence that would have gone on growing in worth: f(x) - x f'(x) of
    f = ``ordinary``. Where this is the same everywhere, no thought could be moved to a better time.
    """
    return 1.0 - math.exp(-silence) * (1.0 + silence)
