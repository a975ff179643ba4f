"""Requests that no browser makes: every answer is one of ours, and strict JSON where it is JSON."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from urllib.parse import quote_from_bytes, unquote

import pytest
import structlog
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.applications import Starlette

from groundstation.archive.archive import Archive
from groundstation.ground import Ground
from groundstation.web.routes import create_app
from tests.groundstation.far_end import MISSION, START_MS
from tests.hostile import examples, seals
from tests.hostile.registry import CELLS, JSON_WORDS
from tests.hostile.test_every_decoder import few

Headers = list[tuple[bytes, bytes]]
Ask = Callable[[str, bytes, bytes, Headers, bytes], tuple[int, bytes]]
HOST = (b"host", b"127.0.0.1:8080")
TEXTS = st.one_of(st.binary(max_size=20), st.sampled_from((
    *CELLS, b"1" * 5000, b"-1", b"0", b"9" * 15, b"9" * 16, b"..", b"%2e%2e/%2e%2e", b"\0",
    b"a" * 400, b"\xd9\xa1", b"[", b"http://[", b"http://127.0.0.1:8080", b"//[::1", b"null",
)))
PATHS = st.one_of(
    st.sampled_from((b"/", b"/api/flight", b"/api/history", b"/api/musings", b"/api/events",
                     b"/api/ask", b"/static/index.html", b"/static/style.css")),
    TEXTS.map(lambda text: b"/api/picture/" + text),
    TEXTS.map(lambda text: b"/static/" + text),
    TEXTS.map(lambda text: b"/" + text),
)
QUERIES = st.one_of(
    st.just(b""), st.binary(max_size=40),
    st.builds(lambda key, value: key + b"=" + value,
              st.sampled_from((b"before", b"limit", b"after")), TEXTS),
)
RANGES = st.sampled_from((
    b"bytes=0-", b"bytes=-", b"bytes=5-1", b"bytes=-1", b"bytes=0-0,2-3,4-", b"bytes=x", b"lines=1",
    b"bytes=" + b"1" * 5000 + b"-", b"bytes=" + b"0-1," * 200,
))
HEADERS = st.lists(st.one_of(
    st.tuples(st.sampled_from((
        b"host", b"origin", b"last-event-id", b"content-type", b"content-length", b"if-none-match",
        b"if-modified-since", b"if-range", b"accept-encoding", b"sec-fetch-site", b"cookie",
    )), TEXTS),
    st.tuples(st.just(b"range"), RANGES),
    st.just((b"content-type", b"application/json")),
), max_size=5)
LETTERS = st.one_of(
    st.binary(max_size=60), st.sampled_from(JSON_WORDS),
    st.sampled_from(JSON_WORDS).map(lambda word: b'{"text":' + word + b"}"),
    st.text(max_size=200).map(lambda text: json.dumps({"text": text}).encode()),
    st.text(max_size=20).map(lambda text: json.dumps({"text": text}).encode("utf-16")),
)


async def _request(
    app: Starlette, scope: dict[str, object], body: bytes
) -> tuple[int, bytes]:
    received = [{"type": "http.request", "body": body, "more_body": False}]
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        if not received:
            await asyncio.Event().wait()  # the client stays and says no more
        return received.pop()

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    assert sent and sent[0]["type"] == "http.response.start", sent
    pieces = [message.get("body", b"") for message in sent[1:]]
    return int(str(sent[0]["status"])), b"".join(map(bytes, pieces))


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """The page of a station that heard the example flight; an exception of it is a failure."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    archive = Archive(tmp_path_factory.mktemp("web") / "flight.sqlite", is_durable=False)
    ground = Ground(MISSION, archive, seals.UPLINK_KEY)
    for at, data in enumerate(examples.flight()):
        ground.receive(data, START_MS + at * 1000)
    app = create_app(archive.path, MISSION, now=lambda: START_MS)
    app.state.streams.is_closing = lambda: True  # a stream says its first words and ends
    runner = asyncio.Runner()

    def request(
        method: str, path: bytes, query: bytes, headers: Headers, body: bytes
    ) -> tuple[int, bytes]:
        raw = quote_from_bytes(path, "/%")
        scope: dict[str, object] = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
            "scheme": "http", "path": unquote(raw), "raw_path": raw.encode(), "root_path": "",
            "query_string": query, "headers": [HOST, *headers], "client": ("127.0.0.1", 5),
            "server": ("127.0.0.1", 8080),
        }
        return runner.run(_request(app, scope, body))

    yield request
    runner.close()
    app.state.pool.close()
    archive.close()
    structlog.reset_defaults()


def check(status: int, body: bytes, path: bytes) -> None:
    assert status < 500 or status == 503, status
    if path.startswith(b"/api/") and status == 200 and path[5:12] not in (b"events", b"picture"):
        json.loads(body, parse_constant=pytest.fail)


@few(1)
@given(PATHS, QUERIES, HEADERS)
@example(b"/api/picture/" + b"1" * 5000, b"", [])
@example(b"/api/musings", b"before=" + b"9" * 15 + b"&limit=0", [])
@example(b"/static/%00", b"", [])
def test_any_get_is_answered(ask: Ask, path: bytes, query: bytes, headers: Headers) -> None:
    status, body = ask("GET", path, query, headers, b"")
    check(status, body, path if not headers else b"")


@few(1)
@given(st.sampled_from((
    b"/api/ask", b"/api/command", b"/api/withdraw", b"/api/abort", b"/api/acknowledge",
    b"/api/enter",
)), LETTERS, HEADERS)
@example(b"/api/command", b'{"name": "\\ud800", "arguments": "\\ud800"}', [])
@example(b"/api/acknowledge", b'{"rule": "\\ud800", "since_ms": true}', [])
@example(b"/api/enter", b'{"token": "\\ud800"}', [])
@example(b"/api/ask", b'{"text": "How is it?"}', [(b"origin", b"http://[")])
@example(b"/api/ask", b'{"text": "\\ud800"}', [])
@example(b"/api/withdraw", b'{"id": true}', [])
@example(b"/api/withdraw", b'{"id": 1' + b"0" * 400 + b"}", [(b"forwarded", b"\xff")])
def test_any_post_is_answered(ask: Ask, path: bytes, body: bytes, headers: Headers) -> None:
    status, answer = ask(
        "POST", path, b"", [*headers, (b"content-type", b"application/json")], body)
    check(status, answer, b"")


def test_the_page_and_a_picture_are_really_there(ask: Ask) -> None:
    """What is asked above has something to answer with."""
    status, body = ask("GET", b"/api/musings", b"", [], b"")
    entries = json.loads(body)["entries"]
    pictures = [entry["id"] for entry in entries if entry["kind"] == "thumbnail"]
    assert status == 200 and len(entries) >= 4 and pictures
    assert ask("GET", b"/", b"", [], b"")[0] == 200


def test_a_picture_of_a_number_with_five_thousand_digits_is_not_found(ask: Ask) -> None:
    """Python reads at most 4300 digits: the page answered 500."""
    for number in (b"1" * 5000, b"-1", b"1.0", b"x"):
        assert ask("GET", b"/api/picture/" + number, b"", [], b"")[0] == 404


def test_half_an_address_as_origin_is_a_stranger(ask: Ask) -> None:
    """urlsplit raises for it: the page answered 500."""
    headers = [(b"origin", b"http://["), (b"content-type", b"application/json")]
    assert ask("POST", b"/api/ask", b"", headers, b'{"text": "How is it?"}')[0] == 403
