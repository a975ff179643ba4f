"""Thermal limits: temperatures at which the camera, or the mind, is held back.

A processor at 75 C does not think, since in thin air a heat sink is of little use, and at 82 C it
takes no pictures either; a battery at -10 C has half the thoughts and one at -20 C none. A thought
heats within seconds, so its limit bites at once; the others after ten steady seconds. A temperature
that is not measured limits nothing.

No sensor is on the battery: its temperature here is that of the board in the same box. The board
is the warmer one, so the limit comes late, never early. Each thought warms the board by many
kelvin within a minute and the battery by none: only ten warm minutes are a warmer battery.

A limit that bites again and again, as in an orbit without shadow, is told at intervals that double
from an hour to a day, with the number of times since that were not: events are sent before all
else, and twenty-four a day and their ends took more than half of what a link had for words.
"""

from __future__ import annotations

from typing import Any

from payload.notes import Note, event

STEADY_MS = 10_000
BATTERY_WARM_MS = 600_000
TELL_MS_MIN, TELL_MS_MAX = 3_600_000, 86_400_000
MIND_OFF_C, MIND_BACK_C = 75.0, 65.0
CAMERA_OFF_C, CAMERA_BACK_C = 82.0, 72.0
COLD_C, COLD_OVER_C = -10.0, -7.0
FROZEN_C, FROZEN_OVER_C = -20.0, -17.0


class _Limit:
    """One limit with hysteresis: it bites at ``bites_c`` or beyond and lets go at ``ends_c``."""

    def __init__(self, names: tuple[str, str], key: str, bites_c: float, ends_c: float,
                 steady_ms: tuple[int, int] = (STEADY_MS, STEADY_MS)) -> None:
        """``names`` are the events of its beginning and its end; ``steady_ms`` how long the
        temperature must have been there for either."""
        self.is_biting = False
        self._names = names
        self._key = key
        self._sign = 1 if bites_c > ends_c else -1  # 1: heat bites, -1: cold does
        self._bites_c, self._ends_c = bites_c, ends_c
        self._bites_ms, self._ends_ms = steady_ms
        self._since_ms: int | None = None  # the temperature calls for the other state
        self._told_ms: int | None = None  # when its beginning was last an event
        self._is_told = False  # was the latest beginning one? Its end then is one too
        self._untold = 0
        self._tell_ms = TELL_MS_MIN

    def update(self, measured_c: float | None, now_ms: int) -> list[Note]:
        if measured_c is None:
            self._since_ms = None
            return self._turn(None, now_ms) if self.is_biting else []
        if self.is_biting:
            is_asked, hold_ms = self._sign * (self._ends_c - measured_c) >= 0, self._ends_ms
        else:
            is_asked, hold_ms = self._sign * (measured_c - self._bites_c) >= 0, self._bites_ms
        if not is_asked:
            self._since_ms = None
            return []
        if self._since_ms is None:
            self._since_ms = now_ms
        return self._turn(measured_c, now_ms) if now_ms - self._since_ms >= hold_ms else []

    def _turn(self, measured_c: float | None, now_ms: int) -> list[Note]:
        """The other state, and its event with the number that caused it, where there is one."""
        self.is_biting, self._since_ms = not self.is_biting, None
        if self.is_biting:
            self._is_told = self._told_ms is None or now_ms - self._told_ms >= self._tell_ms
        if not self._is_told:
            self._untold += self.is_biting
            return []
        fields: dict[str, Any] = {}
        if measured_c is not None:
            fields[self._key] = round(measured_c, 1)
        if not self.is_biting:
            return [event(self._names[1], **fields)]
        if self._untold:
            fields["untold"] = self._untold
        self._tell_ms = min(2 * self._tell_ms, TELL_MS_MAX) if self._untold else TELL_MS_MIN
        self._told_ms, self._untold = now_ms, 0
        return [event(self._names[0], "warning", **fields)]


class ThermalLimits:
    """What the temperatures forbid at this moment."""

    def __init__(self) -> None:
        self._mind = _Limit(
            ("mind_paused", "mind_resumed"), "soc_c", MIND_OFF_C, MIND_BACK_C, (0, 0))
        self._camera = _Limit(
            ("camera_hot", "camera_hot_over"), "soc_c", CAMERA_OFF_C, CAMERA_BACK_C)
        self._cold = _Limit(
            ("battery_cold", "battery_cold_over"), "inside_c", COLD_C, COLD_OVER_C,
            (STEADY_MS, BATTERY_WARM_MS))
        self._frozen = _Limit(
            ("battery_frozen", "battery_frozen_over"), "inside_c", FROZEN_C, FROZEN_OVER_C,
            (STEADY_MS, BATTERY_WARM_MS))

    @property
    def forbids_pictures(self) -> bool:
        return self._camera.is_biting

    @property
    def forbids_thoughts(self) -> bool:
        return self._mind.is_biting or self._frozen.is_biting

    @property
    def halves_thoughts(self) -> bool:
        return self._cold.is_biting

    def update(self, soc_c: float | None, inside_c: float | None, now_ms: int) -> list[Note]:
        """Take the temperatures of processor and box in C; None is not measured."""
        return [
            *self._mind.update(soc_c, now_ms), *self._camera.update(soc_c, now_ms),
            *self._cold.update(inside_c, now_ms), *self._frozen.update(inside_c, now_ms),
        ]
