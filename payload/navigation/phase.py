"""The flight phase: a state machine that applies ``navigation.phase_transitions`` at every fix.

    BOOT -> GROUND -> ASCENT -> (FLOAT) -> DESCENT -> LANDED, and INFLIGHT_UNKNOWN after a reboot
    in the air. From flight no way leads to GROUND; what has LANDED can fly again. In orbit there is
    FLOAT alone, and GROUND on the bench.

The receiver's altitudes decide, never its silence: only the half-hour rule moves without a fix.
Where they jump as nothing flies, one side of the jump is wrong, and it is unknown which. When they
jump back, what was learnt in between is forgotten, and a phase that began there is decided again.

The barometer has one vote, against a launch that only the receiver saw, and loses it with height.
``saved()`` is stored every ten seconds and at every transition, and given back at the next boot;
it is used for six hours, or as long as the first fix is high above the ground.

Source: values of PITS (gps.c) and rs41-nfw, tuned on four recorded flights
(tests/payload/navigation/test_phase.py).
"""

from __future__ import annotations

from collections import deque
from statistics import median
from typing import Any, NamedTuple

from payload.navigation import barometer, fix_age
from payload.navigation.clock import is_plausible_utc
from payload.navigation.motion import Motion
from payload.navigation.peak import Peak, PeakMark
from payload.navigation.phase_state import SavedPhase, restore
from payload.navigation.phase_transitions import ORBIT_TRANSITIONS, TRANSITIONS, Rule
from payload.navigation.profile import BALLOON, Profile
from payload.notes import Note, event
from payload.ports import GnssFix
from wire import earth
from wire.beacon import Phase

BOOT_MS_MAX = 60_000
ALOFT_M = 3_000.0  # this high above the ground is no hill
ALOFT_NO_GROUND_M = 5_500.0  # above any launch site, when the ground is not known
SILENT_DESCENT_MS = 1_800_000
GROUND_FIXES = 20
GROUND_FIXES_MIN = 5  # before these are heard, a saved ground altitude holds
GROUND_STILL_MS = 120_000
CALM_MPS = 0.5
SAVED_MS_MAX = 6 * 3_600_000
SAVED_FIXES = 5  # dates to have seen before a saved state is called old
SAME_PLACE_M = 2_000.0
BAROMETER_VETO_BELOW_M = 500.0  # above, the receiver needs no second opinion
BAROMETER_RISE_M_MIN = 50.0
HOLD_FIXES_MIN = 3
JUMP_BACK_MS = 1_200_000  # a receiver that is wrong for longer is believed
FLIGHT_PHASES = frozenset((Phase.ASCENT, Phase.FLOAT, Phase.DESCENT, Phase.INFLIGHT_UNKNOWN))


class _Jump(NamedTuple):
    """What was known when the altitude last jumped."""

    taken_ms: int
    phase: Phase
    burst_utc_ms: int | None
    peak: PeakMark


class PhaseMachine:
    """The phase and the marks of the flight; see ``TRANSITIONS`` for what moves it."""

    def __init__(
        self, saved: dict[str, Any] | None, now_ms: int, profile: Profile = BALLOON
    ) -> None:
        """``saved`` is what ``saved()`` gave before the reboot; anything unreadable is absent."""
        self.phase = Phase.BOOT
        self.since_ms = now_ms
        self.peak = Peak()
        self.launch_utc_ms: int | None = None
        self.burst_utc_ms: int | None = None
        self.ground_altitude_m: float | None = None
        self._is_ground_guessed = False  # it is where the first fix was, and may be in the air
        self.is_landing_assumed: bool = False
        self.motion = Motion(profile)
        self._profile = profile
        self._rows = ORBIT_TRANSITIONS if profile.is_orbit else TRANSITIONS
        self._boot_ms = now_ms
        self._was = Phase.BOOT  # the last phase that was certain
        self._entry_altitude_m: float | None = None
        self._jump: _Jump | None = None
        self._held: dict[Rule, tuple[int, int]] = {}  # row -> (since_ms, fixes)
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
    def peak_altitude_m(self) -> float | None:
        """The highest altitude of this flight, m above mean sea level."""
        return self.peak.altitude_m

    @property
    def known_phase(self) -> Phase:
        """The phase, or the last one that was certain."""
        return self._was if self.phase is Phase.INFLIGHT_UNKNOWN else self.phase

    @property
    def is_aloft(self) -> bool:
        """True where only a flight can be: far above the ground, or above any ground."""
        altitude_m = self.motion.altitude_m
        if altitude_m is None:
            return False
        if self.ground_altitude_m is None:
            return altitude_m > ALOFT_NO_GROUND_M
        return altitude_m > self.ground_altitude_m + ALOFT_M

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
        rise_m = barometer.height_m(self._pressure_hpa, self._ground_hpa)
        return rise_m < BAROMETER_RISE_M_MIN

    def saved(self) -> dict[str, Any]:
        """Everything a reboot must not lose, as a map that msgpack can hold."""
        return SavedPhase(
            phase=int(self.phase), was=int(self._was), ground_m=self.ground_altitude_m,
            peak_m=self.peak.altitude_m, peak_utc_ms=self.peak.utc_ms,
            launch_utc_ms=self.launch_utc_ms, burst_utc_ms=self.burst_utc_ms,
            entry_m=self._entry_altitude_m, is_assumed=self.is_landing_assumed,
            utc_ms=self._last_utc_ms, place=self._last_place,
        ).to_map()

    def update(
        self, fix: GnssFix | None, pressure_hpa: float | None, now_ms: int
    ) -> list[Note]:
        """Look at the last good fix and the pressure; at most one transition a call."""
        notes, self._pending = self._pending, []
        self._pressure_hpa = barometer.usable_hpa(pressure_hpa)
        if not self.motion.take(fix, now_ms):
            return notes + self._without_fix(now_ms)
        self._remember()
        notes += self._check_age(now_ms)
        if self.phase is Phase.BOOT:
            return notes + self._leave_boot(now_ms)
        if self.motion.has_jumped:
            notes += self._on_jump(now_ms)
        if self.phase is Phase.GROUND:
            self._learn_ground()
        elif self.phase in FLIGHT_PHASES:
            self._learn_peak()
        return notes + self._walk(now_ms)

    def _walk(self, now_ms: int) -> list[Note]:
        """Evaluate every row of the present phase; take the first that has held long enough."""
        assert self.motion.fix is not None
        taken_ms = self.motion.fix.taken_ms
        chosen: Rule | None = None
        for row in self._rows[self.phase]:
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
        elif target is Phase.ASCENT and self._is_ground_guessed:
            # Too soon to have lain still: it was started in the air, and has forgotten the ground.
            self.ground_altitude_m = None
        fix = self.motion.fix
        is_fresh = fix is not None and now_ms - fix.taken_ms <= fix_age.NEAR_MS
        self._entry_altitude_m = self.motion.altitude_m if is_fresh else None
        numbers = {
            "altitude_m": self._entry_altitude_m, "climb_mps": self.climb_mps if is_fresh else None,
            "ground_m": self.ground_altitude_m, "peak_m": self.peak.altitude_m,
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
        self.peak.begin()
        self._learn_peak()

    def _mark_burst(self, origin: Phase) -> list[Note]:
        """The burst was at the peak; of a peak in a gap only a lower bound was seen."""
        known = self._was if origin is Phase.INFLIGHT_UNKNOWN else origin
        if known not in (Phase.ASCENT, Phase.FLOAT) or self.peak.altitude_m is None:
            return []
        self.burst_utc_ms = self.peak.utc_ms
        return [event("burst", **self.peak.fields())]

    def _without_fix(self, now_ms: int) -> list[Note]:
        """Only two things happen without a fix: the end of BOOT, and of a long silent descent.

        What orbits does so whether its receiver works or not.
        """
        is_over = now_ms - self._boot_ms >= BOOT_MS_MAX
        if self._profile.is_orbit and self.phase in (Phase.BOOT, Phase.INFLIGHT_UNKNOWN):
            return self._enter(Phase.FLOAT, "no_fix_since_boot", now_ms) if is_over else []
        if self.phase is Phase.BOOT and is_over:
            return self._enter(Phase.GROUND, "no_fix_since_boot", now_ms)
        heard_ms = self.motion.fix.taken_ms if self.motion.fix is not None else self._boot_ms
        silent_ms = now_ms - max(heard_ms, self.since_ms)
        if self.known_phase is Phase.DESCENT and silent_ms >= SILENT_DESCENT_MS:
            return self._enter(Phase.LANDED, "silence", now_ms)
        return []

    def _leave_boot(self, now_ms: int) -> list[Note]:
        if self.is_aloft:
            return self._enter(Phase.INFLIGHT_UNKNOWN, "first_fix_high", now_ms)
        if self.ground_altitude_m is None:
            self.ground_altitude_m = self.motion.altitude_m
            self._is_ground_guessed = True
        return self._enter(Phase.GROUND, "first_fix", now_ms)

    def _learn_ground(self) -> None:
        """The ground is where it was calm: 20 fixes, later only what two still minutes say."""
        altitude_m, climb_mps = self.motion.altitude_m, self.motion.climb_mps
        assert altitude_m is not None
        if self.ground_altitude_m is None:
            if altitude_m > ALOFT_NO_GROUND_M:
                return
            self.ground_altitude_m = altitude_m
            self._is_ground_guessed = True
        is_full = len(self._calm_m) == GROUND_FIXES
        if climb_mps is None or abs(climb_mps) >= CALM_MPS:
            return
        if is_full and self.motion.still_ms() < GROUND_STILL_MS:
            return
        self._calm_m.append(altitude_m)
        if len(self._calm_m) >= GROUND_FIXES_MIN:
            self.ground_altitude_m = median(self._calm_m)
            self._is_ground_guessed = False
            self._ground_hpa = self._pressure_hpa

    def _learn_peak(self) -> None:
        fix, top = self.motion.fix, self.motion.top
        assert fix is not None
        self.peak.learn(fix, None if top is None else top[0], self._dated_utc(fix))

    def _on_jump(self, now_ms: int) -> list[Note]:
        """The altitude jumped: start the peak anew, or go back to what was before the last jump."""
        assert self.motion.fix is not None
        taken_ms, last = self.motion.fix.taken_ms, self._jump
        self._jump = _Jump(taken_ms, self.known_phase, self.burst_utc_ms, self.peak.mark)
        self._held.clear()
        if last is None or taken_ms - last.taken_ms > JUMP_BACK_MS:
            self.peak.begin()
            return []
        self.peak.return_to(last.peak)
        if self.known_phase is last.phase or not {self.phase, last.phase} <= FLIGHT_PHASES:
            return []
        self._was, self.burst_utc_ms = last.phase, last.burst_utc_ms
        return self._enter(Phase.INFLIGHT_UNKNOWN, "jump", now_ms)

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
        self.peak.restore(state.peak_m, state.peak_utc_ms, state.utc_ms)
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
        if self.phase is Phase.INFLIGHT_UNKNOWN:
            self._was = Phase.BOOT
        is_untouched = self.since_ms == self._boot_ms and self.phase is not Phase.GROUND
        is_same_landing = self.phase is Phase.LANDED and state.place is not None and (
            earth.distance_m(state.place, self._last_place) <= SAME_PLACE_M)
        if self.is_aloft or not is_untouched or is_same_landing:
            return []
        self.ground_altitude_m = self.motion.altitude_m
        self.peak.begin()
        self.launch_utc_ms = self.burst_utc_ms = None
        return self._enter(Phase.GROUND, "saved_state_old", now_ms)
