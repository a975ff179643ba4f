"""Requests of the payload for a source: what the station asks for it, and what it does not."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from groundstation.archive import outbox
from groundstation.archive.archive import Archive
from groundstation.archive.outbox import COMMANDS_WAITING_MAX, QueuedCommand
from groundstation.ground import Ground
from groundstation.http_call import HttpAnswer, NoAnswer
from groundstation.sources import source_thread
from groundstation.sources.source_requests import AGE_MS_MAX, SourceRequest, SourceRequests
from groundstation.sources.source_thread import TRIES_MAX, WAIT_S, WAIT_S_MAX
from tests.bad_server import GOOD, HUGE_BYTES, RETRY_AFTER_S, SENTENCE, BadServer, serving
from tests.groundstation.far_end import MASTER_KEY, MISSION, SIGNED_MISSION, START_MS, FarEnd
from tests.hostile.injections import INJECTIONS
from wire import commands
from wire.auth import Direction, derive_key
from wire.commands import Opcode
from wire.mission import Mission, SourceSection
from wire.records import Kind, TimeQuality
from wire.sources import TEXT_BYTES_MAX

KEY = derive_key(MASTER_KEY, 7, Direction.UPLINK)
ASKED = {"api": "town", "outcome": "asked", "ms": 0, "request": 77, "lat": 521_000_000,
         "lon": -32_000_000, "alt": 18_240}


def offering(url: str, mission: Mission = SIGNED_MISSION, **changes: object) -> Mission:
    source = SourceSection(name="town", url=url, text=SENTENCE)
    ground = mission.ground.model_copy(update={"sources": (source,)})
    return mission.model_copy(update={"ground": ground, **changes})


class Desk:
    """A station that has heard what a payload said, and its desk for sources."""

    def __init__(
        self, folder: Path, url: str = "http://127.0.0.1:9/{lat},{lon}",
        mission: Mission | None = None, downlink_key: bytes | None = None,
    ) -> None:
        self.mission = mission or offering(url)
        self.archive = Archive(folder / "archive.sqlite", is_durable=False)
        key = downlink_key or self.mission.downlink_key(MASTER_KEY)
        self.ground = Ground(self.mission, self.archive, KEY, key)
        self.far = FarEnd(KEY, self.mission)
        self.now_ms = START_MS
        self.ground.receive(self.far.tell(), self.now_ms)
        self.requests = SourceRequests(self.archive.path, self.mission)

    def hear(self, body: dict, quality: TimeQuality = TimeQuality.GPS, made_ms: int = 0) -> None:
        self.far.push(Kind.API_CALL, made_ms or self.now_ms, body, quality)
        for _ in range(20):
            self.now_ms += 1000
            data = self.far.data(self.now_ms)
            if data is not None:
                self.ground.receive(data, self.now_ms)

    def next(self) -> SourceRequest | None:
        return self.requests.next(self.now_ms)

    def answers(self) -> list[QueuedCommand]:
        return [entry for entry in outbox.waiting(self.archive.db)
                if entry.opcode is Opcode.ANSWER]

    def serve(self, ask: source_thread.Get | None = None) -> list[float]:
        """Turns of the thread, in this one, until nothing is left to ask; its pauses, s."""
        stop, pauses = threading.Event(), []

        def pause(seconds: float) -> None:
            pauses.append(seconds)
            if seconds == source_thread.EVERY_S and self.next() is None:
                stop.set()

        source_thread.run(self.requests, ask or source_thread.get("N0CALL"), lambda: self.now_ms,
                          stop, pause)
        return pauses[:-1]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.archive.close()


@pytest.fixture
def server() -> Iterator[BadServer]:
    yield from serving()


# -- what is asked ----------------------------------------------------------------------------


def test_a_signed_request_is_asked_at_the_stations_own_address(desk: Desk) -> None:
    desk.hear(ASKED | {"url": "http://evil.invalid/", "text": "{secret}"})
    request = desk.next()
    assert request is not None
    assert (request.request_id, request.url) == (77, "http://127.0.0.1:9/52.100,-3.200")


@pytest.mark.parametrize("changes", [
    {"outcome": "timeout"}, {"outcome": "ok"}, {"outcome": None}, {"api": "news"}, {"api": "Town"},
    {"api": "http://evil.invalid/"}, {"api": ["town"]}, {"api": None}, {"request": None},
    {"request": -1}, {"request": 1 << 32}, {"request": 1.5}, {"request": True}, {"request": "77"},
    {"lat": 9e9}, {"lat": "52"}, {"lon": None}, {"alt": float("nan")}, {"lat": "{alt}"},
])
def test_what_is_no_request_for_something_offered_is_not_asked(
    desk: Desk, changes: dict[str, object]
) -> None:
    desk.hear({key: value for key, value in (ASKED | changes).items() if value is not None})
    assert desk.next() is None


@pytest.mark.parametrize("way", ["unsigned", "forged", "unverified"])
def test_a_request_that_is_not_verified_is_ignored(tmp_path: Path, way: str) -> None:
    """No signature, another's, and a station that cannot check it."""
    if way == "unsigned":
        desk = Desk(tmp_path, mission=offering("http://127.0.0.1:9/", MISSION))
    elif way == "unverified":
        desk = Desk(tmp_path)
        desk.ground = Ground(desk.mission, desk.archive, KEY, None)
    else:
        desk = Desk(tmp_path)
        desk.far.downlink_key = bytes(32)
    desk.hear(ASKED)
    assert desk.next() is None
    desk.archive.close()


def test_a_request_is_asked_while_it_is_young_by_either_clock(desk: Desk) -> None:
    desk.hear(ASKED, made_ms=desk.now_ms - AGE_MS_MAX)
    assert desk.next() is None, "it was made long ago, and only arrived now"
    desk.hear(ASKED | {"request": 78}, TimeQuality.NONE, made_ms=9_000)
    found = desk.next()
    assert found is not None and found.request_id == 78, "since its boot; heard just now"
    desk.now_ms += AGE_MS_MAX
    assert desk.next() is None


def test_a_request_is_answered_once_also_after_a_restart_and_a_rebuild(desk: Desk) -> None:
    desk.hear(ASKED)
    desk.hear(ASKED | {"request": 78})
    assert desk.serve(lambda url: HttpAnswer(200, b'{"query":{"pages":[{"extract":"x"}]}}')) == [2]
    assert [entry.text for entry in desk.answers()] == ["77 x", "78 x"], "the oldest first"
    outbox.withdraw(desk.archive.db, desk.answers()[0].command_id)
    assert SourceRequests(desk.archive.path, desk.mission).next(desk.now_ms) is None
    desk.archive.rebuild()
    Ground(desk.mission, desk.archive, KEY, desk.mission.downlink_key(MASTER_KEY))
    assert SourceRequests(desk.archive.path, desk.mission).next(desk.now_ms) is None


def test_a_window_that_carries_no_sentence_asks_nothing(tmp_path: Path) -> None:
    plan = offering("http://127.0.0.1:9/")
    radio = plan.radio.model_copy(update={"mtu_bytes": 64, "rate_bps": 100, "listen_s": 5})
    desk = Desk(tmp_path, mission=plan.model_copy(update={"radio": radio}))
    desk.requests._text_bytes_max = 15
    desk.hear(ASKED)
    assert desk.next() is None
    desk.requests._text_bytes_max = 16
    assert desk.next() is not None
    desk.archive.close()


# -- what is answered -------------------------------------------------------------------------


def test_a_good_answer_goes_up_signed_and_once(tmp_path: Path, server: BadServer) -> None:
    desk = Desk(tmp_path, server.url + "/good?at={lat},{lon},{alt}")
    desk.hear(ASKED)
    assert desk.serve() == []
    assert server.asked == ["/good?at=52.100,-3.200,18240"]
    (entry,) = desk.answers()
    assert (entry.text, entry.asker) == (f"77 {GOOD}", "source")
    assert entry.command(desk.now_ms) == commands.Command(Opcode.ANSWER, (77, GOOD))
    assert entry.expires_ms - entry.created_ms == AGE_MS_MAX
    desk.archive.close()


@pytest.mark.parametrize(("path", "tries"), [
    ("/404", 1), ("/429", TRIES_MAX), ("/500", TRIES_MAX), ("/wrong", 1), ("/plain", 1),
    ("/html", 1), ("/truncated", 1), ("/huge", 1), ("/nothing", TRIES_MAX), ("/noise", TRIES_MAX),
    ("/loop", 1), ("/away", 1), ("/slow-head", TRIES_MAX), ("/slow-body", TRIES_MAX),
])
def test_a_bad_answer_is_given_up_and_nothing_goes_up(
    tmp_path: Path, server: BadServer, monkeypatch: pytest.MonkeyPatch, path: str, tries: int
) -> None:
    monkeypatch.setattr(source_thread, "DEADLINE_S", 0.3 if "slow" in path else 30.0)
    desk = Desk(tmp_path, server.url + path)
    desk.hear(ASKED)
    with capture_logs() as logs:
        pauses = desk.serve()
    assert server.asked == [path] * tries and len(pauses) == tries - 1
    assert desk.answers() == [] and desk.next() is None
    assert [log["event"] for log in logs] == ["source_failing"]
    assert server.sent < HUGE_BYTES / 5, "an answer is read to its bound"
    least_s = RETRY_AFTER_S if path == "/429" else 0.0
    assert all(least_s <= pause <= WAIT_S_MAX for pause in pauses)
    desk.archive.close()


def test_a_name_that_nobody_knows_is_tried_again_and_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def unknown(host: str, *_: object, **__: object) -> None:
        asked.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    desk = Desk(tmp_path, "http://town.invalid/")
    desk.hear(ASKED)
    desk.serve()
    assert asked == ["town.invalid"] * TRIES_MAX and desk.answers() == []
    desk.archive.close()


def test_waits_between_tries_have_full_jitter(desk: Desk) -> None:
    found: list[list[float]] = []
    for request in range(40):
        desk.hear(ASKED | {"request": request})
        found.append(desk.serve(_nobody))
    for number, pauses in enumerate(zip(*found, strict=True)):
        most_s = WAIT_S * 2**number
        assert max(pauses) <= most_s and max(pauses) - min(pauses) > most_s / 2


def _nobody(url: str) -> HttpAnswer:
    raise NoAnswer("refused")


def test_a_source_that_fails_is_logged_once_and_once_when_it_returns(desk: Desk) -> None:
    good = HttpAnswer(200, b'{"query":{"pages":[{"extract":"x"}]}}')
    with capture_logs() as logs:
        for number, answer in enumerate([404, 404, 200, 404]):
            desk.hear(ASKED | {"request": number})
            desk.serve(lambda url, status=answer: good._replace(status=status))
    assert [log["event"] for log in logs] == ["source_failing", "source_returned", "source_failing"]


@pytest.mark.parametrize("name", INJECTIONS)
def test_whatever_a_source_says_goes_up_as_one_short_clean_line(desk: Desk, name: str) -> None:
    request = SourceRequest(77, SourceSection(name="town", url="http://a/"), "http://a/")
    text = INJECTIONS[name] + " ende " + "wörter " * 60
    desk.requests.take(request, 200, text.encode("utf-8", "replace")[:8192], desk.now_ms)
    entries = desk.answers()
    assert len(entries) <= 1 and [e.opcode for e in outbox.waiting(desk.archive.db)] == [
        Opcode.ANSWER] * len(entries)
    for entry in entries:
        command = entry.command(desk.now_ms)
        request_id, line = command.arguments
        assert request_id == 77 and str(line).isprintable() and "\n" not in str(line)
        assert len(str(line).encode()) <= TEXT_BYTES_MAX
        commands.encode(command)


def test_a_full_outbox_gives_the_request_up(desk: Desk) -> None:
    for _ in range(COMMANDS_WAITING_MAX):
        outbox.add(desk.archive.db, Opcode.PING, "", desk.now_ms)
    desk.hear(ASKED)
    desk.serve(lambda url: HttpAnswer(200, b'{"query":{"pages":[{"extract":"x"}]}}'))
    assert desk.answers() == [] and desk.next() is None


def test_an_archive_that_refuses_is_logged_once_and_looked_into_again(desk: Desk) -> None:
    stop, looks = threading.Event(), []

    def pause(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 3:
            stop.set()

    gone = SourceRequests(desk.archive.path.with_name("none.sqlite"), desk.mission)
    with capture_logs() as logs:
        source_thread.run(gone, _nobody, lambda: desk.now_ms, stop, pause)
    assert [log["event"] for log in logs] == ["sources_withheld"] and len(looks) == 3


def test_a_station_without_sources_has_no_thread(desk: Desk) -> None:
    stop = threading.Event()
    assert source_thread.start(desk.archive.path, SIGNED_MISSION, lambda: 0, stop) is None
    stop.set()
    thread = source_thread.start(desk.archive.path, desk.mission, lambda: START_MS, stop)
    assert thread is not None
    thread.join(30)
    assert not thread.is_alive()
