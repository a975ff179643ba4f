"""The next pass in the Chase room: what is told of it, counted down, and where there is none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from groundstation.archive import outbox
from groundstation.archive.archive import Archive
from groundstation.ground import Ground
from groundstation.web.routes import create_app
from tests.groundstation.far_end import SIGNED_MISSION, FarEnd, state_at
from tests.groundstation.passes.test_next_pass import EPOCH_MS, MEADOW, orbiting
from tests.groundstation.two_payloads import KEY
from tests.groundstation.web.browser import Browser, need_axe
from tests.groundstation.web.looks import look
from tests.groundstation.web.served import Served, looked_at
from tests.thorough import sampled
from tests.wire.orbits import iss
from wire.commands import Opcode
from wire.passes import passes

MISSION = orbiting(MEADOW)
assert MISSION.orbit is not None and MISSION.orbit.elements is not None
NEXT = next(passes(MISSION.orbit.elements, MEADOW.vantage, 5.0, EPOCH_MS, EPOCH_MS + 86_400_000))
SHOWN = "document.getElementById('pass-looks').children.length"


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    """Of a station that heard the payload at the epoch of its elements."""
    archive = Archive(tmp_path / "flight.sqlite", is_durable=False)
    ground, far = Ground(MISSION, archive, None, KEY), FarEnd(mission=MISSION)
    ground.receive(far.tell(), EPOCH_MS - 2000)
    ground.receive(far.beacon(state_at(0)), EPOCH_MS - 1000)
    yield archive
    archive.close()


def text(page: Browser, name: str) -> str:
    return str(page.value(f"document.getElementById('{name}').innerText"))


def test_the_station_tells_it_where_the_mission_has_elements_only(archive: Archive) -> None:
    for mission, status in ((MISSION, 200), (SIGNED_MISSION, 404), (orbiting(MEADOW, tle=None), 404)
                            ):
        app = create_app(archive.path, mission, now=lambda: EPOCH_MS)
        with TestClient(app, base_url="http://localhost", client=("127.0.0.1", 5000)) as client:
            answer = client.get("/api/passes")
            assert answer.status_code == status
            assert client.get("/api/flight").json()["has_passes"] is (status == 200)
            if status == 200:
                assert answer.json()["next"]["top_ms"] == NEXT.top_ms
        app.state.pool.close()


def test_elements_that_were_queued_are_those_of_the_page(archive: Archive) -> None:
    outbox.post(archive.path, Opcode.ELEMENTS, iss().text, EPOCH_MS)
    app = create_app(archive.path, orbiting(MEADOW, tle=None), now=lambda: EPOCH_MS)
    with TestClient(app, base_url="http://localhost", client=("127.0.0.1", 5000)) as client:
        assert client.get("/api/flight").json()["has_passes"]
        assert client.get("/api/passes").json()["next"]["top_ms"] == NEXT.top_ms
    app.state.pool.close()


@pytest.mark.parametrize(("width", "height"), sampled([(375, 667), (1440, 900), (667, 375)]))
def test_it_is_counted_down_and_then_followed(
    page: Browser, archive: Archive, width: int, height: int
) -> None:
    axe = need_axe()
    now_ms = [NEXT.rise_ms - 2_970_000]
    served = Served(archive.path, lambda: now_ms[0], MISSION)
    try:
        looked_at(page, served, width, height, "chase")
        page.wait(f"{SHOWN} === 3")
        assert text(page, "pass-title") == "Next pass over meadow"
        assert re.fullmatch(r"rises in 4\d:\d\d\u00a0min", text(page, "pass-when"))
        looks = text(page, "pass-looks")
        assert f"{round(NEXT.rise.azimuth_deg)}°" in looks
        assert f"{round(NEXT.top.elevation_deg)}° up" in looks
        assert look(page, "collisions") == look(page, "cutOff") == []
        assert page.value("document.documentElement.scrollWidth") == width
        page.value(f"{axe};0")
        assert page.value("axe.run(document, {preload: false, runOnly: ['wcag2a', 'wcag2aa']})"
                          ".then((found) => found.violations.map((v) => v.id))") == []
        now_ms[0] = NEXT.top_ms
        looked_at(page, served, width, height, "chase")
        page.wait("document.querySelector('#pass-looks [data-key=now]') !== null")
        assert text(page, "pass-title") == "Over meadow now"
        assert text(page, "pass-when").startswith("sets in ")
        up = page.value("document.querySelector('[data-key=now] dd').innerText")
        assert abs(int(up.split("°")[0]) - NEXT.top.azimuth_deg) < 8
        assert abs(int(up.split(", ")[1].split("°")[0]) - NEXT.top.elevation_deg) < 3
        assert page.complaints == []
    finally:
        served.stop()


def test_a_balloon_has_no_pass(page: Browser, archive: Archive) -> None:
    served = Served(archive.path, lambda: EPOCH_MS, SIGNED_MISSION)
    try:
        looked_at(page, served, 412, 915, "chase")
        assert not page.value("document.getElementById('pass').checkVisibility()")
        assert not [url for url in page.requests if "/api/passes" in url]
    finally:
        served.stop()
