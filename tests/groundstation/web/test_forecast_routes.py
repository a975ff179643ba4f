"""Asking a Tawhiri server: one on this machine, in every bad way that servers have."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from starlette.testclient import TestClient

from groundstation.web.forecast_routes import PAUSE_MS, ask_tawhiri
from groundstation.web.routes import create_app
from tests import bad_server
from tests.groundstation.far_end import SIGNED_MISSION, START_MS, state_at
from tests.groundstation.lied_to import FLOWN, Station

LAST_MS = START_MS + FLOWN[-1] * 1000
DEADLINE_S = 0.3
server = pytest.fixture(bad_server.serving)


class Page:
    """A page whose station asks ``path`` of a server; ``now_ms`` is its clock."""

    def __init__(self, station: Station, url: str) -> None:
        self.now_ms = LAST_MS + 5_000
        ground = SIGNED_MISSION.ground.model_copy(update={"tawhiri_url": url})
        mission = SIGNED_MISSION.model_copy(update={"ground": ground})
        app = create_app(station.archive.path, mission, now=lambda: self.now_ms,
                         tawhiri=ask_tawhiri("N0CALL", DEADLINE_S))
        self.client = TestClient(app, base_url="http://localhost", client=("127.0.0.1", 5000))

    def ask(self) -> dict[str, Any]:
        answer = self.client.post("/api/tawhiri", json={})
        assert answer.status_code == 200, answer.text
        return answer.json()


def body() -> bytes:
    """A landing ten minutes after the newest position of the station."""
    state = state_at(FLOWN[-1])
    assert state.latitude_deg is not None and state.longitude_deg is not None
    points = [{"latitude": state.latitude_deg + 0.02 * share, "longitude": state.longitude_deg,
               "altitude": 100.0, "datetime": datetime.fromtimestamp(
                   LAST_MS / 1000 + 600 * share, UTC).isoformat()} for share in (0, 1)]
    return json.dumps({"prediction": [{"stage": "descent", "trajectory": points}],
                       "request": {"dataset": "2027-06-19T06:00:00Z"}}).encode()


def test_an_operator_asks_once_and_everybody_reads_the_answer_with_its_age(station, server):
    server.ways["/v1"] = lambda peer: peer.sendall(bad_server.whole("200 OK", body()))
    page = Page(station, server.url + "/v1")
    own = page.client.get("/api/landing").json()
    assert own["tawhiri"] == {"tried_ms": 0, "trouble": "", "forecast": None} and not server.asked
    answer = page.ask()
    found = answer["tawhiri"]["forecast"]
    assert found["land_ms"] == LAST_MS + 600_000 and found["at_ms"] == LAST_MS
    assert (found["asked_ms"], found["is_verified"]) == (page.now_ms, True)
    assert answer["station"] == own["station"], "which is untouched"
    assert answer["change_id"] > own["change_id"], "open pages are told"
    page.now_ms += PAUSE_MS - 1
    assert page.ask()["tawhiri"]["forecast"] == found and len(server.asked) == 1, "cached"
    page.now_ms += 1
    assert page.ask()["tawhiri"]["forecast"]["asked_ms"] == page.now_ms
    assert len(server.asked) == 2
    again = Page(station, server.url + "/v1").client.get("/api/landing").json()
    assert again["tawhiri"]["forecast"]["land_ms"] == found["land_ms"], "after a restart too"


@pytest.mark.parametrize(("path", "why"), [
    ("/404", "status 404"), ("/500", "status 500"), ("/429", "status 429"),
    ("/slow-head", "timed out"), ("/slow-body", "timed out"), ("/truncated", "not the JSON"),
    ("/wrong", "not the JSON"), ("/html", "not the JSON"), ("/noise", ""), ("/nothing", ""),
    ("/away", "status 302"), ("/huge", "longer than 1000 kB"),
])
def test_a_server_in_trouble_is_one_sentence_and_the_own_forecast_stays(
    station, server, path, why
):
    page = Page(station, server.url + path)
    own = page.client.get("/api/landing").json()["station"]
    answer = page.ask()
    trouble = answer["tawhiri"]["trouble"]
    assert trouble.startswith("Tawhiri gave no forecast: ") and trouble.endswith(".")
    assert why in trouble
    assert answer["tawhiri"]["forecast"] is None and answer["station"] == own is not None
    assert server.sent < bad_server.HUGE_BYTES // 2, "of 50 MB it took what it may"


def test_a_failure_keeps_the_answer_before_it(station, server):
    server.ways["/v1"] = lambda peer: peer.sendall(bad_server.whole("200 OK", body()))
    page = Page(station, server.url + "/v1")
    found = page.ask()["tawhiri"]["forecast"]
    server.ways["/v1"] = server.ways["/500"]
    page.now_ms += PAUSE_MS
    state = page.ask()["tawhiri"]
    assert state["forecast"] == found and "status 500" in state["trouble"]
    assert state["tried_ms"] == page.now_ms


def test_nobody_there_no_server_named_and_no_position(station, tmp_path):
    page = Page(station, "http://127.0.0.1:9/")
    assert "refused" in page.ask()["tawhiri"]["trouble"]
    off = Page(station, "").client
    assert off.get("/api/landing").json()["tawhiri"] is None
    refused = off.post("/api/tawhiri", json={})
    assert refused.status_code == 404 and "ground.tawhiri_url" in refused.json()["error"]
    station.archive.db.execute("DELETE FROM beacon")
    refused = Page(station, "http://127.0.0.1:9/").client.post("/api/tawhiri", json={})
    assert refused.status_code == 409


def test_a_damaged_memory_is_none(station):
    page = Page(station, "http://127.0.0.1:9/")
    for value in ("x", "[]", "3", '{"forecast": {}}', '{"forecast": null, "odd": 1}', None):
        station.archive.db.execute(
            "INSERT OR REPLACE INTO meta(key, value) VALUES ('tawhiri', ?)", (value,))
        with station.archive.batch():
            station.archive.note_change("station", None)
        assert page.client.get("/api/landing").json()["tawhiri"]["forecast"] is None
