"""Questions from the ground: a short queue, each answered once.

At the bound a further question is refused with a reason; the ids of the last answered ones are
remembered, so that a repeated frame is not answered twice. What ``saved`` gives outlives a reboot:
the ground knows that its question has arrived.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from payload.prompt import strip_control

KEY = "questions"  # in the store
WAITING_MAX = 4
ANSWERED_IDS_MAX = 64
PATIENCE_MS = 900_000  # then the asker is told that there is no answer


@dataclass(slots=True)
class Question:
    """One question, cleaned of control tokens; ``tries`` counts failed answers."""

    question_id: int
    text: str
    asked_ms: int | None = None  # None until the first update after it was asked
    tries: int = 0


class Questions:
    """Those that wait, oldest first, and the one that is being answered."""

    def __init__(self, saved: Any = None) -> None:
        """``saved`` is what ``saved()`` gave in an earlier life; their patience begins anew."""
        waiting, answered = saved or ([], [])
        self._waiting: deque[Question] = deque(
            Question(number, text, tries=tries) for number, text, tries in waiting)
        self._taken: Question | None = None
        self._answered: deque[int] = deque(answered, maxlen=ANSWERED_IDS_MAX)

    @property
    def first(self) -> Question | None:
        """The next to answer; it stays in the queue until ``take``."""
        return self._waiting[0] if self._waiting else None

    def saved(self) -> list[Any]:
        """[(id, text, tries) of those without an answer, ids of the last answered]: for the store,
        in the commit that holds the answers."""
        held = [] if self._taken is None else [self._taken]
        unanswered = [[q.question_id, q.text, q.tries] for q in (*held, *self._waiting)]
        return [unanswered, list(self._answered)]

    def ask(self, question_id: int, text: str) -> bool:
        """True when it will be answered; False when known already, empty or one too many."""
        clean = strip_control(text)
        held = {question.question_id for question in self._waiting}
        if self._taken is not None:
            held.add(self._taken.question_id)
        if not clean or question_id in held or question_id in self._answered:
            return False
        if len(held) >= WAITING_MAX:
            return False
        self._waiting.append(Question(question_id, clean))
        return True

    def take(self) -> None:
        """The first one is being answered: ``put_back`` or ``close`` it afterwards."""
        assert self._taken is None, "one question at a time"
        self._taken = self._waiting.popleft()

    def put_back(self) -> None:
        """The one that was taken is first again."""
        assert self._taken is not None
        self._waiting.appendleft(self._taken)
        self._taken = None

    def close(self, question: Question) -> None:
        """It has been answered, in whatever words."""
        self._answered.append(question.question_id)
        if question is self._taken:
            self._taken = None
        else:
            self._waiting.remove(question)

    def late(self, now_ms: int) -> list[Question]:
        """Those that have waited too long; also starts the clock of new ones."""
        for question in self._waiting:
            if question.asked_ms is None:
                question.asked_ms = now_ms
        return [question for question in self._waiting
                if question.asked_ms is not None and now_ms - question.asked_ms >= PATIENCE_MS]
