"""Access to the page: the roles, how a client proves one, and the check before each route.

A viewer reads; an operator also asks and commands. Whoever connects from the station's own machine
is an operator, as in its terminal. Everybody else proves a role with its token, in the cookie that
``/api/enter`` sets or as ``Authorization: Bearer``. Tokens are compared in constant time and never
logged.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from groundstation.sanitise import to_json
from groundstation.web.http_security import is_local

COOKIE = "spacepi_access"
COOKIE_S = 7 * 86_400
TOKEN_CHARACTERS_MAX = 64
NO_TOKEN = ("This page is shown only to those who have its link; the station prints it with "
            "“spacepi-ground links”.")
NOT_OPERATOR = "Your link is read-only: this needs the operator's link."


class Role(IntEnum):
    """Each may do what those below it may."""

    ANYBODY = 0
    VIEWER = 1
    OPERATOR = 2


@dataclass(frozen=True, slots=True)
class Tokens:
    """What proves a role, at least 128 random bits each; never shown by repr()."""

    viewer: str = field(repr=False)
    operator: str = field(repr=False)


class Access:
    """Who a client is. Without ``tokens`` only this machine has a role."""

    def __init__(self, tokens: Tokens | None) -> None:
        self._tokens = tokens

    def role_of(self, request: Request) -> Role:
        """The role that the sender of this request has proved."""
        if is_local(request):
            return Role.OPERATOR
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        is_bearer = scheme.lower() == "bearer"
        return self.role_of_token(bearer if is_bearer else request.cookies.get(COOKIE, ""))

    def role_of_token(self, token: str) -> Role:
        """The role that this token proves."""
        if self._tokens is None or not 0 < len(token) <= TOKEN_CHARACTERS_MAX:
            return Role.ANYBODY
        given = token.encode("utf-8", "replace")
        is_viewer = hmac.compare_digest(given, self._tokens.viewer.encode())
        is_operator = hmac.compare_digest(given, self._tokens.operator.encode())
        return Role.OPERATOR if is_operator else Role.VIEWER if is_viewer else Role.ANYBODY


class RoleCheck:
    """ASGI middleware of a route: refuses whoever has not proved ``role``."""

    def __init__(self, app: ASGIApp, access: Access, role: Role) -> None:
        self._app = app
        self._access = access
        self._role = role

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        held = self._access.role_of(Request(scope))
        if held >= self._role:
            await self._app(scope, receive, send)
            return
        status, sentence = (401, NO_TOKEN) if held is Role.ANYBODY else (403, NOT_OPERATOR)
        refusal = Response(to_json({"error": sentence}), status, None, "application/json")
        await refusal(scope, receive, send)


def only(role: Role, access: Access, routes: Iterable[Route]) -> list[Route]:
    """The same routes, open to whoever has proved ``role``."""
    check = Middleware(RoleCheck, access=access, role=role)
    return [
        Route(route.path, route.endpoint, methods=list(route.methods or ()), middleware=[check])
        for route in routes
    ]
