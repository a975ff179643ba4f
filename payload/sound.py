"""What was heard in one take of the microphone, and the port that brings it.

Beside ``payload.ports``, whose errors it shares. Absent (no microphone in the mission, or none that
ever answered), stale (heard long ago), failed (no take now) and silent (a take of a quiet place)
are four different things here too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from payload.ports import PortError

TRAITS = ("quiet", "wind", "bang", "flutter", "voices")
LIKELY_MIN = 0.7  # a trait of this confidence is said to be heard
LEVEL_DBFS_MIN, LEVEL_DBFS_MAX = -120.0, 3.1  # 16 bits, and a full square
SPL_DB_MIN, SPL_DB_MAX = 0.0, 180.0


@dataclass(frozen=True, slots=True)
class Sound:
    """One take, as numbers: no audio leaves the microphone's worker."""

    taken_ms: int
    level_dbfs: float  # 0 is a full sine
    spl_db: float | None = None  # unweighted, 20 Hz to 8 kHz; None without a sensitivity
    traits: dict[str, float] = field(default_factory=dict)  # of TRAITS, confidence 0..1; a missing
    # one is unknown

    @property
    def heard(self) -> tuple[str, ...]:
        """The traits that are likely, in the order of TRAITS."""
        return tuple(name for name in TRAITS if self.traits.get(name, 0.0) >= LIKELY_MIN)


class Microphone(Protocol):
    """The microphone's worker: one take per request."""

    def start(self, now_ms: int) -> bool: ...
    def poll(self, now_ms: int) -> Sound | PortError | None: ...
    def cancel(self, now_ms: int) -> None: ...
