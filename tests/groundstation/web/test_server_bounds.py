"""Slow, unfinished, endless and too many requests: each is cut off at its bound, and none is served
later for it. Clients and server are real; the seconds are not (``virtual_loop``).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket

import pytest
import uvicorn
from structlog.testing import capture_logs
from uvicorn.server import ServerState

from groundstation import process_limits
from groundstation.inputs import tcp
from groundstation.inputs.notices import LOG_EVERY_MS, Notices
from groundstation.process_limits import OncePerInterval
from groundstation.web import server
from groundstation.web.server import (
    CONNECTIONS_MAX,
    HEAD_S,
    PER_ADDRESS_MAX,
    REQUEST_BYTES_MAX,
    REQUEST_S,
    WRITE_S,
    BoundedHttp,
)
from tests.groundstation.web import virtual_loop

LONG_S = 100_000.0  # of the loop's own time, which is over at once where nothing else happens
GET = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
POST = b"POST /api/ask HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n"


class Served:
    """A server with an app that answers, streams for ever, or fails, as the path says."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.notices = Notices("page_clients", lambda: round(1000 * self.loop.time()))
        self.state = ServerState()
        self.received = 0
        self.may_answer = asyncio.Event()
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> Served:
        config = uvicorn.Config(
            self._app, log_config=None, ws="none", interface="asgi3",
            h11_max_incomplete_event_size=server.HEAD_BYTES_MAX)
        config.load()
        self._listener = await self.loop.create_server(
            lambda: BoundedHttp(config, self.state, {}, self.loop, notices=self.notices),
            "0.0.0.0", 0, backlog=server.ACCEPTS_MAX)
        self.port = self._listener.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        self._listener.close()
        for writer in self._writers:
            writer.close()
        for connection in list(self.state.connections):
            connection.transport.abort()
        for task in self.state.tasks:
            task.cancel()
        await asyncio.gather(*self.state.tasks, return_exceptions=True)

    async def join(
        self, sent: bytes = b"", source: str = "127.0.0.1"
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.port, local_addr=(source, 0))
        self._writers.append(writer)
        writer.write(sent)
        await self.settle()
        return reader, writer

    async def settle(self) -> None:
        """What is under way arrives; no time passes."""
        for _ in range(20):
            await asyncio.sleep(0)

    async def _app(self, scope, receive, send) -> None:
        if scope["path"] == "/fails":
            raise RuntimeError("a bug")
        if scope["method"] == "POST":
            is_more = True
            while is_more:
                message = await receive()
                self.received += len(message.get("body", b""))
                is_more = message.get("more_body", False)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while scope["path"] == "/stream":
            await send({"type": "http.response.body", "body": bytes(65_536), "more_body": True})
            await asyncio.sleep(1)
        if scope["path"] == "/waits":
            await self.may_answer.wait()
        await send({"type": "http.response.body", "body": b"yes", "more_body": False})


def in_loop(scenario):
    """A test that runs in a loop of its own."""
    def run() -> None:
        async def whole() -> None:
            async with Served() as served:
                await asyncio.wait_for(scenario(served), LONG_S)

        virtual_loop.run(whole())

    run.__name__, run.__doc__ = scenario.__name__, scenario.__doc__
    return run


async def status(reader: asyncio.StreamReader) -> int | None:
    """Of the answer, None where there is none."""
    with contextlib.suppress(ConnectionError):
        line = await reader.readline()
        return int(line.split()[1]) if line else None
    return None


async def seconds_open(served: Served, reader: asyncio.StreamReader) -> float:
    begun_s = served.loop.time()
    with contextlib.suppress(ConnectionError):
        await reader.read()
    return served.loop.time() - begun_s


async def drip(writer: asyncio.StreamWriter, data: bytes, every_s: float = 1.0) -> None:
    with contextlib.suppress(ConnectionError):
        for at in range(len(data)):
            writer.write(data[at : at + 1])
            await asyncio.sleep(every_s)


# -- too slow -------------------------------------------------------------------------------


@in_loop
async def test_a_connection_that_asks_nothing_is_cut_off(served):
    reader, _ = await served.join()
    assert HEAD_S - 0.1 <= await seconds_open(served, reader) <= HEAD_S + 0.1
    assert served.notices.counts == {"slow_requests": 1} and not served.state.connections


@in_loop
async def test_a_head_that_comes_byte_by_byte_is_cut_off_all_the_same(served):
    """Every byte set uvicorn's clock back to the beginning."""
    reader, writer = await served.join()
    dripping = asyncio.ensure_future(drip(writer, GET))
    assert await seconds_open(served, reader) <= HEAD_S + 0.1
    dripping.cancel()


@in_loop
async def test_a_body_that_comes_byte_by_byte_is_cut_off_all_the_same(served):
    reader, writer = await served.join(POST % 1000)
    dripping = asyncio.ensure_future(drip(writer, bytes(1000)))
    assert await seconds_open(served, reader) <= REQUEST_S + 0.1
    assert served.received < 2 * REQUEST_S
    dripping.cancel()


@in_loop
async def test_who_is_slow_but_in_time_is_answered_and_may_ask_again(served):
    reader, writer = await served.join()
    for _ in range(3):
        await drip(writer, POST % 5, 0.1)
        await drip(writer, b"Cold?", 2.0)
        assert await status(reader) == 200
        await reader.readuntil(b"0\r\n\r\n")
    assert served.received == 15 and not served.notices.counts


@in_loop
async def test_a_pause_between_two_requests_is_bounded_too(served):
    reader, _ = await served.join(GET)
    assert await seconds_open(served, reader) <= HEAD_S + 0.1
    reader, writer = await served.join(GET)
    await reader.readuntil(b"0\r\n\r\n")
    dripping = asyncio.ensure_future(drip(writer, GET))  # the next one, never finished
    assert await seconds_open(served, reader) <= HEAD_S + 0.1
    dripping.cancel()


@in_loop
async def test_an_answer_that_takes_long_is_nobodys_fault(served):
    reader, _ = await served.join(GET.replace(b"/ ", b"/waits "))
    await asyncio.sleep(10 * REQUEST_S)
    served.may_answer.set()
    assert await status(reader) == 200
    assert not served.notices.counts


@in_loop
async def test_a_reader_that_takes_nothing_is_dropped_and_counted(served):
    """A stream to a phone that had gone lived for a quarter of an hour, and so did its place."""
    stuck = socket.socket()
    stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stuck.setblocking(False)
    await served.loop.sock_connect(stuck, ("127.0.0.1", served.port))
    await served.loop.sock_sendall(stuck, GET.replace(b"/ ", b"/stream "))
    begun_s = served.loop.time()
    while not served.notices.counts["slow_readers"]:
        await asyncio.sleep(0.5)
    assert served.loop.time() - begun_s < WRITE_S + 60, "its buffers are full, and it is cut off"
    await served.settle()
    assert not served.state.connections
    stuck.close()


@in_loop
async def test_who_reads_keeps_its_stream_for_ever(served):
    reader, _ = await served.join(GET.replace(b"/ ", b"/stream "))
    for _ in range(300):
        await reader.readexactly(65_536)
    assert served.loop.time() > 10 * WRITE_S and not served.notices.counts


@in_loop
async def test_a_phone_that_vanished_is_noticed_by_the_kernel(served):
    await served.join(GET.replace(b"/ ", b"/waits "))
    (connection,) = served.state.connections
    sock = connection.transport.get_extra_info("socket")
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        timeout_ms = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
        assert timeout_ms == 1000 * tcp.VANISHED_S
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    connection.connection_lost(TimeoutError())  # as it then says
    assert served.notices.counts == {"vanished": 1}


# -- too much -------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [b"/api/ask", b"/", b"/static/style.css"])
@pytest.mark.parametrize("length", [b"Content-Length: 300000000", b"Transfer-Encoding: chunked"])
def test_a_post_of_300_mb_is_not_read_to_its_end(path, length):
    async def scenario() -> None:
        async with Served() as served:
            reader, writer = await served.join(
                b"POST %b HTTP/1.1\r\nHost: 127.0.0.1\r\n%b\r\n\r\n" % (path, length))
            piece, sent = b"10000\r\n" + b"x" * 65_536 + b"\r\n", 0
            with contextlib.suppress(ConnectionError):
                while sent < 300_000_000:
                    writer.write(piece)
                    await writer.drain()
                    sent += len(piece)
            assert sent < 20_000_000, "what the buffers of both ends take"
            assert served.received <= REQUEST_BYTES_MAX
            assert served.notices.counts == {"long_requests": 1} and not served.state.connections
            assert await status(reader) in (413, None), "a reset may overtake the answer"

    virtual_loop.run(scenario())


@in_loop
async def test_a_body_that_is_somewhat_too_long_is_told_so(served):
    reader, writer = await served.join(POST % 30_000)
    writer.write(bytes(30_000))
    assert await status(reader) == 413
    assert b"That is too long." in await reader.read()


@in_loop
async def test_a_head_without_end_is_refused(served):
    reader, writer = await served.join(b"GET / HTTP/1.1\r\n")
    for number in range(600):
        writer.write(b"X-%d: %b\r\n" % (number, bytes(40).hex().encode()))
        await served.settle()
    assert await status(reader) in (400, None)
    assert not served.state.connections


# -- too many -------------------------------------------------------------------------------


@in_loop
async def test_of_one_address_the_longest_waiting_gives_way(served):
    """1,100 unfinished requests ended the station, or filled its log with 71,000 tracebacks."""
    first, _ = await served.join(b"GET / HT")
    for _ in range(1_100):
        await asyncio.sleep(0.001)
        last, _ = await served.join(POST % 100 + b"half")
        assert len(served.state.connections) <= PER_ADDRESS_MAX
    assert await status(first) is None and not last.at_eof()
    asked, _ = await served.join(GET)
    assert await status(asked) == 200
    assert served.notices.counts == {"connections_given_up": 1_102 - PER_ADDRESS_MAX}


@in_loop
async def test_all_together_the_address_that_has_most_gives_way(served):
    quiet = [await served.join(b"GET", f"127.0.1.{n}") for n in range(40)]
    for number in range(300):
        await served.join(b"GET", f"127.0.0.{number % 10 + 2}")
        assert len(served.state.connections) <= CONNECTIONS_MAX
    for reader, writer in quiet:
        writer.write(GET.removeprefix(b"GET"))
        assert await status(reader) == 200


@in_loop
async def test_whoever_is_being_answered_stays_and_a_newcomer_is_turned_away(served):
    request = GET.replace(b"/ ", b"/waits ")
    readers = [(await served.join(request))[0] for _ in range(PER_ADDRESS_MAX)]
    late, _ = await served.join(GET)
    assert await status(late) is None
    other, _ = await served.join(GET, "127.0.0.2")
    assert await status(other) == 200
    served.may_answer.set()
    assert {await status(reader) for reader in readers} == {200}
    assert served.notices.counts == {"connections_turned_away": 1}


# -- what is told ---------------------------------------------------------------------------


@in_loop
async def test_a_flood_is_told_once_a_minute(served):
    with capture_logs() as logs:
        for _ in range(200):
            await served.join(b"GET")
        assert [entry["connections_given_up"] for entry in logs] == [1]
        await asyncio.sleep(LOG_EVERY_MS / 1000)
        served.notices.log()
    assert logs[1]["connections_given_up"] == 199 - PER_ADDRESS_MAX
    assert len(logs) == 2 and {entry["event"] for entry in logs} == {"page_clients"}


@in_loop
async def test_requests_that_are_none_and_bugs_are_in_the_log_once(served):
    logger, kept = logging.getLogger("uvicorn.error"), []
    bound = OncePerInterval()
    logger.addFilter(bound)
    handler = logging.Handler()
    handler.emit = kept.append
    logger.addHandler(handler)
    try:
        for _ in range(100):
            await served.join(b"\x16\x03\x01 not HTTP\r\n\r\n")
            await served.join(GET.replace(b"/ ", b"/fails "))
    finally:
        logger.removeFilter(bound)
        logger.removeHandler(handler)
    messages = [record.getMessage() for record in kept]
    assert len(messages) == 2 and messages[0] == "Invalid HTTP request received."
    assert messages[1].startswith("Exception in ASGI application")


def test_the_log_says_what_it_held_back():
    bound, kept = OncePerInterval(), []
    for second in range(0, 150, 10):
        arguments = ("files", second)
        record = logging.LogRecord("asyncio", 40, "", 0, "out of %s\nfd=%d", arguments, None)
        record.created = 1_000_000.0 + second
        if bound.filter(record):
            kept.append(record.getMessage())
    words = " (5 similar messages were not logged)"
    assert kept == ["out of files\nfd=0", f"out of files\nfd=60{words}",
                    f"out of files\nfd=120{words}"]
    assert bound.filter(logging.LogRecord("asyncio", 40, "", 0, "another", (), None))


def test_the_bounds_fit_into_the_descriptors_of_a_process():
    assert CONNECTIONS_MAX + 3 * server.ACCEPTS_MAX < process_limits.DESCRIPTORS_MAX // 2
    assert process_limits.DESCRIPTORS_MAX <= 1024, "what select() takes"
    assert PER_ADDRESS_MAX < CONNECTIONS_MAX
