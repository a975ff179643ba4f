"""The routes of the page: read-only views of the archive, a live stream, the outbox."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from groundstation import command_words
from groundstation.export import assembled_picture, export, parquet
from groundstation.export.flight_data import gather, picture_of
from groundstation.export.markup import xml
from groundstation.inputs.notices import Notices
from groundstation.passes import current_elements
from groundstation.passes.next_pass import NextPass
from groundstation.reading import command_stack, link_room, packets
from groundstation.reading.alarms import AlarmBoard
from groundstation.reading.other_payload import UnknownPayload
from groundstation.reading.reader import FlightReader
from groundstation.sanitise import to_json
from groundstation.web.access import COOKIE, COOKIE_S, Access, Role, Tokens, only
from groundstation.web.forecast_routes import Call, ForecastRoutes, ask_tawhiri
from groundstation.web.http_json import as_json, json_text, origin, posted, refuse, whole
from groundstation.web.http_security import PICTURE_CSP, HttpGuard
from groundstation.web.map_tiles import MapTiles
from groundstation.web.operator_routes import OperatorRoutes
from groundstation.web.reader_pool import Busy, ReaderPool
from groundstation.web.stream import Ending, Times
from groundstation.web.stream_clients import StreamClients
from wire.mission import Mission
from wire.orbit import Elements

STATIC = Path(__file__).parents[1] / "static"
VENDOR_FILES = ("leaflet.js", "leaflet.css", "uPlot.iife.min.js", "uPlot.min.css")
ENTRIES_MAX = 200
CONFLICTS_MAX = 200


def _system_now_ms() -> int:
    return time.time_ns() // 1_000_000


def _uptime_ms() -> int:
    return time.monotonic_ns() // 1_000_000


def _payload(request: Request) -> int | None:
    """The node id of the payload that is asked about, None for the mission's own. Raises
    UnknownPayload."""
    text = request.query_params.get("payload")
    if text is None:
        return None
    node_id = whole(text)
    if node_id is None:
        raise UnknownPayload
    return node_id


class _Events:
    """ASGI: a stream of messages for each client that finds a place."""

    def __init__(self, streams: StreamClients, pool: ReaderPool) -> None:
        self._streams = streams
        self._pool = pool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        last_seen = whole(request.headers.get("last-event-id"))
        if last_seen is None:
            last_seen = whole(request.query_params.get("after"))
        seat = self._streams.take(origin(request))
        if seat is None:
            refusal = refuse(503, "Too many pages are already open.", **{"retry-after": "30"})
            await refusal(scope, receive, send)
            return
        try:
            payload = _payload(request)
            with suppress(sqlite3.Error, Busy):  # the stream waits for what is not there yet
                await self._pool.ask(lambda reader: None, payload)
            response = StreamingResponse(
                self._streams.messages(seat, last_seen, payload), media_type="text/event-stream",
                headers={"cache-control": "no-store", "x-accel-buffering": "no"},
            )
            await response(scope, receive, send)
        finally:
            self._streams.give_back(seat)


class _Door:
    """Where a link is exchanged for the cookie that proves its role from now on."""

    def __init__(self, access: Access, notices: Notices) -> None:
        self._access = access
        self._notices = notices

    async def enter(self, request: Request) -> Response:
        data = await posted(request)
        if isinstance(data, Response):
            return data
        token = data.get("token")
        role = self._access.role_of_token(token) if isinstance(token, str) else Role.ANYBODY
        if role is Role.ANYBODY:
            self._notices.count("wrong_tokens")
            return refuse(401, "This link is not valid, or not any more.")
        answer = as_json({"role": role.name.lower()})
        answer.set_cookie(COOKIE, str(token), COOKIE_S, httponly=True, samesite="strict")
        return answer


class _Pages:
    """The handlers for readers; whatever they read goes through the threads of a pool."""

    def __init__(
        self, pool: ReaderPool, mission: Mission, times: Times, access: Access, static: Path,
        tiles: MapTiles | None,
    ) -> None:
        self._access = access
        self._pool = pool
        self._mission = mission
        self._times = times
        self._static = static
        self._tiles = tiles
        self._next_pass = NextPass(mission)
        self._exporting = asyncio.Lock()

    async def index(self, request: Request) -> Response:
        return FileResponse(self._static / "index.html", media_type="text/html")

    async def flight(self, request: Request) -> Response:
        """All that a page begins with, in one answer; the stream goes on from its ``change_id``."""
        role = self._access.role_of(request).name.lower()

        def flight_json(reader: FlightReader) -> str:
            has_vendor = all((self._static / "vendor" / name).exists() for name in VENDOR_FILES)
            return to_json(reader.flight() | self._times.hearing(reader) | {
                "role": role, "has_vendor": has_vendor,
                "map": self._tiles and self._tiles.as_json(),
                "entries": reader.entries(None, ENTRIES_MAX), "history": reader.history(),
                "has_passes": self._elements(reader) is not None,
                "has_parquet": parquet.is_installed()})

        return json_text(await self._pool.share(
            f"flight for {role}", flight_json, _payload(request)))

    async def history(self, request: Request) -> Response:
        return json_text(await self._pool.share(
            "history", lambda reader: to_json(reader.history()), _payload(request)))

    async def landing(self, request: Request) -> Response:
        return json_text(await self._pool.share(
            "landing", lambda reader: to_json(reader.landing()), _payload(request)))

    async def passes(self, request: Request) -> Response:
        """The next pass of the mission's payload, or the one that goes on."""
        def passes_json(reader: FlightReader) -> str | None:
            elements = self._elements(reader)
            return None if elements is None else to_json(
                self._next_pass.at(elements, self._times.now()))

        found = await self._pool.share("passes", passes_json)
        if found is None:
            return refuse(404, "This mission has no elements yet, or no [[orbit.stations]].")
        return json_text(found)

    def _elements(self, reader: FlightReader) -> Elements | None:
        """None where no pass can be predicted."""
        if not self._next_pass.has_places:
            return None
        return current_elements.current(reader.db, self._mission.orbit)

    async def musings(self, request: Request) -> Response:
        before = whole(request.query_params.get("before"))
        limit = min(whole(request.query_params.get("limit")) or 60, ENTRIES_MAX)
        return json_text(await self._pool.ask(lambda reader: to_json(
            {"entries": reader.entries(before, limit), "now_ms": self._times.now()}),
            _payload(request)))

    async def picture(self, request: Request) -> Response:
        """One drawing of all pieces that came; opened by itself it may do nothing else."""
        key = whole(request.path_params["key"])
        found = None if key is None else await self._pool.ask(
            lambda reader: picture_of(reader, key), _payload(request))
        if found is None:
            return refuse(404, "No such picture.")
        return Response(xml(assembled_picture.drawn(found)), media_type="image/svg+xml", headers={
            "cache-control": "max-age=86400", "content-security-policy": PICTURE_CSP})

    async def commands(self, request: Request) -> Response:
        before = whole(request.query_params.get("before"))
        limit = min(whole(request.query_params.get("limit")) or 60, ENTRIES_MAX)
        return json_text(await self._pool.ask(lambda reader: to_json(
            {"commands": command_stack.page(reader, self._mission.payload.name, before, limit),
             "available": command_words.forms()})))

    async def link(self, request: Request) -> Response:
        return json_text(await self._pool.share(
            "link", lambda reader: to_json(link_room.now(reader.db, reader.mission)),
            _payload(request)))

    async def packets(self, request: Request) -> Response:
        before = whole(request.query_params.get("before"))
        limit = min(whole(request.query_params.get("limit")) or 60, ENTRIES_MAX)
        return json_text(await self._pool.ask(lambda reader: to_json(
            {"packets": packets.page(reader.db, before, limit)})))

    async def packet(self, request: Request) -> Response:
        number = whole(request.path_params["number"])
        found = None if number is None else await self._pool.ask(
            lambda reader: packets.one(reader.db, number))
        return refuse(404, "No such packet.") if found is None else as_json(found)

    def tile(self, request: Request) -> Response:
        """On a thread of its own: it reads a file."""
        place = [whole(request.path_params[name]) for name in ("zoom", "column", "row")]
        found = None
        if self._tiles is not None and None not in place:
            found = self._tiles.tile(*(number for number in place if number is not None))
        if found is None:
            return refuse(404, "No such tile.")
        image, media_type = found
        return Response(image, media_type=media_type, headers={"cache-control": "max-age=86400"})

    async def conflicts(self, request: Request) -> Response:
        return json_text(await self._pool.ask(lambda reader: to_json(
            {"conflicts": reader.conflicts(CONFLICTS_MAX)}), _payload(request)))

    async def export(self, request: Request) -> Response:
        """One file of the flight, made of what the archive has now."""
        name = request.path_params["name"]
        form = export.EVERY.get(name)
        if form is None:
            return refuse(404, f"No such file; available: {', '.join(export.EVERY)}.")
        payload = _payload(request)
        async with self._exporting:  # one at a time: the other threads are for those who read
            data = await self._pool.ask(lambda reader: form.of(gather(reader)), payload)
        whose = "" if payload is None else f"node-{payload}-"
        return Response(data, media_type=form.media_type, headers={
            "content-disposition": f'attachment; filename="{whose}{name}"'})


async def _no_archive(request: Request, error: Exception) -> Response:
    return refuse(503, "The archive cannot be read at the moment.", **{"retry-after": "2"})


async def _unknown(request: Request, error: Exception) -> Response:
    return refuse(404, "This station has not heard of such a payload.")


async def _busy(request: Request, error: Exception) -> Response:
    return refuse(503, "This station is overloaded; try again later.", **{"retry-after": "5"})


async def _left(request: Request, error: Exception) -> Response:
    """Never read: the client disconnected in the middle of its request."""
    return refuse(400, "The request was incomplete.")


def _routes(
    door: _Door, pages: _Pages, events: _Events, operating: OperatorRoutes,
    forecasting: ForecastRoutes, access: Access,
) -> list[BaseRoute]:
    """Each in the group of those who may use it; the page's files, which anybody may, contain no
    data."""
    return [
        *only(Role.ANYBODY, access, [
            Route("/", pages.index),
            Route("/api/enter", door.enter, methods=["POST"]),
        ]),
        *only(Role.VIEWER, access, [
            Route("/api/flight", pages.flight),
            Route("/api/history", pages.history),
            Route("/api/landing", pages.landing),
            Route("/api/passes", pages.passes),
            Route("/api/musings", pages.musings),
            Route("/api/picture/{key}", pages.picture),
            Route("/api/tiles/{zoom}/{column}/{row}", pages.tile),
            Route("/api/conflicts", pages.conflicts),
            Route("/api/export/{name}", pages.export),
            Route("/api/commands", pages.commands),
            Route("/api/link", pages.link),
            Route("/api/packets", pages.packets),
            Route("/api/packets/{number}", pages.packet),
            Route("/api/events", events, methods=["GET"]),
        ]),
        *only(Role.OPERATOR, access, [
            Route("/api/ask", operating.ask, methods=["POST"]),
            Route("/api/command", operating.command, methods=["POST"]),
            Route("/api/acknowledge", operating.acknowledge, methods=["POST"]),
            Route("/api/withdraw", operating.withdraw, methods=["POST"]),
            Route("/api/abort", operating.abort, methods=["POST"]),
            Route("/api/tawhiri", forecasting.ask, methods=["POST"]),
        ]),
    ]


def create_app(
    archive_path: Path, mission: Mission, *, now: Callable[[], int] | None = None,
    static: Path = STATIC, ending: Callable[[], Ending | None] = lambda: None,
    tokens: Tokens | None = None, tiles: MapTiles | None = None, tawhiri: Call | None = None,
) -> Starlette:
    """The page for the archive at ``archive_path``, which may still be missing or being written.

    ``now`` gives UTC in ms, for flights whose time is not the world's. ``ending`` gives the end of
    a flight of which it is known: of a simulated one. ``tokens`` let in other machines than this
    one, ``tiles`` are the map's, if there is one. ``tawhiri`` asks the mission's Tawhiri server.
    The app's state has ``pool``, to be closed, ``streams`` and ``notices``.
    """
    now = now or _system_now_ms
    pool, notices = ReaderPool(archive_path, mission), Notices("page_clients", _uptime_ms)
    board = AlarmBoard(mission, threading.Lock())
    streams = StreamClients(pool, now, ending, notices, board)
    times = Times(now, ending, board)
    forecasting = ForecastRoutes(pool, archive_path, mission, times,
                              tawhiri or ask_tawhiri(mission.payload.callsign))
    access = Access(tokens)
    pages = _Pages(pool, mission, times, access, static, tiles)
    operating = OperatorRoutes(pool, archive_path, mission, times, board)
    own_name = socket.gethostname().lower()
    names = ("localhost", own_name, f"{own_name}.local", mission.ground.web_host)
    routes = _routes(
        _Door(access, notices), pages, _Events(streams, pool), operating, forecasting, access)
    routes.append(Mount("/static", StaticFiles(directory=static, check_dir=False)))
    app = Starlette(
        routes=routes,
        middleware=[
            Middleware(HttpGuard, names=names),
            Middleware(GZipMiddleware, minimum_size=800, compresslevel=6),  # 9: twice the time
        ],
        exception_handlers={
            sqlite3.Error: _no_archive, Busy: _busy, UnknownPayload: _unknown,
            ClientDisconnect: _left},
    )
    app.state.pool, app.state.streams, app.state.notices = pool, streams, notices
    return app
