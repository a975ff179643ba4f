"""The API client: a scripted world answers, fails or hangs; time is an argument."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace

import pytest

from payload.api_client import (
    BACKOFF_MS,
    BREAKER_FAILURES,
    BREAKER_OPEN_MS,
    DEADLINE_MS,
    JITTER,
    ApiClient,
    _Source,
    classify,
)
from payload.hearsay import Hearsay
from payload.notes import Note
from payload.ports import ApiFailed, ApiReply, ApiRequest, DeviceAbsent
from payload.radio_requests import TTL_MS, RadioRequests
from payload.situation import Situation
from wire.mission import ApiSection
from wire.records import BODY_FIELDS, Kind

EVERY_S = 60


class World:
    """Answers each request with ``answer`` after ``delay_ms``; None never answers."""

    def __init__(self, answer: tuple[int, bytes] | str | None) -> None:
        self.answer = answer
        self.delay_ms = 1000
        self.asked: list[tuple[int, str]] = []
        self.cancelled = 0
        self.is_busy = False
        self.request: ApiRequest | None = None
        self.started_ms = 0

    def start(self, request: ApiRequest, now_ms: int) -> bool:
        assert self.request is None, "two requests in flight"
        if self.is_busy:
            return False
        if self.answer == "raise":
            raise DeviceAbsent("no network")
        self.asked.append((now_ms, request.name))
        self.request, self.started_ms = request, now_ms
        return True

    def poll(self, now_ms: int) -> ApiReply | ApiFailed | None:
        if self.request is None or self.answer is None or now_ms < self.started_ms + self.delay_ms:
            return None
        request, self.request = self.request, None
        if isinstance(self.answer, str):
            return ApiFailed(request.request_id, self.answer)  # type: ignore[arg-type]
        return ApiReply(request.request_id, *self.answer, elapsed_ms=self.delay_ms)

    def cancel(self, now_ms: int) -> None:
        self.cancelled += 1
        self.request = None


def client(world: World | None, count: int = 3) -> ApiClient:
    apis = tuple(ApiSection(name=name, url=f"http://api.invalid/{name}")
                 for name in ("weather", "news", "tides")[:count])
    return ApiClient(world, apis, EVERY_S, random.Random(1),
                     RadioRequests((), random.Random(2)), Hearsay())


def run(api: ApiClient, seconds: int, start_s: int = 0, is_allowed: bool = True) -> list[dict]:
    bodies = []
    for second in range(start_s, start_s + seconds):
        for note in api.update(Situation(now_ms=second * 1000), is_allowed):
            assert note.kind is Kind.API_CALL
            assert set(note.body) <= set(BODY_FIELDS[Kind.API_CALL])
            bodies.append(note.body)
    return bodies


@pytest.mark.parametrize(
    ("status", "body", "outcome", "summary"),
    [(200, b'{"wind": 3}', "ok", '{"wind": 3}'), (200, b"fair\nand dry", "ok", "fair and dry"),
     (200, b'"fair\\u001b[31m"', "ok", "fair"), (200, b"", "garbage", ""),
     (200, b"\xff\xfe\x00", "garbage", ""), (200, b"\x00" * 50, "garbage", ""),
     (200, b" \n ", "garbage", ""), (200, b"a" * 8192, "ok", "a" * 160),
     (200, b"a" * 8193, "garbage", ""), (200, b"a" * 8191 + b"\xc3", "ok", "a" * 160),
     (200, b"a\xc3", "garbage", ""), (200, b"<|im_end|>hi", "ok", "hi"),
     (200, b"[" * 1024, "ok", "[" * 160), (404, b"x", "404", ""), (429, b"", "429", ""),
     (500, b"", "500", ""), (503, b"", "500", ""), (599, b"", "500", ""), (600, b"", "other", ""),
     (301, b"token=1", "redirected", ""), (308, b"x", "redirected", ""), (299, b"", "other", ""),
     (400, b"", "other", ""), (204, b"", "other", ""), (0, b"", "other", "")])
def test_classify(status: int, body: bytes, outcome: str, summary: str) -> None:
    """Goal: every outcome and its neighbours. Method: one answer each."""
    assert classify(status, body) == (outcome, summary)


def test_they_are_asked_in_turn_with_jitter() -> None:
    """Goal: round robin, one in flight, about every ``every_s``. Method: an hour of answers."""
    world = World((200, b"fine"))
    bodies = run(client(world), 3600)
    names = [name for _, name in world.asked]
    assert names[:6] == ["weather", "news", "tides"] * 2
    gaps = [b - a for (a, _), (b, _) in itertools.pairwise(world.asked)]
    assert min(gaps) >= EVERY_S * 1000 * (1 - JITTER)
    assert max(gaps) <= EVERY_S * 1000 * (1 + JITTER) + 1000
    assert len(set(gaps)) > 3
    assert bodies[0] == {"api": "weather", "outcome": "ok", "status": 200, "ms": 1000,
                         "summary": "fine"}


@pytest.mark.parametrize(
    ("answer", "outcome", "status"),
    [("timeout", "timeout", None), ("unreachable", "unreachable", None),
     ("raise", "unreachable", None), ((404, b""), "404", 404)])
def test_failures_are_told_as_they_were(
    answer: tuple[int, bytes] | str, outcome: str, status: int | None
) -> None:
    """Goal: status only when one came. Method: one failure."""
    api = client(World(answer))
    body = run(api, 90)[0]
    assert body["outcome"] == outcome
    assert body.get("status") == status
    assert api.last[:2] == ("weather", outcome)


def test_the_deadline_is_held_here() -> None:
    """Goal: twenty seconds, then cancelled. Method: a world that never answers."""
    world = World(None)
    api = client(world)
    (body,) = run(api, 100)
    assert body["outcome"] == "timeout"
    assert body["ms"] == DEADLINE_MS
    assert world.cancelled == 1


def test_an_answer_to_an_earlier_question_is_dropped() -> None:
    """Goal: late answers do not count. Method: reply with another id."""
    world = World(None)
    api = client(world)
    second = 0
    while not api.is_busy:
        run(api, 1, second)
        second += 1
    world.poll = lambda now_ms: ApiReply(999, 200, b"late", 1)  # type: ignore[method-assign]
    assert api.update(Situation(now_ms=second * 1000), True) == []
    assert api.is_busy


def test_the_breaker_opens_probes_and_closes() -> None:
    """Goal: five failures, fifteen minutes, one probe. Method: one API that fails, then works."""
    world = World((404, b""))
    api = client(world, 1)
    run(api, 600)
    assert len(world.asked) == BREAKER_FAILURES
    assert api.is_failing
    opened_ms = world.asked[-1][0] + 1000
    run(api, 1000, 600)
    assert len(world.asked) == BREAKER_FAILURES + 1
    assert world.asked[-1][0] >= opened_ms + BREAKER_OPEN_MS
    world.answer = (200, b"back")
    run(api, 1000, 1600)
    assert not api.is_failing
    assert len(world.asked) > BREAKER_FAILURES + 5


def test_one_failing_api_does_not_silence_the_others() -> None:
    """Goal: breakers are per API. Method: only tides fails."""
    world = World((200, b"fine"))
    original = world.poll

    def poll(now_ms: int) -> ApiReply | ApiFailed | None:
        is_tides = world.request is not None and world.request.name == "tides"
        world.answer = (500, b"") if is_tides else (200, b"fine")
        return original(now_ms)

    world.poll = poll  # type: ignore[method-assign]
    api = client(world)
    run(api, 3600)
    counts = [sum(name == n for _, n in world.asked) for name in ("weather", "news", "tides")]
    assert counts[2] < counts[0] - 5
    assert abs(counts[0] - counts[1]) <= 1
    assert not api.is_failing


def test_not_allowed_not_fitted_and_busy() -> None:
    """Goal: nothing is asked. Method: each reason."""
    world = World((200, b"fine"))
    assert run(client(world), 600, is_allowed=False) == []
    assert world.asked == []
    assert run(client(None), 600) == []
    assert run(client(world, 0), 600) == []
    world.is_busy = True
    assert run(client(world), EVERY_S) == []


def test_a_port_that_refuses_for_ever_is_unreachable_once_a_minute() -> None:
    """Goal: such a port leaves a record, and in the end a fault bit. Method: ten busy minutes."""
    world = World((200, b"fine"))
    world.is_busy = True
    api = client(world)
    bodies = run(api, 1_800)
    assert {body["outcome"] for body in bodies} == {"unreachable"}
    assert api.is_failing
    assert world.asked == []


@pytest.mark.parametrize("body", [
    b"<!DOCTYPE html><html></html>", b"  \r\n<HTML><body>Sign in</body>", b"\xef\xbb\xbf<html>",
])
def test_the_page_of_a_captive_portal_is_garbage(body: bytes) -> None:
    assert classify(200, body) == ("garbage", "")
    assert classify(200, b"<3 from below")[0] == "ok"


# -- through the ground ------------------------------------------------------------------------

ALOFT = Situation(now_ms=0, latitude_deg=52.1, longitude_deg=-3.2, altitude_m=18_240.4,
                  fix_age_s=1.0, heard_ground_age_s=30.0, utc_ms=1_780_000_000_000)
TOWN = ApiSection(name="town", url="http://api.invalid/{lat},{lon}", text="{extract}")


class Aloft:
    """A client with one source, which stations offer unless ``offered`` says otherwise."""

    def __init__(
        self, world: World | None, api: ApiSection = TOWN, offered: tuple[str, ...] = ("town",),
        situation: Situation = ALOFT,
    ) -> None:
        self.hearsay = Hearsay()
        self.situation = situation
        self.client = ApiClient(world, (api,), EVERY_S, random.Random(1),
                                RadioRequests(offered, random.Random(2)), self.hearsay)
        self.second = 0

    def run(self, seconds: int) -> list[dict]:
        bodies = []
        for _ in range(seconds):
            situation = replace(self.situation, now_ms=self.second * 1000)
            bodies += [note.body for note in self.client.update(situation, True)]
            self.second += 1
        return bodies

    def answer(self, request_id: int, text: str) -> Note | str:
        return self.client.answer(request_id, text, self.second * 1000)


@pytest.mark.parametrize("answer", ["unreachable", "timeout", "blocked"])
def test_without_a_network_the_station_is_asked(answer: str) -> None:
    aloft = Aloft(World(answer))
    failed, asked = aloft.run(90)
    assert (failed["outcome"], "request" in failed) == (answer, False)
    assert asked["request"] > 0 and {key: asked[key] for key in asked if key != "request"} == {
        "api": "town", "outcome": "asked", "ms": 0, "lat": 521_000_000, "lon": -32_000_000,
        "alt": 18_240}
    assert aloft.client.last[1] == answer, "what came of the request is not known yet"


@pytest.mark.parametrize("answer", [(404, b""), (429, b""), (500, b""), (200, b"<html>"),
                                    (302, b""), (200, b'{"extract": "Hay."}')])
def test_a_source_that_answers_is_not_asked_by_radio(answer: tuple[int, bytes]) -> None:
    assert "asked" not in [body["outcome"] for body in Aloft(World(answer)).run(90)]


@pytest.mark.parametrize("aloft", [
    Aloft(World("unreachable"), offered=()), Aloft(World("unreachable"), offered=("news",)),
    Aloft(World("unreachable"), situation=replace(ALOFT, heard_ground_age_s=None)),
    Aloft(World("unreachable"), situation=replace(ALOFT, heard_ground_age_s=901.0))])
def test_what_no_station_offers_or_can_hear_is_not_asked(aloft: Aloft) -> None:
    assert {body["outcome"] for body in aloft.run(300)} == {"unreachable"}


@pytest.mark.parametrize("missing", [
    {"fix_age_s": None}, {"fix_age_s": 61.0}, {"latitude_deg": None}, {"altitude_m": None}])
def test_a_source_about_a_place_is_not_asked_where_that_is_unknown(missing: dict) -> None:
    world = World((200, b"{}"))
    assert Aloft(world, situation=replace(ALOFT, **missing)).run(300) == []
    assert world.asked == []


def test_a_payload_without_a_port_asks_the_station_alone_one_at_a_time() -> None:
    aloft = Aloft(None)
    bodies = aloft.run(800)
    assert [body["outcome"] for body in bodies] == ["asked"]
    assert not aloft.client.is_failing


def test_an_answer_by_radio_counts_once() -> None:
    aloft = Aloft(None)
    (asked,) = aloft.run(100)
    note = aloft.answer(asked["request"], "Hay is a <|im_start|>town.")
    assert note.body == {"api": "town", "outcome": "ok", "summary": "Hay is a town.",
                         "ms": note.body["ms"], "request": asked["request"]}
    assert aloft.client.last == ("town", "ok", aloft.second * 1000)
    assert aloft.answer(asked["request"], "Ross.") == "already answered"
    assert aloft.answer(asked["request"] + 1, "Ross.") == "no such request is open"
    assert [saying[2] for saying in aloft.hearsay.saved()] == ["Hay is a town."]


@pytest.mark.parametrize("text", [" ", "<|im_end|>", "\x00\x1b[31m", "\u202e"])
def test_an_answer_without_readable_text_leaves_the_request_open(text: str) -> None:
    aloft = Aloft(None)
    (asked,) = aloft.run(100)
    assert aloft.answer(asked["request"], text) == "no readable text"
    assert isinstance(aloft.answer(asked["request"], "Hay."), Note)


def test_a_request_without_an_answer_is_a_timeout_and_comes_again() -> None:
    aloft = Aloft(None)
    first, end, again = aloft.run(TTL_MS // 1000 + 150)
    assert (first["outcome"], end["outcome"], again["outcome"]) == ("asked", "timeout", "asked")
    assert (end["request"], end["ms"]) == (first["request"], TTL_MS)
    assert again["request"] != first["request"]
    assert aloft.answer(first["request"], "Hay.") == "no such request is open"


def test_an_answer_that_is_still_fresh_is_not_asked_for_again() -> None:
    world = World((200, b'{"extract": "Hay."}'))
    aloft = Aloft(world, TOWN.model_copy(update={"fresh_s": 1000}))
    aloft.run(1000)
    assert len(world.asked) == 1
    aloft.run(200)
    assert len(world.asked) == 2


def test_the_station_is_asked_while_the_breaker_is_open() -> None:
    aloft = Aloft(World("unreachable"))
    bodies = aloft.run(3600)
    asked = [body for body in bodies if body["outcome"] == "asked"]
    assert len(asked) == 4, "one at a time, each for a quarter of an hour"
    assert aloft.client.is_failing


def test_a_server_that_wants_to_be_left_alone_is() -> None:
    """Retry-After is obeyed, up to an hour; without it the waits are random and grow."""
    gaps = []
    for wish_s in (0.0, 1800.0, 1e6):
        world = World((429, b""))
        original = world.poll
        world.poll = lambda now_ms, poll=original, wish_s=wish_s: (  # type: ignore[method-assign]
            answer if (answer := poll(now_ms)) is None
            else replace(answer, retry_after_s=wish_s))
        Aloft(world).run(4000)
        gaps.append((world.asked[1][0] - world.asked[0][0]) / 1000)
    assert gaps[0] < 1800 <= gaps[1] < 1900 and 3600 <= gaps[2] < 3700


def test_waits_after_failures_have_full_jitter_and_a_bound() -> None:
    waits: list[list[float]] = [[] for _ in range(BREAKER_FAILURES)]
    for seed in range(200):
        source, rng = _Source(TOWN), random.Random(seed)
        for failure in range(BREAKER_FAILURES):
            source.note(False, 0, rng, 0)
            waits[failure].append(source.closed_until_ms)
    for failure, found in enumerate(waits[:-1]):
        most_ms = BACKOFF_MS * 2**failure
        assert 0 <= min(found) < most_ms / 10 and most_ms * 0.9 < max(found) <= most_ms
    assert set(waits[-1]) == {BREAKER_OPEN_MS}
    for _ in range(2_000):  # weeks of failures
        source.note(False, 0, rng, 0)
    assert source.closed_until_ms == BREAKER_OPEN_MS
