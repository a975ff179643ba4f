"""The studio's HTTP server: the routes of the steps, the live state, and the files of the page."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from host_training.bundle.endpoint import LOOPBACK
from host_training.studio import (
    card,
    character,
    found,
    learning,
    report,
    review,
    talk,
    writing,
)
from host_training.studio.answers import NotDone, as_json, refused
from host_training.studio.http_security import StudioGuard
from host_training.studio.jobs import Jobs
from host_training.studio.state import state
from host_training.studio.studio_folder import PROJECT, StudioFolder
from host_training.studio.talk import Talk

STATIC = Path(__file__).parent / "static"
VENDOR = PROJECT / "groundstation" / "static" / "vendor"  # uPlot, which `make` puts there
POLL_S = 1.0
REST = 9  # times as long as a look took: a folder of many files takes a tenth of a core at most
BEAT_S = 15.0  # so that a browser knows that the studio lives
STREAMS_MAX = 12  # open tabs
CONNECTIONS_MAX = 64


class Live:
    """The state as server-sent events, one event whenever it has changed."""

    def __init__(self, read: Callable[[], str]) -> None:
        self._read = read
        self._n_open = 0
        self.is_closing: Callable[[], bool] = lambda: False

    async def answer(self, request: Request) -> Response:
        """A stream, or a refusal where STREAMS_MAX tabs have one."""
        if self._n_open >= STREAMS_MAX:
            raise NotDone(f"The studio is open in {STREAMS_MAX} tabs; close some of them.", 429)
        return StreamingResponse(self._events(), media_type="text/event-stream")

    async def _events(self) -> AsyncIterator[str]:
        self._n_open += 1
        last, beat_s = "", time.monotonic()
        try:
            yield "retry: 1000\n\n"
            while True:
                began_s = time.monotonic()
                now = await run_in_threadpool(self._read)
                if now != last or time.monotonic() - beat_s > BEAT_S:
                    yield f"data: {now}\n\n" if now != last else ": alive\n\n"
                    last, beat_s = now, time.monotonic()
                if self.is_closing():
                    return
                await asyncio.sleep(max(POLL_S, REST * (time.monotonic() - began_s)))
        finally:
            self._n_open -= 1


def create_app(studio: StudioFolder, token: str,
               opened: Callable[[StudioFolder], talk.ClosableVoice] = talk.open_voice
               ) -> Starlette:
    """The studio of one folder, which was prepared.

    Args:    opened: makes the persona speak.
    """
    jobs, conversation = Jobs(studio), Talk(studio, opened)
    live = Live(lambda: json.dumps(state(studio, jobs, writing.listed)))

    async def index(request: Request) -> Response:
        return FileResponse(STATIC / "index.html")

    async def now(request: Request) -> Response:
        return as_json(await run_in_threadpool(state, studio, jobs, writing.listed))

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        conversation.close()

    app = Starlette(
        routes=[
            Route("/", index), Route("/api/state", now), Route("/api/events", live.answer),
            *writing.routes(studio, jobs), *found.routes(studio, jobs),
            *character.routes(studio, jobs), *review.routes(studio, jobs),
            *learning.routes(studio, jobs), *report.routes(studio),
            *talk.routes(studio, conversation), *card.routes(studio),
            Mount("/vendor", StaticFiles(directory=VENDOR, check_dir=False)),
            Mount("/static", StaticFiles(directory=STATIC))],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=list(LOOPBACK),
                               www_redirect=False), Middleware(StudioGuard, token=token)],
        exception_handlers={NotDone: refused}, lifespan=lifespan)
    app.state.live, app.state.talk = live, conversation
    return app


def make_server(app: Starlette) -> uvicorn.Server:
    """A server for ``create_app``; its streams end by themselves when it should exit."""
    server = uvicorn.Server(uvicorn.Config(
        app, log_level="warning", access_log=False, ws="none", timeout_graceful_shutdown=2,
        limit_concurrency=CONNECTIONS_MAX))
    app.state.live.is_closing = lambda: server.should_exit
    return server
