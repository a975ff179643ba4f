"""The page under load: no place for a stream is given twice, and SQLite never holds up the loop."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from groundstation.archive import schema
from groundstation.archive.archive import Archive
from groundstation.ground import Ground
from groundstation.inputs.notices import Notices
from groundstation.reading.reader import FlightReader
from groundstation.web import reader_pool, stream_clients
from groundstation.web.access import Tokens
from groundstation.web.routes import create_app
from groundstation.web.stream_clients import CLIENTS_MAX, PER_ADDRESS_MAX, StreamClients
from tests.groundstation.far_end import MISSION, START_MS, FarEnd, state_at
from wire.records import Kind

TOKENS = Tokens("v" * 22, "o" * 22)
WAIT_S = 20  # a bound for a hung test, never the measure of a passing one
PATHS = ("/", "/api/flight", "/api/history", "/api/musings", "/api/picture/1", "/static/page.js",
         "/api/nothing", "/api/events")


@pytest.fixture
def archive(tmp_path):
    opened = Archive(tmp_path / "flight.sqlite", is_durable=False)
    ground, far = Ground(MISSION, opened, bytes(32)), FarEnd()
    far.push(Kind.MUSING, START_MS, {"text": "Cold."})
    for at in range(5):
        ground.receive(far.beacon(state_at(at)), START_MS + at * 1000)
    ground.receive(far.data(START_MS + 9_000), START_MS + 9_000)
    yield opened
    opened.close()


class Client:
    """One request. It reads what comes, and stays until it is told to leave."""

    def __init__(self, app, path, address="127.0.0.1", body=b"") -> None:
        self.status: int | None = None
        self.body = b""
        self._begun, self._left, self._ended = (asyncio.Event() for _ in range(3))
        self._asked = False
        self._request = {"type": "http.request", "body": body, "more_body": False}
        scope = {
            "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1", "method": "POST" if body else "GET", "scheme": "http",
            "path": path, "raw_path": path.encode(), "root_path": "", "query_string": b"",
            "headers": [(b"host", b"127.0.0.1"), (b"content-type", b"application/json"),
                        (b"authorization", b"Bearer " + TOKENS.operator.encode())],
            "client": (address, 5), "server": ("127.0.0.1", 8080),
        }
        self.task = asyncio.ensure_future(self._run(app, scope))

    async def _run(self, app, scope) -> None:
        await app(scope, self._receive, self._send)
        self._ended.set()

    async def _receive(self):
        if not self._asked:
            self._asked = True
            return self._request
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message) -> None:
        self.status = message.get("status", self.status)
        self.body += message.get("body", b"")
        self._begun.set()

    async def begun(self) -> int:
        """Its status, once it has one."""
        await asyncio.wait_for(self._begun.wait(), WAIT_S)
        assert self.status is not None
        return self.status

    async def ended(self) -> bytes:
        await asyncio.wait_for(self._ended.wait(), WAIT_S)
        return self.body

    async def leave(self) -> None:
        self._left.set()
        await asyncio.wait_for(self.task, WAIT_S)


@asynccontextmanager
async def page(archive):
    app = create_app(archive.path, MISSION, now=lambda: START_MS, tokens=TOKENS)
    try:
        yield app
    finally:
        app.state.streams.is_closing = lambda: True
        app.state.pool.close()


# -- places ---------------------------------------------------------------------------------


def test_of_sixty_streams_at_once_thirty_two_find_a_place(archive):
    """All sixty did: each was let in before any of them had been counted."""
    async def scenario() -> None:
        async with page(archive) as app:
            clients = [Client(app, "/api/events", f"10.0.0.{n}") for n in range(60)]
            found = Counter([await client.begun() for client in clients])
            assert found == {200: CLIENTS_MAX, 503: 60 - CLIENTS_MAX}
            for client in clients:
                await client.leave()
            again = [Client(app, "/api/events", f"10.0.0.{n}") for n in range(CLIENTS_MAX)]
            assert {await client.begun() for client in again} == {200}, "places come back"
            for client in again:
                await client.leave()

    asyncio.run(scenario())


def test_one_address_has_eight_streams_and_is_told_so(archive):
    async def scenario() -> None:
        async with page(archive) as app:
            clients = [Client(app, "/api/events", "10.0.0.1") for _ in range(20)]
            found = Counter([await client.begun() for client in clients])
            assert found == {200: PER_ADDRESS_MAX, 503: 20 - PER_ADDRESS_MAX}
            other = Client(app, "/api/events", "10.0.0.2")
            assert await other.begun() == 200
            for client in (*clients, other):
                await client.leave()
            refused = next(client for client in clients if client.status == 503)
            assert json.loads(refused.body) == {"error": "Too many pages are already open."}
            assert app.state.notices.counts == {"streams_turned_away": 20 - PER_ADDRESS_MAX}

    asyncio.run(scenario())


def test_a_client_that_leaves_before_its_stream_begins_gives_its_place_back(archive):
    async def scenario() -> None:
        async with page(archive) as app:
            for _ in range(3 * CLIENTS_MAX):
                client = Client(app, "/api/events")
                await asyncio.sleep(0)
                client.task.cancel()
                await asyncio.gather(client.task, return_exceptions=True)
            client = Client(app, "/api/events")
            assert await client.begun() == 200
            await client.leave()

    asyncio.run(scenario())


def seats(taken):
    """StreamClients with so many places taken by each address."""
    found = StreamClients(None, lambda: 0, lambda: None, Notices("page_clients", lambda: 0))
    held = {origin: [found.take(origin) for _ in range(count)] for origin, count in taken.items()}
    assert all(seat for seats in held.values() for seat in seats)
    return found, held


def test_where_all_places_are_taken_the_largest_gives_its_oldest_to_a_smaller_one():
    found, held = seats({"a": 8, "b": 8, "c": 8, "d": 7, "e": 1})
    newcomer = found.take("f")
    assert newcomer is not None and held["a"][0].is_lost
    assert [seat.is_lost for seat in held["a"]].count(True) == 1
    assert found.take("a") is None, "what it gave it cannot take back from one with as many"
    assert found.take("e") is not None and held["b"][0].is_lost
    found.give_back(held["b"][0])  # it ends, and was taken from it already
    assert found.take("g") is not None and held["c"][0].is_lost


def test_where_every_address_has_one_a_newcomer_is_turned_away():
    found, held = seats({f"10.0.0.{n}": 1 for n in range(CLIENTS_MAX)})
    assert found.take("10.0.1.1") is None
    found.give_back(held["10.0.0.5"][0])
    assert found.take("10.0.1.1") is not None


def test_a_stream_whose_place_was_given_away_ends(archive, monkeypatch):
    monkeypatch.setattr(stream_clients, "POLL_S", 0.0)

    async def scenario() -> None:
        async with page(archive) as app:
            hoard = [Client(app, "/api/events", f"10.0.0.{n % 4}") for n in range(CLIENTS_MAX)]
            assert {await client.begun() for client in hoard} == {200}
            newcomer = Client(app, "/api/events", "10.0.0.9")
            assert await newcomer.begun() == 200
            assert b"event: clock" in await hoard[0].ended()
            for client in (*hoard, newcomer):
                await client.leave()

    asyncio.run(scenario())


# -- SQLite is nobody's business on the loop ------------------------------------------------


def test_no_sql_is_run_by_the_thread_of_the_event_loop(archive, monkeypatch):
    """The history of a long flight held up every page for 0.7 s."""
    monkeypatch.setattr(stream_clients, "POLL_S", 0.0)
    ran: dict[str, set[int]] = {}
    for name in ("connect_reader", "connect"):
        opened = getattr(schema, name)

        def traced(path, opened=opened, name=name):
            db = opened(path)
            db.set_trace_callback(
                lambda sql: ran.setdefault(name, set()).add(threading.get_ident()))
            return db

        monkeypatch.setattr(schema, name, traced)

    async def scenario() -> None:
        async with page(archive) as app:
            for path in PATHS:
                client = Client(app, path)
                await client.begun()
                while path == "/api/events" and b"event: clock" not in client.body:
                    await asyncio.sleep(0)
                await client.leave()
            asked = Client(app, "/api/ask", body=b'{"text": "Is it cold?"}')
            assert await asked.begun() == 201

    asyncio.run(scenario())
    assert ran.keys() == {"connect_reader", "connect"}, "it reads, and it writes"
    assert not any(threading.get_ident() in threads for threads in ran.values())


@dataclass(frozen=True)
class HeldQuery:
    """A query of the history that says when it has begun, and waits until it may go on."""

    is_reading: threading.Event = field(default_factory=threading.Event)
    may_go_on: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def held_query(monkeypatch) -> HeldQuery:
    held, history = HeldQuery(), FlightReader.history

    def slow(self):
        held.is_reading.set()
        assert held.may_go_on.wait(WAIT_S)
        return history(self)

    monkeypatch.setattr(FlightReader, "history", slow)
    return held


def test_while_a_query_blocks_another_request_is_answered(archive, held_query):
    async def scenario() -> None:
        async with page(archive) as app:
            blocked = [Client(app, "/api/history") for _ in range(20)]
            while not held_query.is_reading.is_set():
                await asyncio.sleep(0)
            for path in ("/api/conflicts", "/api/musings", "/", "/static/page.js"):
                client = Client(app, path)
                assert await client.begun() == 200, path
                await client.leave()
            assert not any(client.status for client in blocked)
            held_query.may_go_on.set()
            answers = [await client.ended() for client in blocked]
            assert len(set(answers)) == 1 and json.loads(answers[0])["state"]

    asyncio.run(scenario())


def test_what_twenty_ask_at_once_is_read_once(archive, monkeypatch):
    reads, history = [], FlightReader.history
    monkeypatch.setattr(FlightReader, "history", lambda self: reads.append(1) or history(self))

    async def scenario() -> None:
        async with page(archive) as app:
            clients = [Client(app, "/api/history") for _ in range(20)]
            assert {await client.begun() for client in clients} == {200}
            for client in clients:
                await client.leave()

    asyncio.run(scenario())
    assert len(reads) == 1


def test_the_one_who_asked_first_may_leave_without_taking_it_from_the_others(archive, held_query):
    async def scenario() -> None:
        async with page(archive) as app:
            first, second = Client(app, "/api/history"), Client(app, "/api/history")
            while not held_query.is_reading.is_set():
                await asyncio.sleep(0)
            first.task.cancel()
            await asyncio.gather(first.task, return_exceptions=True)
            held_query.may_go_on.set()
            assert await second.begun() == 200
            await second.leave()

    asyncio.run(scenario())


def test_too_many_questions_at_once_are_refused_with_a_sentence(archive, monkeypatch):
    monkeypatch.setattr(reader_pool, "WAITING_MAX", 2)
    may_go_on = threading.Event()
    entries = FlightReader.entries

    def slow(self, before, limit):
        assert may_go_on.wait(WAIT_S)
        return entries(self, before, limit)

    monkeypatch.setattr(FlightReader, "entries", slow)

    async def scenario() -> None:
        async with page(archive) as app:
            clients = [Client(app, "/api/musings") for _ in range(3)]
            assert await clients[2].begun() == 503
            assert "station is overloaded" in json.loads(await clients[2].ended())["error"]
            may_go_on.set()
            assert [await client.begun() for client in clients[:2]] == [200, 200]
            for client in clients:
                await client.leave()

    asyncio.run(scenario())


def test_a_question_that_is_not_finished_is_no_exception(archive):
    """Each was a traceback in the log."""
    async def scenario() -> None:
        async with page(archive) as app:
            client = Client(app, "/api/ask", body=b'{"text": "Is i')
            client._request["more_body"] = True
            await asyncio.sleep(0)
            await client.leave()
            assert client.status == 400

    asyncio.run(scenario())
