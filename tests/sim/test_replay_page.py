"""A recorded flight replayed live, on the page: first the prediction, then the truth beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from groundstation.archive.track import Point, distance_m
from sim.live import LivePage, reserve
from sim.replay import Replay
from sim.world import PersonaParts, World
from tests import recordings
from tests.groundstation.web.browser import Browser, need_vendor
from tests.sim import flights

LANDED_M_MAX = 60.0  # between the last row of the recording and the landing that the page tells
ROWS = "[...document.querySelectorAll('#outcome tbody tr')].map(row => row.innerText)"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    need_vendor()
    browser = Browser(tmp_path_factory.mktemp("profile"))
    browser.size(1440, 1000)
    yield browser
    browser.close()


def hop(folder: Path) -> Path:
    return flights.write_csv(folder / "hop.csv", flights.hop_rows())


def recorded(folder: Path) -> Path:
    return recordings.as_replay(recordings.THINNED[0], folder)


@pytest.mark.parametrize("recording", [
    hop, pytest.param(recorded, marks=pytest.mark.thorough)])
def test_a_replayed_flight_shows_prediction_and_truth(tmp_path, browser, recording):
    replay = Replay(recording(tmp_path))
    world = World(flights.mission(), 3, "none", tmp_path / "flight", replay, PersonaParts())
    page = LivePage(world.archive_path, world.mission, lambda: world.clock.utc_ms,
                    reserve("127.0.0.1", 0))
    try:
        world.run_until((replay.burst_s + replay.end_s) / 2 - 300)
        browser.open(f"{page.address}#chase")
        browser.wait("document.getElementById('landing-place').checkVisibility()")
        browser.wait("document.querySelectorAll('.map-label.forecast').length >= 1")
        assert not browser.value("document.getElementById('outcome').checkVisibility()")
        world.run_until(world.end_s)
        browser.wait("document.getElementById('outcome').checkVisibility()")
        assert not browser.value("document.getElementById('forecast').checkVisibility()")
        told = browser.value("document.querySelector('#outcome .big').innerText")
        lat, lon = map(float, told.split(", "))
        end = replay.state(replay.end_s)
        truth = Point(0, end.latitude_deg, end.longitude_deg, None)
        assert distance_m(Point(0, lat, lon, None), truth) < LANDED_M_MAX
        rows = browser.value(ROWS)
        heights = [height for height in (10_000, 5_000) if height < replay.burst_altitude_m - 300]
        assert rows[0].startswith("at the burst") and len(rows) == 1 + len(heights)
        assert all(row.count("side its ellipse") >= 1 for row in rows)
        browser.wait("document.querySelectorAll('.map-label.forecast').length === 1")
        assert browser.complaints == []
    finally:
        page.close()
