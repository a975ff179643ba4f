"""The ground station's network: the answers of the sources that it asks for the payload."""

from __future__ import annotations

import contextlib
import random
import sqlite3
from pathlib import Path

from groundstation.sources.source_requests import SourceRequest, SourceRequests
from payload.ports import ApiReply, ApiRequest
from sim.clock import SimClock
from sim.fakes.services import SimHttp
from wire.mission import Mission


class StationSources:
    """In place of the station's thread: one request at a time, into a world that often fails.

    The faults of ``http`` by which a request is answered, or times out, are those of the station's
    network.
    """

    def __init__(self, clock: SimClock, mission: Mission, rng: random.Random) -> None:
        self.http = SimHttp(clock, rng, lambda: 0.0)
        self._mission = mission
        self._requests: SourceRequests | None = None
        self._request: SourceRequest | None = None

    def tend(self, archive_path: Path, utc_ms: int) -> None:
        """Ask for the next request, or queue the answer that is there; ``utc_ms`` is the station's
        clock. An archive that refuses is asked again later."""
        if self._requests is None:
            self._requests = SourceRequests(archive_path, self._mission)
        with contextlib.suppress(sqlite3.Error):
            self._turn(self._requests, utc_ms)

    def _turn(self, requests: SourceRequests, utc_ms: int) -> None:
        request = self._request
        if request is None:
            self._request = requests.next(utc_ms)
            if self._request is not None:
                self.http.start(ApiRequest(1, self._request.source.name, self._request.url), 0)
            return
        answer = self.http.poll(0)
        if answer is None:
            return
        self._request = None
        if isinstance(answer, ApiReply):
            requests.take(request, answer.status, answer.body, utc_ms)
        else:
            requests.give_up(request, answer.reason)
