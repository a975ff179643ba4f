"""The parts of a flight: the ground, the ascent, the burst, the descent, the landing.

The payload tells its phases; the burst, which it does not tell, is the highest point of the track
and lasts until the payload knows that it falls. ``static/track.js`` does the same for a flight
that is under way.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass

from groundstation.archive.track import Point
from groundstation.reading.page_json import PhaseJson

FALLEN_M = 400  # below the highest point: it has burst, and does not only drift
_TITLES = {
    "BOOT": "On the ground", "GROUND": "On the ground", "ASCENT": "The ascent", "FLOAT": "Afloat",
    "DESCENT": "The descent", "LANDED": "The landing", "INFLIGHT_UNKNOWN": "In flight",
}


@dataclass(frozen=True, slots=True)
class Chapter:
    """``alt_m`` only where the chapter is about a height: burst and landing."""

    title: str
    from_ms: int
    alt_m: float | None
    is_burst: bool = False


def burst_of(way: Sequence[Point]) -> Point | None:
    """The highest point, once it has come down from it."""
    known = [(point.alt_m, point) for point in way if point.alt_m is not None]
    if not known:
        return None
    height, top = max(known, key=lambda each: (each[0], -each[1].utc_ms))
    return top if height - known[-1][0] > FALLEN_M else None


def chapters_of(phases: Sequence[PhaseJson], way: Sequence[Point]) -> list[Chapter]:
    """Oldest first; the first begins with the diary. ``phases`` are those of the reader."""
    found: list[Chapter] = []
    top = burst_of(way)
    for phase in phases:
        is_fall = phase["phase"] in ("DESCENT", "LANDED")
        if top is not None and is_fall and top.utc_ms <= phase["at_ms"]:
            found.append(Chapter("The burst", top.utc_ms, top.alt_m, is_burst=True))
            top = None
        title = _TITLES[phase["phase"]]
        if not found or found[-1].title != title:
            height = phase["alt_m"] if phase["phase"] == "LANDED" else None
            found.append(Chapter(title, phase["at_ms"], height))
    return found


def chapter_at(parts: Sequence[Chapter], utc_ms: int) -> Chapter | None:
    """The chapter of this moment; None where there are none."""
    at = bisect(parts, utc_ms, key=lambda part: part.from_ms)
    return parts[max(0, at - 1)] if parts else None
