"""The whole road by radio: a payload without a network, a station, and a server on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from groundstation.archive import outbox
from groundstation.sources import source_thread
from groundstation.sources.source_requests import SourceRequests
from sim.fakes.services import ApiFault
from sim.world import World
from tests.bad_server import GOOD, SENTENCE, BadServer, serving
from tests.payload import aboard
from tests.sim.flights import hop_world, mission
from wire.commands import Opcode
from wire.mission import ApiSection, Mission, SourceSection
from wire.records import Kind

FLOWN_S = 900


@pytest.fixture
def server() -> Iterator[BadServer]:
    yield from serving()


def plan(url: str) -> Mission:
    """The payload's address of the source is not that of the station."""
    plain = mission()
    api = ApiSection(name="town", url="http://api.invalid/{lat}", text="{nothing}", keep=True)
    source = SourceSection(name="town", url=url, text=SENTENCE)
    return plain.model_copy(update={
        "api": (api,), "ground": plain.ground.model_copy(update={"sources": (source,)}),
        "cadence": plain.cadence.model_copy(update={"api_s": 30})})


class OverHttp:
    """In place of the fake network of the station: what its thread does, without waits."""

    def __init__(self, world: World) -> None:
        self._requests = SourceRequests(world.archive_path, world.mission)
        self._ask = source_thread.get("N0CALL")

    def tend(self, archive_path: Path, utc_ms: int) -> None:
        request = self._requests.next(utc_ms)
        if request is not None:
            answer = self._ask(request.url)
            self._requests.take(request, answer.status, answer.body, utc_ms)


@pytest.mark.thorough
def test_a_good_answer_by_radio(tmp_path: Path, server: BadServer) -> None:
    world = hop_world(tmp_path, flown=plan(server.url + "/good?at={lat},{lon}"))
    world.http.fault = ApiFault.UNREACHABLE
    world.air.sources = OverHttp(world)  # type: ignore[assignment]
    world.run_until(FLOWN_S)
    assert world.flight is not None and world.store is not None and world.archive is not None
    calls = [record.body for record in aboard.records(world.store).values()
             if record.kind is Kind.API_CALL]
    asked = {call["request"]: call for call in calls if call["outcome"] == "asked"}
    heard = {call["request"]: call for call in calls if call["outcome"] == "ok"}
    assert heard and heard.keys() <= asked.keys()
    assert {call["summary"] for call in heard.values()} == {GOOD}
    assert not {call["outcome"] for call in calls} - {"asked", "ok", "unreachable"}
    first = next(iter(asked.values()))
    assert server.asked[0] == f"/good?at={first['lat'] / 1e7:.3f},{first['lon'] / 1e7:.3f}"
    assert [saying[1:3] for saying in world.flight.hearsay.saved()] == [["town", GOOD]]
    sent = [entry for entry in outbox.recent(world.archive.db, 50)
            if entry.opcode is Opcode.ANSWER]
    assert len(sent) == len(server.asked) == len({entry.text for entry in sent})
    assert {entry.state for entry in sent[1:]} == {"answered"}
    world.close()
