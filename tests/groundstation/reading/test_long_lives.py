"""What the page tells of a payload that has lived long: in an orbit, or through many starts."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from groundstation.archive import record_table
from groundstation.archive.archive import Archive
from groundstation.archive.track import Point, place_at
from groundstation.ground import Ground
from groundstation.reading import diary, readings
from groundstation.reading.reader import POINTS_MAX, FlightReader
from tests.groundstation.far_end import SIGNED_MISSION, START_MS, FarEnd, state_at
from tests.groundstation.two_payloads import KEY
from tests.wire.orbits import iss
from wire.auth import Authenticity
from wire.beacon import Beacon, Phase
from wire.bodies import Body
from wire.orbit import geodetic
from wire.records import Kind, Record, TimeQuality

SAID: Body = {"text": "I hold on."}


class LongHeard:
    """A station and a payload whose beacons it verifies."""

    def __init__(self, path: Path, begin_ms: int) -> None:
        self.archive = Archive(path, is_durable=False)
        self._ground = Ground(SIGNED_MISSION, self.archive, None, KEY)
        self._far = FarEnd(mission=SIGNED_MISSION)
        self._ground.receive(self._far.tell(), begin_ms - 1000)

    def hear(self, state: Beacon, utc_ms: int) -> None:
        dated = replace(state, time_of_day_s=utc_ms // 1000 % 86_400)
        self._ground.receive(self._far.beacon(dated), utc_ms)

    def keep(self, written: Iterable[tuple[Kind, int, Body]]) -> None:
        """Records of these kinds, times and bodies, as if they had been received."""
        with self.archive.batch():
            for number, (kind, when_ms, body) in enumerate(written):
                record = Record(number, kind, 1, when_ms, TimeQuality.GPS, body)
                record_table.add(self.archive, SIGNED_MISSION.payload.node_id, [record], when_ms,
                                 Authenticity.GENUINE)

    def reader(self) -> closing[FlightReader]:
        return closing(FlightReader(self.archive.path, SIGNED_MISSION))


@pytest.fixture
def heard(tmp_path: Path) -> Iterator[LongHeard]:
    heard = LongHeard(tmp_path / "archive.sqlite", min(START_MS, iss().epoch_ms))
    yield heard
    heard.archive.close()


def test_a_payload_in_orbit_keeps_the_way_of_its_beacons(heard: LongHeard) -> None:
    """A bug: they tell no height, which counted as zero, and no balloon is that fast."""
    begin_ms = iss().epoch_ms
    for utc_ms in range(begin_ms, begin_ms + 1_200_000, 30_000):
        below = geodetic(iss().at(utc_ms))
        heard.hear(replace(
            state_at(0), latitude_deg=below.latitude_deg, longitude_deg=below.longitude_deg,
            altitude_m=None), utc_ms)
    with heard.reader() as reader:
        assert len(reader.tracks().verified) == 40


def test_the_newest_changes_of_phase_are_those_of_the_page(heard: LongHeard) -> None:
    """A bug: after thirty starts in the ascent the page had neither descent nor landing."""
    told = [*(Phase.BOOT, Phase.ASCENT) * 31, Phase.DESCENT, Phase.LANDED]
    for number, phase in enumerate(told):
        heard.hear(replace(state_at(30 * number), phase=phase), START_MS + 30_000 * number)
    with heard.reader() as reader:
        phases = [each["phase"] for each in reader.flight()["phases"]]
    assert phases == [phase.name for phase in told[-60:]]


def test_changes_of_phase_are_found_without_reading_every_beacon(heard: LongHeard) -> None:
    """A bug: every change of the page read all beacons of months, 0.4 s for 200,000 of them."""
    for number, phase in enumerate((Phase.GROUND, Phase.ASCENT)):
        heard.hear(replace(state_at(30 * number), phase=phase), START_MS + 30_000 * number)
    db = heard.archive.db
    names = ", ".join(row[1] for row in db.execute("PRAGMA table_info(beacon)"))
    db.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)"
        f" INSERT INTO beacon SELECT {names.replace('id,', 'id + i,', 1)} FROM beacon JOIN n"
        " WHERE id = (SELECT MAX(id) FROM beacon)")
    with heard.reader() as reader:
        steps: list[int] = []
        reader.db.set_progress_handler(lambda: steps.append(1) or 0, 1)
        found = readings.phases(reader.db, SIGNED_MISSION.payload.node_id)
        reader.db.set_progress_handler(None, 0)
    assert [(each["phase"], each["at_ms"]) for each in found] == [
        ("GROUND", START_MS), ("ASCENT", START_MS + 30_000)]
    assert len(steps) < 20_000, "one step for each beacon, or more"


def test_events_that_are_no_trouble_are_not_read_for_the_diary(
    heard: LongHeard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug: the events of months were all unpacked for a page of the diary, which shows few."""
    def unpacked(row: sqlite3.Row, body_of: Callable[..., Body] = diary.body_of) -> Body:
        read.append(row["id"])
        return body_of(row)

    read: list[int] = []
    bodies: list[Body] = [{"event": "phase", "severity": "info"}] * 300
    bodies += [{"event": "disk", "severity": "error"}, {"event": "hot", "severity": "warning"}]
    heard.keep((Kind.EVENT, START_MS, body) for body in bodies)
    monkeypatch.setattr(diary, "body_of", unpacked)
    with heard.reader() as reader:
        assert [entry["kind"] for entry in reader.entries(None, 60)] == ["event", "event"]
    assert len(read) == 2


def test_a_place_on_a_long_way_is_found_without_reading_all_of_it() -> None:
    """A bug: each line of a flight book read the whole track, eight minutes for one of months."""
    class Way(list[Point]):
        def __iter__(self) -> Iterator[Point]:
            raise AssertionError("read from its beginning")

    way = Way(Point(1000 * at, at / 1000, 0.0, None) for at in range(1000))
    assert place_at(way, 500_500) == (0.5005, 0.0)


def test_the_marks_of_a_long_diary_are_thinned(heard: LongHeard) -> None:
    """A bug: of a flight of months the page was given the moment of every line, at each start."""
    written = [(Kind.MUSING, START_MS + 60_000 * number, SAID) for number in range(5_000)]
    written += [(Kind.THUMBNAIL, START_MS + 7_000_000 * number, {}) for number in range(40)]
    heard.keep(written)
    with heard.reader() as reader:
        found = reader.history()["diary"]
    assert len(found["t"]) <= POINTS_MAX
    marks = list(zip(found["t"], found["kind"], strict=True))
    assert sum(kind == "thumbnail" for _, kind in marks) == 40
    lines = [when_ms for when_ms, kind in marks if kind == "musing"]
    assert (lines[0], lines[-1]) == (START_MS, START_MS + 60_000 * 4_999)
    assert max(b - a for a, b in pairwise(lines)) <= 60_000 * 11, "spread over all of it"


def test_the_marks_of_a_flight_are_all_there(heard: LongHeard) -> None:
    heard.keep((Kind.MUSING, START_MS + 60_000 * number, SAID) for number in range(1_400))
    with heard.reader() as reader:
        assert len(reader.history()["diary"]["t"]) == 1_400
