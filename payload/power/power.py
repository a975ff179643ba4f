"""Power: the power mode, from the battery voltage.

One axis of three (phase, power, health). Nothing here ever switches the payload off: a cold battery
sags and comes back (rs41-nfw#5). A worse mode requires ten steady seconds, a better one ten steady
seconds and ``hysteresis_mv``, and a battery that is not measured is UNKNOWN, which is treated as
ECO. A cold cell sags by more than the hysteresis while the mind thinks, and is well when it has
stopped: better that did not last makes the next better wait four times as long, at most ten
minutes. What was drawn (``payload.power.charge``) may make NOMINAL an ECO and nothing else. SAFE is
decided elsewhere, by the health of the start-ups.

ECO and LOW ask how much is left, and a cold cell with charge shows less under load than a warm
one: where current and temperature are known, that sag (``payload.power.cell``) is given back to it,
at most half of the way from LOW to CRITICAL. CRITICAL asks what is at the terminals, where a
brown-out happens, and nothing is given back.
"""

from __future__ import annotations

from collections import deque
from statistics import median
from typing import Any

from payload.notes import Note, event
from payload.power import cell
from payload.power.charge import ChargeCount
from payload.power.thermal_limits import ThermalLimits
from wire.beacon import PowerMode
from wire.mission import PowerSection

DEBOUNCE_MS = 10_000
RELAPSE_MS = 600_000  # an improvement that lasts less than this did not last
BETTER_FACTOR, BETTER_MS_MAX = 4, 600_000
UNKNOWN_AFTER_MS = 10_000
SAMPLE_EVERY_MS = 500
SAMPLES_MAX = 11  # a median of five seconds hides the dip of each transmission
CELL_ECO_MV = 3600  # of one lithium-ion cell; the mission's ``eco_mv`` says how many are in series
SAG_PART = 0.5  # of the way from LOW to CRITICAL: as much of a cold sag is given back at most
UNDERVOLT_HOLD_MS = 60_000  # what made the supply sag may not start again for this long
# best first; the index is the level that ``_level`` counts
_LEVELS = (PowerMode.NOMINAL, PowerMode.ECO, PowerMode.LOW, PowerMode.CRITICAL)
_BATTERY_WORDS: dict[PowerMode, str] = {
    PowerMode.NOMINAL: "good",
    PowerMode.ECO: "fair",
    PowerMode.LOW: "low",
    PowerMode.CRITICAL: "low",
}
_THINKING = frozenset((PowerMode.NOMINAL, PowerMode.ECO, PowerMode.UNKNOWN))
_THINK_FACTOR: dict[PowerMode, int] = {PowerMode.NOMINAL: 1}
ECO_FACTOR = 2
COLD_FACTOR = 2  # of whatever the mode gives


class PowerManager:
    """The power mode and what follows from it."""

    def __init__(self, section: PowerSection, saved_charge: Any = None) -> None:
        """``saved_charge`` is of ``charge.saved()``, from an earlier boot."""
        self._section = section
        self.thermal = ThermalLimits()
        self.charge = ChargeCount(section, saved_charge)
        self.mode = PowerMode.UNKNOWN
        self.is_safe = False  # the starts say so (payload.safe_mode): nothing but the core runs
        self.is_mind_on = self.is_camera_on = True  # a command may switch them off
        self.changed_ms: int | None = None  # when it last changed; the first reading is no change
        self._is_known = False  # some mode has been measured in this boot
        # (at the terminals, the cold's part of the sag below a warm cell), mV
        self._samples_mv: deque[tuple[float, float]] = deque(maxlen=SAMPLES_MAX)
        # Their medians: at the terminals, and what would be there if the cell were warm.
        self._steady_mv = self._warm_mv = 0.0
        self._sampled_ms: int | None = None
        self._pending = 0  # -1: the battery says worse, 1: better, 0: as it is
        self._pending_since_ms = 0
        self._better_hold_ms = DEBOUNCE_MS
        self._bettered_ms: int | None = None  # when it last became better
        self._undervolted_ms: int | None = None
        self._is_undervolted = False

    @property
    def may_call(self) -> bool:
        """False in SAFE, LOW and CRITICAL, and for a minute after the board said undervoltage."""
        return self.mode in _THINKING and not self._is_undervolted and not self.is_safe

    @property
    def may_think(self) -> bool:
        """As ``may_call``, unless the ground switched the mind off or the battery is too cold."""
        return self.may_call and self.is_mind_on and not self.thermal.forbids_thoughts

    @property
    def may_picture(self) -> bool:
        """A picture costs about what a thought does; the ground, or heat, may stop the camera."""
        return self.may_call and self.is_camera_on and not self.thermal.forbids_pictures

    @property
    def think_interval_factor(self) -> int:
        """What the time between musings is multiplied by.

        2 when power is short or unknown, and twice that in the cold.
        """
        cold_factor = COLD_FACTOR if self.thermal.halves_thoughts else 1
        return _THINK_FACTOR.get(self.mode, ECO_FACTOR) * cold_factor

    @property
    def may_rank_drafts(self) -> bool:
        """True when a thought may draw many drafts and compare them by the model.

        Not when power is short or unknown."""
        return self.think_interval_factor == 1

    def battery_word(self) -> str | None:
        """``good``, ``fair`` or ``low``; None while the battery is unknown."""
        return _BATTERY_WORDS.get(self.mode)

    def update(
        self, battery_mv: float | None, is_undervolted: bool | None, now_ms: int,
        current_ma: float | None = None,
    ) -> list[Note]:
        """Take one reading; None is one not measured. Events for every change.

        The temperature of the cell is that of the last ``count``.
        """
        notes = self._watch_supply(is_undervolted, now_ms)
        if battery_mv is None:
            if self._sampled_ms is None or now_ms - self._sampled_ms >= UNKNOWN_AFTER_MS:
                self._samples_mv.clear()
                self._pending = 0
                notes += self._change(PowerMode.UNKNOWN, None, now_ms)
            return notes
        if self._sampled_ms is None or now_ms - self._sampled_ms >= SAMPLE_EVERY_MS:
            self._sampled_ms = now_ms
            self._take(battery_mv, current_ma)
        steady_mv, warm_mv = self._steady_mv, self._warm_mv
        target = self._target(steady_mv, warm_mv)
        pending = _direction(self.mode, target)
        if pending != self._pending:
            self._pending, self._pending_since_ms = pending, now_ms
        hold_ms = self._better_hold_ms if pending > 0 and self.mode in _LEVELS else DEBOUNCE_MS
        if pending and now_ms - self._pending_since_ms >= hold_ms:
            self._pending = 0
            notes += self._change(target, steady_mv, now_ms, round(warm_mv - steady_mv))
        return notes

    def count(
        self, current_ma: float | None, inside_c: float | None, now_ms: int
    ) -> list[Note]:
        """Count what is drawn; None is not measured. Comes after ``update``."""
        steady_mv = self._steady_mv if self._samples_mv else None
        return self.charge.update(steady_mv, current_ma, inside_c, now_ms)

    def _take(self, battery_mv: float, current_ma: float | None) -> None:
        self._samples_mv.append((battery_mv, self._cold_sag_mv(current_ma)))
        self._steady_mv = median(mv for mv, _ in self._samples_mv)
        self._warm_mv = median(map(sum, self._samples_mv))

    def _cold_sag_mv(self, current_ma: float | None) -> float:
        """How much of the present sag is the cold's, as far as it counts; 0 where that is
        unknown."""
        section, cell_c = self._section, self.charge.cell_c
        if current_ma is None or cell_c is None:
            return 0.0
        cells = section.eco_mv / CELL_ECO_MV
        sag_mv = cells * cell.cold_sag_mv(current_ma / section.capacity_mah, cell_c)
        return min(sag_mv, SAG_PART * (section.low_mv - section.critical_mv))

    def _target(self, mv: float, warm_mv: float) -> PowerMode:
        """The mode that the battery calls for, with hysteresis on the way up only; ECO if little is
        left."""
        level = max(self._level(mv, warm_mv, 0), int(self.charge.is_short))
        if self.mode not in _LEVELS:
            return _LEVELS[level]
        now = _LEVELS.index(self.mode)
        margin_mv = self._section.hysteresis_mv
        return _LEVELS[max(level, min(now, self._level(mv, warm_mv, margin_mv)))]

    def _level(self, mv: float, warm_mv: float, margin_mv: int) -> int:
        """How many of the limits, raised by ``margin_mv``, lie above the voltage: 0..3."""
        section = self._section
        if mv < section.critical_mv + margin_mv:
            return 3
        return sum(warm_mv < limit_mv + margin_mv for limit_mv in (section.eco_mv, section.low_mv))

    def _change(
        self, mode: PowerMode, mv: float | None, now_ms: int, cold_sag_mv: int = 0
    ) -> list[Note]:
        if mode is self.mode:
            return []
        before, self.mode = self.mode, mode
        if self._is_known:
            self.changed_ms = now_ms
        self._is_known = True
        is_worse = _direction(before, mode) < 0
        if before in _LEVELS and mode in _LEVELS:
            self._learn_relapse(is_worse, now_ms)
        fields: dict[str, str | int] = {"from": before.name.lower(), "to": mode.name.lower()}
        if mv is not None:
            fields["battery_mv"] = round(mv)
        if cold_sag_mv:
            fields["cold_sag_mv"] = cold_sag_mv
        if self.charge.is_short and self.charge.left is not None:
            fields["left_pct"] = round(100 * self.charge.left)
        return [event("power_mode", "warning" if is_worse else "info", **fields)]

    def _learn_relapse(self, is_worse: bool, now_ms: int) -> None:
        if not is_worse:
            self._bettered_ms = now_ms
        elif self._bettered_ms is not None and now_ms - self._bettered_ms < RELAPSE_MS:
            self._better_hold_ms = min(BETTER_FACTOR * self._better_hold_ms, BETTER_MS_MAX)
            self._bettered_ms = None
        elif self._bettered_ms is not None:
            self._better_hold_ms, self._bettered_ms = DEBOUNCE_MS, None

    def _watch_supply(self, is_undervolted: bool | None, now_ms: int) -> list[Note]:
        """The board reports undervoltage: that stops the mind at once and leaves the mode."""
        if is_undervolted:
            self._undervolted_ms = now_ms
            if not self._is_undervolted:
                self._is_undervolted = True
                return [event("undervoltage", "warning")]
        elif self._undervolted_ms is not None and self._is_undervolted:
            clear_ms = now_ms - self._undervolted_ms
            if clear_ms >= UNDERVOLT_HOLD_MS:
                self._is_undervolted = False
                return [event("undervoltage_over", clear_s=clear_ms // 1000)]
        return []


def _direction(now: PowerMode, target: PowerMode) -> int:
    """-1 when ``target`` is worse than ``now``, 1 when better, 0 when the same.

    From UNKNOWN everything that is measured counts as a change for the better.
    """
    if now is target:
        return 0
    if now not in _LEVELS or target not in _LEVELS:
        return 1 if now not in _LEVELS else -1
    return 1 if _LEVELS.index(target) < _LEVELS.index(now) else -1
