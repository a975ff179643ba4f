"""A year in orbit; ``python -m bench.year`` flies all of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import year
from bench.year import START_UTC_MS, YearRow
from payload.storage.ids import DISKLESS_ID
from sim.clock import SimClock
from sim.trials.swarm_days import DAY_S

ROW = YearRow(day=100, records=1, waiting=0, store_mb=1.0, archive_mb=1.0, core_mb=1.0,
              record_id=0, blocks=1, boot=7, words_said=1, words_home=1, charge_min_pct=50.0,
              beacon_gap_s=300.0)


def test_an_object_is_counted_once_and_only_what_is_aboard() -> None:
    text = "a" * 10_000
    once = year.held_bytes([text])
    assert 10_000 < once < 10_200
    assert year.held_bytes([text, [text]]) - once < 200
    assert year.held_bytes([text, year, SimClock(START_UTC_MS)]) - once < 200


@pytest.mark.parametrize("days", [1, 365])
def test_the_orbit_does_not_end_before_the_flight(days: int) -> None:
    path = year.orbit(days)
    assert len(path.stations) == 3
    assert path.state(days * DAY_S).altitude_m > 150_000


def test_numbers_that_only_rise_are_told_with_the_day_on_which_they_end() -> None:
    a_day = 1_000_000
    row = ROW._replace(record_id=DISKLESS_ID - 200 * a_day)
    lines = year._used_up([row], row.record_id - 100 * a_day, 1_228)
    assert lines[0].startswith(f"record ids: {a_day} a day")
    assert lines[0].endswith("used up in 2027-07")  # 300 days after 2026-09-21
    assert "1228 at most" in lines[1] and "7 in 100 days" in lines[2]
    assert "used up in 2161-02" in lines[3]


@pytest.mark.thorough
def test_a_day_is_flown_with_every_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (row,) = year.fly(1, tmp_path)
    assert row.day == 1 and row.records > 100 and row.words_home > 100
    assert 0.1 < row.core_mb < 2 and row.store_mb < 5 and row.beacon_gap_s < 610
    assert "violations: 0" in capsys.readouterr().out
