"""The part of the phase that survives a reboot: one small versioned map, checked when restored.

A map of another version, or with a value of the wrong type, is as good as none: the phase then
starts from BOOT and the altitude of the first fix tells ground from flight.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from wire.beacon import Phase

VERSION = 1


@dataclass(frozen=True, slots=True)
class SavedPhase:
    """Altitudes in m above mean sea level, UTC in ms since 1970; None is unknown."""

    phase: int
    was: int  # the last phase that was certain, when ``phase`` is INFLIGHT_UNKNOWN
    ground_m: float | None
    peak_m: float | None
    peak_utc_ms: int | None
    launch_utc_ms: int | None
    burst_utc_ms: int | None
    entry_m: float | None  # where the phase began
    is_assumed: bool  # landed by the half-hour rule, not observed
    utc_ms: int | None  # of the last fix
    place: tuple[float, float] | None  # latitude, longitude of the last fix, degrees

    def to_map(self) -> dict[str, Any]:
        """The map that ``restore`` reads."""
        place = list(self.place) if self.place is not None else None
        return {**asdict(self), "place": place, "version": VERSION}


def restore(saved: dict[str, Any]) -> SavedPhase | None:
    """The state in a map from ``to_map``; None when it is anything else."""
    try:
        if saved["version"] != VERSION or type(saved["is_assumed"]) is not bool:
            return None
        place = saved["place"]
        if place is not None:
            latitude, longitude = (_number(value) for value in place)
            if latitude is None or longitude is None:
                return None
            if abs(latitude) > 90 or abs(longitude) > 180:
                return None
            place = (latitude, longitude)
        return SavedPhase(
            phase=Phase(saved["phase"]).value,
            was=Phase(saved["was"]).value,
            is_assumed=saved["is_assumed"],
            place=place,
            ground_m=_number(saved["ground_m"]),
            peak_m=_number(saved["peak_m"]),
            entry_m=_number(saved["entry_m"]),
            peak_utc_ms=_whole(saved["peak_utc_ms"]),
            launch_utc_ms=_whole(saved["launch_utc_ms"]),
            burst_utc_ms=_whole(saved["burst_utc_ms"]),
            utc_ms=_whole(saved["utc_ms"]),
        )
    except (KeyError, TypeError, ValueError):
        return None


def _number(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("not a number")
    return float(value)


def _whole(value: object) -> int | None:
    if value is None:
        return None
    if type(value) is not int:
        raise ValueError("not an integer")
    return value
