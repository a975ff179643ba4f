"""Exchanges: the last questions with their answers, from which a follow-up gets its conversation.

A question may name the one that it follows (``wire.commands.Opcode.FOLLOW_UP``); which person asked
is not known aboard. Bounded, and kept over a reboot. What people wrote is data: it is cleaned where
it enters (``payload.mind.question_queue``) and cut where it is put into a prompt
(``payload.prompt``).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any, NamedTuple

EXCHANGES_MAX = 8  # of all people together; the oldest is forgotten
THREAD_MAX = 2  # of one conversation in a prompt; the worker drops what its context has no room for


class Exchange(NamedTuple):
    """A question that is done with; ``answer`` is None where the reply was canned."""

    question_id: int
    follows: int | None
    question: str
    answer: str | None


class Exchanges:
    """The last EXCHANGES_MAX."""

    def __init__(self, saved: Iterable[Any] = ()) -> None:
        """``saved`` is what ``saved()`` gave in an earlier life."""
        self._kept = deque((Exchange(*item) for item in saved), maxlen=EXCHANGES_MAX)

    def saved(self) -> list[Any]:
        """What msgpack can hold."""
        return [list(exchange) for exchange in self._kept]

    def add(self, exchange: Exchange) -> None:
        self._kept.append(exchange)

    def thread(self, follows: int | None) -> list[Exchange]:
        """The last answered ones that lead to ``follows``, oldest first; at most THREAD_MAX."""
        found: list[Exchange] = []
        for exchange in reversed(self._kept):  # none follows a later one
            if exchange.question_id == follows and len(found) < THREAD_MAX:
                follows = exchange.follows
                if exchange.answer is not None:
                    found.insert(0, exchange)
        return found
