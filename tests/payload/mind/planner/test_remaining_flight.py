"""Way: the rest of the flight from its numbers, or from ordinary ones."""

from __future__ import annotations

from dataclasses import replace

import pytest

from payload.mind.planner.remaining_flight import (
    BURST_M,
    LOOKS,
    PAD_S,
    REST_S,
    STILL_M,
    RemainingFlight,
    fall_s,
    forecast,
)
from payload.navigation.sun import sun_word
from payload.situation import Situation
from wire.beacon import Phase
from wire.mission import FlightSection

NOON_MS = 1_804_680_000_000  # 2027-03-10T12:00Z
HERE = Situation(now_ms=3_600_000, utc_ms=NOON_MS, latitude_deg=48.0, longitude_deg=12.0,
                 altitude_m=10_400.0, phase=Phase.ASCENT)
PLAN = FlightSection(burst_altitude_m=30_000)


def test_an_ascent_is_height_by_climb_and_then_a_fall() -> None:
    way = forecast(HERE, 400.0, 4.0, PLAN)
    assert (way.ground_s, way.height_m, way.top_m) == (0, 10_000, 30_000)
    assert way.up_s == pytest.approx(5_000)
    assert 1_500 < way.down_s < 4_000 and way.rest_s == REST_S
    assert way.rises_past(20_000) and not way.rises_past(9_000) and way.falls_past(1_000)


def test_nothing_known_is_an_ordinary_flight_and_the_longest_is_longer() -> None:
    bare = Situation(now_ms=0)
    way, longest = (forecast(bare, None, None, FlightSection(), is_longest)
                    for is_longest in (False, True))
    assert (way.ground_s, way.top_m) == (PAD_S, BURST_M)
    assert longest.seconds > way.seconds + 600


def test_above_the_expected_burst_it_still_goes_on_for_a_while() -> None:
    way = forecast(replace(HERE, altitude_m=33_000.0), 0.0, 5.0, PLAN)
    assert way.top_m == 33_000 + STILL_M and way.up_s == pytest.approx(STILL_M / 5)


def test_falling_and_lying_are_short() -> None:
    falling = forecast(replace(HERE, phase=Phase.DESCENT), 400.0, 5.0, PLAN)
    assert (falling.ground_s, falling.up_s) == (0, 0)
    assert falling.down_s == fall_s(5.0, 20)
    lying = replace(HERE, phase=Phase.LANDED, phase_since_ms=3_300_000)
    assert forecast(lying, 400.0, None, PLAN)[:4] == (0, 0, 0, REST_S - 300)
    assert forecast(replace(lying, phase_since_ms=0), 400.0, None, PLAN).seconds == 0


@pytest.mark.parametrize(("hour", "dark", "rise", "set_"), [
    (0, False, False, False), (5, False, False, True), (10, True, False, False),
    (15, False, True, False)])
def test_the_sun_of_the_rest_of_the_way(hour: int, dark: bool, rise: bool, set_: bool) -> None:
    """In March at 48 N it goes down about 17 UTC and comes up about 6; from the height later."""
    at = replace(HERE, utc_ms=NOON_MS + hour * 3_600_000)
    way: RemainingFlight = forecast(at, 400.0, 4.0, PLAN)
    assert (way.dark_part == 1.0, way.has_sunrise, way.has_sunset) == (dark, rise, set_)


@pytest.mark.parametrize("night_s", [600, 1_800, 3_000, 3_500])
def test_a_float_before_the_dawn_has_the_night_that_is_left(night_s: int) -> None:
    """Three quarters of the way counted as day, and its sunlight was spent, where the sun came up
    within the hour that a float is given."""
    place = replace(HERE, phase=Phase.FLOAT, altitude_m=20_000.0)
    dawn_ms = next(
        at_ms for at_ms in range(NOON_MS + 12 * 3_600_000, NOON_MS + 24 * 3_600_000, 10_000)
        if sun_word(at_ms, place.latitude_deg, place.longitude_deg, place.altitude_m) != "down")
    way = forecast(replace(place, utc_ms=dawn_ms - night_s * 1000), 0.0, None, PLAN)
    assert way.dark_part == pytest.approx(night_s / way.seconds, abs=0.5 / LOOKS + 0.01)
    assert way.has_sunrise and not way.has_sunset


def test_a_float_into_the_night_is_dark_from_dusk() -> None:
    place = replace(HERE, phase=Phase.FLOAT, altitude_m=20_000.0)
    dusk_ms = next(
        at_ms for at_ms in range(NOON_MS, NOON_MS + 12 * 3_600_000, 10_000)
        if sun_word(at_ms, place.latitude_deg, place.longitude_deg, place.altitude_m) == "down")
    way = forecast(replace(place, utc_ms=dusk_ms - 600_000), 0.0, None, PLAN)
    assert way.dark_part == pytest.approx(1 - 600 / way.seconds, abs=0.5 / LOOKS + 0.01)
    assert way.has_sunset and not way.has_sunrise


def test_without_any_altitude_the_way_grows_shorter_all_the_same() -> None:
    """No GNSS and no barometer: it stayed as long as on the ground for the whole ascent, and was
    over in no time as soon as it fell."""
    blind = replace(HERE, altitude_m=None, phase_since_ms=0)
    seconds = [forecast(replace(blind, now_ms=now_s * 1000), None, None, PLAN).seconds
               for now_s in (0, 3_000, 6_000, 60_000)]
    assert seconds[1] == pytest.approx(seconds[0] - 3_000)
    assert seconds == sorted(seconds, reverse=True) and seconds[3] > 1_000
    falling = replace(blind, phase=Phase.DESCENT)
    down_s = [forecast(replace(falling, now_ms=now_s * 1000), None, None, PLAN).down_s
              for now_s in (0, 1_000, 60_000)]
    assert down_s[0] == fall_s(5.0, 60) and down_s[2] == 0
    assert down_s[1] == pytest.approx(down_s[0] - 1_000, abs=100)
