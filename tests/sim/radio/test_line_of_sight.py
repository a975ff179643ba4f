"""Sight: over the ground with and without a horizon, and from an orbit."""

from __future__ import annotations

import random

import pytest

from sim.balloon import AirState
from sim.clock import SimClock
from sim.orbit import Orbit
from sim.radio.line_of_sight import (
    AWAY_M,
    DIPOLE_DB,
    NEAR_M,
    NULL_DB,
    PASSBAND_HZ,
    OpenAir,
    OverGround,
    OverStations,
    free_space_db,
)
from tests.sim.flights import Quiet
from tests.sim.test_orbit import HOME
from tests.wire.orbits import iss

PAD = (48.0, 11.0, 400.0)


def at(degrees_east: float, height_m: float) -> AirState:
    return AirState(0.0, PAD[0], PAD[1] + degrees_east, PAD[2] + height_m, PAD[2], 0.0, 0.0, 0.0)


def test_nothing_hides_a_balloon_where_no_mast_is_given() -> None:
    sight = OverGround(lambda: at(5.0, 0.0), PAD, None)
    assert sight.carries() and sight.gain_db() == 0.0
    assert OpenAir(lambda: 7.0).carries() and OpenAir(lambda: 7.0).distance_m() == 7.0


@pytest.mark.parametrize(("mast_m", "height_m", "reach_km"), [
    (10.0, 500.0, 105), (10.0, 280.0, 82), (2.0, 0.0, 5.8), (10.0, 30_000.0, 727),
])
def test_with_a_mast_it_is_seen_up_to_the_radio_horizon(
    mast_m: float, height_m: float, reach_km: float
) -> None:
    """4.12 km times the sum of the roots of both heights."""
    degrees = reach_km / 74.3  # of longitude at 48 degrees
    for part, is_seen in ((0.97, True), (1.03, False)):
        state = at(degrees * part, height_m)
        sight = OverGround(lambda state=state: state, PAD, mast_m)  # type: ignore[misc]
        assert sight.carries() is is_seen
        sight.come_near()
        assert sight.carries()


class Sky:
    """The ISS over one station, and a clock."""

    def __init__(self, is_tuned: bool = True, rate_bps: int = 2_400) -> None:
        self.orbit = Orbit(iss().epoch_ms, iss(), (HOME,), 16.0)
        self.clock = SimClock(self.orbit.start_utc_ms)
        self.sight = OverStations(self.clock, self.orbit, Quiet(3), rate_bps, is_tuned)

    def heard(self) -> dict[float, bool]:
        """Seconds of a day in which it is in sight, and whether a frame arrives then."""
        found = {}
        for rise_s, set_s, _ in self.orbit.passes():
            for second in range(max(0, round(rise_s) + 1), round(set_s) - 1):
                self.clock.now_ms = second * 1000
                found[float(second)] = self.sight.carries()
        return found


def test_out_of_sight_nothing_arrives_until_somebody_is_near() -> None:
    sky = Sky()
    sky.clock.now_ms = round(sky.orbit.passes()[0][1] + 600) * 1000
    assert not sky.sight.carries() and sky.sight.distance_m() == AWAY_M
    sky.sight.come_near()
    assert sky.sight.carries() and sky.sight.distance_m() == NEAR_M


def test_strength_decides_and_the_near_half_of_a_pass_is_the_better() -> None:
    sky = Sky()
    heard = sky.heard()
    assert 0.3 < sum(heard.values()) / len(heard) < 0.98
    near = [is_heard for second, is_heard in heard.items()
            if (look := sky.orbit.best_look(second)) is not None and look.range_m < 900_000]
    assert sum(near) / len(near) > sum(heard.values()) / len(heard)


def test_a_slower_modem_is_heard_for_longer() -> None:
    slow, fast = (sum(Sky(rate_bps=rate).heard().values()) for rate in (300, 9_600))
    assert slow > fast


def test_a_station_that_does_not_follow_the_shift_hears_the_middle_of_a_pass() -> None:
    tuned, fixed = Sky(), Sky(is_tuned=False)
    with_it, without = tuned.heard(), fixed.heard()
    assert 0 < sum(without.values()) < sum(with_it.values()) / 2
    for second, is_heard in without.items():
        look = fixed.orbit.best_look(second)
        assert look is not None
        assert not is_heard or abs(look.doppler_hz(434e6)) <= PASSBAND_HZ


def test_the_dipole_has_its_gain_across_and_a_null_along_its_wire() -> None:
    clock = SimClock(0)
    sight = OverStations(clock, Sky().orbit, random.Random(2), 2_400, True)
    gains = []
    for clock.now_ms in range(0, 127_000, 500):
        gains.append(sight.dipole_db())
    assert max(gains) == pytest.approx(DIPOLE_DB, abs=0.05)
    assert DIPOLE_DB + NULL_DB <= min(gains) < DIPOLE_DB - 2


def test_loss_in_free_space_is_that_of_the_recommendation() -> None:
    assert free_space_db(1_000_000.0) == pytest.approx(145.2, abs=0.05)  # 434 MHz, 1000 km
    assert free_space_db(2_000_000.0) - free_space_db(1_000_000.0) == pytest.approx(6.02, abs=0.01)
