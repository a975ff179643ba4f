"""The text form of a scheduled fault, with its start and duration: ``01:12:00 i2c.hang 40s``."""

from __future__ import annotations

import re
from dataclasses import dataclass

_LINE = re.compile(
    r"(?P<h>\d{1,2}):(?P<m>[0-5]\d):(?P<s>[0-5]\d)\s+(?P<name>[a-z0-9_.]+)"
    r"(?:\s+(?P<n>\d+(?:\.\d+)?)(?P<unit>s|m|h))?"
)
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True, order=True)
class Scheduled:
    """One fault of one flight. ``duration_s`` None: as long as the fault itself takes."""

    at_s: float
    name: str
    duration_s: float | None = None

    def __str__(self) -> str:
        seconds = round(self.at_s)
        clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
        return f"{clock} {self.name}" + (
            "" if self.duration_s is None else f" {self.duration_s:.0f}s")


def parse(line: str) -> Scheduled:
    """``hh:mm:ss name [duration]``; durations are 40s, 12m or 1.5h.

    Raises ValueError with one sentence; whether the name exists is for the catalogue to say.
    """
    match = _LINE.fullmatch(line.strip())
    if match is None:
        raise ValueError(
            f"fault {line!r}: must be hh:mm:ss name [duration in s, m or h], for example "
            "'01:12:00 i2c.hang 40s'"
        )
    at_s = 3600 * int(match["h"]) + 60 * int(match["m"]) + int(match["s"])
    duration_s = float(match["n"]) * _SECONDS[match["unit"]] if match["n"] else None
    return Scheduled(float(at_s), match["name"], duration_s)
