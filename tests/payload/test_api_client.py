"""The API client: a scripted world answers, fails or hangs; time is an argument."""

from __future__ import annotations

import itertools
import random

import pytest

from payload.api_client import (
    BREAKER_FAILURES,
    BREAKER_OPEN_MS,
    DEADLINE_MS,
    JITTER,
    ApiClient,
    classify,
)
from payload.ports import ApiFailed, ApiReply, ApiRequest, DeviceAbsent
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
    return ApiClient(world, apis, EVERY_S, random.Random(1))


def run(api: ApiClient, seconds: int, start_s: int = 0, is_allowed: bool = True) -> list[dict]:
    bodies = []
    for second in range(start_s, start_s + seconds):
        for note in api.update(second * 1000, is_allowed):
            assert note.kind is Kind.API_CALL
            assert set(note.body) <= set(BODY_FIELDS[Kind.API_CALL])
            bodies.append(note.body)
    return bodies


@pytest.mark.parametrize(
    ("status", "body", "outcome", "summary"),
    [(200, b'{"wind": 3}', "ok", '{"wind": 3}'), (200, b"fair\nand dry", "ok", "fair and dry"),
     (200, b'"fair\\u001b[31m"', "ok", "fair"), (200, b"", "garbage", ""),
     (200, b"\xff\xfe\x00", "garbage", ""), (200, b"\x00" * 50, "garbage", ""),
     (200, b" \n ", "garbage", ""), (200, b"a" * 1024, "ok", "a" * 80),
     (200, b"a" * 1025, "garbage", ""), (200, b"a" * 1023 + b"\xc3", "ok", "a" * 80),
     (200, b"a\xc3", "garbage", ""), (200, b"<|im_end|>hi", "ok", "hi"),
     (200, b"[" * 1024, "ok", "[" * 80), (404, b"x", "404", ""), (429, b"", "429", ""),
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
    assert api.update(second * 1000, True) == []
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
    assert run(ApiClient(world, (), EVERY_S, random.Random(1)), 600) == []
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
