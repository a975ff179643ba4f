"""The modelled balloon goes up, bursts, and comes down on the ground."""

from __future__ import annotations

from itertools import pairwise

from sim.balloon import END_S, PAD_S, SITES, STEADY_DRAG, Balloon, distance_m
from sim.clock import part_rng
from sim.sky import Sky
from wire.landing_forecast import FALL_EXPONENT, fall_factor


def _balloon(seed: int) -> Balloon:
    site = part_rng(seed, "site").choice(SITES)
    return Balloon(part_rng(seed, "balloon"), Sky(part_rng(seed, "sky"), site.warmth_k), site)


def test_thirty_flights_land() -> None:
    """Each within three hours, 26 to 31 km high, less than 200 km away, on the ground."""
    for seed in range(30):
        balloon = _balloon(seed)
        assert 75 * 60 < balloon.burst_s - PAD_S < 112 * 60
        assert 25 * 60 < balloon.landing_s - balloon.burst_s < 60 * 60
        assert balloon.landing_s < END_S - 300
        assert 26_000 <= balloon.state(balloon.burst_s).altitude_m <= 31_010
        end = balloon.state(END_S)
        assert end.altitude_m == end.ground_m >= 0
        assert (end.climb_mps, end.speed_mps) == (0, 0)
        assert 3 < -balloon.state(balloon.landing_s - 5).climb_mps < 8
        assert distance_m(balloon.pad[:2], (end.latitude_deg, end.longitude_deg)) < 200_000


def test_the_path_is_continuous() -> None:
    """No jump between neighbouring tenths of a second, and climb agrees with height."""
    balloon = _balloon(4)
    for second in (0, PAD_S - 1, PAD_S + 60, balloon.burst_s - 1, balloon.burst_s + 30,
                   balloon.landing_s - 1, balloon.landing_s + 5):
        states = [balloon.state(second + i / 10) for i in range(20)]
        for a, b in pairwise(states):
            assert abs(b.altitude_m - a.altitude_m) < 10
            assert distance_m((a.latitude_deg, a.longitude_deg),
                              (b.latitude_deg, b.longitude_deg)) < 8
    before, after = balloon.state(3_000), balloon.state(3_060)
    mean = (after.altitude_m - before.altitude_m) / 60
    assert abs(mean - balloon.state(3_030).climb_mps) < 0.7


def test_a_seed_is_a_flight() -> None:
    assert _balloon(9).state(5_000) == _balloon(9).state(5_000)
    assert _balloon(9).state(5_000) != _balloon(10).state(5_000)


def test_a_fall_with_the_measured_exponent_slows_as_the_forecast_has_it() -> None:
    """Both land as fast; the one of the forecast begins faster and is down earlier."""
    steady, measured = (
        Balloon(part_rng(5, "balloon"), Sky(part_rng(5, "sky")), SITES[0], fall_exponent=exponent)
        for exponent in (STEADY_DRAG, FALL_EXPONENT))
    assert measured.burst_s == steady.burst_s and measured.landing_s < steady.landing_s
    state = measured.state(measured.burst_s + 300.0)
    sea_level_mps = -state.climb_mps / fall_factor(state.altitude_m)
    lower = measured.state(measured.landing_s - 100.0)
    assert abs(-lower.climb_mps / fall_factor(lower.altitude_m) / sea_level_mps - 1) < 0.02
