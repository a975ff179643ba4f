"""Questions on the page: from the form to the answer, what is refused, how often one may ask."""

from __future__ import annotations

import json

import pytest

from groundstation.archive.archive import Archive
from groundstation.ground import Ground
from groundstation.web.stream import Ending
from tests.groundstation.far_end import MISSION, START_MS, FarEnd, state_at
from tests.groundstation.web.test_routes import HOST, KEY, client_of


@pytest.fixture
def station(tmp_path):
    archive = Archive(tmp_path / "flight.sqlite", is_durable=False)
    yield archive
    archive.close()


def test_a_question_goes_from_the_page_to_the_answer(station):
    ground, far = Ground(MISSION, station, KEY), FarEnd(KEY)
    client = client_of(station)

    def state():
        return client.get("/api/flight").json()["outbox"][0]

    answer = client.post("/api/ask", json={"text": "Is it cold?"}, headers={"origin": HOST})
    assert answer.status_code == 201 and answer.json()["state"] == "queued"
    ground.receive(far.beacon(state_at(0), is_listening=True), START_MS)
    uplink = ground.next_uplink(START_MS + 300)
    assert state()["state"] == "sent" and state()["attempts"] == 1
    far.hear(uplink, START_MS + 600)
    ground.receive(far.beacon(state_at(10)), START_MS + 10_000)
    assert state()["state"] == "confirmed" and state()["confirmed_ms"] == START_MS + 10_000
    for i in range(3):
        data = far.data(START_MS + 20_000 + i * 5000)
        if data:
            ground.receive(data, START_MS + 20_000 + i * 5000)
    assert state()["state"] == "answered"
    reply = next(e for e in client.get("/api/musings").json()["entries"] if e["kind"] == "reply")
    assert reply["question"] == "Is it cold?" and reply["question_id"] == state()["id"]


@pytest.mark.parametrize(("body", "headers", "status"), [
    ({"text": ""}, {}, 422),
    ({"text": "é" * 81}, {}, 422),
    ({"text": 5}, {}, 422),
    (["text"], {}, 422),
    ({"text": "hi"}, {"origin": "http://evil.example"}, 403),
    ({"text": "hi"}, {"origin": "null"}, 403),
    ({"text": "hi"}, {"sec-fetch-site": "cross-site"}, 403),
    ({"text": "hi"}, {"content-type": "text/plain"}, 415),
    ({"text": "x" * 5000}, {}, 413),
])
def test_bad_questions_are_refused_with_a_sentence(station, body, headers, status):
    Ground(MISSION, station, KEY)
    headers = {"content-type": "application/json"} | headers
    answer = client_of(station).post("/api/ask", content=json.dumps(body), headers=headers)
    assert answer.status_code == status and answer.json()["error"].endswith(".")
    assert station.db.execute("SELECT COUNT(*) FROM outbox").fetchone()[0] == 0


def test_a_station_without_a_key_says_that_it_only_listens(station):
    Ground(MISSION, station, None)
    answer = client_of(station).post("/api/ask", json={"text": "hi"})
    assert answer.status_code == 409 and "receives only" in answer.json()["error"]


def test_nobody_is_asked_once_the_flight_is_over(station):
    Ground(MISSION, station, KEY)
    client = client_of(station, ending=lambda: Ending(START_MS, "flight-7"))
    answer = client.post("/api/ask", json={"text": "hi"})
    assert answer.status_code == 409 and "The flight is over" in answer.json()["error"]
    assert client.get("/api/flight").json()["ending"] == {"at_ms": START_MS, "kept_in": "flight-7"}


def test_questions_are_limited_and_get_never_changes_anything(station):
    Ground(MISSION, station, KEY)
    client = client_of(station)
    answers = [client.post("/api/ask", json={"text": f"{i}?"}).status_code for i in range(8)]
    assert answers == [201] * 6 + [429] * 2
    assert client.get("/api/ask").status_code == 405


def test_a_clock_that_was_set_back_does_not_close_the_box(station):
    """A bug: what had been asked counted until the clock was there again, a year perhaps."""
    Ground(MISSION, station, KEY)
    times = [START_MS + 365 * 86_400_000]
    client = client_of(station, now=lambda: times[0])
    assert [client.post("/api/ask", json={"text": f"{i}?"}).status_code for i in range(7)] == [
        *[201] * 6, 429]
    times[0] = START_MS
    assert client.post("/api/ask", json={"text": "And now?"}).status_code == 201
