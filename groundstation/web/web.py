"""The page of the ground station: read-only views of the archive, a live stream, the outbox."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from groundstation.export import export
from groundstation.export.gathered import gather
from groundstation.inputs import tcp
from groundstation.inputs.notices import Notices
from groundstation.reading.reader import FlightReader
from groundstation.sanitise import clean_text, read_json, to_json
from groundstation.uplink.outbox_desk import Answer, OutboxDesk
from groundstation.web.http_security import HttpGuard, RateLimit, is_local, is_same_origin
from groundstation.web.map_tiles import MapTiles
from groundstation.web.reader_pool import Busy, ReaderPool
from groundstation.web.stream import Ending, Times
from groundstation.web.streams import Streams
from wire.auth import COUNTER_MAX
from wire.commands import QUESTION_BYTES_MAX
from wire.mission import Mission

STATIC = Path(__file__).parents[1] / "static"
VENDOR_FILES = ("leaflet.js", "leaflet.css", "uPlot.iife.min.js", "uPlot.min.css")
BODY_BYTES_MAX = 2048
ENTRIES_MAX = 200
CONFLICTS_MAX = 200
ASKS_PER_MINUTE = 6


def _system_now_ms() -> int:
    return time.time_ns() // 1_000_000


def _uptime_ms() -> int:
    return time.monotonic_ns() // 1_000_000


def _json_text(text: str, status: int = 200, **headers: str) -> Response:
    return Response(text, status, headers, "application/json")


def _json(value: Any, status: int = 200, **headers: str) -> Response:
    return _json_text(to_json(value), status, **headers)


def _refuse(status: int, sentence: str, **headers: str) -> Response:
    return _json({"error": sentence}, status, **headers)


def _whole(text: str | None) -> int | None:
    """The whole number in a query or header, None when it is absent or none."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else None


def _origin(request: Request) -> str:
    return tcp.origin(request.client.host if request.client else "")


class _Events:
    """ASGI: a stream of messages for each client that finds a place."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        last_seen = _whole(request.headers.get("last-event-id"))
        if last_seen is None:
            last_seen = _whole(request.query_params.get("after"))
        seat = self._streams.take(_origin(request))
        if seat is None:
            refusal = _refuse(503, "Too many pages are already open.", **{"retry-after": "30"})
            await refusal(scope, receive, send)
            return
        response = StreamingResponse(
            self._streams.messages(seat, last_seen), media_type="text/event-stream",
            headers={"cache-control": "no-store", "x-accel-buffering": "no"},
        )
        try:
            await response(scope, receive, send)
        finally:
            self._streams.give_back(seat)


class _Pages:
    """The handlers; whatever they read or write goes through the threads of a pool."""

    def __init__(
        self, pool: ReaderPool, archive_path: Path, mission: Mission, times: Times, static: Path,
        tiles: MapTiles | None,
    ) -> None:
        self._pool = pool
        self._outbox = OutboxDesk(archive_path, mission, times.now)
        self._times = times
        self._static = static
        self._tiles = tiles
        self._exporting = asyncio.Lock()
        self._limit = RateLimit(ASKS_PER_MINUTE, 60_000, times.now)

    async def index(self, request: Request) -> Response:
        return FileResponse(self._static / "index.html", media_type="text/html")

    async def flight(self, request: Request) -> Response:
        def flight_json(reader: FlightReader) -> str:
            has_vendor = all((self._static / "vendor" / name).exists() for name in VENDOR_FILES)
            return to_json(reader.flight() | self._times.as_json() | {
                "has_vendor": has_vendor, "map": self._tiles and self._tiles.as_json()})

        return _json_text(await self._pool.share("flight", flight_json))

    async def history(self, request: Request) -> Response:
        return _json_text(
            await self._pool.share("history", lambda reader: to_json(reader.history())))

    async def landing(self, request: Request) -> Response:
        return _json_text(
            await self._pool.share("landing", lambda reader: to_json(reader.landing())))

    async def musings(self, request: Request) -> Response:
        before = _whole(request.query_params.get("before"))
        limit = min(_whole(request.query_params.get("limit")) or 60, ENTRIES_MAX)
        return _json_text(await self._pool.ask(lambda reader: to_json(
            {"entries": reader.entries(before, limit), "now_ms": self._times.now()})))

    async def picture(self, request: Request) -> Response:
        key = _whole(request.path_params["key"])
        found = None
        if key is not None:
            found = await self._pool.ask(lambda reader: reader.picture(key))
        if found is None:
            return _refuse(404, "No such picture.")
        image, media_type = found
        return Response(image, media_type=media_type, headers={"cache-control": "max-age=86400"})

    def tile(self, request: Request) -> Response:
        """On a thread of its own: it reads a file."""
        place = [_whole(request.path_params[name]) for name in ("zoom", "column", "row")]
        found = None
        if self._tiles is not None and None not in place:
            found = self._tiles.tile(*(number for number in place if number is not None))
        if found is None:
            return _refuse(404, "No such tile.")
        image, media_type = found
        return Response(image, media_type=media_type, headers={"cache-control": "max-age=86400"})

    async def conflicts(self, request: Request) -> Response:
        return _json_text(await self._pool.ask(lambda reader: to_json(
            {"conflicts": reader.conflicts(CONFLICTS_MAX)})))

    async def export(self, request: Request) -> Response:
        """One file of the flight, made of what the archive has now."""
        name = request.path_params["name"]
        form = export.EVERY.get(name)
        if form is None:
            return _refuse(404, f"No such file; available: {', '.join(export.EVERY)}.")
        async with self._exporting:  # one at a time: the other threads are for those who read
            data = await self._pool.ask(lambda reader: form.of(gather(reader)))
        return Response(data, media_type=form.media_type, headers={
            "content-disposition": f'attachment; filename="{name}"'})

    async def ask(self, request: Request) -> Response:
        data = await _posted(request)
        if isinstance(data, Response):
            return data
        text = clean_text(data.get("text"))
        if not 1 <= len(text.encode()) <= QUESTION_BYTES_MAX:
            return _refuse(422, f"A question must have 1 to {QUESTION_BYTES_MAX} bytes.")
        refusal = await self._cannot_send()
        if refusal is not None:
            return refusal
        asker = _origin(request)
        if not self._limit.take(asker):
            return _refuse(
                429, "Too many questions; wait a minute.", **{"retry-after": "60"}
            )
        return await self._write(lambda outbox: outbox.ask(text, asker))

    async def withdraw(self, request: Request) -> Response:
        data = await _posted(request)
        if isinstance(data, Response):
            return data
        command_id = data.get("id")
        if not isinstance(command_id, int) or not 0 < command_id <= COUNTER_MAX:
            return _refuse(422, "The body must contain the id of the command.")
        asker, is_here = _origin(request), is_local(request)
        return await self._write(lambda outbox: outbox.withdraw(command_id, asker, is_here))

    async def abort(self, request: Request) -> Response:
        data = await _posted(request)
        if isinstance(data, Response):
            return data
        is_here = is_local(request)
        refusal = await self._cannot_send()
        return refusal or await self._write(lambda outbox: outbox.abort(is_here))

    async def _write(self, act: Callable[[OutboxDesk], Answer]) -> Response:
        answer = await self._pool.ask(lambda _: act(self._outbox))
        return _json(answer.body, answer.status)

    async def _cannot_send(self) -> Response | None:
        if not await self._pool.ask(lambda reader: reader.flight()["can_transmit"]):
            return _refuse(409, "This station has no key: it receives only and cannot send.")
        if self._times.is_over:
            return _refuse(409, "The flight is over: the payload cannot answer any more.")
        return None


async def _posted(request: Request) -> dict[str, Any] | Response:
    """The JSON object that this station's own page posts, or why it is not taken."""
    if not is_same_origin(request):
        return _refuse(403, "Only this station's own page may send this request.")
    if request.headers.get("content-type", "").split(";")[0].strip() != "application/json":
        return _refuse(415, "The content type must be application/json.")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            return _refuse(413, "The request is too long.")
    try:
        data = read_json(body)
    except ValueError:
        return _refuse(400, "The request is not valid JSON.")
    return data if isinstance(data, dict) else _refuse(422, "The request is not a JSON object.")


async def _no_archive(request: Request, error: Exception) -> Response:
    return _refuse(503, "The archive cannot be read at the moment.", **{"retry-after": "2"})


async def _busy(request: Request, error: Exception) -> Response:
    return _refuse(503, "This station is overloaded; try again later.", **{"retry-after": "5"})


async def _left(request: Request, error: Exception) -> Response:
    """Never read: the client disconnected in the middle of its request."""
    return _refuse(400, "The request was incomplete.")


def create_app(
    archive_path: Path, mission: Mission, *, now: Callable[[], int] | None = None,
    static: Path = STATIC, ending: Callable[[], Ending | None] = lambda: None,
    tiles: MapTiles | None = None,
) -> Starlette:
    """The page for the archive at ``archive_path``, which may still be missing or being written.

    ``now`` gives UTC in ms, for flights whose time is not the world's. ``ending`` gives the end of
    a flight of which it is known: of a simulated one. ``tiles`` are the map's, if there is
    one. The app's state has ``pool``, to be closed, ``streams`` and ``notices``.
    """
    now = now or _system_now_ms
    pool, notices = ReaderPool(archive_path, mission), Notices("page_clients", _uptime_ms)
    streams = Streams(pool, now, ending, notices)
    pages = _Pages(pool, archive_path, mission, Times(now, ending), static, tiles)
    own_name = socket.gethostname().lower()
    names = ("localhost", own_name, f"{own_name}.local", mission.ground.web_host)
    routes = [
        Route("/", pages.index),
        Route("/api/flight", pages.flight),
        Route("/api/history", pages.history),
        Route("/api/landing", pages.landing),
        Route("/api/musings", pages.musings),
        Route("/api/picture/{key}", pages.picture),
        Route("/api/tiles/{zoom}/{column}/{row}", pages.tile),
        Route("/api/conflicts", pages.conflicts),
        Route("/api/export/{name}", pages.export),
        Route("/api/events", _Events(streams), methods=["GET"]),
        Route("/api/ask", pages.ask, methods=["POST"]),
        Route("/api/withdraw", pages.withdraw, methods=["POST"]),
        Route("/api/abort", pages.abort, methods=["POST"]),
        Mount("/static", StaticFiles(directory=static, check_dir=False)),
    ]
    app = Starlette(
        routes=routes,
        middleware=[
            Middleware(HttpGuard, names=names),
            Middleware(GZipMiddleware, minimum_size=800, compresslevel=6),  # 9: twice the time
        ],
        exception_handlers={sqlite3.Error: _no_archive, Busy: _busy, ClientDisconnect: _left},
    )
    app.state.pool, app.state.streams, app.state.notices = pool, streams, notices
    return app
