"""Expected news: what the height announces, and a thought just before it would delay.

Half of the air, the last kilometre and the ground come at heights that are known; at the speed of
the moment so do their times. Burst, questions and answers announce nothing.
"""

from __future__ import annotations

from payload.mind.planner.worth import HALF_AIR_HEIGHT_M, LANDING_HEIGHT_M, NEWS
from wire.beacon import Phase

_AHEAD: dict[Phase, tuple[tuple[str, float], ...]] = {
    Phase.ASCENT: (("half-air", HALF_AIR_HEIGHT_M),),
    Phase.DESCENT: (("landing", LANDING_HEIGHT_M), ("landed", 0.0)),
}


class ExpectedNews:
    """One per boot. Each moment is expected once, so that none can put off thoughts for long: one
    that does not come, in a tree or on a mountain, is not waited for again."""

    def __init__(self) -> None:
        self._expected_ms: dict[str, float] = {}  # of names of ``worth.NEWS``

    def look(
        self, phase: Phase, height_m: float | None, climb_mps: float | None, now_ms: int,
        spacing_s: float,
    ) -> None:
        """What comes within ``spacing_s``; ``height_m`` above the ground, None is not known."""
        if height_m is None or not climb_mps:
            return
        for name, at_m in _AHEAD.get(phase, ()):
            seconds = (at_m - height_m) / climb_mps
            if 0 < seconds < spacing_s:
                self._expected_ms.setdefault(name, now_ms + 1000 * seconds)

    def delayed_worth(self, now_ms: int, spacing_s: float) -> float:
        """What it all loses by waiting until ``spacing_s`` after a thought that begins now."""
        lost = 0.0
        for name, at_ms in self._expected_ms.items():
            late_s = spacing_s - (at_ms - now_ms) / 1000
            if at_ms > now_ms and late_s > 0:
                lost += NEWS[name].worth * min(1.0, late_s / NEWS[name].lasts_s)
        return lost
