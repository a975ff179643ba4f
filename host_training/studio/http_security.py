"""HTTP security: only this machine, under its own name and with the token, may open the page.

Covers: DNS rebinding (a Host must be loopback), posts of other web pages (Origin must be the Host,
and the cookie is sent to this site only), framing, injected scripts, other users of this machine
without the token. The ground station has a guard of its own, which knows roles and the names of
machines on a network; the two share only a table of headers, and neither package imports the other.
Source: OWASP HTTP Headers Cheat Sheet.
"""

from __future__ import annotations

import hmac
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "spacepi_studio"
COOKIE_S = 30 * 86_400
SAFE = ("GET", "HEAD")
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
NO_TOKEN = ("This page opens with the link that the studio printed when it was started; copy that "
            "link from there.")
FOREIGN = "Only the studio's own page may do this."


class StudioGuard:
    """ASGI middleware behind the check of the Host."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        answer = self._check(Request(scope)) or self._app
        await answer(scope, receive, send_with_headers)

    def _check(self, request: Request) -> Response | None:
        """Why it is not let in, or the cookie for whoever came with the token; None: come in."""
        given = request.query_params.get("token")
        if request.url.path == "/" and given is not None and self._is_token(given):
            entered = RedirectResponse("/", 303)
            entered.set_cookie(COOKIE, given, COOKIE_S, httponly=True, samesite="strict")
            return entered
        if not self._is_token(request.cookies.get(COOKIE, "")):
            return (PlainTextResponse(NO_TOKEN, 401) if not request.url.path.startswith("/api/")
                    else JSONResponse({"error": NO_TOKEN}, 401))
        if request.method not in SAFE and not _is_same_origin(request):
            return JSONResponse({"error": FOREIGN}, 403)
        return None

    def _is_token(self, given: str) -> bool:
        """Nothing is no token, not even where the studio has none."""
        return given != "" and hmac.compare_digest(given.encode("utf-8", "replace"), self._token)


def _is_same_origin(request: Request) -> bool:
    """Whether it comes from our own page, or from no page at all (a test, curl)."""
    origin = request.headers.get("origin")
    if origin is None:
        return request.headers.get("sec-fetch-site", "none") in ("none", "same-origin")
    try:
        return urlsplit(origin).netloc == request.headers.get("host")
    except ValueError:  # half an IPv6 address
        return False
