"""An OpenAI-compatible endpoint for one bundle, for chat programs of the same machine.

The persona answers as in a chat (``conversation``): its own prompt stands where a client's system
message would, the last message recalls a memory, and the bundle's sampling is the one that is used,
whatever a client asks for. A line is chosen whole, so a stream sends it once it is there. Not
llama-cpp-python's own server: it lets every web page call it, has completions without the persona,
and samples in its own way.

Covers: DNS rebinding (a Host must be loopback) and posts of web pages (JSON only, no CORS).
Does not cover: other programs and users of this machine.
Source: OpenAI API reference, chat completions and models.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from host_training.bundle.conversation import ON_THE_GROUND, Utterance, Voice
from host_training.rows.dataset import clean_lines

LOOPBACK = ("127.0.0.1", "localhost")
WAITING_MAX = 4  # requests behind the one that is being answered; one more is refused
BODY_BYTES_MAX = 1 << 20
MESSAGES_MAX = 1000
RETRY_AFTER_S = 5
ROLES = ("system", "developer", "user", "assistant")
# Requested of a model and not given here: ignoring them would answer another question.
REFUSED = ("tools", "functions", "response_format", "logprobs", "modalities")
_HARMLESS: Mapping[str, tuple[object, ...]] = {"response_format": ({"type": "text"},),
                                               "modalities": (["text"],)}


class Refused(Exception):
    """A request that is not answered: HTTP ``status``, and one sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What of a request counts here; the last of ``turns`` is the user's."""

    turns: list[Utterance]
    is_streamed: bool


class WaitingLine:
    """Who is being answered and who waits: at most one and WAITING_MAX."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._held = 0

    @contextmanager
    def place(self) -> Iterator[threading.Lock]:
        """The lock to answer under. Called in the event loop. Raises Refused when it is full."""
        if self._held > WAITING_MAX:
            raise Refused(429, f"{WAITING_MAX} requests are already waiting; try again in "
                               f"{RETRY_AFTER_S} s")
        self._held += 1
        try:
            yield self._turn
        finally:
            self._held -= 1


class _Endpoint:
    def __init__(self, voice: Voice, name: str, disclosure: str, created_s: int) -> None:
        self._voice = voice
        self._model = {"id": name, "object": "model", "created": created_s, "owned_by": "spacepi",
                       "description": disclosure}
        self.line = WaitingLine()

    async def models(self, request: Request) -> Response:
        return JSONResponse({"object": "list", "data": [self._model]})

    async def model(self, request: Request) -> Response:
        self._check_model(request.path_params["model"])
        return JSONResponse(self._model)

    async def chat(self, request: Request) -> Response:
        data = await _posted(request)
        self._check_model(data.get("model", self._model["id"]))
        chat_request = read_request(data)
        with self.line.place() as turn:
            reply = await run_in_threadpool(self._answer, chat_request.turns, turn)
        answer = {"id": f"chatcmpl-{secrets.token_hex(12)}", "created": int(time.time()),
                  "model": self._model["id"]}
        if chat_request.is_streamed:
            return StreamingResponse(_events(answer, reply), media_type="text/event-stream",
                                     headers={"cache-control": "no-store"})
        return JSONResponse(answer | {"object": "chat.completion", "choices": [{
            "index": 0, "message": {"role": "assistant", "content": reply}, "logprobs": None,
            "finish_reason": "stop"}]})

    def _answer(self, turns: list[Utterance], turn: threading.Lock) -> str:
        """In a thread. Silence is an empty text."""
        moment = replace(ON_THE_GROUND, question=turns[-1].words)
        with turn:
            return self._voice.speak(moment, turns[:-1]) or ""

    def _check_model(self, name: object) -> None:
        if name != self._model["id"]:
            raise Refused(404, f"unknown model {name!r}; available: {self._model['id']}")


def create_app(voice: Voice, name: str, disclosure: str, created_s: int) -> Starlette:
    """The endpoint of one persona.

    Args:    name: by which clients choose it. created_s: UTC of the bundle, seconds.
    """
    endpoint = _Endpoint(voice, name, disclosure, created_s)
    app = Starlette(
        routes=[Route("/v1/models", endpoint.models), Route("/v1/models/{model}", endpoint.model),
                Route("/v1/chat/completions", endpoint.chat, methods=["POST"])],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=list(LOOPBACK),
                               www_redirect=False)],
        exception_handlers={Refused: _refused, HTTPException: _no_such_thing})
    app.state.line = endpoint.line
    return app


def read_request(data: dict[str, Any]) -> ChatRequest:
    """The conversation in a request. Raises Refused for what cannot be answered as asked."""
    for name in REFUSED:
        if data.get(name) and data[name] not in _HARMLESS.get(name, ()):
            raise Refused(400, f"{name} is not supported; a persona answers in one line of text")
    if data.get("n") not in (None, 1):
        raise Refused(400, f"n is {data['n']!r}; allowed is 1")
    is_streamed = data.get("stream") or False
    if not isinstance(is_streamed, bool):
        raise Refused(400, f"stream is {is_streamed!r}; allowed are true and false")
    messages = data.get("messages")
    if not isinstance(messages, list) or not 1 <= len(messages) <= MESSAGES_MAX:
        raise Refused(400, f"messages must be a list of 1 to {MESSAGES_MAX} messages")
    turns = [turn for at, message in enumerate(messages) if (turn := _turn(at, message))]
    if not turns or turns[-1].role != "user" or not clean_lines(turns[-1].words):
        raise Refused(400, "the last message must be the user's and have text")
    return ChatRequest(turns, is_streamed)


def _turn(at: int, message: object) -> Utterance | None:
    """One message; None for a system's, in whose place the persona's own prompt stands."""
    role = message.get("role") if isinstance(message, dict) else None
    if not isinstance(message, dict) or role not in ROLES:
        raise Refused(400, f"messages[{at}].role is {role!r}; allowed are {', '.join(ROLES)}")
    content = message.get("content")
    parts = content if isinstance(content, list) else [{"type": "text", "text": content or ""}]
    texts = [part.get("text") for part in parts
             if isinstance(part, dict) and part.get("type") == "text"]
    words = [text for text in texts if isinstance(text, str)]
    if len(words) != len(parts):
        raise Refused(400, f"messages[{at}].content must be text")
    if role not in ("user", "assistant"):
        return None
    side: Literal["user", "assistant"] = "user" if role == "user" else "assistant"
    return Utterance(side, "\n".join(words))


def _events(answer: dict[str, Any], reply: str) -> Iterator[str]:
    """Server-sent events: the role, the words one by one, the end."""
    pieces = reply.split(" ")
    deltas: list[dict[str, str]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": piece + " " * (at < len(pieces) - 1)} for at, piece in enumerate(pieces)]
    for delta in (*deltas, {}):
        choice = {"index": 0, "delta": delta, "logprobs": None,
                  "finish_reason": None if delta else "stop"}
        chunk = answer | {"object": "chat.completion.chunk", "choices": [choice]}
        yield f"data: {json.dumps(chunk)}\n\n"
    yield "data: [DONE]\n\n"


async def _posted(request: Request) -> dict[str, Any]:
    if request.headers.get("content-type", "").split(";")[0].strip() != "application/json":
        raise Refused(415, "the content type must be application/json")
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > BODY_BYTES_MAX:
            raise Refused(413, f"the request is longer than {BODY_BYTES_MAX} bytes")
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused(400, "the request is not valid JSON") from error
    if not isinstance(data, dict):
        raise Refused(400, "the request is not a JSON object")
    return data


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    kind = "invalid_request_error" if error.status != 429 else "rate_limit_error"
    return JSONResponse(
        {"error": {"message": f"{error}.", "type": kind, "param": None, "code": None}},
        error.status, {"retry-after": str(RETRY_AFTER_S)} if error.status == 429 else None)


async def _no_such_thing(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return await _refused(request, Refused(
        error.status_code, f"unknown request {request.method} {request.url.path}; available: GET"
                           " /v1/models, POST /v1/chat/completions"))
