"""How much of the flight is left, from its phase, height and climb, and how much sun it will get.

Where nothing is measured, the mission file's numbers are taken, and where it has none those of an
ordinary balloon; better too long a flight than too short a one.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from payload.navigation.sun import sun_word
from payload.situation import Situation
from wire.beacon import Phase
from wire.landing_forecast import fall_factor
from wire.mission import FlightSection

PAD_S = 900.0  # on the ground it may take off at any time; so long it is kept ready for
CLIMB_MPS = 5.0
CLIMB_MPS_MIN = 2.0  # slower is a bad reading, or a float
BURST_M, BURST_M_MAX = 28_000.0, 34_000.0  # of an ordinary latex balloon
PLAN_PART_MAX = 1.15  # of the planned burst, that it may rise to
STILL_M, STILL_M_MAX = 1_000.0, 2_000.0  # beyond that it may go on for this much, at any height
FLOAT_S = 3_600.0
REST_S = 600.0  # after landing; then there is nothing new
LAYER_M = 500.0
LOOKS = 12  # at the sun of the way that is left


class RemainingFlight(NamedTuple):
    """What is left: seconds on the ground, up, down, and lying there; heights above the ground."""

    ground_s: float
    up_s: float
    down_s: float
    rest_s: float
    height_m: float
    top_m: float
    dark_part: float = 0.0  # of the time that is left
    has_sunrise: bool = False
    has_sunset: bool = False

    @property
    def seconds(self) -> float:
        return self.ground_s + self.up_s + self.down_s + self.rest_s

    def rises_past(self, height_m: float) -> bool:
        """It is still below and will be above."""
        return self.up_s > 0 and self.height_m < height_m <= self.top_m

    def falls_past(self, height_m: float) -> bool:
        """It is still above or will be, and will come down below."""
        return self.down_s > 0 and self.top_m > height_m


def forecast(
    situation: Situation, ground_m: float | None, climb_mps: float | None, plan: FlightSection,
    is_longest: bool = False,
) -> RemainingFlight:
    """The way that is left from here, the expected one or the longest that must be reckoned with.

    ``ground_m`` is the altitude of the launch site, ``climb_mps`` the mean of the ascent so far.
    """
    phase = situation.phase
    height_m = _height_m(situation, ground_m, climb_mps, plan)
    ground_s = up_s = 0.0
    top_m = height_m
    if phase in (Phase.BOOT, Phase.GROUND):
        ground_s, height_m = PAD_S, 0.0
    if phase is Phase.FLOAT:
        up_s = FLOAT_S
    elif phase not in (Phase.DESCENT, Phase.LANDED):
        top_m = _burst_m(plan, height_m, is_longest)
        up_s = (top_m - height_m) / max(CLIMB_MPS_MIN, climb_mps or CLIMB_MPS)
    down_s = 0.0 if phase is Phase.LANDED else fall_s(plan.landing_mps, round(top_m / LAYER_M))
    rest_s = REST_S
    if phase is Phase.LANDED:
        rest_s = max(0.0, REST_S - (situation.now_ms - situation.phase_since_ms) / 1000)
    return _lit(RemainingFlight(ground_s, up_s, down_s, rest_s, height_m, top_m), situation)


def _height_m(
    situation: Situation, ground_m: float | None, climb_mps: float | None, plan: FlightSection
) -> float:
    """Above the launch site; where no altitude is known, what the time since the phase began makes
    of it. Without that the way ahead would stay as long as on the ground, and a flight without GNSS
    keep silent for it; or, once it falls, be over at once."""
    if situation.altitude_m is not None:
        return max(0.0, situation.altitude_m - (ground_m or 0.0))
    seconds, top_m = (situation.now_ms - situation.phase_since_ms) / 1000, _burst_m(plan, 0, False)
    if situation.phase is Phase.ASCENT:
        return min(top_m, seconds * max(CLIMB_MPS_MIN, climb_mps or CLIMB_MPS))
    if situation.phase is Phase.DESCENT:
        layers = round(top_m / LAYER_M)
        return LAYER_M * next(
            (left for left in range(layers, 0, -1)
             if fall_s(plan.landing_mps, layers) - fall_s(plan.landing_mps, left) >= seconds), 0)
    return 0.0


def _burst_m(plan: FlightSection, height_m: float, is_longest: bool) -> float:
    if is_longest:
        planned_m = PLAN_PART_MAX * (plan.burst_altitude_m or BURST_M_MAX / PLAN_PART_MAX)
        return max(planned_m, height_m + STILL_M_MAX)
    return max(plan.burst_altitude_m or BURST_M, height_m + STILL_M)


@lru_cache(maxsize=256)
def fall_s(landing_mps: float, layers: int) -> float:
    """Seconds under the parachute from so many layers of LAYER_M."""
    return sum(LAYER_M / (landing_mps * fall_factor((layer + 0.5) * LAYER_M))
               for layer in range(layers))


def _lit(way: RemainingFlight, situation: Situation) -> RemainingFlight:
    """With what the sun does at LOOKS equal times of the way, from where it is now. Looked at only
    at the top and the end, a float before the dawn had daylight for most of an hour of night."""
    utc_ms = situation.utc_ms
    if utc_ms is None:
        return way
    above_m = (situation.altitude_m or 0.0) - way.height_m
    times_s = [way.seconds * (at + 0.5) / LOOKS for at in range(LOOKS)]
    words = [sun_word(utc_ms + round(after_s * 1000), situation.latitude_deg,
                      situation.longitude_deg, above_m + _height_after_m(way, after_s))
             for after_s in (0.0, *times_s, way.seconds)]
    if None in words:
        return way
    dark = [word == "down" for word in words]
    return way._replace(
        dark_part=sum(dark[1:-1]) / LOOKS,
        has_sunrise=dark[0] and not all(dark), has_sunset=not dark[0] and any(dark))


def _height_after_m(way: RemainingFlight, after_s: float) -> float:
    """Above the ground, evenly up and evenly down."""
    flown_s, fallen_s = after_s - way.ground_s, after_s - way.ground_s - way.up_s
    if fallen_s > 0:
        return way.top_m * max(0.0, 1 - fallen_s / way.down_s) if way.down_s else 0.0
    risen_part = flown_s / way.up_s if flown_s > 0 else 0.0
    return way.height_m + risen_part * (way.top_m - way.height_m)
