"""Winds and the landing prediction, on made air and on four flights that really landed."""

from __future__ import annotations

from pathlib import Path

import pytest

from payload.navigation.gnss import ground_distance_m
from payload.navigation.landing import (
    WIND_SIGMA_MPS_MAX,
    FallSpeed,
    Landing,
    predict,
    thinness,
)
from payload.navigation.motion import Motion
from payload.navigation.winds import LAYER_M, LAYERS_MAX, METRES_PER_DEGREE, WindLayers
from tests import recordings
from tests.payload.flights import fix_at, recorded

EVERY_S = 60
ABOVE_GROUND_M = 200.0


def climb_through(winds: WindLayers, east_mps: float, top_m: float = 10_000.0) -> None:
    """5 m/s upwards in a wind from the west, on the equator."""
    for second in range(int(top_m / 5)):
        longitude = east_mps * second / METRES_PER_DEGREE
        winds.observe(
            fix_at(second * 1000, 5.0 * second, latitude_deg=0.0, longitude_deg=longitude))


def test_a_steady_wind_is_learnt_and_survives_a_reboot() -> None:
    winds = WindLayers()
    climb_through(winds, 12.0)
    again = WindLayers(winds.saved())
    for altitude_m in (100.0, 5_000.0, 9_700.0, 30_000.0):
        wind = again.at(altitude_m)
        assert wind is not None
        assert wind == pytest.approx((12.0, 0.0), abs=0.1)


def test_unknown_air_has_no_wind_and_no_landing() -> None:
    winds = WindLayers()
    assert winds.at(1_000.0) is None
    assert predict(fix_at(0, 5_000.0), winds, FallSpeed(5.0), 100.0) is None


@pytest.mark.parametrize("saved", [
    [None], [[1, 2]], [["a", 1, 2]], [[-1, 1.0, 1.0]], [[LAYERS_MAX, 0.0, 0.0]],
    [[3, float("nan"), 0.0]], [[3, 500.0, 0.0]],
])
def test_a_damaged_memory_of_winds_is_no_memory(saved: list[object]) -> None:
    assert len(WindLayers(saved)) == 0


def test_a_jump_and_a_gap_teach_nothing() -> None:
    winds = WindLayers()
    climb_through(winds, 5.0, 2_000.0)
    before = [winds.at(float(altitude_m)) for altitude_m in range(0, 12_000, 200)]
    winds.observe(fix_at(401_000, 2_005.0, latitude_deg=3.0, longitude_deg=0.0))
    winds.observe(fix_at(900_000, 2_010.0, latitude_deg=3.0, longitude_deg=9.0))
    winds.observe(fix_at(901_000, 9_999.0, latitude_deg=3.0, longitude_deg=9.0))
    after = [winds.at(float(altitude_m)) for altitude_m in range(0, 12_000, 200)]
    assert after == before


def test_the_fall_takes_as_long_as_the_air_says() -> None:
    """A fall of 1 km at sea level at 5 m/s: 200 s and a little less, and 10 m/s of wind with it."""
    winds = WindLayers()
    climb_through(winds, 10.0, 2_000.0)
    landing = predict(
        fix_at(0, 1_000.0, latitude_deg=0.0, longitude_deg=0.0), winds, FallSpeed(5.0), 0.0)
    assert landing is not None
    assert 190 < landing.seconds < 200
    assert landing.longitude_deg * METRES_PER_DEGREE == pytest.approx(10 * landing.seconds, rel=.02)
    assert landing.bearing_deg == pytest.approx(90, abs=1)


def test_where_no_wind_was_measured_the_ellipse_is_wide() -> None:
    """A store that vanished at the burst left only the wind up there: a landing told to 5.7 km was
    37 km off."""
    everywhere = WindLayers()
    climb_through(everywhere, 10.0, 20_000.0)
    high = WindLayers([row for row in everywhere.saved() if row[0] * LAYER_M >= 19_000])
    fix = fix_at(0, 19_900.0, latitude_deg=0.0, longitude_deg=0.0)
    known, guessed = (
        predict(fix, winds, FallSpeed(5.0), 0.0) for winds in (everywhere, high))
    assert known is not None and guessed is not None
    assert guessed.seconds == known.seconds
    assert guessed.across_m > 8 * known.across_m
    assert guessed.across_m < WIND_SIGMA_MPS_MAX * guessed.seconds


def test_nothing_falls_slower_than_at_the_sea() -> None:
    assert thinness(-400.0) == 1.0
    assert thinness(30_000.0) == pytest.approx((1.225 / 0.01841) ** 0.5, rel=1e-3)


def test_the_fall_is_believed_only_when_seen_often_enough() -> None:
    fall = FallSpeed(5.0)
    for _ in range(19):
        fall.observe(0.0, -8.0)
    assert fall.sea_level_mps == 5.0
    fall.observe(0.0, -8.0)
    assert fall.sea_level_mps == 8.0
    for _ in range(100):
        fall.observe(0.0, -60.0)
        fall.observe(0.0, 1.0)
    assert fall.sea_level_mps == 8.0


def _predictions(path: Path) -> list[tuple[float, Landing, float]]:
    """(metres of error, prediction, sigmas) once a minute from ten minutes before the burst on."""
    good = [row for row in recorded(path) if row.fix is not None and row.fix.altitude_m is not None]
    end = good[-1].fix
    assert end is not None and end.altitude_m is not None
    assert end.latitude_deg is not None and end.longitude_deg is not None
    peak_ms = max(good, key=lambda row: row.fix.altitude_m if row.fix else 0).now_ms
    winds, fall, motion, found = WindLayers(), FallSpeed(5.0), Motion(), []
    for row in good:
        fix = row.fix
        assert fix is not None and fix.altitude_m is not None
        if not motion.take(fix, row.now_ms):
            continue
        winds.observe(fix)
        if row.now_ms > peak_ms and motion.climb_mps is not None and motion.altitude_m is not None:
            fall.observe(motion.altitude_m, motion.climb_mps)
        is_low = fix.altitude_m < end.altitude_m + ABOVE_GROUND_M
        if row.now_ms < peak_ms - 600_000 or row.now_ms // 1000 % EVERY_S or is_low:
            continue
        landing = predict(fix, winds, fall, end.altitude_m)
        assert landing is not None
        place = end.latitude_deg, end.longitude_deg
        error_m = ground_distance_m((landing.latitude_deg, landing.longitude_deg), place)
        found.append((error_m, landing, landing.distance_sigma(*place)))
    return found


@pytest.mark.parametrize("paths", recordings.SETS, ids=("thinned", "whole")[:len(recordings.SETS)])
def test_the_ellipse_is_honest_on_real_flights(paths: list[Path]) -> None:
    """Of a two-dimensional normal distribution 39 % lie within one sigma and 86 % within two.

    Fewer would be a boast, many more an ellipse that says nothing.
    """
    sigmas = [sigma for path in paths for _, _, sigma in _predictions(path)]
    within_one = sum(s <= 1 for s in sigmas) / len(sigmas)
    within_two = sum(s <= 2 for s in sigmas) / len(sigmas)
    assert 0.30 <= within_one <= 0.75, within_one
    assert 0.80 <= within_two <= 0.99, within_two


@pytest.mark.parametrize("path", recordings.ALL, ids=recordings.name)
def test_the_prediction_gets_better_on_the_way_down(path: Path) -> None:
    errors_m = [error_m for error_m, _, _ in _predictions(path)]
    assert min(errors_m[-4:]) < 1_000
    assert errors_m[-1] < max(errors_m[:12]) / 2
