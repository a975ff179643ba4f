"""Cutdown: separates the payload from its balloon, on two commands or by the geofence.

    SAFE --arm--> ARMED (60 s) --fire--> FIRING (burn time) --> SAFE
           any state --abort, doubt, reboot--> SAFE, pin low

By command it takes two, ARM and FIRE, with different counters within a minute, in the air. By the
fence it takes a mission file that allows it, most of the last ten fixes outside, and a minute of
that. The pin is low in every other case, at every start, and whenever anything is in doubt; a
reboot forgets that it was armed. A pin that fails is driven low at every step until it obeys.
"""

from __future__ import annotations

from enum import Enum
from textwrap import shorten

from payload.notes import Note, event
from payload.ports import PortError, Switch
from wire.beacon import Phase
from wire.commands import ARMED_S

ARMED_MS = 1000 * ARMED_S
OUTSIDE_MS = 60_000  # how long the fence must say so
RETRY_MS = 300_000  # the wire did not part: once more, no sooner than this
TRIES_MAX = 3
PHASES = frozenset((Phase.ASCENT, Phase.FLOAT))


class CutdownStage(Enum):
    """What the pin is about to do."""

    SAFE = "safe"
    ARMED = "armed"
    FIRING = "firing"


class Cutdown:
    """Owns the pin. Refusals are short reasons for the command's result."""

    def __init__(self, pin: Switch | None, burn_s: int, is_automatic: bool) -> None:
        """``burn_s`` 1..30: how long the wire is heated. ``is_automatic``: the fence may fire."""
        self.stage = CutdownStage.SAFE
        self.tries = 0
        self._pin = pin
        self._burn_ms = burn_s * 1000
        self._is_automatic = is_automatic
        self._since_ms = 0
        self._armed_by: int | None = None
        self._outside_ms: int | None = None
        self._retry_ms = 0
        self._has_pin_failed = False  # what its level is, nobody knows
        self._notes: list[Note] = []
        self._drive(False)

    @property
    def is_armed(self) -> bool:
        return self.stage is not CutdownStage.SAFE

    @property
    def has_pin(self) -> bool:
        return self._pin is not None

    def arm(self, counter: int, phase: Phase, now_ms: int) -> str | None:
        """First half of the command. Returns why not, or None when it is armed."""
        if self._pin is None:
            return "no cutdown is fitted"
        if phase not in PHASES:
            return f"not in phase {phase.name.lower()}"
        if self.stage is CutdownStage.FIRING:
            return "it is firing"
        self.stage, self._since_ms, self._armed_by = CutdownStage.ARMED, now_ms, counter
        self._notes.append(event("cutdown_armed", "warning", counter=counter))
        return None

    def fire(self, counter: int, phase: Phase, now_ms: int) -> str | None:
        """Second half. Returns why not, or None when the wire is being heated."""
        if self.stage is not CutdownStage.ARMED:
            return "not armed"
        if now_ms - self._since_ms > ARMED_MS:
            self._make_safe()
            return "armed too long ago"
        if counter == self._armed_by:
            return "the counter is that of the arming"
        if phase not in PHASES:
            self._make_safe()
            return f"not in phase {phase.name.lower()}"
        return None if self._burn(now_ms, "command") else "the pin does not take its level"

    def abort(self) -> None:
        """Pin low, and nothing armed; never refused."""
        self._make_safe()
        self._notes.append(event("cutdown_aborted"))

    def update(self, is_outside: bool | None, phase: Phase, now_ms: int) -> list[Note]:
        """Let time pass; ``is_outside`` is the fence's verdict, None when it has none."""
        if self._has_pin_failed:
            self._drive(False)
        if self.stage is CutdownStage.ARMED and now_ms - self._since_ms > ARMED_MS:
            self._make_safe()
            self._notes.append(event("cutdown_disarmed", reason="timeout"))
        elif self.stage is CutdownStage.FIRING and now_ms - self._since_ms >= self._burn_ms:
            self._make_safe()
            self._notes.append(event("cutdown_fired", "warning", burn_ms=self._burn_ms))
        elif self.stage is not CutdownStage.SAFE and phase not in PHASES:
            self._make_safe()  # it has parted, or the phase is in doubt
            self._notes.append(event("cutdown_disarmed", reason=f"phase {phase.name.lower()}"))
        self._watch_fence(is_outside, phase, now_ms)
        notes, self._notes = self._notes, []
        return notes

    def _watch_fence(self, is_outside: bool | None, phase: Phase, now_ms: int) -> None:
        if not is_outside or phase not in PHASES:
            if self._outside_ms is not None and is_outside is False:
                self._notes.append(event("fence_entered"))
                self._outside_ms = None
            elif phase not in PHASES:
                self._outside_ms = None
            return
        if self._outside_ms is None:
            self._outside_ms = now_ms
            self._notes.append(event(
                "fence_left", "warning", will_fire=self._is_automatic and self._pin is not None))
        is_patient = now_ms - self._outside_ms < OUTSIDE_MS or now_ms < self._retry_ms
        may_fire = self._is_automatic and self._pin is not None and self.tries < TRIES_MAX
        if may_fire and not is_patient and self.stage is not CutdownStage.FIRING:
            self._burn(now_ms, "fence")

    def _burn(self, now_ms: int, why: str) -> bool:
        """False: the pin failed."""
        self.stage, self._since_ms, self._armed_by = CutdownStage.FIRING, now_ms, None
        self.tries += 1
        self._retry_ms = now_ms + RETRY_MS
        self._notes.append(event("cutdown_firing", "warning", why=why, try_number=self.tries))
        return self._drive(True)

    def _make_safe(self) -> None:
        self.stage, self._armed_by = CutdownStage.SAFE, None
        self._drive(False)

    def _drive(self, is_high: bool) -> bool:
        """False: the pin failed, and nothing is armed."""
        if self._pin is None:
            return True
        try:
            self._pin.drive(is_high)
        except PortError as error:
            if not self._has_pin_failed:
                reason = shorten(str(error), 60, placeholder=" …")
                self._notes.append(event("cutdown_pin_failed", "error", reason=reason))
            self._has_pin_failed = True
            self.stage = CutdownStage.SAFE
            return False
        if self._has_pin_failed:
            self._notes.append(event("cutdown_pin_works"))
        self._has_pin_failed = False
        return True
