"""What one picture shows: measures with their errors, and traits with a confidence.

Absent (no eyes in the mission), stale (an old picture), failed (no picture now) and "nothing can be
told from it" are four different things: the last is a sight whose values are None.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields

TRAITS = ("sun", "tilted", "level", "curved", "clouds", "black")
LIKELY_MIN = 0.7  # a trait of this confidence is said to be seen
TILT_DEG_MAX, DIP_DEG_MAX = 90.0, 60.0


@dataclass(frozen=True, slots=True)
class SightValues:
    """One picture as numbers. None is unknown; an error is one standard deviation."""

    tilt_deg: float | None = None  # of the horizon, positive with its right end down
    tilt_error_deg: float | None = None
    dip_deg: float | None = None  # how far below the level the horizon's curve puts it
    dip_error_deg: float | None = None
    cover: float | None = None  # part of what lies below the horizon that is cloud, 0..1
    sky: float | None = None  # light of the sky above, 1 is the brightest of the rest
    traits: dict[str, float] = field(default_factory=dict)  # of TRAITS, confidence 0..1; a missing
    # one is unknown

    @property
    def seen(self) -> tuple[str, ...]:
        """The traits that are likely, in the order of TRAITS."""
        return tuple(name for name in TRAITS if self.traits.get(name, 0.0) >= LIKELY_MIN)


# The numbers of a sight and their ranges, in the order of its line.
_RANGES = {"tilt_deg": (-TILT_DEG_MAX, TILT_DEG_MAX), "tilt_error_deg": (0.0, TILT_DEG_MAX),
           "dip_deg": (-DIP_DEG_MAX, DIP_DEG_MAX), "dip_error_deg": (0.0, DIP_DEG_MAX),
           "cover": (0.0, 1.0), "sky": (0.0, 1.0)}
assert set(_RANGES) | {"traits"} == {field.name for field in fields(SightValues)}


def line_of(sight: SightValues) -> str:
    """Its numbers, then its traits in the order of TRAITS, ``-`` for what is unknown."""
    numbers = [getattr(sight, name) for name in _RANGES]
    numbers += map(sight.traits.get, TRAITS)
    return " ".join("-" if number is None else f"{number:.3f}" for number in numbers)


def sight_of(line: str) -> SightValues | None:
    """The inverse of ``line_of``; None for a line that describes no sight."""
    words = line.split()
    ranges = [*_RANGES.values(), *[(0.0, 1.0)] * len(TRAITS)]
    if len(words) != len(ranges):
        return None
    try:
        numbers = [None if word == "-" else float(word) for word in words]
    except ValueError:
        return None
    for number, (low, high) in zip(numbers, ranges, strict=True):
        if number is not None and not (math.isfinite(number) and low <= number <= high):
            return None
    own = dict(zip(_RANGES, numbers, strict=False))
    confidences = zip(TRAITS, numbers[len(_RANGES) :], strict=True)
    return SightValues(
        **own, traits={name: value for name, value in confidences if value is not None})
