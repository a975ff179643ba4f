"""Recorded flights: whole ones are served as recorded, damaged ones end in one sentence."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from sim.replay import COLUMNS, ROWS_MIN, Replay, ReplayError
from tests import recordings
from tests.sim.flights import hop_rows, write_csv


@pytest.mark.parametrize("name", ["hop.csv", "hop.csv.gz"])
def test_rows_are_served_as_recorded(tmp_path: Path, name: str) -> None:
    """At a row's second the row, between rows a straight line, after the end the last row."""
    rows = hop_rows()
    rows[600].update(temp_ext_c="-31.5", pressure_hpa="411.5", sats="7")
    replay = Replay(write_csv(tmp_path / name, rows))
    assert (replay.rows, replay.skipped_rows) == (1_700, 0)
    state = replay.state(600)
    assert state.altitude_m == float(rows[600]["gps_alt_m"])
    assert state.recorded is not None
    assert (state.recorded.outside_c, state.recorded.pressure_hpa) == (-31.5, 411.5)
    assert state.recorded.satellites == 7
    assert state.climb_mps == pytest.approx(9.0)
    assert replay.state(600.5).altitude_m == pytest.approx(state.altitude_m + 4.5)
    end = replay.state(1e6)
    assert (end.altitude_m, end.climb_mps, end.speed_mps) == (300.0, 0.0, 0.0)
    assert replay.end_s == 1_699 + 600


def test_in_a_long_gap_the_receiver_has_no_fix(tmp_path: Path) -> None:
    rows = hop_rows()
    replay = Replay(write_csv(tmp_path / "gap.csv", rows[:500] + rows[560:]))
    inside = replay.state(530).recorded
    assert inside is not None
    assert inside.fix_type == 0
    assert rows[499]["gps_alt_m"] < str(replay.state(530).altitude_m)
    after = replay.state(561).recorded
    assert after is not None
    assert after.fix_type == 3


def test_midnight_and_a_logger_that_learns_the_time(tmp_path: Path) -> None:
    """A flight over midnight is one flight; rows before the clock was set are dropped."""
    rows = hop_rows()
    for index, row in enumerate(rows):
        clock = (86_400 - 800 + index) % 86_400
        row["time_utc"] = f"{clock // 3600:02d}:{clock // 60 % 60:02d}:{clock % 60:02d}"
    early = [dict(rows[0], time_utc="00:00:0" + str(i)) for i in range(3)]
    replay = Replay(write_csv(tmp_path / "night.csv", early + rows))
    assert replay.end_s == 1_699 + 600
    assert replay.state(850).altitude_m == float(rows[850]["gps_alt_m"])


def test_bad_rows_are_skipped_and_counted(tmp_path: Path) -> None:
    rows = hop_rows()
    rows[100]["lat_deg"] = "north"
    rows[101]["gps_alt_m"] = "99999999"
    rows[102]["time_utc"] = "25:61:00"
    rows[103]["lat_deg"] = ""
    rows[104]["lon_deg"] = "nan"
    rows[105]["time_utc"] = rows[99]["time_utc"]
    rows[106]["battery_v"] = "flat"  # what is merely unknown costs nothing
    replay = Replay(write_csv(tmp_path / "bad.csv", rows))
    assert (replay.skipped_rows, replay.repeated_rows) == (5, 1)
    assert replay.rows == 1_694


def _overlapping(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """A second receiver's log behind the first one's, as when both are put into one file."""
    return rows[:1_100] + rows[400:]


def _interleaved(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Two receivers in one log, the second half a minute behind: time goes back at every row."""
    return [row for pair in zip(rows, rows[:30] * 2 + rows, strict=False) for row in pair]


@pytest.mark.parametrize(("mixed", "repeated"), [
    (_overlapping, 700), (_interleaved, 1_700), (lambda rows: rows[::-1], 0),
    (lambda rows: rows * 3, 3_400), (lambda rows: rows[900:] + rows[:900], 0),
])
def test_rows_that_overlap_are_sorted_and_counted(
    tmp_path: Path, mixed: Callable[[list[dict[str, str]]], list[dict[str, str]]], repeated: int
) -> None:
    """Of a real log put together from several receivers 1 row of 20,397 was used."""
    whole = Replay(write_csv(tmp_path / "whole.csv", hop_rows()))
    replay = Replay(write_csv(tmp_path / "mixed.csv", mixed(hop_rows())))
    assert (replay.rows, replay.skipped_rows, replay.repeated_rows) == (1_700, 0, repeated)
    assert [replay.state(t) for t in range(1_800)] == [whole.state(t) for t in range(1_800)]
    assert (replay.start_utc_ms, replay.end_s, replay.pad) == (
        whole.start_utc_ms, whole.end_s, whole.pad)


def test_of_rows_with_one_time_the_last_in_the_file_stays(tmp_path: Path) -> None:
    rows = hop_rows()
    again = [dict(row, gps_alt_m="4321.0") for row in rows[600:603]]
    replay = Replay(write_csv(tmp_path / "again.csv", rows + again))
    assert replay.state(601).altitude_m == 4321.0 and replay.repeated_rows == 3


def test_logs_that_overlap_over_midnight_are_one_flight(tmp_path: Path) -> None:
    rows = hop_rows()
    for index, row in enumerate(rows):
        clock = (86_400 - 800 + index) % 86_400
        row["time_utc"] = f"{clock // 3600:02d}:{clock // 60 % 60:02d}:{clock % 60:02d}.25"
    replay = Replay(write_csv(tmp_path / "night.csv", _overlapping(rows)))
    assert (replay.rows, replay.repeated_rows, replay.end_s) == (1_700, 700, 1_699 + 600)
    assert replay.start_utc_ms % 86_400_000 == (86_400 - 800) * 1000 + 250


@pytest.mark.parametrize("count", [1, 2, ROWS_MIN - 1])
def test_rows_twelve_hours_off_cost_no_other_row(tmp_path: Path, count: int) -> None:
    """12:05:00 written as 00:05:00: the rows behind it must not go to another day."""
    rows = hop_rows()
    for row in rows[300 : 300 + count]:
        row["time_utc"] = "00" + row["time_utc"][2:]
    replay = Replay(write_csv(tmp_path / "noon.csv", rows))
    assert (replay.rows, replay.skipped_rows) == (1_700 - count, count)


def test_a_flight_of_two_days_is_one_flight(tmp_path: Path) -> None:
    row = hop_rows()[0]
    rows = [dict(row, time_utc=f"{minute // 60 % 24:02d}:{minute % 60:02d}:00",
                 gps_alt_m=str(300 + minute)) for minute in range(3_000)]
    replay = Replay(write_csv(tmp_path / "days.csv", rows))
    assert (replay.rows, replay.repeated_rows, replay.end_s) == (3_000, 0, 2_999 * 60 + 600)
    assert replay.state(2_000 * 60).altitude_m == 2_300


def test_of_two_flights_in_one_log_the_longer_is_flown(tmp_path: Path) -> None:
    first = [dict(row, time_utc="07" + row["time_utc"][2:]) for row in hop_rows()[:900]]
    replay = Replay(write_csv(tmp_path / "two.csv", first + hop_rows()))
    assert (replay.rows, replay.skipped_rows) == (1_700, 900)


@pytest.mark.parametrize(("data", "expected"), [
    (b"", "is empty"),
    (b"a,b,c\n1,2,3\n", "line 1: has no column time_utc, lat_deg, lon_deg, gps_alt_m"),
    (b"\xff\xfe\x00\x01" * 50, "is not UTF-8"),
    (b"\x1f\x8b" + b"\0" * 40, "gzip file is damaged"),
    (",".join(COLUMNS).encode(), "0 of 0 rows are valid"),
    ((",".join(COLUMNS) + "\n" + "x,\n" * 90).encode(), "0 of 90 rows are valid"),
    (b"x" * 200_000, "at most 250000 lines of 4096 characters"),
    (b'time_utc,lat_deg,lon_deg,gps_alt_m\n"' + b"x\n" * 70_000, "is not CSV"),
])
def test_damage_is_one_sentence(tmp_path: Path, data: bytes, expected: str) -> None:
    """Each names the file; none is a traceback."""
    path = tmp_path / "damaged.csv"
    path.write_bytes(data)
    with pytest.raises(ReplayError, match=expected) as caught:
        Replay(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_cut_gzip_names_the_line(tmp_path: Path) -> None:
    whole = write_csv(tmp_path / "hop.csv.gz", hop_rows()).read_bytes()
    cut = tmp_path / "cut.csv.gz"
    for size in (3, 12, len(whole) // 2, len(whole) - 4):
        cut.write_bytes(whole[:size])
        with pytest.raises(ReplayError, match=r"line \d+: the gzip file is damaged or truncated"):
            Replay(cut)


def test_a_missing_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ReplayError, match="cannot be read"):
        Replay(tmp_path / "nowhere.csv")


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    """Half a million lines, or one of 30 MB, in a small gzip file."""
    path = tmp_path / "bomb.csv.gz"
    header = ",".join(COLUMNS).encode() + b"\n"
    for bomb in (header + b"\n" * 500_000, header + b"1" * 30_000_000):
        path.write_bytes(gzip.compress(bomb, 1))
        with pytest.raises(ReplayError, match="at most 250000 lines"):
            Replay(path)


@pytest.mark.parametrize("path", recordings.ALL, ids=recordings.name)
def test_real_flights_read(path: Path, tmp_path: Path) -> None:
    replay = Replay(recordings.as_replay(path, tmp_path))
    assert (replay.skipped_rows, replay.repeated_rows) == (0, 0)
    assert replay.rows > 7_000
    assert 27_000 < replay.burst_altitude_m < 29_000
    assert replay.state(replay.burst_s).altitude_m == replay.burst_altitude_m
