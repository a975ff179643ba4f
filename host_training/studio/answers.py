"""JSON in both directions: what is accepted from a request, and refusals, each one sentence."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

BODY_BYTES_MAX = 1 << 18  # the longest list of chats or values that is taken


class NotDone(Exception):
    """Nothing was changed; the text says why and what to do, in one sentence."""

    def __init__(self, sentence: str, status: int = 422) -> None:
        super().__init__(sentence)
        self.status = status


Handler = Callable[[Request], Awaitable[Response]]


async def posted(request: Request) -> dict[str, Any]:
    """The JSON object of a post. Raises NotDone."""
    if request.headers.get("content-type", "").split(";")[0].strip() != "application/json":
        raise NotDone("The content type must be application/json.", 415)
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > BODY_BYTES_MAX:
            raise NotDone("That is too long to be taken; shorten it.", 413)
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NotDone("The request is not valid JSON.", 400) from error
    if not isinstance(data, dict):
        raise NotDone("The request is not a JSON object.", 400)
    return data


def text_of(data: dict[str, Any], name: str, called: str, chars_max: int, *,
            may_be_empty: bool = False) -> str:
    """A line of text, its white space tidied. Raises NotDone.

    Args:    called: what the page calls the field.
    """
    value = data.get(name)
    if not isinstance(value, str):
        raise NotDone(f"{called}: must be text.")
    value = " ".join("".join(c for c in value if c.isprintable() or c.isspace()).split())
    if not value and not may_be_empty:
        raise NotDone(f"{called}: please write something here.")
    if len(value) > chars_max:
        raise NotDone(f"{called}: has {len(value)} characters, at most {chars_max} fit; shorten"
                      " it.")
    return value


def texts_of(data: dict[str, Any], name: str, called: str, count_max: int, chars_max: int
             ) -> list[str]:
    """A list of such lines, empty ones and repetitions left out. Raises NotDone."""
    values = data.get(name, [])
    if not isinstance(values, list) or len(values) > count_max:
        raise NotDone(f"{called}: must be a list of at most {count_max} lines.")
    lines = [text_of({name: value}, name, called, chars_max, may_be_empty=True)
             for value in values]
    return list(dict.fromkeys(line for line in lines if line))


def as_json(value: Any, status: int = 200) -> Response:
    """``value`` as an answer."""
    return JSONResponse(value, status)


async def refused(request: Request, error: Exception) -> Response:
    """A NotDone as an answer."""
    assert isinstance(error, NotDone)
    return as_json({"error": str(error)}, error.status)
