"""Which payload is asked about: every view, the stream and the files follow the address."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from groundstation.reading.alarms import AlarmBoard
from groundstation.reading.other_payload import reader_of
from groundstation.reading.reader import FlightReader
from groundstation.web.routes import create_app
from groundstation.web.stream import PageFeed
from tests.groundstation.far_end import SIGNED_MISSION, START_MS, state_at
from tests.groundstation.two_payloads import LAST_S, NOW_MS, OTHER, OTHER_SAID, OURS_SAID, Pair

VIEWS = ("flight", "history", "landing", "musings", "conflicts", "link", "export/musings.txt",
         "picture/1", "events")


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    pair = Pair(tmp_path)
    pair.fly()
    yield pair
    pair.close()


@pytest.fixture
def client(pair: Pair) -> Iterator[TestClient]:
    app = create_app(pair.archive.path, SIGNED_MISSION, now=lambda: NOW_MS)
    app.state.streams.is_closing = lambda: True  # a stream says its first words and ends
    with TestClient(app, base_url="http://localhost", client=("127.0.0.1", 5000)) as client:
        yield client
    app.state.pool.close()


def test_every_view_is_of_the_payload_that_is_asked_about(client: TestClient) -> None:
    for query, said in (("", OURS_SAID), ("?payload=7", OURS_SAID), ("?payload=9", OTHER_SAID)):
        flight = client.get(f"/api/flight{query}").json()
        texts = [entry["text"] for entry in flight["entries"]]
        assert texts == [said] and flight["is_ours"] == (said == OURS_SAID)
        assert client.get(f"/api/musings{query}").json()["entries"] == flight["entries"]
        assert client.get(f"/api/export/musings.txt{query}").text == f"{said}\n"
    history = [client.get(f"/api/history{query}").json() for query in ("", "?payload=9")]
    assert [bool(each["verified"]["t"]) for each in history] == [True, False]
    landing = [client.get(f"/api/landing{query}").json() for query in ("", "?payload=9")]
    assert [each["station"] is not None for each in landing] == [True, False]
    loss = [client.get(f"/api/link{query}").json()["loss"] for query in ("", "?payload=9")]
    assert loss[0] and loss[1] and loss[0] != loss[1]


def test_its_files_do_not_lie_over_ours(client: TestClient) -> None:
    answer = client.get("/api/export/flight.zip?payload=9")
    assert 'filename="node-9-flight.zip"' in answer.headers["content-disposition"]
    with zipfile.ZipFile(BytesIO(answer.content)) as files:
        assert OTHER_SAID in files.read("diary.md").decode()


@pytest.mark.parametrize("name", ["77", "0", "x", "-1", "", "9 ", "1e1", "９", "9" * 99, "7,9"])
def test_a_payload_that_was_never_heard_is_one_sentence(client: TestClient, name: str) -> None:
    for view in VIEWS:
        answer = client.get(f"/api/{view}", params={"payload": name})
        assert answer.status_code == 404, (view, name)
        assert answer.json() == {"error": "This station has not heard of such a payload."}
    taken = client.app.state.streams  # type: ignore[attr-defined]
    assert taken._seats == [], "and it gave its place back"


def test_a_stream_tells_each_page_of_its_own_payload(pair: Pair) -> None:
    ours = FlightReader(pair.archive.path, SIGNED_MISSION)
    newest = ours.change_id()
    pair.hear(pair.ours.beacon(state_at(LAST_S)), LAST_S)
    pair.hear_other(LAST_S + 10)

    def update(node_id: int | None) -> dict[str, list[list[float]]]:
        feed = PageFeed(reader_of(ours, node_id), lambda: NOW_MS)
        message = feed.step(newest)[1]
        assert message is not None
        found: dict[str, list[list[float]]] = json.loads(message.split("data: ", 1)[1])
        return found

    own, other = update(None), update(OTHER)
    assert [row[0] for row in own["verified"]] == [START_MS + LAST_S * 1000]
    assert own["unverified"] == [] and other["verified"] == []
    assert [row[0] for row in other["unverified"]] == [START_MS + (LAST_S + 11) * 1000]
    ours.close()


def test_alarms_are_of_ours_whoever_is_looked_at(pair: Pair) -> None:
    """A page of another would tell the board that ours falls, or that it is silent."""
    ours = FlightReader(pair.archive.path, SIGNED_MISSION)
    board = AlarmBoard(SIGNED_MISSION)
    feed = PageFeed(reader_of(ours, OTHER), lambda: START_MS + 900_000, board=board)
    newest = ours.change_id()
    pair.hear(pair.ours.beacon(state_at(LAST_S)), LAST_S)  # the other was heard before and after
    pair.hear_other(899)
    feed.step(newest)
    assert [alarm.rule for alarm in board.look(START_MS + 900_000)] == ["silence"]
    pair.hear(pair.ours.beacon(state_at(899)), 899)
    feed.step(newest)
    assert [alarm.is_active for alarm in board.look(START_MS + 900_000)] == [False]
    ours.close()
