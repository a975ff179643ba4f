"""Goal: moments agree with what a thought states.

Method: thousands of drawn moments checked against the condition.
"""

from __future__ import annotations

import random

import pytest

from host_training.importers.notebook import Condition
from host_training.rows.context_sampler import draw_moment
from wire import standard_air


def test_stated_senses_are_kept_and_the_rest_agrees() -> None:
    condition = Condition("cold", {"altitude_m": (12_000, 24_000), "silence_min": (20, 40)},
                          {"phase": "ascent", "battery": "low"}, ("weather", "404"))
    rng = random.Random(1)
    for _ in range(500):
        moment = draw_moment(condition, rng)
        assert 12_000 <= moment.altitude_m <= 24_000
        assert 20 <= moment.silence_min <= 40
        assert (moment.phase, moment.battery, moment.api) == ("ascent", "low", ("weather", "404"))
        assert moment.cloud in ("below", "none")
        if moment.pressure_hpa is not None:
            standard = standard_air.at(moment.altitude_m).pressure_pa / 100
            assert moment.pressure_hpa == pytest.approx(standard, rel=0.06)
        assert moment.climb_mps is None or moment.climb_mps > 0


def test_altitude_follows_a_stated_temperature() -> None:
    rng = random.Random(2)
    for _ in range(200):
        moment = draw_moment(Condition("cold", {"outside_c": (10, 15)}, {"phase": "ascent"}), rng)
        assert 10 <= moment.outside_c <= 15
        assert moment.altitude_m is None or moment.altitude_m < 4_000


@pytest.mark.parametrize(("ranges", "phases"), [
    ({"climb_mps": (-60, -15)}, {"descent"}),
    ({"climb_mps": (3, 7)}, {"ascent"}),
    ({"altitude_m": (9_000, 20_000)}, {"ascent", "float", "descent"}),
    ({}, {"ground", "ascent", "float", "descent", "landed"}),
])
def test_an_open_phase_fits_what_is_stated(
    ranges: dict[str, tuple[float, float]], phases: set[str]
) -> None:
    rng = random.Random(3)
    assert {draw_moment(Condition("x", ranges), rng).phase for _ in range(300)} == phases


def test_the_same_seed_draws_the_same_moment() -> None:
    condition = Condition("wind")
    first = [draw_moment(condition, random.Random(4)) for _ in range(3)]
    assert first[0] == first[1] == first[2]


def test_an_api_nobody_mentioned_is_rare() -> None:
    rng = random.Random(5)
    share = sum(draw_moment(Condition("x"), rng).api is not None for _ in range(2000)) / 2000
    assert 0.07 < share < 0.13
