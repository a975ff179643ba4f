"""The days of a swarm: what each payload did and said in each, as rows, a file and a table.

The file has a row for each payload and day, written when the day is over, so that a flight that is
stopped keeps its days.
"""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from rich.table import Table

from payload.mind.neighbour_talk import DAY_MS
from sim.daemon import Observer
from sim.orbit import Orbit
from sim.world import World
from wire.frames import BeaconFrame, decode_downlink
from wire.passes import passes
from wire.records import Kind, unpack_body

DAY_S = DAY_MS / 1000
SPOKEN = (Kind.MUSING, Kind.REPLY)
LOOK_EVERY_MS = 60_000


class Day(NamedTuple):
    """One payload in one day; words are of musings and replies, home where any station has them."""

    day: int  # from 1
    payload: str
    hours: float
    passes: int  # over each station
    words_said: int
    words_home: int
    energy_wh: float
    charge_min_pct: float
    resets: int
    airtime_min: float
    beacon_gap_s: float  # the longest while it was on


class DayCount(Observer):
    """Counts one payload through its days."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._words_said = 0
        self._home = 0
        self._used_j = 0.0
        self._airtime_ms = 0
        self._boots = 1
        self._beacon_ms: int | None = None
        self._gap_ms = 0
        self._begin()
        world.observers.append(self)
        world.every(LOOK_EVERY_MS, self._look)

    def on_boot(self) -> None:
        self._beacon_ms = None

    def on_step(self) -> None:
        assert self._world.flight is not None
        for note in self._world.flight.notes:
            if note.kind in SPOKEN:
                self._words_said += len(str(note.body.get("text", "")).split())

    def on_send(self, frame: bytes) -> None:
        now_ms = self._world.clock.now_ms
        if isinstance(decode_downlink(frame), BeaconFrame):
            if self._beacon_ms is not None:
                self._gap_ms = max(self._gap_ms, now_ms - self._beacon_ms)
            self._beacon_ms = now_ms

    def on_uplink(self, frame: bytes) -> None:
        """What the ground says is not looked at."""

    def on_crash(self, error: Exception) -> None:
        """That is the business of a check."""

    def end_day(self, day: int, from_s: float) -> Day:
        """The row of the day that is over and began at ``from_s``; another begins."""
        world, now_s = self._world, self._world.clock.now_s
        home = words_at_home(world)
        row = Day(
            day, world.mission.payload.name, round((now_s - from_s) / 3600, 2),
            _passes(world, from_s, now_s), self._words_said, home - self._home,
            round((world.body.used_j - self._used_j) / 3600, 2),
            round(100 * self._charge_min, 1), world.boots - self._boots,
            round((world.channel.payload_airtime_ms - self._airtime_ms) / 60_000, 1),
            self._gap_ms / 1000)
        self._home, self._used_j, self._boots = home, world.body.used_j, world.boots
        self._airtime_ms = world.channel.payload_airtime_ms
        self._begin()
        return row

    def _begin(self) -> None:
        self._words_said = self._gap_ms = 0
        self._charge_min = 1.0

    def _look(self) -> None:
        self._charge_min = min(self._charge_min, self._world.body.charge())


def words_at_home(world: World) -> int:
    """Words of its musings and replies that the payload's own station has, however they came."""
    if world.archive is not None:
        world.archive.db.commit()
    with closing(sqlite3.connect(world.archive_path)) as db:
        rows = db.execute(
            f"SELECT body FROM record WHERE node_id = ? AND kind IN ({', '.join('?' * 2)})",
            (world.mission.payload.node_id, *map(int, SPOKEN))).fetchall()
    return sum(len(str(unpack_body(body).get("text", "")).split()) for (body,) in rows)


def _passes(world: World, from_s: float, to_s: float) -> int:
    """Those that rise in this time, over every station."""
    path = world.trajectory
    if not isinstance(path, Orbit):
        return 0
    begin_ms, end_ms = (path.start_utc_ms + round(1000 * t_s) for t_s in (from_s, to_s))
    return sum(
        begin_ms <= each.rise_ms < end_ms
        for station in path.stations
        for each in passes(
            path.elements, station.vantage, station.elevation_min_deg, begin_ms, end_ms))


class DaysFile:
    """days.csv, a row at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow(Day._fields)

    def add(self, rows: Iterable[Day]) -> None:
        with self._path.open("a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(rows)


def read(path: Path) -> list[Day]:
    """The rows of a file; one that a cut left torn ends it. Raises OSError."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(_parsed(list(csv.reader(file))[1:]))


def _parsed(lines: Sequence[Sequence[str]]) -> Iterator[Day]:
    kinds = (int, str, float, int, int, int, float, float, int, float, float)
    for line in lines:
        if len(line) != len(kinds):
            return
        try:
            yield Day(*(kind(field) for kind, field in zip(kinds, line, strict=True)))
        except ValueError:
            return


def by_day(rows: Sequence[Day]) -> list[list[Day]]:
    """The rows of each day together."""
    return [list(each) for _, each in groupby(sorted(rows), key=attrgetter("day"))]


def table(rows: Sequence[Day]) -> Table:
    """A line for each day, of all payloads together."""
    found = Table(title="Days", title_justify="left")
    for name in ("day", "hours", "passes", "words said", "home", "energy, Wh", "lowest charge, %",
                 "resets", "on the air, min", "longest beacon gap, s"):
        found.add_column(name, justify="right")
    for day in by_day(rows):
        found.add_row(
            str(day[0].day), f"{day[0].hours:.1f}", str(sum(each.passes for each in day)),
            str(sum(each.words_said for each in day)), str(sum(each.words_home for each in day)),
            f"{sum(each.energy_wh for each in day):.1f}",
            f"{min(each.charge_min_pct for each in day):.0f}",
            str(sum(each.resets for each in day)), f"{sum(each.airtime_min for each in day):.0f}",
            f"{max(each.beacon_gap_s for each in day):.0f}")
    return found
