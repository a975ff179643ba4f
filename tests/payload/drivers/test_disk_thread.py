"""The disk's thread: it answers in its own time, one request at a time, and tells its mistakes."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from payload.drivers.disk_thread import Answer, DiskThread, Request
from payload.ports import Commit, Committed

WAIT_S = 30
DONE = Committed(True, (), (), 0, 0, 0)


class Card:
    """Serves a request when it is let to."""

    def __init__(self) -> None:
        self.may_answer = threading.Event()
        self.has_answered = threading.Semaphore(0)
        self.done: list[str] = []
        self.mistake: Exception | None = None

    def serve(self, request: Request) -> Answer:
        self.may_answer.wait(WAIT_S)
        if self.mistake is not None:
            raise self.mistake
        self.done.append("serve")
        return DONE

    def chore(self) -> None:
        self.done.append("chore")
        self.has_answered.release()

    def close(self) -> None:
        self.done.append("close")
        self.has_answered.release()


@pytest.fixture
def card() -> Iterator[Card]:
    made = Card()
    yield made
    made.may_answer.set()


def test_nobody_waits_for_the_card(card: Card) -> None:
    disk = DiskThread(card)
    assert disk.poll() is None
    disk.start(Commit())
    assert disk.poll() is None and card.done == []
    card.may_answer.set()
    assert card.has_answered.acquire(timeout=WAIT_S)
    assert disk.poll() is DONE and disk.poll() is None
    assert disk.close(WAIT_S) and card.done == ["serve", "chore", "close"]


def test_the_end_comes_after_what_was_asked_for_last(card: Card) -> None:
    disk = DiskThread(card)
    disk.start(Commit())
    card.may_answer.set()
    assert disk.close(WAIT_S) and card.done == ["serve", "chore", "close"]


def test_a_card_that_does_not_answer_is_left_to_itself(card: Card) -> None:
    disk = DiskThread(card)
    disk.start(Commit())
    assert not disk.close(0.0)
    assert card.done == []


def test_a_mistake_in_the_thread_is_raised_where_the_answer_is_taken(card: Card) -> None:
    disk = DiskThread(card)
    card.mistake = ValueError("no such column")
    card.may_answer.set()
    disk.start(Commit())
    assert card.has_answered.acquire(timeout=WAIT_S)
    with pytest.raises(ValueError, match="no such column"):
        disk.poll()
    assert disk.close(WAIT_S)
