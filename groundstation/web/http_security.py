"""Checks before every request: permitted host names, response headers, limits.

Covers: DNS rebinding (a Host must be an address or a name of this machine), cross-site posts
(Origin must be the Host), sniffing, framing, injected scripts, floods of posts.
Who may read and who may command is for ``groundstation.web.access``. Does not cover: whoever
listens on the same network, because the page is served without TLS.
Source: OWASP HTTP Headers Cheat Sheet.
"""

from __future__ import annotations

import ipaddress
from collections import deque
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
PICTURE_CSP = "default-src 'none'; img-src data:; frame-ancestors 'none'"
HEADERS = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class HttpGuard:
    """ASGI middleware: refuses foreign Host headers and adds the security headers."""

    def __init__(self, app: ASGIApp, names: Iterable[str]) -> None:
        self._app = app
        self._names = {name.lower() for name in names}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                is_api = scope["path"].startswith("/api/")
                headers.setdefault("cache-control", "no-store" if is_api else "no-cache")
            await send(message)

        if not self._is_ours(Headers(scope=scope).get("host", "")):
            refusal = PlainTextResponse("Unknown host name.", 421)
            await refusal(scope, receive, send_with_headers)
            return
        await self._app(scope, receive, send_with_headers)

    def _is_ours(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname
        except ValueError:
            return False
        if not name:
            return False
        if name in self._names:
            return True
        try:
            ipaddress.ip_address(name)  # an address cannot be rebound
        except ValueError:
            return False
        return True


def is_same_origin(request: Request) -> bool:
    """Whether a post comes from our own page, or from no page at all (curl)."""
    origin = request.headers.get("origin")
    if origin is None:
        return request.headers.get("sec-fetch-site", "none") in ("none", "same-origin")
    try:
        return urlsplit(origin).netloc == request.headers.get("host")
    except ValueError:  # half an IPv6 address
        return False


def is_local(request: Request) -> bool:
    """Whether a request comes from this machine itself, and not through a proxy on it."""
    if request.client is None or {"forwarded", "x-forwarded-for"} & set(request.headers.keys()):
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


class RateLimit:
    """At most ``count`` events in ``window_ms`` for a name, and four times that for all."""

    def __init__(self, count: int, window_ms: int, now: Callable[[], int]) -> None:
        self._count = count
        self._window_ms = window_ms
        self._now = now
        self._taken: deque[tuple[int, str]] = deque()

    def take(self, name: str) -> bool:
        """True when one more is allowed now; counts it."""
        now_ms = self._now()
        # Nor what is in the future: the clock was set back since.
        while self._taken and not now_ms - self._window_ms < self._taken[0][0] <= now_ms:
            self._taken.popleft()
        mine = sum(taken == name for _, taken in self._taken)
        if mine >= self._count or len(self._taken) >= 4 * self._count:
            return False
        self._taken.append((now_ms, name))
        return True
