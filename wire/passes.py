"""Passes: when a place on the ground sees an orbiting payload, and how high it climbs there.

Between two revolutions the elevation has one peak. A walk in steps of a fraction of a revolution
finds the peaks, however short the pass, and halving finds when it rises and sets.

Does not cover: hills, refraction (half a degree at the horizon).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from wire.orbit import Elements, GroundObserver, LookAngles, OrbitError

STEPS_A_REVOLUTION = 48  # 115 s of a low orbit
SHARP_MS = 500  # how closely rise, peak and set are found
PASS_REVOLUTIONS_MAX = 1.0  # what stays up for longer is told in pieces of this


class Pass(NamedTuple):
    """One pass over one place: UTC in ms, and how it stands there."""

    rise_ms: int
    top_ms: int
    set_ms: int
    rise: LookAngles
    top: LookAngles
    set: LookAngles

    @property
    def seconds(self) -> float:
        """From rise to set."""
        return (self.set_ms - self.rise_ms) / 1000


def passes(
    elements: Elements, vantage: GroundObserver, elevation_min_deg: float, from_ms: int, to_ms: int,
) -> Iterator[Pass]:
    """Those that end after ``from_ms`` and begin before ``to_ms``, in their order.

    Raises OrbitError where the elements do not reach so far.
    """
    def look(utc_ms: float) -> LookAngles:
        return vantage.look(elements.at(utc_ms))

    def height(utc_ms: float) -> float:
        return look(utc_ms).elevation_deg

    step_ms = round(elements.period_s * 1000 / STEPS_A_REVOLUTION)
    longest_ms = round(elements.period_s * 1000 * PASS_REVOLUTIONS_MAX)
    at_ms = from_ms - longest_ms
    before, here = height(at_ms - step_ms), height(at_ms)
    told_ms = at_ms
    while at_ms <= to_ms + longest_ms:
        after = height(at_ms + step_ms)
        if before < here >= after:
            top_ms = _peak(height, at_ms - step_ms, at_ms + step_ms)
            if height(top_ms) > elevation_min_deg:
                rise_ms = max(told_ms, _edge(height, elevation_min_deg, top_ms, -step_ms,
                                             longest_ms // 2))
                set_ms = _edge(height, elevation_min_deg, top_ms, step_ms, longest_ms // 2)
                told_ms = set_ms
                if rise_ms >= to_ms:
                    return
                if set_ms > from_ms:
                    yield Pass(rise_ms, top_ms, set_ms, look(rise_ms), look(top_ms), look(set_ms))
        at_ms += step_ms
        before, here = here, after


def last_reached_ms(elements: Elements, from_ms: int, to_ms: int) -> int:
    """Up to when these elements can be followed: ``to_ms``, or an hour before they decay."""
    hour_ms = 3_600_000
    for at_ms in range(from_ms, to_ms + hour_ms, hour_ms):
        try:
            elements.at(at_ms + hour_ms)
        except OrbitError:
            return at_ms - hour_ms
    return to_ms


def _peak(height: Callable[[float], float], low_ms: int, high_ms: int) -> int:
    """When ``height`` is greatest between two instants that it climbs to and falls from."""
    while high_ms - low_ms > SHARP_MS:
        third = (high_ms - low_ms) // 3
        if height(low_ms + third) < height(high_ms - third):
            low_ms += third
        else:
            high_ms -= third
    return (low_ms + high_ms) // 2


def _edge(
    height: Callable[[float], float], least_deg: float, top_ms: int, step_ms: int, reach_ms: int,
) -> int:
    """When it crosses ``least_deg`` on the side of the peak that ``step_ms`` leads to; the end of
    the reach where it does not."""
    inside_ms = top_ms
    while height(inside_ms + step_ms) > least_deg:
        inside_ms += step_ms
        if abs(inside_ms - top_ms) >= reach_ms:
            return inside_ms
    outside_ms = inside_ms + step_ms
    while abs(outside_ms - inside_ms) > SHARP_MS:
        middle_ms = (inside_ms + outside_ms) // 2
        if height(middle_ms) > least_deg:
            inside_ms = middle_ms
        else:
            outside_ms = middle_ms
    return inside_ms
