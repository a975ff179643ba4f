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

from groundstation import outbox
from groundstation.guard import Guard, RateLimit, is_same_origin
from groundstation.hygiene import clean_text, read_json, to_json
from groundstation.reader import FlightReader
from groundstation.rows import letter_json
from groundstation.stream import CLIENTS_MAX, Ending, Feed
from wire.commands import QUESTION_BYTES_MAX, Opcode
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
        self._archive_path = archive_path
        self._station = mission.ground.station_number
        self._mission = mission
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
        if not is_same_origin(request):
            return _refuse(403, "Questions are only taken from this station's own page.")
        if request.headers.get("content-type", "").split(";")[0].strip() != "application/json":
            return _refuse(415, "Send the question as application/json.")
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > BODY_BYTES_MAX:
                return _refuse(413, "That is too long.")
        try:
            data = read_json(body)
        except ValueError:
            return _refuse(400, "That is not JSON.")
        text = clean_text(data.get("text")) if isinstance(data, dict) else ""
        if not 1 <= len(text.encode()) <= QUESTION_BYTES_MAX:
            return _refuse(422, f"A question has 1 to {QUESTION_BYTES_MAX} bytes.")
        if not self.reader.flight()["can_transmit"]:
            return _refuse(409, "This station has no key: it listens and cannot send.")
        if self.feed.is_over:
            return _refuse(409, "The flight is over: nobody is up there to answer.")
        if not self._limit.take(request.client.host if request.client else ""):
            return _refuse(
                429, "That was a lot of questions; wait a minute.", **{"retry-after": "60"}
            )
        letter = outbox.post(self._archive_path, Opcode.ASK, text, self._now(), self._station)
        return _json(letter_json(letter), 201)


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
