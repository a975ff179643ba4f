"""Rooms that are opened while a flight is live: what the first answer told is still known there."""

from __future__ import annotations

import pytest

from groundstation.web.map_tiles import MapTiles
from tests import bad_server
from tests.groundstation.far_end import SIGNED_MISSION, state_at
from tests.groundstation.lied_to import FLOWN
from tests.groundstation.web.served import Served, go, looked_at
from tests.groundstation.web.test_forecast_routes import LAST_MS, body
from tests.groundstation.web.test_map_tiles import mbtiles, png

pytestmark = pytest.mark.usefixtures("vendor")
server = pytest.fixture(bad_server.serving)


def hear_more(page, station, at_s):
    """A beacon arrives, and the open page shows it."""
    state = state_at(at_s)
    station.hear(station.far.beacon(state), at_s)
    page.wait("document.getElementById('altitude').innerText.replace(/\\D/g, '') === "
              f"'{state.altitude_m:.0f}'")


def test_chase_has_its_map_when_it_is_opened_after_a_beacon(page, station, tmp_path):
    """It said "Map and plots are not installed", and the user's own tiles were gone."""
    image = png()
    tiles = MapTiles(mbtiles(tmp_path / "a.mbtiles", {
        (4, column, row): image for column in range(16) for row in range(16)}, attribution="© us"))
    served = Served(station.archive.path, lambda: LAST_MS + 20_000, SIGNED_MISSION, tiles=tiles)
    try:
        looked_at(page, served, 1440, 900)
        page.wait("document.getElementById('altitude').innerText !== '–'")
        hear_more(page, station, FLOWN[-1] + 10)
        go(page, "chase")
        page.wait("document.querySelector('#map .leaflet-tile') !== null")
        page.wait("document.getElementById('map-caption').innerText.includes('© us')")
        assert page.complaints == []
    finally:
        served.stop()


def test_one_press_asks_tawhiri_and_its_answer_is_drawn_beside_the_own(page, station, server):
    server.ways["/v1"] = lambda peer: peer.sendall(bad_server.whole("200 OK", body()))
    ground = SIGNED_MISSION.ground.model_copy(update={"tawhiri_url": f"{server.url}/v1"})
    mission = SIGNED_MISSION.model_copy(update={"ground": ground})
    now = [LAST_MS + 5_000]
    served = Served(station.archive.path, lambda: now[0], mission)
    said = "document.getElementById('landing-tawhiri').innerText"
    try:
        looked_at(page, served, 412, 915, "chase")
        own = page.value("document.getElementById('landing-place').innerText")
        page.value("document.querySelector('#tawhiri-ask button').click()")
        page.wait(f"{said}.startsWith('By Tawhiri, weather of 2027-06-19 06:00, asked ')")
        page.wait("[...document.querySelectorAll('.map-label.forecast')]"
                  ".some(name => name.innerText === 'Tawhiri')")
        server.ways["/v1"] = server.ways["/500"]
        now[0] += 60_000
        page.value("document.querySelector('#tawhiri-ask button').click()")
        page.wait(f"{said}.includes('Tawhiri gave no forecast: it answered with status 500.')")
        assert page.value(said).startswith("By Tawhiri"), "the answer before stays"
        assert page.value("document.getElementById('landing-place').innerText") == own
        assert page.complaints == []
    finally:
        served.stop()


def test_without_a_server_there_is_no_button(page, station):
    served = Served(station.archive.path, lambda: LAST_MS + 5_000, SIGNED_MISSION)
    try:
        looked_at(page, served, 412, 915, "chase")
        assert not page.value("document.getElementById('tawhiri-ask').checkVisibility()")
    finally:
        served.stop()
