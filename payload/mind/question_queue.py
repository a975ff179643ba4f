"""Questions from the ground: a short queue, each answered once.

At the bound a further question is refused with a reason; the ids of the last answered ones are
remembered, so that a repeated frame is not answered twice, and the words of the last few, so that a
follow-up is answered in its conversation. What ``saved`` gives outlives a reboot: the ground knows
that its question has arrived.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from payload.mind.exchanges import Exchange, Exchanges
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
    follows: int | None = None  # id of the question of the same person before it
    has_begun: bool = False  # an answer, in this boot


class QuestionQueue:
    """Those that wait, oldest first, and the one that is being answered."""

    def __init__(self, saved: Any = None) -> None:
        """``saved`` is what ``saved()`` gave in an earlier life; their patience begins anew."""
        waiting, answered, exchanges = saved or ([], [], [])
        self._waiting: deque[Question] = deque(
            Question(number, text, tries=tries, follows=follows)
            for number, text, tries, follows in waiting)
        self._exchanges = Exchanges(exchanges)
        self._taken: Question | None = None
        self._answered: deque[int] = deque(answered, maxlen=ANSWERED_IDS_MAX)

    @property
    def first(self) -> Question | None:
        """The next to answer; it stays in the queue until ``take``."""
        return self._waiting[0] if self._waiting else None

    def saved(self) -> list[Any]:
        """[(id, text, tries, follows) of those without an answer, ids of the last answered, the
        last exchanges]: for the store, in the commit that holds the answers."""
        unanswered = [[q.question_id, q.text, q.tries, q.follows] for q in self._held()]
        return [unanswered, list(self._answered), self._exchanges.saved()]

    def is_known(self, question_id: int) -> bool:
        """It waits, is being answered, or was among the last answered."""
        return question_id in self._answered or any(
            question.question_id == question_id for question in self._held())

    def ask(self, question_id: int, text: str, follows: int | None = None) -> bool:
        """True when it will be answered; False when known already, empty or one too many."""
        clean = strip_control(text)
        if not clean or self.is_known(question_id) or len(self._held()) >= WAITING_MAX:
            return False
        self._waiting.append(Question(question_id, clean, follows=follows))
        return True

    def thread(self, question: Question) -> list[Exchange]:
        """What was said before in the conversation of this question, oldest first."""
        return self._exchanges.thread(question.follows)

    def take(self) -> None:
        """The first one is being answered: ``put_back`` or ``close`` it afterwards."""
        assert self._taken is None, "one question at a time"
        self._taken = self._waiting.popleft()

    def put_back(self) -> None:
        """The one that was taken is first again."""
        assert self._taken is not None
        self._waiting.appendleft(self._taken)
        self._taken = None

    def close(self, question: Question, answer: str | None) -> None:
        """It has been answered in the words of the model, or, with None, in a canned line."""
        self._answered.append(question.question_id)
        self._exchanges.add(
            Exchange(question.question_id, question.follows, question.text, answer))
        if question is self._taken:
            self._taken = None
        else:
            self._waiting.remove(question)

    def _held(self) -> list[Question]:
        """Those without an answer, in their order."""
        return [*([] if self._taken is None else [self._taken]), *self._waiting]

    def late(self, now_ms: int) -> list[Question]:
        """Those that have waited too long; also starts the clock of new ones."""
        for question in self._waiting:
            if question.asked_ms is None:
                question.asked_ms = now_ms
        return [question for question in self._waiting
                if question.asked_ms is not None and now_ms - question.asked_ms >= PATIENCE_MS]
