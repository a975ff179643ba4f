"""The page of the ground station: read-only views of the archive, a live stream, one letter box."""

from __future__ import annotations

import socket
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from groundstation.guard import Guard, RateLimit, is_local, is_same_origin
from groundstation.hygiene import clean_text, read_json, to_json
from groundstation.letter_box import Answer, LetterBox
from groundstation.reader import FlightReader
from groundstation.stream import CLIENTS_MAX, Ending, Feed
from wire.auth import COUNTER_MAX
from wire.commands import QUESTION_BYTES_MAX
from wire.mission import Mission

STATIC = Path(__file__).parent / "static"
VENDOR_FILES = ("leaflet.js", "leaflet.css", "uPlot.iife.min.js", "uPlot.min.css")
BODY_BYTES_MAX = 2048
ENTRIES_MAX = 200
ASKS_PER_MINUTE = 6


def _system_now_ms() -> int:
    return time.time_ns() // 1_000_000


def _json(value: Any, status: int = 200, **headers: str) -> Response:
    return Response(to_json(value), status, headers, "application/json")


def _refuse(status: int, sentence: str, **headers: str) -> Response:
    return _json({"error": sentence}, status, **headers)


def _whole(text: str | None) -> int | None:
    """The whole number in a query or header, None when it is absent or none."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else None


class _Pages:
    """The handlers; state is one reader and one letter box."""

    def __init__(
        self, archive_path: Path, mission: Mission, now: Callable[[], int], static: Path,
        ending: Callable[[], Ending | None],
    ) -> None:
        self._letters = LetterBox(archive_path, mission, now)
        self._now = now
        self._static = static
        self.reader = FlightReader(archive_path, mission)
        self.feed = Feed(self.reader, now, ending)
        self._limit = RateLimit(ASKS_PER_MINUTE, 60_000, now)

    async def index(self, request: Request) -> Response:
        return FileResponse(self._static / "index.html", media_type="text/html")

    async def flight(self, request: Request) -> Response:
        has_vendor = all((self._static / "vendor" / name).exists() for name in VENDOR_FILES)
        return _json(self.reader.flight() | self.feed.time() | {"has_vendor": has_vendor})

    async def history(self, request: Request) -> Response:
        return _json(self.reader.history())

    async def musings(self, request: Request) -> Response:
        before = _whole(request.query_params.get("before"))
        limit = _whole(request.query_params.get("limit")) or 60
        entries = self.reader.entries(before, min(limit, ENTRIES_MAX))
        return _json({"entries": entries, "now_ms": self._now()})

    async def picture(self, request: Request) -> Response:
        record_id = _whole(request.path_params["record_id"])
        found = self.reader.picture(record_id) if record_id is not None else None
        if found is None:
            return _refuse(404, "There is no such picture.")
        image, media_type = found
        return Response(image, media_type=media_type, headers={"cache-control": "max-age=86400"})

    async def events(self, request: Request) -> Response:
        if self.feed.is_full:
            return _refuse(
                503, f"{CLIENTS_MAX} pages are open already.", **{"retry-after": "30"}
            )
        last_seen = _whole(request.headers.get("last-event-id"))
        if last_seen is None:
            last_seen = _whole(request.query_params.get("after"))
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(
            self.feed.stream(last_seen), headers=headers, media_type="text/event-stream"
        )

    async def ask(self, request: Request) -> Response:
        data = await _posted(request)
        if isinstance(data, Response):
            return data
        text = clean_text(data.get("text"))
        if not 1 <= len(text.encode()) <= QUESTION_BYTES_MAX:
            return _refuse(422, f"A question has 1 to {QUESTION_BYTES_MAX} bytes.")
        refusal = self._cannot_send()
        if refusal is not None:
            return refusal
        asker = _address_of(request)
        if not self._limit.take(asker):
            return _refuse(
                429, "That was a lot of questions; wait a minute.", **{"retry-after": "60"}
            )
        return _told(self._letters.ask(text, asker))

    async def withdraw(self, request: Request) -> Response:
        data = await _posted(request)
        if isinstance(data, Response):
            return data
        letter_id = data.get("id")
        if not isinstance(letter_id, int) or not 0 < letter_id <= COUNTER_MAX:
            return _refuse(422, "Name the letter by its id.")
        return _told(self._letters.withdraw(letter_id, _address_of(request), is_local(request)))

    async def abort(self, request: Request) -> Response:
        data = await _posted(request)
        if isinstance(data, Response):
            return data
        return self._cannot_send() or _told(self._letters.abort(is_local(request)))

    def _cannot_send(self) -> Response | None:
        if not self.reader.flight()["can_transmit"]:
            return _refuse(409, "This station has no key: it listens and cannot send.")
        if self.feed.is_over:
            return _refuse(409, "The flight is over: nobody is up there to answer.")
        return None


def _told(answer: Answer) -> Response:
    return _json(answer.body, answer.status)


async def _posted(request: Request) -> dict[str, Any] | Response:
    """The JSON object that this station's own page posts, or why it is not taken."""
    if not is_same_origin(request):
        return _refuse(403, "That is only taken from this station's own page.")
    if request.headers.get("content-type", "").split(";")[0].strip() != "application/json":
        return _refuse(415, "Send it as application/json.")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            return _refuse(413, "That is too long.")
    try:
        data = read_json(body)
    except ValueError:
        return _refuse(400, "That is not JSON.")
    return data if isinstance(data, dict) else _refuse(422, "That is not a JSON object.")


def _address_of(request: Request) -> str:
    return request.client.host if request.client else ""


async def _no_archive(request: Request, error: Exception) -> Response:
    return _refuse(503, "The archive cannot be read just now.", **{"retry-after": "2"})


def create_app(
    archive_path: Path, mission: Mission, *, now: Callable[[], int] | None = None,
    static: Path = STATIC, ending: Callable[[], Ending | None] = lambda: None,
) -> Starlette:
    """The page for the archive at ``archive_path``, which may still be missing or being written.

    ``now`` gives UTC in ms, for flights whose time is not the world's. ``ending`` gives the end of
    a flight of which it is known: of a simulated one.
    """
    pages = _Pages(archive_path, mission, now or _system_now_ms, static, ending)
    own_name = socket.gethostname().lower()
    names = ("localhost", own_name, f"{own_name}.local", mission.ground.web_host)
    routes = [
        Route("/", pages.index),
        Route("/api/flight", pages.flight),
        Route("/api/history", pages.history),
        Route("/api/musings", pages.musings),
        Route("/api/picture/{record_id}", pages.picture),
        Route("/api/events", pages.events),
        Route("/api/ask", pages.ask, methods=["POST"]),
        Route("/api/withdraw", pages.withdraw, methods=["POST"]),
        Route("/api/abort", pages.abort, methods=["POST"]),
        Mount("/static", StaticFiles(directory=static, check_dir=False)),
    ]
    app = Starlette(
        routes=routes,
        middleware=[Middleware(Guard, names=names), Middleware(GZipMiddleware, minimum_size=800)],
        exception_handlers={sqlite3.Error: _no_archive},
    )
    app.state.reader = pages.reader
    app.state.feed = pages.feed
    return app


def make_server(app: Starlette) -> uvicorn.Server:
    """A server for ``create_app``'s page; its streams end by themselves when it should exit."""
    server = uvicorn.Server(
        uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2)
    )
    app.state.feed.is_closing = lambda: server.should_exit
    return server
