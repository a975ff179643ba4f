"""One HTTP request over a connection of its own, with a deadline for all of it.

Neither a redirection nor a proxy is followed, and an answer is read up to a bound.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit


class HttpAnswer(NamedTuple):
    """An answer of any status; ``wait_s`` is its Retry-After in seconds."""

    status: int
    body: bytes
    wait_s: float | None = None


class NoAnswer(Exception):
    """There was none within the deadline; the message says why."""


def call(
    method: str, url: str, deadline_s: float, bytes_max: int, body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> HttpAnswer:
    """Raises NoAnswer."""
    try:
        connection, target = _connection(url, deadline_s)
    except ValueError as error:
        raise NoAnswer(str(error)) from error
    is_late = threading.Event()
    # A server that sends a byte now and then never runs into the timeout of a socket.
    cut = threading.Timer(deadline_s, _hang_up, (connection, is_late))
    cut.daemon = True
    try:
        cut.start()
        connection.request(method, target, body, dict(headers or {}))
        response = connection.getresponse()
        found = _body(response, bytes_max)
        if is_late.is_set():  # what was cut off looks like an answer without a body
            raise TimeoutError("timed out")
        return HttpAnswer(response.status, found, _seconds(response.getheader("Retry-After")))
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NoAnswer(str(error) or type(error).__name__) from error
    finally:
        cut.cancel()
        connection.close()


def _body(response: http.client.HTTPResponse, bytes_max: int) -> bytes:
    """Its first bytes. A piece at a time: where a chunk says that it has -1 bytes, ``read`` reads
    to the end of the connection, which may have none."""
    found = bytearray()
    while len(found) < bytes_max and (part := response.read1(bytes_max - len(found))):
        found += part
    return bytes(found[:bytes_max])


def _connection(url: str, deadline_s: float) -> tuple[http.client.HTTPConnection, str]:
    """To the server of ``url``, and what is asked of it. Raises ValueError."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    target = parts.path + ("?" + parts.query if parts.query else "")
    if parts.scheme == "https":
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(
            host, port, timeout=deadline_s, context=context), target or "/"
    return http.client.HTTPConnection(host, port, timeout=deadline_s), target or "/"


def _hang_up(connection: http.client.HTTPConnection, is_late: threading.Event) -> None:
    is_late.set()
    sock = connection.sock
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)


def _seconds(retry_after: str | None) -> float | None:
    """Retry-After in seconds; its other form, a date, is not read."""
    text = retry_after or ""
    return float(text) if text.isascii() and text.isdigit() and len(text) < 7 else None
