"""Requests to servers that answer in every bad way: bounded in time, and in what is read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from groundstation import http_call
from groundstation.http_call import HttpAnswer, NoAnswer
from tests.bad_server import BODY, HUGE_BYTES, BadServer, serving

BYTES_MAX = 10_000
PIECES_MAX = 10_000_000  # what the buffers of two sockets may take in besides


@pytest.fixture
def server() -> Iterator[BadServer]:
    yield from serving()


def asked(server: BadServer, path: str) -> HttpAnswer:
    return http_call.call("GET", server.url + path, 1.0, BYTES_MAX)


@pytest.mark.parametrize("path", ["/huge", "/negative-chunk"])
def test_of_an_answer_without_end_the_beginning_is_read(server: BadServer, path: str) -> None:
    """A bug: of a chunk of -1 bytes all was read that came, gigabytes until the deadline."""
    assert asked(server, path).body == b"a" * BYTES_MAX
    assert server.sent < PIECES_MAX < HUGE_BYTES


@pytest.mark.parametrize("path", ["/slow-head", "/slow-body", "/nothing", "/noise"])
def test_an_answer_that_does_not_come_is_none(server: BadServer, path: str) -> None:
    with pytest.raises(NoAnswer):
        asked(server, path)


def test_answers_of_any_status_are_answers(server: BadServer) -> None:
    assert asked(server, "/good") == HttpAnswer(200, BODY)
    assert asked(server, "/404").status == 404
    assert asked(server, "/429").wait_s == 7.0
    assert asked(server, "/away").status == 302
