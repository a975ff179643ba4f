"""The handler that tells when a payload in orbit is heard next."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from groundstation.passes.next_pass import NextPass
from groundstation.web.http_json import as_json, refuse


class Passing:
    """Of the mission's payload; reckoned on a thread, one question at a time."""

    def __init__(self, next_pass: NextPass, now: Callable[[], int]) -> None:
        self._next_pass = next_pass
        self._now = now
        self._asking = asyncio.Lock()

    async def next(self, request: Request) -> Response:
        """GET: the next pass, or the one that goes on."""
        if not self._next_pass.is_possible:
            return refuse(404, "This mission has no orbit.tle, or no [[orbit.stations]].")
        async with self._asking:
            return as_json(await asyncio.to_thread(self._next_pass.at, self._now()))
