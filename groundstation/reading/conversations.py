"""Conversations: the queued questions and commands, each question with its reply and its thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence, Set

from groundstation.archive import threads
from groundstation.archive.outbox import QueuedCommand
from groundstation.archive.rows import command_json
from groundstation.reading.page_json import LineJson, QueuedJson

REPLIES_SEARCHED = 200  # the latest
Replies = Callable[[int], Iterable[LineJson]]  # the latest so many


def queue_json(
    db: sqlite3.Connection, entries: Sequence[QueuedCommand], name: str, replies: Replies
) -> list[QueuedJson]:
    """Commands as the page shows them.

    ``follows`` is the id of the question of the same person before, ``reply`` the entry of the
    feed that answers it; each None where there is none.
    """
    answers = answers_to({e.command_id for e in entries if e.state == "answered"}, replies)
    shown: list[QueuedJson] = []
    for entry in entries:
        first = threads.before(db, entry)
        shown.append({
            **command_json(entry, name),
            "follows": None if first is None else first.command_id,
            "reply": answers.get(entry.command_id)})
    return shown


def answers_to(question_ids: Set[int], replies: Replies) -> dict[int, LineJson]:
    """The replies to these questions, by the question."""
    found = replies(REPLIES_SEARCHED) if question_ids else ()
    return {int(of): entry for entry in found
            if (of := entry["question_id"]) is not None and of in question_ids}
