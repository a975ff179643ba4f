"""The whole flight core and its sources: what answers change, and what failures do not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from payload.ports import ApiFailed, ApiReply, ApiRequest, PortError
from tests.payload import test_flight
from tests.payload.link import test_command_handlers
from tests.payload.test_flight import MISSION, longest_gap_s
from tests.thorough import sampled
from wire.commands import Opcode
from wire.mission import ApiSection, Mission, SourceSection
from wire.records import Kind

HOURS_S = 3 * 3600
TOWN = "Hay-on-Wye is a market town."


def with_sources(*names: str, keep: bool = False, api_s: int = 15) -> Mission:
    """A plan whose APIs are these, each offered by the station."""
    apis = tuple(
        ApiSection(name=name, url=f"http://api.invalid/{name}", keep=keep, text="{text.0}")
        for name in names)
    offered = tuple(SourceSection(name=name, url="http://a.invalid/") for name in names)
    return MISSION.model_copy(update={
        "api": apis, "ground": MISSION.ground.model_copy(update={"sources": offered}),
        "mind": MISSION.mind.model_copy(update={"every_s": 15}),
        "cadence": MISSION.cadence.model_copy(update={"api_s": api_s})})


class NoNetwork:
    """Every request fails at once."""

    def start(self, request: ApiRequest, now_ms: int) -> bool:
        raise PortError("there is no network")

    def poll(self, now_ms: int) -> None:
        return None

    def cancel(self, now_ms: int) -> None:
        return None


class Bench(test_command_handlers.Bench):
    """A payload without a network, and a station that is heard."""

    mission = with_sources("town", keep=True)

    def __init__(self, path: Path) -> None:
        super().__init__(path, http=NoNetwork())
        self.run(5)
        self.command(Opcode.PING)

    def asked(self) -> int:
        """Run until the station is asked; the id of the newest request."""
        before = len(self.calls("asked"))
        while len(self.calls("asked")) == before:
            self.run(5)
        return int(self.calls("asked")[-1]["request"])

    def calls(self, outcome: str) -> list[dict]:
        return [r.body for r in self.stored(Kind.API_CALL) if r.body["outcome"] == outcome]

    def quoted(self) -> list[str]:
        """What the prompts so far had of sources."""
        return [line for request in self.ports.mind.requests
                for line in request.suffix.split("\n") if " said" in line]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_an_answer_by_radio_is_recorded_and_quoted_with_its_age(bench: Bench) -> None:
    request = bench.asked()
    assert bench.command(Opcode.ANSWER, request, TOWN) == "ok"
    (call,) = bench.calls("ok")
    assert (call["api"], call["request"], call["summary"]) == ("town", request, TOWN)
    bench.run(120)
    quoted = bench.quoted()
    assert quoted and all(
        line.endswith((f'ago: "{TOWN}"', f'now: "{TOWN}"')) for line in quoted)
    prompts = [request.suffix for request in bench.ports.mind.requests]
    assert all((TOWN in prompt) == ("asked town: an answer." in prompt) for prompt in prompts)


def test_a_repeated_answer_counts_once(bench: Bench) -> None:
    """Another station, or the same command with another counter, tells it again."""
    request = bench.asked()
    assert bench.command(Opcode.ANSWER, request, TOWN) == "ok"
    assert bench.command(Opcode.ANSWER, request, "Ross is a town.") == "already answered"
    assert bench.command(Opcode.ANSWER, request ^ 1, "x") == "no such request is open"
    assert [call["summary"] for call in bench.calls("ok")] == [TOWN]
    assert [saying[2] for saying in bench.flight.hearsay.saved()] == [TOWN]


def test_what_was_heard_survives_a_reboot_is_listed_and_can_be_forgotten(bench: Bench) -> None:
    for text in (TOWN, "Ross is a town."):
        assert bench.command(Opcode.ANSWER, bench.asked(), text) == "ok"
    bench.restart()
    bench.run(5)
    assert bench.command(Opcode.HEARSAY_LIST) == "ok"
    listed = [r.body["fields"] for r in bench.stored(Kind.EVENT) if r.body["event"] == "hearsay"]
    assert [each["text"] for each in listed] == [TOWN, "Ross is a town."]
    assert bench.command(Opcode.ASK, 5, "Is there a market?") == "ok"
    bench.run(30)
    assert bench.quoted()[-1].endswith(f'"{TOWN}"')
    number = int(str(listed[0]["number"]))
    assert bench.command(Opcode.HEARSAY_FORGET, number) == "ok"
    assert bench.command(Opcode.HEARSAY_FORGET, number) == "nothing is kept under that number"
    bench.restart()
    bench.run(5)
    assert [saying[2] for saying in bench.flight.hearsay.saved()] == ["Ross is a town."]


def test_a_note_of_the_ground_is_remembered_quoted_and_revoked(bench: Bench) -> None:
    """It stays beside what sources say; given again it is as new, and it is forgotten like them."""
    note = "Piet's hen laid a blue egg."
    assert bench.command(Opcode.NOTE, note) == "ok"
    assert bench.command(Opcode.NOTE, "The lamp is mended.") == "ok"
    assert bench.command(Opcode.NOTE, note) == "ok"
    bench.restart()
    bench.run(5)
    kept = [saying[1:3] for saying in bench.flight.hearsay.saved()]
    assert kept == [["the ground", "The lamp is mended."], ["the ground", note]]
    assert bench.command(Opcode.ASK, 5, "Was it blue?") == "ok"
    bench.run(30)
    assert bench.quoted()[-1].startswith("the ground said, ")
    assert bench.quoted()[-1].endswith(f'"{note}"')
    assert bench.command(Opcode.HEARSAY_FORGET, 0) == "ok"
    assert bench.flight.hearsay.saved() == []


def test_a_note_without_a_readable_character_is_refused(bench: Bench) -> None:
    assert bench.command(Opcode.NOTE, "\x1b\u200b") == "nothing readable in it"
    assert bench.flight.hearsay.saved() == []


def test_a_request_of_an_earlier_boot_is_no_longer_open(bench: Bench) -> None:
    request = bench.asked()
    bench.restart()
    bench.run(5)
    assert bench.command(Opcode.ANSWER, request, TOWN) == "no such request is open"


class FailingHttp:
    """Every request fails, each in another way, and some never end."""

    def __init__(self) -> None:
        self._request: ApiRequest | None = None
        self._ways = self._way()

    def _way(self) -> Iterator[object]:
        while True:
            yield from (
                (404, b"no"), (429, b""), (500, b"<html>"), (200, b"\xff\xfe"), (200, b"a" * 9_999),
                (200, b"<!doctype html>"), (302, b""), "timeout", "unreachable", "blocked", None,
                (200, b'{"text": 5}'), (200, b"[" * 8000), (200, b""))

    def start(self, request: ApiRequest, now_ms: int) -> bool:
        self._request = request
        return True

    def poll(self, now_ms: int) -> ApiReply | ApiFailed | None:
        request, way = self._request, next(self._ways)
        if request is None or way is None:
            return None
        self._request = None
        if isinstance(way, str):
            return ApiFailed(request.request_id, way)  # type: ignore[arg-type]
        return ApiReply(request.request_id, *way, elapsed_ms=5)  # type: ignore[misc]

    def cancel(self, now_ms: int) -> None:
        self._request = None


def rest_of(bench: test_flight.Bench) -> list[object]:
    """Every record besides calls, but for its number and what speaks of calls: how many records
    wait, the fault bits, and the topic and senses of a musing."""
    records: list[object] = []
    for kind in sorted(set(Kind) - {Kind.API_CALL}):
        for record in bench.stored(kind):
            named = {"queue", "faults", "about", "senses"} if kind is not Kind.EVENT else set()
            body = {key: value for key, value in record.body.items() if key not in named}
            records.append((record.time_ms, record.kind, record.quality, body))
    return records


@pytest.mark.parametrize("hours", sampled([1, 3]))
def test_hours_of_failing_apis_change_nothing_else(tmp_path: Path, hours: int) -> None:
    """The same flight without APIs stores the rest byte for byte, and its beacon is as regular."""
    flown = []
    for name, apis in (("none", ()), ("failing", ("weather", "town", "news"))):
        (tmp_path / name).mkdir()

        class Flown(test_flight.Bench):
            mission = with_sources(*apis).model_copy(update={"mind": MISSION.mind})

        bench = Flown(tmp_path / name, http=FailingHttp())
        bench.run(3600 * hours)
        flown.append(bench)
    none, failing = flown
    outcomes = [call.body["outcome"] for call in failing.stored(Kind.API_CALL)]
    assert len(outcomes) > 13 * hours and len(set(outcomes)) >= 5 + hours and "ok" not in outcomes
    assert none.stored(Kind.API_CALL) == [] and none.stored(Kind.MUSING)
    assert rest_of(failing) == rest_of(none)
    gap_s, plain_gap_s = (longest_gap_s(each.beacons()) for each in (failing, none))
    assert gap_s <= 1.1 * plain_gap_s
