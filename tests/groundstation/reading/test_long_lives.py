"""What the page tells of a payload that has lived long: in an orbit, or through many starts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from groundstation.archive.archive import Archive
from groundstation.ground import Ground
from groundstation.reading.reader import FlightReader
from tests.groundstation.far_end import SIGNED_MISSION, START_MS, FarEnd, state_at
from tests.groundstation.two_payloads import KEY
from tests.wire.orbits import iss
from wire.beacon import Beacon, Phase
from wire.orbit import geodetic


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
