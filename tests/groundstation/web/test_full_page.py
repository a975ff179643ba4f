"""A page for whose stream there is no place, in a real browser."""

from __future__ import annotations

from groundstation.ground import Ground
from groundstation.web.stream_clients import PER_ADDRESS_MAX
from tests.groundstation.far_end import MISSION, START_MS, FarEnd, state_at
from tests.groundstation.web import diary
from tests.groundstation.web.served import Served, looked_at


def test_a_page_that_finds_no_place_says_so_reads_on_and_gets_one_later(browser, tmp_path):
    """It said for ever that the station does not answer: no browser asks again after a 503."""
    archive = diary.Archive(tmp_path / "many.sqlite", is_durable=False)
    ground, far = Ground(MISSION, archive, None), FarEnd()
    ground.receive(far.beacon(state_at(0)), START_MS)
    station = Served(archive.path, now=lambda: START_MS + 9000)
    streams = station.app.state.streams
    seats = [streams.take("127.0.0.1") for _ in range(PER_ADDRESS_MAX)]
    banner = "document.getElementById('banner')"
    altitude = "document.getElementById('altitude').textContent.replace(/\\D/g, '')"
    browser.call("Page.addScriptToEvaluateOnNewDocument", source=(
        "const later = setTimeout; window.setTimeout = (run, ms) => later(run, ms / 100);"))
    try:
        looked_at(browser, station, 1440, 900)
        browser.wait(f"{banner}.textContent.startsWith('Too many pages are open')")
        ground.receive(far.beacon(state_at(100)), START_MS + 5000)
        browser.wait(f"{altitude} === '560'")
        for seat in seats:
            streams.give_back(seat)
        browser.wait(f"{banner}.hidden")
        ground.receive(far.beacon(state_at(200)), START_MS + 8000)
        browser.wait(f"{altitude} === '1080'")
    finally:
        station.stop()
        archive.close()
