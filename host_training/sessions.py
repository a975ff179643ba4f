"""From messages and notebook entries to examples: what was said, and what it answered.

A session is a stretch of a chat without a gap of GAP_MS. Within it, messages of one speaker in a
row are one turn, joined by MERGE_MARK, which keeps the rhythm of somebody who writes in bursts
(doppelganger's notation). Only the author's words are ever a label; what others wrote appears at
most as the question before an answer, and never in the memory.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from host_training.importers.notebook import Condition, Entry
from host_training.messages import Message

GAP_MS = 30 * 60 * 1000  # whole difference, so that a day and five minutes is not five minutes
MERGE_MARK = "\n>>> "

Kind = Literal["thought", "dialogue", "monologue"]


@dataclass(frozen=True, slots=True)
class Turn:
    """What one speaker wrote before anybody else did."""

    author: str
    is_me: bool
    texts: tuple[str, ...]
    source: str
    utc_ms: int

    @property
    def text(self) -> str:
        """The messages as one text."""
        return MERGE_MARK.join(self.texts)


@dataclass(frozen=True, slots=True)
class Example:
    """Something the author wrote, with what is known of the occasion.

    ``question`` is there for a dialogue, ``condition`` for a thought; ``text`` is the label.
    """

    kind: Kind
    text: str
    source: str
    utc_ms: int
    question: str | None = None
    condition: Condition | None = None


def split_sessions(messages: Iterable[Message], gap_ms: int = GAP_MS) -> list[list[Turn]]:
    """Sessions of turns, chat by chat, in order of time (equal times keep their order)."""
    chats: dict[tuple[str, str], list[Message]] = defaultdict(list)
    for message in messages:
        chats[message.source, message.chat_id].append(message)
    sessions: list[list[Turn]] = []
    for chat in chats.values():
        last_ms: int | None = None
        for message in sorted(chat, key=lambda m: m.utc_ms or 0):
            if last_ms is None or message.utc_ms - last_ms > gap_ms:
                sessions.append([])
            _append(sessions[-1], message)
            last_ms = message.utc_ms
    return sessions


def _append(turns: list[Turn], message: Message) -> None:
    if turns and turns[-1].author == message.author:
        last = turns.pop()
        turns.append(replace(last, texts=(*last.texts, message.text)))
    else:
        turns.append(Turn(message.author, message.is_me, (message.text,), message.source,
                          message.utc_ms))


def chat_examples(messages: Iterable[Message]) -> list[Example]:
    """One example per own turn: a dialogue where somebody spoke before, else a monologue.

    The question is the last message before the answer, which is what was answered; the whole of
    a partner's burst would seldom fit the prompt.
    """
    examples = []
    for turns in split_sessions(messages):
        for before, turn in zip([None, *turns], turns, strict=False):
            if not turn.is_me:
                continue
            examples.append(Example(
                "dialogue" if before else "monologue", turn.text, turn.source, turn.utc_ms,
                question=before.texts[-1] if before else None))
    return examples


def entry_examples(entries: Iterable[Entry]) -> list[Example]:
    """Thoughts where the entry says when it is true, monologue where it does not."""
    return [
        Example("thought" if entry.condition else "monologue", entry.message.text, "notebook",
                entry.message.utc_ms, condition=entry.condition)
        for entry in entries
    ]
