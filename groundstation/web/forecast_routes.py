"""The handler that asks a Tawhiri server about the landing, when an operator wants it.

One question at a time, and none sooner than PAUSE_MS after the one before: then the answer that is
known stays, with its age. Whatever the server does, the station's own forecast is untouched.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import structlog
from starlette.requests import Request
from starlette.responses import Response

from groundstation import http_call
from groundstation.archive import tawhiri_state
from groundstation.archive.tawhiri_state import TawhiriState
from groundstation.http_call import HttpAnswer, NoAnswer
from groundstation.reading import tawhiri
from groundstation.reading.reader import FlightReader
from groundstation.reading.tawhiri import BODY_BYTES_MAX, NoForecast, TawhiriQuestion
from groundstation.sanitise import clean_text, to_json
from groundstation.web.http_json import json_text, posted, refuse
from groundstation.web.reader_pool import ReaderPool
from groundstation.web.stream import Times
from wire.mission import Mission

DEADLINE_S = 10.0  # of one question, all of it
PAUSE_MS = 60_000
WORDS_MAX = 200
_log = structlog.get_logger()
Call = Callable[[str], HttpAnswer]


def ask_tawhiri(callsign: str, deadline_s: float = DEADLINE_S) -> Call:
    """Asks in the name of ``callsign``. What it returns raises NoAnswer."""
    headers = {"User-Agent": f"spacepi-ground/{callsign}", "Accept": "application/json"}
    return lambda url: http_call.call(
        "GET", url, deadline_s, BODY_BYTES_MAX + 1, headers=headers)


class ForecastRoutes:
    """Asks, and remembers the answer in the archive."""

    def __init__(
        self, pool: ReaderPool, archive_path: Path, mission: Mission, times: Times, call: Call,
    ) -> None:
        self._pool = pool
        self._path = archive_path
        self._mission = mission
        self._times = times
        self._call = call
        self._asking = asyncio.Lock()

    async def ask(self, request: Request) -> Response:
        """POST: the forecasts, with the server's newest."""
        data = await posted(request)
        if isinstance(data, Response):
            return data
        if not self._mission.ground.tawhiri_url:
            return refuse(404, "This station has no Tawhiri server; see ground.tawhiri_url.")
        async with self._asking:
            known, due, is_verified = await self._pool.ask(self._look)
            if due is None:
                return refuse(409, "There is no position in flight to ask about.")
            if not 0 <= self._times.now() - known.tried_ms < PAUSE_MS:
                state = await asyncio.to_thread(self._answer, known, due, is_verified)
                await asyncio.to_thread(tawhiri_state.remember, self._path, state)
        return json_text(await self._pool.ask(lambda reader: to_json(reader.landing())))

    def _look(self, reader: FlightReader) -> tuple[TawhiriState, TawhiriQuestion | None, bool]:
        """What is known already, the question now, and is its position verified?"""
        is_verified = reader.is_verifying
        track = reader.tracks().verified if is_verified else reader.tracks().unverified
        due = tawhiri.question(self._mission.ground.tawhiri_url, track, self._mission.flight)
        return tawhiri_state.known(reader.db), due, is_verified

    def _answer(
        self, known: TawhiriState, due: TawhiriQuestion, is_verified: bool
    ) -> TawhiriState:
        """On a thread that may wait; a failure keeps the answer before."""
        now_ms = self._times.now()
        try:
            found = tawhiri.forecast_of(self._call(due.url), due, now_ms, is_verified)
        except (NoAnswer, NoForecast) as error:
            why = clean_text(str(error), WORDS_MAX)
            _log.warning("tawhiri_failed", why=why)
            return replace(known, tried_ms=now_ms, trouble=f"Tawhiri gave no forecast: {why}.")
        return TawhiriState(now_ms, "", found)
