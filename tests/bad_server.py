"""A source on this machine that answers in every bad way that servers have, and in one good one."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator

GOOD = "Hay-on-Wye is a market town."
SENTENCE = "{query.pages.0.extract}"
BODY = json.dumps({"query": {"pages": [{"extract": GOOD}]}}).encode()
HUGE_BYTES = 50_000_000
RETRY_AFTER_S = 7
_DRIP_S = 0.02


def whole(status: str, body: bytes = b"", *headers: str) -> bytes:
    """An answer as it goes over the wire."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


class BadServer:
    """``/good`` answers; every other path of ``ways`` does not. ``asked`` are the paths in order;
    ``sent`` is how many bytes of the endless answers were taken."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.sent = 0
        self.was_left = threading.Event()  # somebody hung up on a slow answer
        self.ways: dict[str, Callable[[socket.socket], None]] = {
            "/good": _says(whole("200 OK", BODY)),
            "/404": _says(whole("404 Not Found", BODY)),
            "/429": _says(whole("429 Slow Down", b"no", f"Retry-After: {RETRY_AFTER_S}")),
            "/500": _says(whole("500 Oh", BODY)),
            "/truncated": _says(whole("200 OK", BODY)[:-20]),
            "/wrong": _says(whole("200 OK", b'{"query": {"pages": {"7": "x"}}, "extract": [1]}')),
            "/plain": _says(whole("200 OK", b"Hay-on-Wye")),
            "/html": _says(whole("200 OK", b"<!DOCTYPE html><title>Sign in</title>")),
            "/nothing": _says(b""),
            "/noise": _says(b"\x00\xff\r\n\r\n"),
            "/loop": _says(whole("302 Found", b"", "Location: /loop")),
            "/away": _says(whole("302 Found", b"", "Location: http://127.0.0.1:9/")),
            "/slow-head": self._drip_head,
            "/slow-body": self._drip_body,
            "/huge": self._flood,
            "/negative-chunk": self._flood_chunk,
        }
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self._listener.accept()
                threading.Thread(target=self._talk, args=(peer,), daemon=True).start()

    def _talk(self, peer: socket.socket) -> None:
        with peer, contextlib.suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                head += peer.recv(4096)
            path = head.split(b" ")[1].decode()
            self.asked.append(path)
            self.ways[path.partition("?")[0]](peer)

    def _drip_head(self, peer: socket.socket) -> None:
        peer.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        self._drip(peer)

    def _drip_body(self, peer: socket.socket) -> None:
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")
        self._drip(peer)

    def _drip(self, peer: socket.socket) -> None:
        """A letter now and then, until the other end hangs up."""
        peer.settimeout(_DRIP_S)
        is_there = True
        while is_there:
            try:
                peer.sendall(b"a")
                is_there = bool(peer.recv(1))
            except TimeoutError:
                continue
            except OSError:
                is_there = False
        self.was_left.set()

    def _flood_chunk(self, peer: socket.socket) -> None:
        """A chunk that says that it has fewer than no bytes."""
        peer.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n")
        self._flood_body(peer)

    def _flood(self, peer: socket.socket) -> None:
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % HUGE_BYTES)
        self._flood_body(peer)

    def _flood_body(self, peer: socket.socket) -> None:
        chunk = b"a" * 65_536
        while self.sent < HUGE_BYTES:
            peer.sendall(chunk)
            self.sent += len(chunk)


def _says(data: bytes) -> Callable[[socket.socket], None]:
    return lambda peer: peer.sendall(data)


def serving() -> Iterator[BadServer]:
    """For a fixture."""
    server = BadServer()
    yield server
    server.close()
