"""Settings: the numbers of the mission file that a command may change in flight.

A change survives a reboot. What the parts read is always a whole ``Mission``: the file's, with the
changed numbers in it. What a mission file is refused for (``wire.airtime_budget``)
is refused here too.

Command-loss: when the ground is not heard for half an hour in flight, or for three days in orbit,
everything about the radio goes back to the mission file: the change may be why it is silent. In
orbit all other settings go back too: nobody can come and look.
"""

from __future__ import annotations

import math
from typing import Any

from payload.navigation.profile import BALLOON
from payload.notes import Note, event
from wire.airtime_budget import AirtimeBudget
from wire.mission import Mission
from wire.settings import BY_NUMBER

LEAST_S_MAX = 1 << 31  # between beacons: of a link of which nothing is known
_OF_THE_RADIO = ("cadence.beacon", "radio.")


class FlightSettings:
    """What was changed; ``mission`` is what holds now."""

    def __init__(
        self, mission: Mission, saved: Any, command_loss_ms: int = BALLOON.command_loss_ms
    ) -> None:
        """``saved`` is what ``saved()`` gave; what is not allowed (any more) is absent."""
        self._file = mission
        self._command_loss_ms = command_loss_ms
        self._changed: dict[int, int] = {}
        self.mission = mission
        if isinstance(saved, dict):
            self._restore(saved)

    def value(self, number: int) -> int:
        """Raises KeyError for a number that no setting has."""
        setting = BY_NUMBER[number]
        return int(getattr(getattr(self.mission, setting.section), setting.key))

    def change(self, number: int, value: int) -> str | None:
        """Set it; why not, or None when it is set."""
        changed = {**self._changed, number: value}
        reason = flaw(number, value, math.ceil(AirtimeBudget(self.mission).least_ms / 1000))
        if reason is None and _is_of_radio(number):
            reason = AirtimeBudget(self._with(changed)).flaw()
        if reason is None:
            self._changed = changed
            self.mission = self._with(changed)
        return reason

    def _restore(self, saved: dict[Any, Any]) -> None:
        """All of them at once: one may be allowed only beside another, whichever was set first.
        Where not all are allowed (any more), each that is, beside those before it."""
        known = {n: v for n, v in saved.items() if flaw(n, v, LEAST_S_MAX) is None}
        budget = AirtimeBudget(self._with(known))
        least_s = math.ceil(budget.least_ms / 1000)
        if budget.flaw() is None and not any(flaw(n, v, least_s) for n, v in known.items()):
            self._changed, self.mission = known, self._with(known)
            return
        for number, value in known.items():
            self.change(number, value)

    def saved(self) -> dict[int, int]:
        return dict(self._changed)

    def update(self, heard_age_ms: int | None, in_flight: bool) -> list[Note]:
        """``heard_age_ms``: since the ground was last heard in this boot, None for never."""
        is_lost = heard_age_ms is not None and heard_age_ms >= self._command_loss_ms
        unsafe = [n for n in self._changed if self._file.orbit is not None or _is_of_radio(n)]
        if not (is_lost and in_flight and unsafe):
            return []
        for number in unsafe:
            del self._changed[number]
        self.mission = self._with(self._changed)
        return [event("command_loss", "warning", reset=[BY_NUMBER[n].name for n in unsafe])]

    def _with(self, changed: dict[int, int]) -> Mission:
        sections: dict[str, dict[str, int]] = {}
        for number, value in changed.items():
            setting = BY_NUMBER[number]
            sections.setdefault(setting.section, {})[setting.key] = value
        return self._file.model_copy(update={
            name: getattr(self._file, name).model_copy(update=values)
            for name, values in sections.items()
        })


def _is_of_radio(number: int) -> bool:
    return BY_NUMBER[number].name.startswith(_OF_THE_RADIO)


def flaw(number: Any, value: Any, least_s: int) -> str | None:
    """Why this cannot be set, in a few words; None when it can. ``least_s`` is the shortest time
    between beacons that the link carries."""
    setting = BY_NUMBER.get(number) if type(number) is int else None
    if setting is None:
        return "there is no such setting"
    high = setting.highest(least_s)
    if type(value) is not int or not setting.low <= value <= high:
        return f"{setting.name} is {setting.low}..{high}"
    return None
