"""The profile of a flight: every number in which an orbiting payload differs from a balloon's.

A mission file with an [orbit] section has the profile ORBIT, every other one BALLOON. The limits
are those of what flies, not of what is likely: they only keep out what a receiver cannot have seen.
"""

from __future__ import annotations

from typing import NamedTuple

from payload.plausible import LIMITS
from wire.mission import Mission


class Profile(NamedTuple):
    """How one kind of payload moves, and how often it has to look."""

    altitude_m: tuple[float, float]  # of a fix; a receiver that clamps is at an end: both excluded
    climb_mps_max: float
    ground_speed_mps_max: float
    step_ms: int  # between two steps while nothing else is due,
    step_away_ms: int  # and while no station can hear it
    save_every_ms: int  # of the small state: phase, charge, time
    command_loss_ms: int  # unheard for so long, it goes back to the settings of the mission file
    is_orbit: bool

    def next_step_ms(self, now_ms: int, is_away: bool) -> int:
        """When the next step is due while nothing else is; they are evenly spaced since boot."""
        step_ms = self.step_away_ms if is_away else self.step_ms
        return now_ms - now_ms % step_ms + step_ms


BALLOON = Profile(
    altitude_m=LIMITS["altitude_m"],
    climb_mps_max=120.0,  # a free fall at 30 km reaches about 100 m/s
    ground_speed_mps_max=250.0,  # the fastest jet stream is about 110 m/s
    # Sensors and fixes come once a second; the radio may ask for more.
    step_ms=1_000, step_away_ms=1_000,
    save_every_ms=10_000, command_loss_ms=1_800_000, is_orbit=False,
)
# Fixes of an orbit are kilometres apart and say nothing that its elements do not: it looks around
# every five seconds, half of the age at which a reading is unknown; while nobody hears it every
# fifteen, half of the watchdog's time: a beacon reads what it says in its own step. Speeds are of
# orbits up to an eccentricity of 0.1, over ground and against its turning.
ORBIT = Profile(
    altitude_m=(-500.0, 2_000_000.0), climb_mps_max=1_000.0, ground_speed_mps_max=8_500.0,
    step_ms=5_000, step_away_ms=15_000, save_every_ms=60_000, command_loss_ms=3 * 86_400_000,
    is_orbit=True,
)


def of(mission: Mission) -> Profile:
    """The profile of ``mission``."""
    return BALLOON if mission.orbit is None else ORBIT
