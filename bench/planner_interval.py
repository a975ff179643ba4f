"""The fixed interval of equal energy: one number for every flight, as a mission file has it.

It knows neither how long a flight will be nor what its cell holds. It is the longest whole number
of seconds at which all flights together spend at least the joules they are compared at.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from bench.planner_flights import SLOT_S, SPACING_SLOTS, DrawnFlight, Outcome, Policy, fly
from payload.power.power import PowerManager

EVERY_S_MIN, EVERY_S_MAX = SPACING_SLOTS * SLOT_S, 3600


class EverySeconds(Policy):
    """One thought every so many seconds; ``is_stretched``: longer by the power mode, as flown."""

    def __init__(self, every_s: int, is_stretched: bool) -> None:
        self._every_ms = every_s * 1000
        self._is_stretched = is_stretched
        self._last_ms = 0

    def wants(self, slot: int, now_ms: int, power: PowerManager) -> bool:
        every_ms = self._every_ms * (power.think_interval_factor if self._is_stretched else 1)
        late_ms = now_ms - self._last_ms - every_ms
        if late_ms < 0:
            return False
        # The bench looks once a slot, a payload every second: within a slot nothing is lost.
        self._last_ms = now_ms - (late_ms if late_ms < SLOT_S * 1000 else 0)
        return True


class OneInterval(NamedTuple):
    """The interval, and how each flight went with it."""

    every_s: int
    outcomes: list[Outcome]

    @property
    def joules(self) -> float:
        return sum(each.joules for each in self.outcomes)


def of_equal_energy(
    flights: Sequence[DrawnFlight], joules: float, is_watched: bool = True
) -> OneInterval:
    """By bisection. Not ``is_watched``: the power modes neither forbid nor stretch."""
    def flown(every_s: int) -> OneInterval:
        return OneInterval(every_s, [
            fly(flight, EverySeconds(every_s, is_watched), is_watched) for flight in flights])

    best, too_long = flown(EVERY_S_MIN), EVERY_S_MAX
    while best.every_s + 1 < too_long:
        tried = flown((best.every_s + too_long) // 2)
        if tried.joules >= joules:
            best = tried
        else:
            too_long = tried.every_s
    return best
