"""Sight: what lies between the payload's antenna and the station's, and what it costs.

Over the ground a signal reaches as far as is flown with a station that stands free, and strength is
reported and decides nothing; with a mast's height given, it ends at the radio horizon. From an
orbit strength decides: the range to the nearest station that sees it, the payload's dipole, which
tumbles and has a null along its wire, the noise of the modem's bandwidth, and the Doppler shift
where the station does not follow it.

Sources: radio horizon over an Earth of 4/3 of its radius, ITU-R P.834; free-space loss ITU-R P.525;
half-wave dipole, Balanis, Antenna Theory, 4-84; 8 dB for FSK at a frame loss of one percent.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Protocol

from sim.balloon import AirState, distance_m
from sim.clock import SimClock
from sim.orbit import Orbit

FREQUENCY_MHZ = 434.0
SEND_DBM = 20.0
NOISE_DBM = -118.0  # beside a town
HORIZON_M = 4_120.0  # times the root of a height in m
THERMAL_DBM_PER_HZ = -174.0
RECEIVER_NOISE_DB = 6.0  # and what the site adds
NEEDED_SNR_DB = 8.0
FADE_DB = 2.0  # standard deviation
STATION_GAIN_DB = 9.0  # a Yagi of five elements, held by hand or turned by a rotator
CROSSED_DB = 3.0  # linear against circular polarisation
DIPOLE_DB, NULL_DB = 2.15, -18.0
TUMBLE_S = 127.0
PASSBAND_HZ = 3_000.0  # how far off a modem that is not tuned still hears
AWAY_M = 5_000_000.0  # nobody sees it from there
NEAR_M = 1_000.0  # somebody stands beside it: trials bring it near at their end


class Sight(Protocol):
    """How the two ends stand to each other now."""

    noise_dbm: float

    def distance_m(self) -> float:
        """Between the antennas."""
        ...

    def gain_db(self) -> float:
        """Of both antennas, beyond those of a balloon and its station."""
        ...

    def carries(self) -> bool:
        """Does a frame that ends now reach the other end at all?"""
        ...

    def come_near(self) -> None:
        """From now on somebody stands near it."""
        ...


class OpenAir:
    """Nothing in between."""

    noise_dbm = NOISE_DBM

    def __init__(self, away_m: Callable[[], float]) -> None:
        self._away_m = away_m

    def distance_m(self) -> float:
        return self._away_m()

    def gain_db(self) -> float:
        return 0.0

    def carries(self) -> bool:
        return True

    def come_near(self) -> None:
        """It is always in reach."""


class OverGround(OpenAir):
    """A station at the pad. With ``mast_m`` the Earth's curve hides what is low and far."""

    def __init__(
        self, state: Callable[[], AirState], pad: tuple[float, float, float],
        mast_m: float | None,
    ) -> None:
        super().__init__(self._through_air_m)
        self._state = state
        self._pad = pad
        self._mast_m = mast_m

    def carries(self) -> bool:
        if self._mast_m is None:
            return True
        state = self._state()
        height_m = max(0.0, state.altitude_m - state.ground_m)
        reach_m = HORIZON_M * (math.sqrt(self._mast_m) + math.sqrt(height_m))
        return distance_m(self._pad[:2], (state.latitude_deg, state.longitude_deg)) <= reach_m

    def come_near(self) -> None:
        self._mast_m = None

    def _through_air_m(self) -> float:
        state = self._state()
        along_m = distance_m(self._pad[:2], (state.latitude_deg, state.longitude_deg))
        up_m = state.altitude_m - self._pad[2]
        return float((along_m**2 + up_m**2) ** 0.5)


class OverStations:
    """From an orbit to the nearest station that sees it."""

    def __init__(
        self, clock: SimClock, orbit: Orbit, rng: random.Random, rate_bps: int, is_tuned: bool,
    ) -> None:
        """``is_tuned``: the stations follow the Doppler shift, down and up."""
        bandwidth_hz = 2 * rate_bps
        self.noise_dbm = THERMAL_DBM_PER_HZ + 10 * math.log10(bandwidth_hz) + RECEIVER_NOISE_DB
        self._clock = clock
        self._orbit = orbit
        self._rng = rng
        self._is_tuned = is_tuned
        self._is_near = False
        self._phase, self._tilt = rng.uniform(0, 2 * math.pi), rng.uniform(0.3, math.pi / 2)

    def distance_m(self) -> float:
        if self._is_near:
            return NEAR_M
        look = self._orbit.best_look(self._clock.now_s)
        return AWAY_M if look is None else look.range_m

    def gain_db(self) -> float:
        return self.dipole_db() + STATION_GAIN_DB - CROSSED_DB

    def carries(self) -> bool:
        if self._is_near:
            return True
        look = self._orbit.best_look(self._clock.now_s)
        if look is None or not (self._is_tuned or self._is_in_passband(look.doppler_hz)):
            return False
        strength_dbm = SEND_DBM - free_space_db(look.range_m) + self.gain_db()
        fade_db = self._rng.gauss(0, FADE_DB)
        return strength_dbm + fade_db - self.noise_dbm >= NEEDED_SNR_DB

    def come_near(self) -> None:
        self._is_near = True

    def dipole_db(self) -> float:
        """Gain of the payload's dipole towards the station, as it tumbles."""
        turned = 2 * math.pi * self._clock.now_s / TUMBLE_S + self._phase
        along = math.cos(turned) * math.sin(self._tilt)  # cosine of the angle to its wire
        across = math.sqrt(1 - along * along)
        share = abs(math.cos(math.pi / 2 * along)) / max(across, 1e-6)
        return DIPOLE_DB + max(NULL_DB, 20 * math.log10(max(share, 1e-6)))

    @staticmethod
    def _is_in_passband(doppler_hz: Callable[[float], float]) -> bool:
        return abs(doppler_hz(FREQUENCY_MHZ * 1e6)) <= PASSBAND_HZ


def free_space_db(range_m: float) -> float:
    """What is lost between two antennas that gain nothing."""
    return 32.44 + 20 * math.log10(range_m / 1000) + 20 * math.log10(FREQUENCY_MHZ)
