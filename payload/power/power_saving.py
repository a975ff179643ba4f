"""Power saving: when the machine may do without its radios, its screen and most of its processor.

In the air nobody is near enough for Wi-Fi, and between two thoughts one slow core is plenty. The
wish is repeated every minute, and whoever grants it takes everything back when it is not: a payload
that dies leaves a machine that can be reached.
"""

from __future__ import annotations

from payload.ports import Saver
from wire.beacon import Phase

REPEAT_MS = 60_000
_AIRBORNE = (Phase.ASCENT, Phase.FLOAT, Phase.DESCENT, Phase.INFLIGHT_UNKNOWN)


class PowerSaving:
    """Nothing in the flight depends on what comes of it."""

    def __init__(self, saver: Saver | None) -> None:
        """``saver`` is None where the mission does not ask for it."""
        self._saver = saver
        self._asked: tuple[bool, bool] | None = None
        self._asked_ms = 0

    @property
    def summary(self) -> str | None:
        """What the saver can switch off here; None where none answers."""
        return None if self._saver is None else self._saver.summary

    def update(self, phase: Phase, is_thinking: bool, now_ms: int) -> None:
        """Ask when the wish changes, and again every REPEAT_MS."""
        wish = (phase in _AIRBORNE, phase in _AIRBORNE and not is_thinking)
        is_due = wish != self._asked or now_ms - self._asked_ms >= REPEAT_MS
        if self._saver is not None and is_due:
            self._asked, self._asked_ms = wish, now_ms
            self._saver.ask(is_away=wish[0], is_idle=wish[1])
