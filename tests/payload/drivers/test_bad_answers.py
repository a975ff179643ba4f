"""A source that misbehaves, asked by the payload itself: each ends as one outcome, soon."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator

import pytest

from payload.api_client import DEADLINE_MS, ApiClient
from payload.drivers.http import HttpClient
from payload.hearsay import Hearsay
from payload.radio_requests import RadioRequests
from payload.situation import Situation
from tests.bad_server import GOOD, HUGE_BYTES, RETRY_AFTER_S, SENTENCE, BadServer, serving
from wire.mission import ApiSection

WAIT_S = 30.0


@pytest.fixture
def server() -> Iterator[BadServer]:
    yield from serving()


class Asker:
    """A client with one source, asked once."""

    def __init__(self, url: str) -> None:
        self.hearsay = Hearsay()
        self.http = HttpClient(timeout_s=600)
        self.api = ApiClient(
            self.http, (ApiSection(name="town", url=url, text=SENTENCE),), 10, random.Random(1),
            RadioRequests((), random.Random(2)), self.hearsay)
        self.api.update(Situation(now_ms=0), True)
        self.api.update(Situation(now_ms=60_000), True)
        assert self.api.is_busy

    def answered(self) -> dict:
        """The record, once the driver has an outcome."""
        outcome = self.http._outcomes.get(timeout=WAIT_S)
        self.http._outcomes.put(outcome)
        (note,) = self.api.update(Situation(now_ms=60_500, utc_ms=5), True)
        return dict(note.body)


@pytest.mark.parametrize(("path", "outcome"), [
    ("/404", "404"), ("/429", "429"), ("/500", "500"), ("/truncated", "garbage"),
    ("/wrong", "garbage"), ("/plain", "garbage"), ("/html", "garbage"), ("/huge", "garbage"),
    ("/nothing", "unreachable"), ("/noise", "unreachable"), ("/loop", "redirected"),
    ("/away", "redirected"),
])
def test_a_bad_answer_has_its_name_and_says_nothing(
    server: BadServer, path: str, outcome: str
) -> None:
    asker = Asker(server.url + path)
    body = asker.answered()
    assert body["outcome"] == outcome and "summary" not in body
    assert asker.hearsay.saved() == []
    assert server.sent < HUGE_BYTES / 5, "an answer is read to its bound"


def test_a_good_answer_is_heard(server: BadServer) -> None:
    asker = Asker(server.url + "/good")
    assert asker.answered() == {
        "api": "town", "outcome": "ok", "ms": 500, "status": 200, "summary": GOOD}
    assert asker.hearsay.saved() == [[1, "town", GOOD, 5]]


def test_retry_after_reaches_the_core(server: BadServer) -> None:
    asker = Asker(server.url + "/429")
    outcome = asker.http._outcomes.get(timeout=WAIT_S)
    assert outcome.retry_after_s == RETRY_AFTER_S  # type: ignore[union-attr]


@pytest.mark.parametrize("path", ["/slow-head", "/slow-body"])
def test_a_drip_is_hung_up_on_at_the_deadline_of_the_core(server: BadServer, path: str) -> None:
    asker = Asker(server.url + path)
    while not server.asked:
        assert asker.api.update(Situation(now_ms=60_001), True) == []
    (note,) = asker.api.update(Situation(now_ms=60_000 + DEADLINE_MS), True)
    assert note.body["outcome"] == "timeout"
    assert server.was_left.wait(WAIT_S)


def test_a_name_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert Asker("http://town.invalid/").answered()["outcome"] == "unreachable"
