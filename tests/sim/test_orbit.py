"""The trajectory of an orbit: drawn and given elements, stations, passes."""

from __future__ import annotations

import math
import random

import pytest

from sim.balloon import SITES, draw_launch
from sim.orbit import FIRST_PASS_S, Orbit, build, renewed
from sim.radio.line_of_sight import FREQUENCY_MHZ
from sim.scenario import Conditions, draw, into_orbit
from tests.sim.flights import mission
from tests.wire.orbits import ISS, iss
from wire.mission_orbit import OrbitSection, OrbitStation

DAY_MS = 86_400_000
HOME = OrbitStation(name="home", latitude_deg=48.0, longitude_deg=12.0, altitude_m=400.0)


@pytest.mark.parametrize("seed", range(8))
def test_a_drawn_orbit_goes_over_its_first_station_ten_minutes_after_the_beginning(
    seed: int,
) -> None:
    rng = random.Random(seed)
    launch = draw_launch(rng, SITES[0])
    orbit = build(rng, None, (HOME,), launch, 2.0)
    assert orbit.start_utc_ms == launch.start_utc_ms == orbit.elements.epoch_ms
    look = max((HOME.vantage.look(orbit.fixed(FIRST_PASS_S + second)) for second in range(-30, 31)),
               key=lambda each: each.elevation_deg)
    assert look.elevation_deg > 85
    assert 370_000 < orbit.state(FIRST_PASS_S).altitude_m < 600_000
    assert any(rise_s < FIRST_PASS_S < set_s for rise_s, set_s, _ in orbit.passes())


def test_the_state_moves_as_its_speeds_say() -> None:
    orbit = Orbit(iss().epoch_ms, iss(), (HOME,))
    for at_s in (0.0, 1_000.0, 3_000.0):
        before, here, after = (orbit.state(at_s + step_s) for step_s in (-1, 0, 1))
        assert (after.altitude_m - before.altitude_m) / 2 == pytest.approx(here.climb_mps, abs=0.1)
        assert 6_900 < here.speed_mps < 7_700
        goes_north = after.latitude_deg > before.latitude_deg
        assert goes_north == (here.heading_deg < 90 or here.heading_deg > 270)


def test_the_nearest_station_that_sees_it_counts() -> None:
    far = OrbitStation(name="far", latitude_deg=-30.0, longitude_deg=140.0)
    orbit = Orbit(iss().epoch_ms, iss(), (far, HOME), 3.0)
    seen = [look for second in range(0, int(orbit.end_s), 10)
            if (look := orbit.best_look(float(second))) is not None]
    total_s = sum(set_s - max(0.0, rise_s) for rise_s, set_s, _ in orbit.passes())
    assert 10 * len(seen) == pytest.approx(total_s, abs=60)
    assert all(look.elevation_deg >= 5 and look.range_m < 2.2e6 for look in seen)
    assert max(abs(look.doppler_hz(FREQUENCY_MHZ * 1e6)) for look in seen) < 11_000


def test_a_mission_with_elements_is_flown_from_their_epoch_on() -> None:
    given = OrbitSection(tle=ISS, stations=(HOME,))
    plan = mission().model_copy(update={"orbit": given})
    flown, conditions = into_orbit(1, plan, Conditions(), 2.0)
    assert conditions.orbit is not None and flown.orbit is given
    assert conditions.orbit.elements.lines == ISS
    assert conditions.orbit.start_utc_ms == iss().epoch_ms
    assert conditions.orbit.stations == (HOME,)


def test_a_mission_without_elements_is_flown_over_its_own_stations() -> None:
    given = OrbitSection(stations=(HOME,))
    flown, conditions = into_orbit(1, mission().model_copy(update={"orbit": given}), Conditions(),
                                   2.0)
    assert conditions.orbit is not None and flown.orbit is given
    assert conditions.orbit.stations == (HOME,)
    assert [name for _, _, name in conditions.orbit.passes()][:1] == [HOME.name]


def test_a_drawn_orbit_is_known_aboard_and_some_handicapped_ones_are_not() -> None:
    known, tuned = set(), set()
    for seed in range(12):
        drawn, conditions = into_orbit(seed, mission(), Conditions(), 2.0, is_handicapped=True)
        assert drawn.orbit is not None and conditions.orbit is not None
        known.add(drawn.orbit.tle is not None)
        tuned.add(conditions.is_tuned)
        told, free = into_orbit(seed, mission(), Conditions(), 2.0)
        assert free.orbit is not None and free.is_tuned and told.orbit is not None
        assert told.orbit.tle == free.orbit.elements.lines
        assert told.orbit.stations == free.orbit.stations
    assert known == tuned == {True, False}


def test_an_orbit_draws_nothing_from_the_other_presets() -> None:
    """The weather and the configuration of a balloon's seed are as they were."""
    calm = draw(7, mission(), "calm")
    assert calm.conditions.orbit is None and calm.mission.orbit is None
    orbit = draw(7, mission(), "orbit")
    assert orbit.conditions.orbit is not None
    assert orbit.mission.radio.rate_bps in (1_200, 2_400) or orbit.mission.radio.duty_percent


@pytest.mark.parametrize(("days", "off_s"), [(0, 0.01), (1, 0.5), (30, 10.0)])
def test_renewed_elements_are_of_the_same_orbit(days: int, off_s: float) -> None:
    """After 300 days of drag, at that instant and later."""
    rng = random.Random(3)
    orbit = build(rng, None, (HOME,), draw_launch(rng, SITES[0]), 1.0)
    now_ms = orbit.start_utc_ms + 300 * DAY_MS
    fresh = renewed(orbit.elements, now_ms)
    assert fresh.epoch_ms == pytest.approx(now_ms, abs=1) and fresh.lines != orbit.elements.lines
    seen, told = (each.at(now_ms + days * DAY_MS) for each in (orbit.elements, fresh))
    assert math.dist(seen[:3], told[:3]) < off_s * math.hypot(*seen[3:])
