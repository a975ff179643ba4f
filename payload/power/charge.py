"""Charge: what has been drawn from the battery, over all boots, and what is left.

Counted from the current, where it is measured; nothing else knows, and then there is no estimate.
What is left can only make the power mode ECO where the voltage still says NOMINAL (a lithium cell
holds its voltage until late), and it never switches anything off. It begins with a full battery.
A voltage that stays far above what the estimate allows is of another battery, or of a charged one,
and the count begins anew; of one that had been charged by a fifth or less it may never be seen.

Does not cover: what the payload draws while it starts, ageing, self-discharge.
"""

from __future__ import annotations

import math
from typing import Any

from payload.notes import Note, event
from payload.power.cell import reach
from wire.mission import PowerSection

KEY = "charge"
SHORT_LEFT, ENOUGH_LEFT = 0.25, 0.30  # parts of what a full battery gives
GAP_MS_MAX = 10_000  # one measured current is not taken to have flowed for longer
CHANGED_AFTER_MS = 60_000
CHANGED_USED_MIN = 0.10  # less is not worth beginning anew, as on an adapter all the time
WARMING_KPMIN = 1.0  # 7 W into the 420 J/K of cell, board and foam; the board alone is far quicker
# A cell at rest lies below the line from 3.6 V with a quarter left to 4.2 V full; the mission's
# ``eco_mv`` stands for the 3.6 V, so that this holds for any number of cells in series.
FULL_PER_ECO = 4.2 / 3.6


class ChargeCount:
    """One per boot; ``left`` is None while the current is unknown."""

    def __init__(self, section: PowerSection, saved: Any = None) -> None:
        """``saved`` is of ``saved()``; anything else is a full battery."""
        self._section = section
        is_sound = isinstance(saved, int | float) and math.isfinite(saved) and saved > 0
        self.used_mah = float(saved) if is_sound else 0.0
        self.left: float | None = None  # 0..1 of what a full battery gives at this temperature
        self.is_short = False
        self._counted_ms: int | None = None  # up to here, and the current was known then
        self.cell_c: float | None = None  # None while it is not measured
        self._cell_ms = 0
        self._above_since_ms: int | None = None

    def saved(self) -> int:
        """Whole mAh."""
        return round(self.used_mah)

    def update(
        self, battery_mv: float | None, current_ma: float | None, inside_c: float | None,
        now_ms: int,
    ) -> list[Note]:
        """Count the current; None is a value not measured. An event for a changed battery.

        ``inside_c`` is of the board, which each thought warms: the cell follows it down at once
        and up by a kelvin a minute. Where it is unknown the cold is not counted.
        """
        self._follow(inside_c, now_ms)
        if current_ma is None:
            self.left, self.is_short = None, False
            self._counted_ms = self._above_since_ms = None
            return []
        if self._counted_ms is not None:
            drawn_mah = current_ma * min(now_ms - self._counted_ms, GAP_MS_MAX) / 3_600_000
            self.used_mah = max(0.0, self.used_mah + drawn_mah)  # a charger draws less than none
        self._counted_ms = now_ms
        notes = self._watch_change(battery_mv, now_ms)
        reachable_mah = self._section.capacity_mah * (
            1.0 if self.cell_c is None else reach(self.cell_c))
        self.left = max(0.0, 1.0 - self.used_mah / reachable_mah)
        self.is_short = self.left < (ENOUGH_LEFT if self.is_short else SHORT_LEFT)
        return notes

    def _follow(self, inside_c: float | None, now_ms: int) -> None:
        if inside_c is not None and self.cell_c is not None:
            warmed_k = WARMING_KPMIN * (now_ms - self._cell_ms) / 60_000
            self.cell_c = min(inside_c, self.cell_c + warmed_k)
        else:
            self.cell_c = inside_c
        self._cell_ms = now_ms

    def _watch_change(self, battery_mv: float | None, now_ms: int) -> list[Note]:
        """Begin anew after a minute above what the charge in it, cold or warm, allows."""
        used = self.used_mah / self._section.capacity_mah
        slope = (FULL_PER_ECO - 1) / (1 - SHORT_LEFT)
        allowed_mv = self._section.eco_mv * (FULL_PER_ECO - slope * min(1.0, used))
        is_above = battery_mv is not None and (
            battery_mv >= allowed_mv + self._section.hysteresis_mv)
        if not is_above or used < CHANGED_USED_MIN:
            self._above_since_ms = None
            return []
        if self._above_since_ms is None:
            self._above_since_ms = now_ms
        if now_ms - self._above_since_ms < CHANGED_AFTER_MS:
            return []
        assert battery_mv is not None
        before_mah, self.used_mah = self.used_mah, 0.0
        self._above_since_ms = None
        return [event(
            "battery_changed", battery_mv=round(battery_mv), used_mah=round(before_mah))]
