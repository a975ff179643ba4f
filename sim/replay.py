"""Replay: a recorded real flight instead of the modelled balloon.

A CSV file, plain or gzip, one row per second with gaps; the columns are in ``COLUMNS`` and the
first four of ``NEEDED`` must be there. Cells may be empty, which means unknown. Rows may come in
any order and overlap, as where the logs of two receivers were put together: they are sorted by
time, and of those with the same time the last one in the file stays. A row that makes no sense is
skipped. Both are counted; a file that makes no sense raises ReplayError with one sentence.

The file has times of day and no date: the date is FLIGHT_DATE, so that a replay does not depend on
the day it is made.
"""

from __future__ import annotations

import csv
import gzip
import io
import math
import zlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, cast

from payload.plausible import LIMITS
from sim.balloon import AirState, Recorded, distance_m

COLUMNS = (
    "time_utc", "fix", "sats", "pdop", "lat_deg", "lon_deg", "gps_alt_m", "speed_mps",
    "heading_deg", "pressure_hpa", "baro_alt_m", "temp_int_c", "temp_ext_c", "battery_v",
)
NEEDED = ("time_utc", "lat_deg", "lon_deg", "gps_alt_m")
RANGES: dict[str, tuple[float, float]] = {
    "fix": (0, 5),
    "sats": (0, 99),
    "pdop": (0, 100),
    "lat_deg": (-90, 90),
    "lon_deg": (-180, 180),
    "gps_alt_m": LIMITS["altitude_m"],
    "speed_mps": (0, 400),
    "heading_deg": (0, 360),
    "pressure_hpa": (0, 1100),
    "temp_int_c": (-100, 120),
    "temp_ext_c": (-120, 80),
    "battery_v": (0, 60),
}
FLIGHT_DATE = datetime(2027, 6, 19, tzinfo=UTC)
ROWS_MIN = 10
LINES_MAX = 250_000  # three days of seconds
LINE_CHARS_MAX = 4_096
CELL_CHARS_MAX = 131_072  # a quoted cell can go over many lines
STEP_S_MAX = 3_600.0  # a later row is not of this flight
GAP_S_MAX = 5.0  # in a longer gap the receiver is taken to have had no fix
CLIMB_WINDOW_S = 2.0
AFTER_END_S = 600.0  # time for the payload to notice that it lies still
_DAY_S = 86_400.0


class ReplayError(Exception):
    """The recorded flight cannot be used; the message is one sentence for a person."""


class _Row(NamedTuple):
    t_s: float
    latitude_deg: float
    longitude_deg: float
    altitude_m: float
    speed_mps: float | None
    heading_deg: float | None
    recorded: Recorded


class Replay:
    """One recorded flight as a ``Trajectory``.

    ``skipped_rows`` made no sense or are of another flight, ``repeated_rows`` have the time of one
    that stays.
    """

    def __init__(self, path: Path) -> None:
        """Read all of ``path``. Raises ReplayError."""
        self.skipped_rows = self.repeated_rows = 0
        self._rows = self._read(path)
        self._times = [row.t_s for row in self._rows]
        first, last = self._rows[0], self._rows[-1]
        self.start_utc_ms = int(FLIGHT_DATE.timestamp() * 1000) + int(self._first_time_s * 1000)
        self.end_s = last.t_s + AFTER_END_S
        self.pad = (first.latitude_deg, first.longitude_deg, first.altitude_m)
        highest = max(self._rows, key=lambda row: row.altitude_m)
        self.burst_s, self.burst_altitude_m = highest.t_s, highest.altitude_m

    @property
    def rows(self) -> int:
        return len(self._rows)

    def state(self, t_s: float) -> AirState:
        """The recorded state; between rows in a straight line, without a fix in longer gaps."""
        rows = self._rows
        index = bisect_right(self._times, t_s) - 1
        if index < 0:
            return self._still(rows[0], t_s, rows[0].recorded)
        if index >= len(rows) - 1:
            return self._still(rows[-1], t_s, rows[-1].recorded)
        a, b = rows[index], rows[index + 1]
        gap_s = b.t_s - a.t_s
        part = (t_s - a.t_s) / gap_s
        speed_mps, heading_deg = a.speed_mps, a.heading_deg
        if speed_mps is None or heading_deg is None or gap_s > GAP_S_MAX:
            speed_mps, heading_deg = _motion(a, b)
        recorded = a.recorded
        if gap_s > GAP_S_MAX and part > 0:
            recorded = recorded_without_fix(recorded)
        altitude_m = a.altitude_m + (b.altitude_m - a.altitude_m) * part
        return AirState(
            t_s=t_s,
            latitude_deg=a.latitude_deg + (b.latitude_deg - a.latitude_deg) * part,
            longitude_deg=a.longitude_deg + (b.longitude_deg - a.longitude_deg) * part,
            altitude_m=altitude_m,
            ground_m=min(self._ground_m(t_s), altitude_m),
            climb_mps=self._climb_mps(t_s),
            speed_mps=speed_mps,
            heading_deg=heading_deg,
            recorded=recorded,
        )

    def _still(self, row: _Row, t_s: float, recorded: Recorded) -> AirState:
        return AirState(
            t_s, row.latitude_deg, row.longitude_deg, row.altitude_m, row.altitude_m, 0.0, 0.0,
            row.heading_deg or 0.0, recorded,
        )

    def _ground_m(self, t_s: float) -> float:
        """Elevation between launch and landing: nobody recorded it."""
        part = min(1.0, max(0.0, t_s / max(1.0, self._times[-1])))
        return self.pad[2] + (self._rows[-1].altitude_m - self.pad[2]) * part

    def _altitude_m(self, t_s: float) -> float:
        index = min(max(bisect_right(self._times, t_s) - 1, 0), len(self._rows) - 2)
        a, b = self._rows[index], self._rows[index + 1]
        part = min(1.0, max(0.0, (t_s - a.t_s) / (b.t_s - a.t_s)))
        return a.altitude_m + (b.altitude_m - a.altitude_m) * part

    def _climb_mps(self, t_s: float) -> float:
        before = max(0.0, t_s - CLIMB_WINDOW_S)
        after = min(self._times[-1], t_s + CLIMB_WINDOW_S)
        return (self._altitude_m(after) - self._altitude_m(before)) / max(1.0, after - before)

    def _read(self, path: Path) -> list[_Row]:
        csv.field_size_limit(CELL_CHARS_MAX)  # of the process, and others want another
        reader = csv.reader(_lines(path))
        found: list[_Row] = []
        data_rows = 0
        try:
            header = [name.strip() for name in next(reader, [])]
            _check_header(path, header)
            for cells in reader:
                row = _parse(dict(zip(header, cells, strict=False))) if cells else None
                found += [] if row is None else [row]
                data_rows += bool(cells)
        except csv.Error as error:
            raise ReplayError(f"{path}, line {reader.line_num}: is not CSV ({error})") from error
        at_time = {row.t_s: row for row in _counted_on(found)}
        rows = _longest_run(sorted(at_time.values(), key=lambda row: row.t_s))
        self.repeated_rows = len(found) - len(at_time)
        self.skipped_rows = data_rows - self.repeated_rows - len(rows)
        if len(rows) < ROWS_MIN or self.skipped_rows > len(rows):
            raise ReplayError(
                f"{path}: {len(rows)} of {data_rows} rows are valid; a flight requires at least "
                f"{ROWS_MIN} and more valid rows than invalid ones, each with its own time "
                f"HH:MM:SS and numbers for {', '.join(NEEDED[1:])}"
            )
        self._first_time_s = rows[0].t_s % _DAY_S
        return [row._replace(t_s=row.t_s - rows[0].t_s) for row in rows]


def _counted_on(rows: Iterable[_Row]) -> Iterator[_Row]:
    """Over midnight the day is counted on, and counted back where an earlier log follows.

    Each row is in the day that brings it nearest to the one before. A few rows that are far from
    that decide nothing about the next ones; ROWS_MIN in a row do.
    """
    believed_s = last_s = None
    in_a_row = 0
    for row in rows:
        if believed_s is None or last_s is None:
            believed_s = last_s = row.t_s
        near_s = _nearest(row.t_s, believed_s)
        in_a_row = in_a_row + 1 if abs(_nearest(row.t_s, last_s) - last_s) <= STEP_S_MAX else 1
        if in_a_row >= ROWS_MIN or abs(near_s - believed_s) <= STEP_S_MAX:
            believed_s = near_s
        last_s = near_s
        yield row._replace(t_s=near_s)


def _nearest(time_s: float, to_s: float) -> float:
    """The time of day ``time_s`` on that day on which it is nearest to ``to_s``; always to the same
    digit, so that rows of one time are found to be so."""
    return time_s + round((to_s - time_s) / _DAY_S) * _DAY_S


def _longest_run(rows: list[_Row]) -> list[_Row]:
    """Of ``rows``, in order, the most that no pause above STEP_S_MAX parts.

    What a logger wrote before its clock was set is far from the flight, or in it and then replaced.
    """
    runs: list[list[_Row]] = [[]]
    for row in rows:
        if runs[-1] and row.t_s - runs[-1][-1].t_s > STEP_S_MAX:
            runs.append([])
        runs[-1].append(row)
    return max(runs, key=len)


def recorded_without_fix(recorded: Recorded) -> Recorded:
    """The same senses, but a receiver that sees nothing."""
    return Recorded(
        0, 0, None, recorded.pressure_hpa, recorded.inside_c, recorded.outside_c,
        recorded.battery_v,
    )


def _lines(path: Path) -> Iterator[str]:
    """Lines of the file, unpacked. Raises ReplayError naming the line where it is damaged."""
    number = 1
    try:
        raw = path.read_bytes()
        if not raw:
            raise ReplayError(f"{path}: is empty; a recorded flight is a CSV file, plain or gzip")
        source: io.BufferedIOBase = io.BytesIO(raw)
        if raw[:2] == b"\x1f\x8b":
            source = gzip.GzipFile(fileobj=source)
        text = io.TextIOWrapper(cast(io.BytesIO, source), encoding="utf-8-sig", newline="")
        while line := text.readline(LINE_CHARS_MAX + 1):
            if len(line) > LINE_CHARS_MAX or number > LINES_MAX:
                raise ReplayError(
                    f"{path}, line {number}: a recorded flight has at most {LINES_MAX} lines of "
                    f"{LINE_CHARS_MAX} characters"
                )
            yield line
            number += 1
    except UnicodeDecodeError as error:
        raise ReplayError(
            f"{path}, line {number}: is not UTF-8 text; a recorded flight is a CSV file, plain or "
            "gzip"
        ) from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ReplayError(
            f"{path}, line {number}: the gzip file is damaged or truncated here; a recorded flight "
            "is a CSV file, plain or complete gzip"
        ) from error
    except OSError as error:
        raise ReplayError(f"{path}: cannot be read ({error.strerror})") from error


def _check_header(path: Path, header: list[str]) -> None:
    missing = [name for name in NEEDED if name not in header]
    if missing:
        raise ReplayError(
            f"{path}, line 1: has no column {', '.join(missing)}; "
            f"allowed columns are {', '.join(COLUMNS)}"
        )


def _parse(cells: dict[str, str]) -> _Row | None:
    """The row, its ``t_s`` the time of day; None where time or position make no sense."""
    time_s = _time_of_day_s(cells.get("time_utc", ""))
    values = {name: _number(cells.get(name, ""), *span) for name, span in RANGES.items()}
    latitude, longitude, altitude = values["lat_deg"], values["lon_deg"], values["gps_alt_m"]
    if time_s is None or latitude is None or longitude is None or altitude is None:
        return None
    fix, satellites = values["fix"], values["sats"]
    recorded = Recorded(
        3 if fix is None else int(fix),
        None if satellites is None else int(satellites),
        values["pdop"], values["pressure_hpa"], values["temp_int_c"], values["temp_ext_c"],
        values["battery_v"],
    )
    return _Row(
        time_s, latitude, longitude, altitude, values["speed_mps"], values["heading_deg"], recorded
    )


def _number(text: str, low: float, high: float) -> float | None:
    """The number in a cell; None for an empty one, a word, or a value nobody can have measured."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if low <= value <= high else None  # also None for nan


def _time_of_day_s(text: str) -> float | None:
    parts = text.strip().split(":")
    if len(parts) != 3:
        return None
    try:
        hour, minute, second = int(parts[0]), int(parts[1]), float(parts[2])
    except ValueError:
        return None
    if not (0 <= hour < 24 and 0 <= minute < 60 and 0 <= second < 61):
        return None
    return hour * 3600 + minute * 60 + second


def _motion(a: _Row, b: _Row) -> tuple[float, float]:
    """(speed, heading) from two positions."""
    apart_m = distance_m((a.latitude_deg, a.longitude_deg), (b.latitude_deg, b.longitude_deg))
    east = (b.longitude_deg - a.longitude_deg) * math.cos(math.radians(a.latitude_deg))
    heading = math.degrees(math.atan2(east, b.latitude_deg - a.latitude_deg)) % 360
    return apart_m / (b.t_s - a.t_s), heading
