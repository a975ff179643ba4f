"""Governor: temperatures at which the camera, or the mind, is held back.

A processor at 82 C takes no pictures, a battery at -10 C has half the thoughts and one at -20 C
none; that a processor at 75 C does not think is the mind's own affair.
Each limit bites after ten steady seconds. A temperature that nobody measures holds nothing back.

No sensor is on the battery: its temperature here is that of the board in the same box. The board
is the warmer one, so the limit comes late, never early. Each thought warms the board by many
kelvin within a minute and the battery by none: only ten warm minutes are a warmer battery.
"""

from __future__ import annotations

from typing import Any

from payload.notes import Note, event

STEADY_MS = 10_000
BATTERY_WARM_MS = 600_000
CAMERA_OFF_C, CAMERA_BACK_C = 82.0, 72.0
COLD_C, COLD_OVER_C = -10.0, -7.0
FROZEN_C, FROZEN_OVER_C = -20.0, -17.0


class _Limit:
    """One limit with hysteresis: it bites at ``bites_c`` or beyond and lets go at ``ends_c``."""

    def __init__(self, names: tuple[str, str], key: str, bites_c: float, ends_c: float,
                 ends_ms: int = STEADY_MS) -> None:
        """``names`` are the events of its beginning and its end; ``ends_ms`` how long it lasts."""
        self.is_biting = False
        self._names = names
        self._key = key
        self._sign = 1 if bites_c > ends_c else -1  # 1: heat bites, -1: cold does
        self._bites_c, self._ends_c = bites_c, ends_c
        self._ends_ms = ends_ms
        self._since_ms: int | None = None  # the temperature has asked for the other state

    def update(self, measured_c: float | None, now_ms: int) -> list[Note]:
        if measured_c is None:
            self._since_ms = None
            return self._turn(None) if self.is_biting else []
        if self.is_biting:
            is_asked, hold_ms = self._sign * (self._ends_c - measured_c) >= 0, self._ends_ms
        else:
            is_asked, hold_ms = self._sign * (measured_c - self._bites_c) >= 0, STEADY_MS
        if not is_asked:
            self._since_ms = None
            return []
        if self._since_ms is None:
            self._since_ms = now_ms
        return self._turn(measured_c) if now_ms - self._since_ms >= hold_ms else []

    def _turn(self, measured_c: float | None) -> list[Note]:
        """The other state, and its event with the number that caused it, where there is one."""
        self.is_biting, self._since_ms = not self.is_biting, None
        fields: dict[str, Any] = {}
        if measured_c is not None:
            fields[self._key] = round(measured_c, 1)
        if self.is_biting:
            return [event(self._names[0], "warning", **fields)]
        return [event(self._names[1], **fields)]


class Governor:
    """What the temperatures forbid at this moment."""

    def __init__(self) -> None:
        self._camera = _Limit(
            ("camera_hot", "camera_hot_over"), "soc_c", CAMERA_OFF_C, CAMERA_BACK_C)
        self._cold = _Limit(
            ("battery_cold", "battery_cold_over"), "inside_c", COLD_C, COLD_OVER_C,
            BATTERY_WARM_MS)
        self._frozen = _Limit(
            ("battery_frozen", "battery_frozen_over"), "inside_c", FROZEN_C, FROZEN_OVER_C,
            BATTERY_WARM_MS)

    @property
    def is_too_hot(self) -> bool:
        """No pictures."""
        return self._camera.is_biting

    @property
    def is_cold(self) -> bool:
        """Half the thoughts."""
        return self._cold.is_biting

    @property
    def is_frozen(self) -> bool:
        """No thoughts."""
        return self._frozen.is_biting

    def update(self, soc_c: float | None, inside_c: float | None, now_ms: int) -> list[Note]:
        """Take the temperatures of processor and box in C; None is one that nobody has."""
        return [
            *self._camera.update(soc_c, now_ms), *self._cold.update(inside_c, now_ms),
            *self._frozen.update(inside_c, now_ms),
        ]
