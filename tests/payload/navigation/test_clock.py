"""The mission clock: dates are offered by made fixes; time passes only in the arguments."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payload.navigation.clock import (
    CONTRADICTION_MS,
    OLD_MS,
    STEP_MS,
    TRUST_MS,
    UTC_MS_MAX,
    UTC_MS_MIN,
    MissionClock,
)
from tests.payload.flights import UTC_MS, fix_at
from wire.records import TimeQuality

ROLLOVER_MS = 1024 * 7 * 86_400_000


def observe(clock: MissionClock, utc_at_boot_ms: int, start_ms: int, seconds: int) -> list[str]:
    told = []
    for now in range(start_ms, start_ms + seconds * 1000 + 1, 1000):
        notes = clock.observe(fix_at(now, utc_ms=utc_at_boot_ms + now), now)
        told += [note.body["event"] for note in notes]
    return told


def test_without_anything_time_is_since_boot() -> None:
    """Goal: NONE is told as such. Method: a clock that has seen nothing."""
    clock = MissionClock(None)
    assert clock.stamp(1234) == (1234, TimeQuality.NONE)
    assert clock.utc_ms(1234) is None
    assert clock.observe(None, 1234) == []
    assert clock.observe(fix_at(1234, utc_ms=None), 1234) == []


def test_a_date_is_trusted_after_five_steady_seconds() -> None:
    """Goal: not before TRUST_MS. Method: one fix a second."""
    clock = MissionClock(None)
    assert observe(clock, UTC_MS, 0, TRUST_MS // 1000 - 1) == []
    assert clock.quality is TimeQuality.NONE
    assert observe(clock, UTC_MS, TRUST_MS, 0) == ["clock_set"]
    assert clock.stamp(7000) == (UTC_MS + 7000, TimeQuality.GPS)


@pytest.mark.parametrize(
    ("utc_ms", "is_taken"),
    [(315_964_800_000, False), (UTC_MS - ROLLOVER_MS, False), (UTC_MS + ROLLOVER_MS, False),
     (UTC_MS_MIN, True), (UTC_MS_MIN - 10_001, False), (UTC_MS_MAX - 10_001, True),
     (UTC_MS_MAX, False), (0, False), (-1, False)])
def test_date_traps(utc_ms: int, is_taken: bool) -> None:
    """Goal: 1980, 2006 and 2046 (fault 13) are refused, the edges of the range kept."""
    clock = MissionClock(None)
    observe(clock, utc_ms, 0, 10)
    assert (clock.quality is TimeQuality.GPS) is is_taken
    assert (clock.rejects == 0) is is_taken


def test_one_wrong_epoch_changes_nothing() -> None:
    """Goal: the week wraps for one fix at Sunday midnight. Method: one fix a week early."""
    clock = MissionClock(None)
    observe(clock, UTC_MS, 0, 10)
    assert observe(clock, UTC_MS - 604_800_000, 11_000, 0) == []
    assert observe(clock, UTC_MS, 12_000, 10) == []
    assert clock.utc_ms(30_000) == UTC_MS + 30_000


def test_a_large_error_steps_and_a_small_one_slews() -> None:
    """Goal: STEP_MS is the border. Method: a second date just at and just over it."""
    clock = MissionClock(None)
    observe(clock, UTC_MS, 0, 10)
    assert observe(clock, UTC_MS + STEP_MS, 11_000, 100) == []
    assert clock.utc_ms(200_000) == UTC_MS + STEP_MS + 200_000
    clock = MissionClock(None)
    observe(clock, UTC_MS, 0, 10)
    told = observe(clock, UTC_MS + STEP_MS + 1, 11_000, CONTRADICTION_MS // 1000)
    assert told == ["clock_contradicted", "clock_stepped"]
    assert clock.utc_ms(30_000) == UTC_MS + STEP_MS + 1 + 30_000


def test_a_date_that_contradicts_the_sky_is_refused_for_ten_minutes() -> None:
    """Goal: a plausible wrong date in flight changes nothing (fault 13). Method: one second less
    than ten minutes of another year, then the truth again.
    """
    clock = MissionClock(None)
    observe(clock, UTC_MS, 0, 10)
    wrong_ms = UTC_MS + 5 * 365 * 86_400_000
    told = observe(clock, wrong_ms, 11_000, CONTRADICTION_MS // 1000 - 1)
    assert told == ["clock_contradicted"]
    assert clock.utc_ms(30_000) == UTC_MS + 30_000
    assert observe(clock, UTC_MS, 700_000, 10) == ["clock_agrees"]


def test_a_day_after_the_latest_fix_the_ground_may_set_it_again() -> None:
    """A bug: a clock that GNSS had set once was its own for ever, and ran away for months."""
    clock = MissionClock(None)
    observe(clock, UTC_MS, 0, 10)
    last_ms = 10_000
    for now_ms, why in ((last_ms + OLD_MS, "the clock is set by GNSS"),
                        (last_ms + OLD_MS + 1, None)):
        assert clock.set_by_command(UTC_MS + now_ms + 5000, now_ms) == why
    assert clock.stamp(now_ms) == (UTC_MS + now_ms + 5000, TimeQuality.COMMAND)
    for off_ms in (-90_000, 90_000, 9 * 365 * OLD_MS):
        wrong = clock.set_by_command(UTC_MS + now_ms + off_ms, now_ms)
        assert wrong == "more than 60 s from GNSS time", "a crystal does not run away so far"
    assert observe(clock, UTC_MS, now_ms, 10) == ["clock_set"]
    assert clock.quality is TimeQuality.GPS


def test_what_may_have_run_away_grows_until_the_next_fix_or_command() -> None:
    clock = MissionClock(UTC_MS)
    assert clock.drift_ms(10**9) == 0, "nobody has set it"
    assert clock.set_by_command(UTC_MS, 0) is None
    assert clock.drift_ms(100 * 86_400_000) == 864_000
    observe(clock, UTC_MS, 10**10, 10)
    assert clock.drift_ms(10**10 + 20_000) == 1


def test_an_instant_that_is_repeated_moves_no_clock() -> None:
    """Goal: fault 10. Method: the same date in the fixes of five minutes that move."""
    clock = MissionClock(None)
    observe(clock, UTC_MS, 0, 10)
    for now in range(11_000, 311_000, 1000):
        assert clock.observe(fix_at(now, utc_ms=UTC_MS + 10_000), now) == []
    assert abs((clock.utc_ms(311_000) or 0) - UTC_MS - 311_000) < STEP_MS


def test_a_restored_clock_says_so_and_gives_way_to_the_sky() -> None:
    """Goal: RESTORED, then GPS with the step. Method: restore an hour ago."""
    clock = MissionClock(UTC_MS - 3_600_000)
    assert clock.stamp(500) == (UTC_MS - 3_600_000 + 500, TimeQuality.RESTORED)
    assert observe(clock, UTC_MS, 1000, 5) == ["clock_set"]
    assert clock.stamp(6000) == (UTC_MS + 6000, TimeQuality.GPS)
    assert MissionClock(0).quality is TimeQuality.NONE
    assert MissionClock(UTC_MS_MAX).quality is TimeQuality.NONE


def test_a_poor_fix_and_a_repeated_fix_teach_nothing() -> None:
    """Goal: 3D with four satellites, each once. Method: poor fixes, then one fix for a minute."""
    clock = MissionClock(None)
    for now in range(0, 60_000, 1000):
        clock.observe(fix_at(now, fix_type=2), now)
        clock.observe(fix_at(now + 1, satellites=3), now + 1)
        clock.observe(fix_at(0), now)
    assert clock.quality is TimeQuality.NONE


@given(st.lists(st.integers(-1900, 1900), min_size=20, max_size=60))
def test_stamps_rise_while_it_slews(errors_ms: list[int]) -> None:
    """Goal: no stamp goes back while fixes jitter. Method: any jitter below a step."""
    clock = MissionClock(None)
    observe(clock, UTC_MS, 0, 6)
    last = clock.stamp(6000)[0]
    for index, error in enumerate(errors_ms):
        now = 7000 + index * 1000
        clock.observe(fix_at(now, utc_ms=UTC_MS + now + error // 2), now)
        stamp, quality = clock.stamp(now)
        assert stamp > last
        assert quality is TimeQuality.GPS
        last = stamp
