"""HTTP against a local server that misbehaves: every answer or silence is one bounded outcome."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from payload.drivers.http import BODY_BYTES_MAX, HttpClient, may_ask, redirect_target
from payload.ports import ApiFailed, ApiReply, ApiRequest

WAIT_S = 30.0


class Server:
    """Answers each connection with what ``answers`` holds for its path, as raw bytes."""

    def __init__(self) -> None:
        self.answers: dict[bytes, bytes] = {}
        self.heard: list[bytes] = []
        self.held: list[socket.socket] = []  # connections that get no answer
        self.has_held = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                head = connection.recv(4096)
                self.heard.append(head)
                path = head.split(b" ")[1]
                if path not in self.answers:
                    self.held.append(connection)
                    self.has_held.set()
                    continue
                with connection, contextlib.suppress(OSError):
                    connection.sendall(self.answers[path])

    def close(self) -> None:
        self._listener.close()
        for connection in self.held:
            connection.close()


@pytest.fixture
def server() -> Iterator[Server]:
    fake = Server()
    yield fake
    fake.close()


def finish(client: HttpClient) -> ApiReply | ApiFailed:
    """Wait for the outcome where it arrives, then take it as the core does."""
    outcome = client._outcomes.get(timeout=WAIT_S)
    client._outcomes.put(outcome)
    polled = client.poll(0)
    assert polled is outcome
    assert client.poll(0) is None
    return polled


def get(client: HttpClient, url: str) -> ApiReply | ApiFailed:
    assert client.start(ApiRequest(1, "test", url), 0)
    return finish(client)


def answer(status: str, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def test_answers_of_every_kind(server: Server) -> None:
    """Goal: any status is an answer; a body is cut at 8192 bytes; who we are is said."""
    client = HttpClient("spacepi-test", WAIT_S)
    server.answers = {
        b"/ok?q=1": answer("200 OK", b"fine"),
        b"/gone": answer("404 Not Found", b"<html>"),
        b"/long": answer("200 OK", b"x" * 100_000),
        b"/cut": answer("200 OK", b"x" * 50)[:-10],
        b"/endless": b"HTTP/1.1 200 OK\r\n\r\n" + b"y" * 50_000,
    }
    reply = get(client, server.url + "/ok?q=1")
    assert isinstance(reply, ApiReply)
    assert (reply.request_id, reply.status, reply.body) == (1, 200, b"fine")
    assert b"User-Agent: spacepi-test\r\n" in server.heard[0]
    bodies = {}
    for path in ("/gone", "/long", "/cut", "/endless"):
        reply = get(client, server.url + path)
        assert isinstance(reply, ApiReply)
        bodies[path] = (reply.status, reply.body)
    assert bodies["/gone"] == (404, b"<html>")
    assert bodies["/long"] == (200, b"x" * BODY_BYTES_MAX)
    assert bodies["/cut"] == (200, b"x" * 40)
    assert bodies["/endless"] == (200, b"y" * BODY_BYTES_MAX)


def test_nobody_and_nonsense(server: Server) -> None:
    """Goal: refused, not HTTP, hung up and not a URL are all ``unreachable``."""
    client = HttpClient(timeout_s=WAIT_S)
    server.answers = {b"/nonsense": b"\x00\xff\r\n\r\n", b"/nothing": b""}
    closed = socket.create_server(("127.0.0.1", 0))
    port = closed.getsockname()[1]
    closed.close()
    for url in (
        server.url + "/nonsense", server.url + "/nothing", f"http://127.0.0.1:{port}/",
        "file:///etc/passwd", "ftp://127.0.0.1/", "http://", "http://127.0.0.1:99999/",
        "http://127.0.0.1/a b\r\nX: y", "http://" + "a" * 70 + ".invalid.\ud800/", "",
    ):
        assert get(client, url) == ApiFailed(1, "unreachable"), url


def test_silence_is_a_timeout(server: Server) -> None:
    """Goal: a server that accepts and says nothing ends as ``timeout``."""
    assert get(HttpClient(timeout_s=0.2), server.url + "/held") == ApiFailed(1, "timeout")


def test_cancel_frees_the_thread(server: Server) -> None:
    """Goal: a cancelled request yields nothing, and the next one is not mistaken for it."""
    client = HttpClient(timeout_s=600)
    server.answers = {b"/ok": answer("200 OK", b"second")}
    assert client.start(ApiRequest(1, "test", server.url + "/held"), 0)
    assert not client.start(ApiRequest(2, "test", server.url + "/ok"), 0)
    assert client.poll(0) is None
    assert server.has_held.wait(WAIT_S)
    client.cancel(0)
    stale = client._outcomes.get(timeout=WAIT_S)  # cut, not waited for
    client._outcomes.put(stale)
    assert client.poll(0) is None
    assert client.start(ApiRequest(2, "test", server.url + "/ok"), 0)
    reply = finish(client)
    assert (reply.request_id, isinstance(reply, ApiReply)) == (2, True)


def test_redirects(server: Server) -> None:
    """Goal: redirects at the same place are followed, three at most; to other schemes, never."""
    client = HttpClient(timeout_s=WAIT_S)
    server.answers = {
        b"/a": answer("302 Found", b"", "Location: /b"),
        b"/b": answer("200 OK", b"there"),
        b"/whole": answer("302 Found", b"", f"Location: {server.url}/b"),
        b"/loop": answer("301 Moved Permanently", b"", "Location: /loop"),
        b"/file": answer("302 Found", b"", "Location: file:///etc/passwd"),
        b"/bad": answer("302 Found", b"", "Location: http://[::1/"),
    }
    paths = ("/a", "/whole", "/loop", "/file", "/bad")
    outcomes = [get(client, server.url + path) for path in paths]
    assert [outcome.status for outcome in outcomes if isinstance(outcome, ApiReply)] == [
        200, 200, 301, 302, 302,
    ]
    assert sum(head.startswith(b"GET /loop ") for head in server.heard) == 4


def test_a_redirect_to_a_neighbour_on_this_machine_is_not_followed(server: Server) -> None:
    """Goal: what a stranger's answer points at is not read, and so not sent home either."""
    inside = Server()
    inside.answers = {b"/admin": answer("200 OK", b"token=abc123")}
    for number, host in enumerate(("127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433")):
        target = inside.url.replace("127.0.0.1", host) + "/admin"
        server.answers[b"/%d" % number] = answer("302 Found", b"", f"Location: {target}")
        reply = get(HttpClient(timeout_s=WAIT_S), f"{server.url}/{number}")
        assert isinstance(reply, ApiReply) and reply.status == 302
        assert b"token" not in reply.body
    assert inside.heard == []
    inside.close()


@pytest.mark.parametrize(("url", "location", "target"), [
    ("https://api.example/a", "/b", "https://api.example/b"),
    ("https://api.example/a", "https://API.example:443/b", "https://API.example:443/b"),
    ("https://api.example/a", "http://api.example/b", None),
    ("https://api.example/a", "http://api.example:443/b", None),
    ("https://api.example/a", "//other.example/b", None),
    ("https://api.example/a", "https://api.example:8443/b", None),
    ("https://api.example/a", "https://api.example@other.example/b", None),
    ("http://api.example/a", "https://api.example/b", None),
    ("http://api.example/a", "http://127.0.0.1/b", None),
    ("http://api.example/a", "ftp://api.example/b", None),
    ("http://api.example/a", "", None), ("http://api.example/a", None, None),
])
def test_where_a_redirect_leads(url: str, location: str | None, target: str | None) -> None:
    """Goal: never from https to http, nor to another host, port or scheme."""
    assert redirect_target(url, location) == target


SPECIAL = (
    "127.0.0.1", "127.8.9.1", "10.0.0.4", "172.16.3.1", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "0.0.0.0", "224.0.0.1", "::1", "::", "fd00::1", "fe80::1%eth0", "ff02::1",
    "::ffff:10.0.0.4",
)


@pytest.mark.parametrize("address", SPECIAL)
def test_a_private_address_is_asked_only_where_the_mission_names_it(address: str) -> None:
    for host in ("api.example.org", "localhost.example.org", "lan.example", "api.example.org."):
        assert not may_ask(host, address)
    for host in (address.partition("%")[0], "localhost", "LOCALHOST.", "weatherbox", "box.lan",
                 "box.local", "x.internal", "x.home.arpa"):
        assert may_ask(host, address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"])
def test_an_address_of_the_public_internet_may_be_asked(address: str) -> None:
    assert may_ask("api.example.org", address) and may_ask("localhost", address)


@pytest.mark.parametrize(("host", "is_asked"), [("api.example.org", False), ("box.lan", True)])
def test_a_public_name_that_leads_to_a_private_address_is_not_asked(
    server: Server, monkeypatch: pytest.MonkeyPatch, host: str, is_asked: bool
) -> None:
    """Goal: the address is checked that is dialled, whatever a name server says of the name."""
    server.answers = {b"/ok": answer("200 OK", b"inside")}
    port = int(server.url.rpartition(":")[2])
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))])
    outcome = get(HttpClient(timeout_s=WAIT_S), f"http://{host}/ok")
    if is_asked:
        assert isinstance(outcome, ApiReply) and outcome.body == b"inside"
        assert f"Host: {host}\r\n".encode() in server.heard[0]
    else:
        assert outcome == ApiFailed(1, "blocked") and server.heard == []
