"""Where the flight is: a table of transitions over altitude, climb and stillness.

    BOOT -> GROUND -> ASCENT -> (FLOAT) -> DESCENT -> LANDED, and INFLIGHT_UNKNOWN after a reboot
    in the air. From flight no way leads to GROUND; what has LANDED can fly again.

The receiver's altitudes decide, never its silence: only the half-hour rule moves without a fix.
The barometer has one vote, against a launch that only the receiver saw, and loses it with height.
``saved()`` is stored every ten seconds and at every transition, and given back at the next boot;
what it said is believed for six hours, or as long as the first fix is high above the ground.

Terms: *peak* the highest altitude of the flight, *hold* how long a condition must stay true.
Source: research/flight.md 5.2, tuned on four recorded flights (tests/payload/test_phase.py).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from statistics import median
from typing import Any, NamedTuple

from payload.clock import is_plausible_utc
from payload.gnss import LOST_AFTER_MS, ground_distance_m
from payload.motion import Motion
from payload.notes import Note, event
from payload.phase_state import SavedPhase, restore
from payload.ports import GnssFix
from wire.beacon import Phase

BOOT_MS_MAX = 60_000
NUMBERS_AGE_MS_MAX = 60_000  # older numbers did not cause a transition
LAUNCH_M = 150.0  # above the ground; the value PITS and rs41-nfw fly with
LAUNCH_CLIMB_MPS = 1.0
ALOFT_M = 3_000.0  # this high above the ground is no hill
ALOFT_NO_GROUND_M = 5_500.0  # above any launch site, when the ground is not known
FLOAT_M_MIN = 5_000.0
FLOAT_MS = 180_000
FLOAT_LEFT_M = 300.0
BURST_DROP_M, BURST_FALL_MPS = 300.0, -5.0
PEAK_DROP_M = 800.0
LANDING_M_MAX = 5_000.0  # stillness higher than this is a float
LANDING_ABOVE_GROUND_M = 2_000.0  # or this far above a high plateau
LANDED_MS = 120_000
LANDED_FROM_ASCENT_MS = 300_000  # a launch that came to nothing, or a walk up a hill
SILENT_DESCENT_MS = 1_800_000
REFLIGHT_M = 500.0
REFLIGHT_CLIMB_MPS = 2.0
GROUND_FIXES = 20
GROUND_FIXES_MIN = 5  # before these are heard, a saved ground altitude holds
CALM_MPS = 0.5
SAVED_MS_MAX = 6 * 3_600_000
SAVED_FIXES = 5  # dates to have seen before a saved state is called old
SAME_PLACE_M = 2_000.0
BAROMETER_HPA = (300.0, 1100.0)  # BME280 DS table 1
BAROMETER_VETO_BELOW_M = 500.0  # above, the receiver needs no second opinion
BAROMETER_RISE_M_MIN = 50.0
HOLD_FIXES_MIN = 3
FLIGHT_PHASES = frozenset((Phase.ASCENT, Phase.FLOAT, Phase.DESCENT, Phase.INFLIGHT_UNKNOWN))


class Row(NamedTuple):
    """One way from a phase to another: ``is_true`` of the machine, at every fix for ``hold_s``."""

    origin: Phase
    target: Phase
    reason: str
    hold_s: int
    is_true: Callable[[PhaseMachine], bool]


class PhaseMachine:
    """The phase and the marks of the flight; see ``TRANSITIONS`` for what moves it."""

    def __init__(self, saved: dict[str, Any] | None, now_ms: int) -> None:
        """``saved`` is what ``saved()`` gave before the reboot; anything unreadable is absent."""
        self.phase = Phase.BOOT
        self.since_ms = now_ms
        self.peak_altitude_m: float | None = None
        self.peak_utc_ms: int | None = None
        self.launch_utc_ms: int | None = None
        self.burst_utc_ms: int | None = None
        self.ground_altitude_m: float | None = None
        self.is_landing_assumed = False
        self.motion = Motion()
        self._boot_ms = now_ms
        self._was = Phase.BOOT  # the last phase that was certain
        self._entry_altitude_m: float | None = None
        self._peak_taken_ms: int | None = None
        self._peak_gap_ms: int | None = None  # from the peak to the next fix
        self._held: dict[Row, tuple[int, int]] = {}  # row -> (since_ms, fixes)
        self._calm_m: deque[float] = deque(maxlen=GROUND_FIXES)
        self._ground_hpa: float | None = None
        self._pressure_hpa: float | None = None
        self._saved: SavedPhase | None = None  # until its age is known
        self._dated_fixes = 0
        self._last_utc_ms: int | None = None
        self._last_place: tuple[float, float] | None = None
        self._pending: list[Note] = []
        if saved is not None:
            self._restore(saved, now_ms)

    @property
    def climb_mps(self) -> float | None:
        """Climb over the last ten seconds of altitudes; None before they are there."""
        return self.motion.climb_mps

    @property
    def entry_altitude_m(self) -> float | None:
        """Altitude at which the present phase began; None when it began without a fix."""
        return self._entry_altitude_m

    @property
    def has_barometer_veto(self) -> bool:
        """True when the barometer has felt nothing of a small climb the receiver reports."""
        altitude_m, ground_m = self.motion.altitude_m, self.ground_altitude_m
        if self._ground_hpa is None or self._pressure_hpa is None:
            return False
        if altitude_m is None or ground_m is None:
            return False
        if altitude_m - ground_m >= BAROMETER_VETO_BELOW_M:
            return False
        ratio = self._pressure_hpa / self._ground_hpa
        rise_m: float = 44_330 * (1 - ratio**0.19029)  # ISO 2533, the troposphere
        return rise_m < BAROMETER_RISE_M_MIN

    def saved(self) -> dict[str, Any]:
        """Everything a reboot must not lose, as a map that msgpack can hold."""
        return SavedPhase(
            phase=int(self.phase), was=int(self._was), ground_m=self.ground_altitude_m,
            peak_m=self.peak_altitude_m, peak_utc_ms=self.peak_utc_ms,
            launch_utc_ms=self.launch_utc_ms, burst_utc_ms=self.burst_utc_ms,
            entry_m=self._entry_altitude_m, is_assumed=self.is_landing_assumed,
            utc_ms=self._last_utc_ms, place=self._last_place,
        ).to_map()

    def update(
        self, fix: GnssFix | None, pressure_hpa: float | None, now_ms: int
    ) -> list[Note]:
        """Look at the last good fix and the pressure; at most one transition a call."""
        notes, self._pending = self._pending, []
        self._pressure_hpa = None
        if pressure_hpa is not None and BAROMETER_HPA[0] <= pressure_hpa <= BAROMETER_HPA[1]:
            self._pressure_hpa = pressure_hpa
        if not self.motion.take(fix, now_ms):
            return notes + self._without_fix(now_ms)
        self._remember()
        notes += self._check_age(now_ms)
        if self.phase is Phase.BOOT:
            return notes + self._leave_boot(now_ms)
        if self.phase is Phase.GROUND:
            self._learn_ground()
        elif self.phase in FLIGHT_PHASES:
            self._learn_peak()
        return notes + self._walk(now_ms)

    def _walk(self, now_ms: int) -> list[Note]:
        """Evaluate every row of the present phase; take the first that has held long enough."""
        assert self.motion.fix is not None
        taken_ms = self.motion.fix.taken_ms
        chosen: Row | None = None
        for row in TRANSITIONS[self.phase]:
            if not row.is_true(self):
                self._held.pop(row, None)
                continue
            since_ms, count = self._held.get(row, (taken_ms, 0))
            self._held[row] = (since_ms, count + 1)
            has_held = taken_ms - since_ms >= row.hold_s * 1000 and count + 1 >= HOLD_FIXES_MIN
            if has_held and chosen is None:
                chosen = row
        return self._enter(chosen.target, chosen.reason, now_ms) if chosen else []

    def _enter(self, target: Phase, reason: str, now_ms: int) -> list[Note]:
        """Change phase; the note carries the numbers that caused it."""
        origin, self.phase, self.since_ms = self.phase, target, now_ms
        self._held.clear()
        if origin is Phase.LANDED and target is Phase.ASCENT:
            self.ground_altitude_m = self._entry_altitude_m
        fix = self.motion.fix
        is_fresh = fix is not None and now_ms - fix.taken_ms <= NUMBERS_AGE_MS_MAX
        self._entry_altitude_m = self.motion.altitude_m if is_fresh else None
        numbers = {
            "altitude_m": self._entry_altitude_m, "climb_mps": self.climb_mps if is_fresh else None,
            "ground_m": self.ground_altitude_m, "peak_m": self.peak_altitude_m,
        }
        fields: dict[str, Any] = {k: round(v, 1) for k, v in numbers.items() if v is not None}
        fields |= {"from": origin.name.lower(), "to": target.name.lower(), "reason": reason}
        notes = [event("phase", **fields)]
        if target is Phase.ASCENT and origin in (Phase.GROUND, Phase.LANDED):
            self._begin_flight()
        if target is Phase.DESCENT:
            notes += self._mark_burst(origin)
        self.is_landing_assumed = target is Phase.LANDED and reason == "silence"
        if target is not Phase.INFLIGHT_UNKNOWN:
            self._was = target
        return notes

    def _begin_flight(self) -> None:
        self.launch_utc_ms = self._last_utc_ms
        self.burst_utc_ms = None
        self.peak_altitude_m = self.peak_utc_ms = None
        self._learn_peak()

    def _mark_burst(self, origin: Phase) -> list[Note]:
        """The burst was at the peak; of a peak in a gap only a lower bound was seen."""
        known = origin if origin is not Phase.INFLIGHT_UNKNOWN else self._was
        if known not in (Phase.ASCENT, Phase.FLOAT) or self.peak_altitude_m is None:
            return []
        self.burst_utc_ms = self.peak_utc_ms
        fields: dict[str, Any] = {"peak_m": round(self.peak_altitude_m, 1)}
        if self.peak_utc_ms is not None:
            fields["utc_ms"] = self.peak_utc_ms
        if self._peak_gap_ms is not None:  # not known across a reboot
            fields["gap_s"] = self._peak_gap_ms // 1000
            fields |= {"is_lower_bound": True} if self._peak_gap_ms >= LOST_AFTER_MS else {}
        return [event("burst", **fields)]

    def _without_fix(self, now_ms: int) -> list[Note]:
        """Only two things happen without a fix: the end of BOOT, and of a long silent descent."""
        if self.phase is Phase.BOOT and now_ms - self._boot_ms >= BOOT_MS_MAX:
            return self._enter(Phase.GROUND, "no_fix_since_boot", now_ms)
        known = self.phase if self.phase is not Phase.INFLIGHT_UNKNOWN else self._was
        heard_ms = self.motion.fix.taken_ms if self.motion.fix is not None else self._boot_ms
        silent_ms = now_ms - max(heard_ms, self.since_ms)
        if known is Phase.DESCENT and silent_ms >= SILENT_DESCENT_MS:
            return self._enter(Phase.LANDED, "silence", now_ms)
        return []

    def _leave_boot(self, now_ms: int) -> list[Note]:
        if self._is_aloft():
            return self._enter(Phase.INFLIGHT_UNKNOWN, "first_fix_high", now_ms)
        if self.ground_altitude_m is None:
            self.ground_altitude_m = self.motion.altitude_m
        return self._enter(Phase.GROUND, "first_fix", now_ms)

    def _is_aloft(self) -> bool:
        """True where only a flight can be: far above the ground, or above any ground."""
        altitude_m = self.motion.altitude_m
        if altitude_m is None:
            return False
        if self.ground_altitude_m is None:
            return altitude_m > ALOFT_NO_GROUND_M
        return altitude_m > self.ground_altitude_m + ALOFT_M

    def _learn_ground(self) -> None:
        """The ground is where it was calm: 20 fixes, later only what two still minutes say."""
        altitude_m, climb_mps = self.motion.altitude_m, self.motion.climb_mps
        assert altitude_m is not None
        if self.ground_altitude_m is None:
            if altitude_m > ALOFT_NO_GROUND_M:
                return
            self.ground_altitude_m = altitude_m
        is_full = len(self._calm_m) == GROUND_FIXES
        if climb_mps is None or abs(climb_mps) >= CALM_MPS:
            return
        if is_full and self.motion.still_ms() < LANDED_MS:
            return
        self._calm_m.append(altitude_m)
        if len(self._calm_m) >= GROUND_FIXES_MIN:
            self.ground_altitude_m = median(self._calm_m)
            self._ground_hpa = self._pressure_hpa

    def _learn_peak(self) -> None:
        fix = self.motion.fix
        assert fix is not None
        if self._peak_taken_ms is not None and self._peak_gap_ms is None:
            self._peak_gap_ms = fix.taken_ms - self._peak_taken_ms
        if self.motion.top is None:
            return
        altitude_m, _ = self.motion.top
        if self.peak_altitude_m is None or altitude_m > self.peak_altitude_m:
            self.peak_altitude_m = altitude_m
            self.peak_utc_ms = self._dated_utc(fix)
            self._peak_taken_ms, self._peak_gap_ms = fix.taken_ms, None

    def _remember(self) -> None:
        """Date and place of the newest fix, for the state that a reboot finds."""
        fix = self.motion.fix
        assert fix is not None and fix.latitude_deg is not None and fix.longitude_deg is not None
        self._last_place = (fix.latitude_deg, fix.longitude_deg)
        utc_ms = self._dated_utc(fix)
        if utc_ms is not None:
            self._last_utc_ms = utc_ms
            self._dated_fixes += 1

    @staticmethod
    def _dated_utc(fix: GnssFix) -> int | None:
        return fix.utc_ms if fix.utc_ms is not None and is_plausible_utc(fix.utc_ms) else None

    def _restore(self, saved: dict[str, Any], now_ms: int) -> None:
        state = restore(saved)
        if state is None:
            self._pending.append(event("phase_state_invalid", "error"))
            return
        self._saved = state
        self.ground_altitude_m = state.ground_m
        self.peak_altitude_m, self.peak_utc_ms = state.peak_m, state.peak_utc_ms
        self.launch_utc_ms, self.burst_utc_ms = state.launch_utc_ms, state.burst_utc_ms
        self._last_utc_ms, self._last_place = state.utc_ms, state.place
        if Phase(state.phase) in FLIGHT_PHASES:
            self._was = Phase(state.was)
            self._pending += self._enter(Phase.INFLIGHT_UNKNOWN, "reboot", now_ms)
        elif Phase(state.phase) is Phase.LANDED:
            self._pending += self._enter(Phase.LANDED, "reboot", now_ms)
            self.is_landing_assumed = state.is_assumed
            self._entry_altitude_m = state.entry_m

    def _check_age(self, now_ms: int) -> list[Note]:
        """A saved flight that ended long ago is forgotten, once the date is sure, and once only."""
        state, fix = self._saved, self.motion.fix
        if state is None or self._dated_fixes < SAVED_FIXES:
            return []
        self._saved = None
        assert fix is not None and self._last_place is not None and self._last_utc_ms is not None
        if state.utc_ms is None or self._last_utc_ms - state.utc_ms < SAVED_MS_MAX:
            return []
        is_untouched = self.since_ms == self._boot_ms and self.phase is not Phase.GROUND
        is_same_landing = self.phase is Phase.LANDED and state.place is not None and (
            ground_distance_m(state.place, self._last_place) <= SAME_PLACE_M)
        if self._is_aloft() or not is_untouched or is_same_landing:
            return []
        self.ground_altitude_m = self.motion.altitude_m
        self.peak_altitude_m = self.peak_utc_ms = None
        self.launch_utc_ms = self.burst_utc_ms = None
        return self._enter(Phase.GROUND, "saved_state_old", now_ms)


def _altitude(m: PhaseMachine) -> float:
    assert m.motion.altitude_m is not None, "rows are looked at only with a fix"
    return m.motion.altitude_m


def _climb(m: PhaseMachine) -> float:
    """Climb, 0 while unknown: no row is about a climb of 0."""
    return m.motion.climb_mps or 0.0


def _above(m: PhaseMachine, mark_m: float | None, by_m: float) -> bool:
    """True when at least ``by_m`` above ``mark_m``; an unknown mark is nothing to be above of."""
    return mark_m is not None and _altitude(m) >= mark_m + by_m


def _is_low(m: PhaseMachine) -> bool:
    ground_m = m.ground_altitude_m or 0.0
    return _altitude(m) < max(LANDING_M_MAX, ground_m + LANDING_ABOVE_GROUND_M)


def _is_launched(m: PhaseMachine) -> bool:
    is_rising = _above(m, m.ground_altitude_m, LAUNCH_M) and _climb(m) >= LAUNCH_CLIMB_MPS
    return is_rising and not m.has_barometer_veto


def _has_dropped(m: PhaseMachine, by_m: float) -> bool:
    return m.peak_altitude_m is not None and _altitude(m) <= m.peak_altitude_m - by_m


def _is_burst(m: PhaseMachine) -> bool:
    return _has_dropped(m, BURST_DROP_M) and _climb(m) <= BURST_FALL_MPS


def _is_below_peak(m: PhaseMachine) -> bool:
    return _has_dropped(m, PEAK_DROP_M) and _climb(m) < LAUNCH_CLIMB_MPS


def _is_level(m: PhaseMachine) -> bool:
    return not _is_low(m) and _altitude(m) > FLOAT_M_MIN and m.motion.level_ms() >= FLOAT_MS


_P = Phase
_ROWS: tuple[Row, ...] = (
    Row(_P.GROUND, _P.ASCENT, "climbing", 20, _is_launched),
    Row(_P.GROUND, _P.INFLIGHT_UNKNOWN, "high", 10, lambda m: m._is_aloft()),
    Row(_P.GROUND, _P.INFLIGHT_UNKNOWN, "falling", 60, lambda m: _climb(m) <= BURST_FALL_MPS),
    Row(_P.ASCENT, _P.DESCENT, "falling", 10, _is_burst),
    Row(_P.ASCENT, _P.DESCENT, "below_peak", 10, _is_below_peak),
    Row(_P.ASCENT, _P.FLOAT, "level", 0, _is_level),
    Row(_P.ASCENT, _P.LANDED, "still", 0,
        lambda m: _is_low(m) and m.motion.still_ms() >= LANDED_FROM_ASCENT_MS),
    Row(_P.FLOAT, _P.DESCENT, "falling", 10, _is_burst),
    Row(_P.FLOAT, _P.DESCENT, "below_peak", 10, _is_below_peak),
    Row(_P.FLOAT, _P.ASCENT, "climbing", 20,
        lambda m: _above(m, m.entry_altitude_m, FLOAT_LEFT_M) and _climb(m) >= LAUNCH_CLIMB_MPS),
    Row(_P.DESCENT, _P.LANDED, "still", 0,
        lambda m: _is_low(m) and m.motion.still_ms() >= LANDED_MS),
    Row(_P.DESCENT, _P.FLOAT, "level", 0, _is_level),
    Row(_P.DESCENT, _P.ASCENT, "climbing", 60,
        lambda m: _above(m, m.ground_altitude_m or 0, 1_000) and _climb(m) >= REFLIGHT_CLIMB_MPS),
    Row(_P.INFLIGHT_UNKNOWN, _P.ASCENT, "climbing", 30, lambda m: _climb(m) >= LAUNCH_CLIMB_MPS),
    Row(_P.INFLIGHT_UNKNOWN, _P.DESCENT, "falling", 30, lambda m: _climb(m) <= -2),
    Row(_P.INFLIGHT_UNKNOWN, _P.DESCENT, "below_peak", 30, _is_below_peak),
    Row(_P.INFLIGHT_UNKNOWN, _P.FLOAT, "level", 0, _is_level),
    Row(_P.INFLIGHT_UNKNOWN, _P.LANDED, "still", 0,
        lambda m: _is_low(m) and m.motion.still_ms() >= LANDED_MS),
    Row(_P.LANDED, _P.ASCENT, "flying_again", 60,
        lambda m: _above(m, m.entry_altitude_m, REFLIGHT_M) and _climb(m) >= REFLIGHT_CLIMB_MPS),
    Row(_P.LANDED, _P.DESCENT, "still_falling", 20,
        lambda m: m.is_landing_assumed and _climb(m) <= -3),
)
TRANSITIONS: dict[Phase, tuple[Row, ...]] = {
    phase: tuple(row for row in _ROWS if row.origin is phase) for phase in Phase
}
