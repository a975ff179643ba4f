"""JSON over HTTP: answers, refusals, and what is accepted from a post.

A refusal is one sentence for a person. A post is taken from this station's own page only, or from
no page at all.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from groundstation.inputs import tcp
from groundstation.sanitise import read_json, to_json
from groundstation.web.http_security import is_same_origin

BODY_BYTES_MAX = 2048


def json_text(text: str, status: int = 200, **headers: str) -> Response:
    """An answer that is JSON already."""
    return Response(text, status, headers, "application/json")


def as_json(value: Any, status: int = 200, **headers: str) -> Response:
    """``value`` as an answer."""
    return json_text(to_json(value), status, **headers)


def refuse(status: int, sentence: str, **headers: str) -> Response:
    """Why nothing was done."""
    return as_json({"error": sentence}, status, **headers)


def whole(text: str | None) -> int | None:
    """The whole number in a query or header, None when it is absent or none."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else None


def origin(request: Request) -> str:
    """Whose request it is, for bounds per address."""
    return tcp.origin(request.client.host if request.client else "")


async def posted(request: Request) -> dict[str, Any] | Response:
    """The JSON object that this station's own page posts, or why it is not taken."""
    if not is_same_origin(request):
        return refuse(403, "Only this station's own page may send this request.")
    if request.headers.get("content-type", "").split(";")[0].strip() != "application/json":
        return refuse(415, "The content type must be application/json.")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            return refuse(413, "The request is too long.")
    try:
        data = read_json(body)
    except ValueError:
        return refuse(400, "The request is not valid JSON.")
    return data if isinstance(data, dict) else refuse(422, "The request is not a JSON object.")
