"""HTTP GET in one background thread, for services that may never answer.

Implements ``payload.ports.Http``: one request at a time, at most 8,192 bytes of body, http and
https only. Answers are sent to the ground, so the mission file alone decides which hosts are
contacted: at most three redirects are followed, and only to the same scheme, host and port; a
public name that resolves to a private address is not contacted (``may_ask``).

The core holds the deadline; ``timeout_s`` only bounds how long an abandoned connection lives. A
thread stuck in a name look-up cannot be stopped: until it returns, ``start`` answers False, so
there is never a second one.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import queue
import socket
import ssl
import threading
import time
from urllib.parse import urljoin, urlsplit

from payload.ports import ApiFailed, ApiReply, ApiRequest
from wire.sources import BODY_BYTES_MAX

REDIRECTS_MAX = 3
_REDIRECTS = (301, 302, 303, 307, 308)
_PORTS = {"http": http.client.HTTP_PORT, "https": http.client.HTTPS_PORT}
_LOCAL_ENDINGS = (".localhost", ".local", ".lan", ".internal", ".home.arpa")


class HttpClient:
    """One worker thread, started with the first request."""

    def __init__(self, user_agent: str = "spacepi", timeout_s: float = 15.0) -> None:
        self._user_agent, self._timeout_s = user_agent, timeout_s
        self._requests: queue.Queue[ApiRequest] = queue.Queue(1)
        self._outcomes: queue.Queue[ApiReply | ApiFailed] = queue.Queue(1)
        self._thread: threading.Thread | None = None
        self._is_working = False  # the thread has a request, even if it was cancelled
        self._is_wanted = False
        self._connection: http.client.HTTPConnection | None = None

    def start(self, request: ApiRequest, now_ms: int) -> bool:
        """True if taken; False while another one, wanted or not, is still on its way."""
        if self._is_working and not self._is_wanted:
            self._collect()
        if self._is_working or self._is_wanted:
            return False
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="http", daemon=True)
            self._thread.start()
        self._is_working = self._is_wanted = True
        self._requests.put_nowait(request)
        return True

    def poll(self, now_ms: int) -> ApiReply | ApiFailed | None:
        """The outcome, once."""
        was_wanted = self._is_wanted
        outcome = self._collect()
        return outcome if was_wanted else None

    def cancel(self, now_ms: int) -> None:
        """Drop the request; the connection is closed so that the thread is free again."""
        self._is_wanted = False
        connection = self._connection
        if connection is not None and connection.sock is not None:
            with contextlib.suppress(OSError, TypeError):  # TypeError: just closed
                # The plain socket's: TLS would first send a close alert.
                socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)

    def _collect(self) -> ApiReply | ApiFailed | None:
        with contextlib.suppress(queue.Empty):
            outcome = self._outcomes.get_nowait()
            self._is_working = self._is_wanted = False
            return outcome
        return None

    def _work(self) -> None:
        while True:
            request = self._requests.get()
            started_s = time.monotonic()
            try:
                status, body, wait_s = self._get(request.url, started_s + self._timeout_s)
            except TimeoutError:
                self._outcomes.put(ApiFailed(request.request_id, "timeout"))
            except _Blocked:
                self._outcomes.put(ApiFailed(request.request_id, "blocked"))
            except (OSError, http.client.HTTPException, ValueError, AttributeError):
                # Refused, unresolved, bad certificate, not HTTP, not a URL; AttributeError is what
                # http.client makes of a socket that ``cancel`` took away under it.
                self._outcomes.put(ApiFailed(request.request_id, "unreachable"))
            else:
                elapsed_ms = int((time.monotonic() - started_s) * 1000)
                self._outcomes.put(ApiReply(
                    request.request_id, status, body, elapsed_ms, wait_s))

    def _get(self, url: str, deadline_s: float) -> tuple[int, bytes, float]:
        """Status, body and Retry-After after redirects.

        A redirect that is not followed is returned as the answer it is. Raises TimeoutError,
        _Blocked, OSError, HTTPException, ValueError.
        """
        for _ in range(REDIRECTS_MAX + 1):
            response, body = self._get_once(url, deadline_s)
            location = response.getheader("Location")
            target = redirect_target(url, location) if response.status in _REDIRECTS else None
            if target is None:
                break
            url = target
        return response.status, body, retry_after_s(response.getheader("Retry-After"))

    def _get_once(
        self, url: str, deadline_s: float
    ) -> tuple[http.client.HTTPResponse, bytes]:
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError(f"not an http address: {url!r}")
        connection = _Connection(parts.scheme, parts.hostname, parts.port, deadline_s)
        self._connection = connection
        try:
            path = (parts.path or "/") + ("?" + parts.query if parts.query else "")
            connection.request("GET", path, headers={
                "User-Agent": self._user_agent, "Accept": "*/*", "Connection": "close",
            })
            response = connection.getresponse()
            return response, self._body(response, deadline_s)
        finally:
            self._connection = None
            connection.close()

    @staticmethod
    def _body(response: http.client.HTTPResponse, deadline_s: float) -> bytes:
        """The first bytes; what a broken or endless answer said until then counts as its body."""
        body = b""
        with contextlib.suppress(OSError, http.client.HTTPException):
            while len(body) < BODY_BYTES_MAX and time.monotonic() < deadline_s:
                part = response.read1(BODY_BYTES_MAX - len(body))
                if not part:
                    break
                body += part
        return body


class _Blocked(Exception):
    """The name has addresses, and none of them may be contacted."""


class _Connection(http.client.HTTPConnection):
    """Dials an address that was checked, not a name that is looked up once more."""

    def __init__(self, scheme: str, host: str, port: int | None, deadline_s: float) -> None:
        self.default_port = _PORTS[scheme]
        super().__init__(host, port)
        self._deadline_s = deadline_s

    def connect(self) -> None:
        """Raises _Blocked and OSError."""
        self.sock = _dial(self.host, self.port, self._deadline_s)
        if self.default_port == http.client.HTTPS_PORT:
            context = ssl.create_default_context()
            self.sock = context.wrap_socket(self.sock, server_hostname=self.host)


def _dial(host: str, port: int, deadline_s: float) -> socket.socket:
    """A connection to the first address of ``host`` that may be contacted and answers."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    allowed = [entry for entry in found if may_ask(host, str(entry[4][0]))]
    if not allowed:
        raise _Blocked(host)
    for family, kind, protocol, _, address in allowed:
        connection = socket.socket(family, kind, protocol)
        connection.settimeout(_left_s(deadline_s))
        try:
            connection.connect(address)
        except OSError as error:
            connection.close()
            failure = error
        else:
            return connection
    raise failure


def _left_s(deadline_s: float) -> float:
    return max(deadline_s - time.monotonic(), 0.001)


def retry_after_s(value: str | None) -> float:
    """Retry-After in seconds; 0 where there is none, and for its other form, a date."""
    text = value or ""
    return float(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0.0


def redirect_target(url: str, location: str | None) -> str | None:
    """Where a redirect of ``url`` to ``location`` leads; None unless scheme, host and port stay."""
    if not location:
        return None
    with contextlib.suppress(ValueError):  # a location that is no address
        target = urljoin(url, location)
        if _origin(target) == _origin(url):
            return target
    return None


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)


def may_ask(host: str, address: str) -> bool:
    """Whether ``address``, one of those of ``host``, is one that the mission file can mean.

    Addresses of the public internet always are. Private, loopback, link-local and other special
    ones are where the file says so: by a numeric address or a name of a local network, which is
    localhost, one without a dot, or one in .localhost, .local, .lan, .internal or .home.arpa.
    """
    found = ipaddress.ip_address(address)
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    if found.is_global and not found.is_multicast:
        return True
    name = host.lower().rstrip(".")
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(name)
        return True
    return "." not in name or name.endswith(_LOCAL_ENDINGS)
