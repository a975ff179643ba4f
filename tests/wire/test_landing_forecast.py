"""Winds and the landing prediction, on made air and on four flights that really landed."""

from __future__ import annotations

from pathlib import Path

import pytest

from payload.navigation.landing_report import position_of
from payload.navigation.motion import Motion
from tests import recordings
from tests.payload.flights import recorded
from wire.earth import METRES_PER_DEGREE, distance_m
from wire.landing_forecast import WIND_SIGMA_MPS_MAX, FallSpeed, Landing, fall_factor, predict
from wire.winds import LAYER_M, LAYERS_MAX, AirPosition, WindLayers

EVERY_S = 60
ABOVE_GROUND_M = 200.0


def above_equator(altitude_m: float, at_ms: int = 0, longitude_deg: float = 0.0) -> AirPosition:
    return AirPosition(at_ms, 0.0, longitude_deg, altitude_m)


def climb_through(
    winds: WindLayers, east_mps: float, top_m: float = 10_000.0, every_s: int = 1,
) -> None:
    """5 m/s upwards in a wind from the west, on the equator."""
    for second in range(0, int(top_m / 5), every_s):
        longitude = east_mps * second / METRES_PER_DEGREE
        winds.observe(above_equator(5.0 * second, second * 1000, longitude))


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
    assert predict(above_equator(5_000.0), winds, FallSpeed(5.0), 100.0) is None


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
    winds.observe(AirPosition(401_000, 3.0, 0.0, 2_005.0))
    winds.observe(AirPosition(900_000, 3.0, 9.0, 2_010.0))
    winds.observe(AirPosition(901_000, 3.0, 9.0, 9_999.0))
    winds.observe(AirPosition(999_000, 3.0, 9.0, 6_000.0))
    after = [winds.at(float(altitude_m)) for altitude_m in range(0, 12_000, 200)]
    assert after == before


def test_the_fall_takes_as_long_as_the_air_says() -> None:
    """A fall of 1 km at sea level at 5 m/s: 200 s and a little less, and 10 m/s of wind with it."""
    winds = WindLayers()
    climb_through(winds, 10.0, 2_000.0)
    landing = predict(above_equator(1_000.0), winds, FallSpeed(5.0), 0.0)
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
    known, guessed = (
        predict(above_equator(19_900.0), winds, FallSpeed(5.0), 0.0)
        for winds in (everywhere, high))
    assert known is not None and guessed is not None
    assert guessed.seconds == known.seconds
    assert guessed.across_m > 8 * known.across_m
    assert guessed.across_m < WIND_SIGMA_MPS_MAX * guessed.seconds


def test_nothing_falls_slower_than_at_the_sea() -> None:
    assert fall_factor(-400.0) == 1.0
    assert fall_factor(30_000.0) == pytest.approx((1.225 / 0.01841) ** 0.56, rel=1e-3)


def test_sparse_fixes_teach_every_layer_that_they_cross() -> None:
    """A station that hears one position in a minute learns the winds of a payload that has all."""
    winds = WindLayers()
    for minute, (east_m, up_m) in enumerate([(0, 100), (600, 500), (3_000, 1_300)]):
        winds.observe(above_equator(up_m, minute * 60_000, east_m / METRES_PER_DEGREE))
    winds.observe(above_equator(1_500, 150_000, 3_000 / METRES_PER_DEGREE))
    assert winds.at(300.0) == pytest.approx((10.0, 0.0))
    assert [winds.at(altitude_m) for altitude_m in (700.0, 900.0, 1_100.0)] == [
        pytest.approx((40.0, 0.0))] * 3


def test_a_burst_to_come_is_reached_in_the_same_winds() -> None:
    """From 2 km to 3 km at 5 m/s: 200 s of wind more, in which the fall's own error has no part."""
    winds = WindLayers()
    climb_through(winds, 10.0, 4_000.0)
    fall = FallSpeed(5.0)
    planned = predict(above_equator(2_000.0), winds, fall, 0.0, burst_m=3_000.0, climb_mps=5.0)
    there = predict(
        above_equator(3_000.0, longitude_deg=2_000 / METRES_PER_DEGREE), winds, fall, 0.0)
    assert planned is not None and there is not None
    assert planned.seconds == pytest.approx(there.seconds + 200)
    assert planned.longitude_deg == pytest.approx(there.longitude_deg)
    assert planned.across_m > there.across_m
    assert max(altitude_m for _, _, altitude_m in planned.way) == 3_000
    assert planned.way[0] == (0.0, 0.0, 2_000.0) and planned.way[-1][2] == 0.0
    passed = predict(above_equator(2_000.0), winds, fall, 0.0, burst_m=1_000.0, climb_mps=5.0)
    assert passed == predict(above_equator(2_000.0), winds, fall, 0.0)


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
        position = position_of(fix)
        if position is None or not motion.take(fix, row.now_ms):
            continue
        winds.observe(position)
        if row.now_ms > peak_ms and motion.climb_mps is not None and motion.altitude_m is not None:
            fall.observe(motion.altitude_m, motion.climb_mps)
        is_low = fix.altitude_m < end.altitude_m + ABOVE_GROUND_M
        if row.now_ms < peak_ms - 600_000 or row.now_ms // 1000 % EVERY_S or is_low:
            continue
        landing = predict(position, winds, fall, end.altitude_m)
        assert landing is not None
        place = end.latitude_deg, end.longitude_deg
        error_m = distance_m((landing.latitude_deg, landing.longitude_deg), place)
        found.append((error_m, landing, landing.distance_sigma(*place)))
    return found


@pytest.mark.parametrize("paths", recordings.SETS, ids=("thinned", "whole")[:len(recordings.SETS)])
def test_the_ellipse_is_honest_on_real_flights(paths: list[Path]) -> None:
    """Of a two-dimensional normal distribution 39 % lie within 1 sigma, 68 % within 1.5 and 86 %
    within 2.

    Fewer would be a boast, many more an ellipse that says nothing.
    """
    sigmas = [sigma for path in paths for _, _, sigma in _predictions(path)]
    within = {limit: sum(s <= limit for s in sigmas) / len(sigmas) for limit in (1, 1.5, 2)}
    assert 0.25 <= within[1] <= 0.60, within
    assert 0.60 <= within[1.5] <= 0.80, within
    assert 0.75 <= within[2] <= 0.97, within


@pytest.mark.parametrize("path", recordings.ALL, ids=recordings.name)
def test_the_prediction_gets_better_on_the_way_down(path: Path) -> None:
    errors_m = [error_m for error_m, _, _ in _predictions(path)]
    assert min(errors_m[-4:]) < 1_000
    assert errors_m[-1] < max(errors_m[:12]) / 2


HIGH_M = 20_000.0


@pytest.mark.parametrize("path", recordings.ALL, ids=recordings.name)
def test_a_fall_measured_high_up_tells_the_time_of_landing(path: Path) -> None:
    """With a constant drag coefficient it is told 9 to 16 % too early from 20 km on each flight."""
    good = [row.fix for row in recorded(path) if row.fix and row.fix.altitude_m is not None]
    peak = max(range(len(good)), key=lambda at: good[at].altitude_m or 0)
    end_m = good[-1].altitude_m
    fall, motion, winds = FallSpeed(5.0), Motion(), WindLayers([[0, 1.0, 1.0]])
    down_ms = next(fix.taken_ms for fix in good[peak:] if fix.altitude_m < end_m + 50)
    for fix in good[peak:]:
        motion.take(fix, fix.taken_ms)
        if motion.climb_mps is not None:
            fall.observe(fix.altitude_m, motion.climb_mps)
        if fix.altitude_m < HIGH_M:
            break
    position = position_of(fix)
    assert position is not None
    landing = predict(position, winds, fall, end_m + 50)
    assert landing is not None
    assert landing.seconds == pytest.approx((down_ms - fix.taken_ms) / 1000, rel=0.08)
