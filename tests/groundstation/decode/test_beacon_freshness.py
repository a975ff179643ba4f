"""The rule for old beacons, case by case: reboots, wraps, several roads, clocks, a deaf hour."""

from __future__ import annotations

import random

import pytest

from groundstation.decode.beacon_freshness import (
    AHEAD_MS,
    DAY_MS,
    BeaconFreshness,
    clock_gap_s,
    made_at,
)
from tests.groundstation.far_end import START_MS
from wire.frames import FrameCounter

HOUR_S = 3600
START_S = START_MS // 1000


class Station:
    """An order that is told seconds since START: when a beacon was made, and when it was heard."""

    def __init__(self, clock_error_s: int = 0) -> None:
        self.order = BeaconFreshness()
        self.clock_error_s = clock_error_s

    def hears(self, boot: int, number: int, made_s: int | None, heard_s: int | None = None) -> bool:
        heard_s = made_s if heard_s is None else heard_s
        assert heard_s is not None
        time_of_day_s = None if made_s is None else (START_S + made_s) % 86_400
        counter = FrameCounter(boot % 16, number % 4096)
        return self.order.is_news(
            counter, time_of_day_s, START_MS + (heard_s + self.clock_error_s) * 1000
        )


def test_a_flight_of_ten_hours_through_midnight_and_every_wrap_is_news() -> None:
    """A frame a second, a beacon every ten: the counter wraps nine times, the day once."""
    station = Station()
    assert all(station.hears(3, s, s) for s in range(0, 10 * HOUR_S, 10))


@pytest.mark.parametrize("age_s", [1, 9, 59, 61, 300, 2048, 2100, 4095, 4096, 4100, HOUR_S,
                                   5 * HOUR_S, 20 * HOUR_S, 23 * HOUR_S])
def test_a_beacon_of_any_age_played_again_is_old(age_s: int) -> None:
    station = Station()
    assert station.hears(3, 100_000, 100_000)
    assert not station.hears(3, 100_000 - age_s, 100_000 - age_s, 100_000 + 5)
    assert not station.hears(2, 9_000, 100_000 - age_s, 100_000 + 6), "of an earlier boot"
    assert station.hears(3, 100_010, 100_010), "and the next live one is news"


def test_the_same_beacon_by_a_second_road_is_old_however_late() -> None:
    station = Station()
    assert station.hears(1, 50, 500)
    for late_s in (0, 1, 30, 120, HOUR_S):
        assert not station.hears(1, 50, 500, 500 + late_s)


def test_frames_by_a_slower_road_arrive_between_and_are_old() -> None:
    """A chaser's station passes on every beacon 40 s late; ours hears half of them itself."""
    station, rng = Station(), random.Random(2)
    arrivals = []
    for s in range(0, 2 * HOUR_S, 10):
        is_heard = rng.random() < 0.5
        if is_heard:
            arrivals.append((s, 0, s))
        arrivals.append((s + 40, 1, s))
    newest = -1
    for heard_s, _, made_s in sorted(arrivals):
        assert station.hears(1, made_s, made_s, heard_s) == (made_s > newest), (heard_s, made_s)
        newest = max(newest, made_s)


@pytest.mark.parametrize(("reboots", "off_s"), [
    (1, 20), (2, 59),  # within a minute the boot number decides, and seven do not fit
    *((reboots, off_s) for reboots in (1, 7, 8, 9, 15, 16, 17, 40) for off_s in (61, 600)),
])
def test_after_any_number_of_unheard_reboots_the_first_beacon_is_news(
    reboots: int, off_s: int
) -> None:
    station = Station()
    assert station.hears(3, 900, 1_000)
    assert station.hears(3 + reboots, 1, 1_000 + off_s)


def test_a_restored_clock_lags_by_the_time_it_was_off_and_is_news_all_the_same() -> None:
    """Off for five minutes; the clock goes on from its last saved second, then GNSS corrects it."""
    station = Station()
    assert station.hears(3, 900, 1_000)
    for i in range(12):
        assert station.hears(4, 1 + 10 * i, 995 + 10 * i, 1_300 + 10 * i), i
    assert station.hears(4, 130, 1_425, 1_425)
    assert not station.hears(4, 60, 1_054, 1_430)


def test_a_station_that_was_deaf_for_an_hour_believes_at_once() -> None:
    station = Station()
    assert station.hears(3, 900, 1_000)
    assert station.hears(3, 4_500, 4_600), "the counter alone would call it old"
    assert not station.hears(3, 2_400, 2_500, 4_605), "recorded while it was deaf, played later"
    assert not station.hears(3, 800, 900, 4_606)


def test_what_was_recorded_while_it_was_deaf_is_news_until_a_live_one_comes() -> None:
    """A limit, and what makes it harmless: the gap between the clocks says how old it is."""
    station = Station()
    assert station.hears(3, 900, 1_000)
    assert station.hears(3, 2_400, 2_500, 4_600)
    assert clock_gap_s((START_S + 2_500) % 86_400, START_MS + 4_600_000) == 2_100
    assert station.hears(3, 4_510, 4_610)
    assert not station.hears(3, 2_410, 2_510, 4_612)


@pytest.mark.parametrize("gap_s", [13, 20, 24, 30, 24 * 40])
def test_a_bench_test_long_before_the_flight_does_not_matter(gap_s: int) -> None:
    station, gap_s = Station(), gap_s * HOUR_S
    assert station.hears(3, 900, 0)
    assert station.hears(4, 1, gap_s)
    assert station.hears(4, 11, gap_s + 10)
    if gap_s % (24 * HOUR_S):
        assert not station.hears(3, 900, 0, gap_s + 12), "yesterday's, played today"
        assert station.hears(4, 21, gap_s + 20)


def test_yesterdays_beacon_played_first_of_all_gives_way_to_the_first_live_one() -> None:
    station = Station()
    assert station.hears(9, 77, -20 * HOUR_S, 0), "who hears nothing else cannot know"
    assert station.hears(4, 1, 10)
    assert not station.hears(9, 77, -20 * HOUR_S, 12)


@pytest.mark.parametrize("error_s", [-30 * 86_400, -7_000, -AHEAD_MS // 1000 - 60, -600, 600, 7_000,
                                     80_000, 30 * 86_400])
def test_a_station_clock_that_is_wrong_costs_no_live_beacon(error_s: int) -> None:
    station = Station(error_s)
    assert all(station.hears(3, s, s) for s in range(0, 3 * HOUR_S, 10))


@pytest.mark.parametrize("error_s", [-7_000, -600, 600, 7_000, 80_000, 86_400, 30 * 86_400])
def test_a_station_clock_that_is_set_right_in_flight_costs_no_live_beacon(error_s: int) -> None:
    station = Station(error_s)
    assert all(station.hears(3, s, s) for s in range(0, HOUR_S, 10))
    station.clock_error_s = 0
    assert all(station.hears(3, s, s) for s in range(HOUR_S, 2 * HOUR_S, 10))
    assert not station.hears(3, 900, 900, 2 * HOUR_S)


@pytest.mark.parametrize("error_s", [-600, 0, 600, 7_000])
def test_a_replay_is_old_for_a_day_by_a_clock_that_is_about_right(error_s: int) -> None:
    station = Station(error_s)
    assert station.hears(3, 100_000, 100_000)
    oldest_s = 86_400 - AHEAD_MS // 1000 - max(0, error_s) - 10
    for age_s in (70, HOUR_S, 12 * HOUR_S, oldest_s):
        assert not station.hears(3, 7, 100_000 - age_s, 100_005), age_s


def test_without_any_time_the_counter_decides() -> None:
    station = Station()
    assert station.hears(15, 4_090, None, 0)
    assert station.hears(15, 4_100, None, 10), "over the wrap"
    assert not station.hears(15, 4_090, None, 12) and not station.hears(15, 4_100, None, 13)
    assert station.hears(16, 1, None, 40), "boot 0 is after boot 15"
    assert not station.hears(15, 4_200, None, 42)
    assert station.hears(16, 30, 60), "now it knows the time"


def test_a_boot_does_not_forget_the_time() -> None:
    """From before the first fix of this boot, played again later."""
    station = Station()
    assert station.hears(5, 10, None, 20)
    assert station.hears(5, 100, 120)
    assert station.hears(5, 2_200, 190)
    for number in (10, 2_150, 2_250):  # the first and the last look newer by their number
        assert not station.hears(5, number, None, 195), number
    assert station.hears(6, 1, None, 200), "a new boot without a clock is news"
    assert not station.hears(5, 100, 120, 210)
    assert station.hears(6, 40, 260)


def test_a_beacon_without_time_played_first_of_all_gives_way_to_the_first_with_one() -> None:
    station = Station()
    assert station.hears(12, 5, None, 0), "who hears nothing else cannot know"
    assert not station.hears(4, 1, None, 10), "nor tell boot 4 from an older one"
    assert station.hears(4, 11, 20)
    assert not station.hears(4, 1, None, 22)


def test_a_lost_disk_starts_at_boot_one_and_is_believed_when_it_knows_the_time() -> None:
    station = Station()
    assert station.hears(9, 500, 1_000)
    assert not station.hears(1, 1, None, 1_040), "it could be any old boot"
    assert station.hears(1, 40, 1_080)


def test_the_date_of_a_beacon_is_never_in_the_future() -> None:
    assert made_at(START_S % 86_400, START_MS) == START_MS // 1000 * 1000
    for ahead_s in (0, AHEAD_MS // 1000, AHEAD_MS // 1000 + 1, 86_399):
        made_ms = made_at((START_S + ahead_s) % 86_400, START_MS)
        expected = START_MS + ahead_s * 1000 - (DAY_MS if ahead_s * 1000 > AHEAD_MS else 0)
        assert made_ms == expected


def test_the_gap_between_the_clocks() -> None:
    assert clock_gap_s(None, START_MS) is None
    for gap_s in (-43_200, -60, -1, 0, 1, 2400, 43_199):
        assert clock_gap_s((START_S - gap_s) % 86_400, START_MS) == gap_s


def test_a_lost_disk_without_any_time_is_believed_after_ten_minutes_of_silence() -> None:
    """Soak seed 33, an orbit: for hours the station called every frame of a living payload old."""
    station = Station()
    assert station.hears(1, 500, None, 0)
    assert not station.hears(0, 1, None, 10) and not station.hears(0, 50, None, 599)
    assert station.hears(0, 51, None, 600) and station.hears(0, 61, None, 610)


def test_silence_does_not_make_a_beacon_from_before_the_first_fix_news() -> None:
    station = Station()
    assert station.hears(5, 100, 120)
    assert not station.hears(5, 10, None, 5_000), "that boot knows the time"
