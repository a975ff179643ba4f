"""An author's books as one person's writing: sessions of passages, some of them held out.

A passage is what a flight could send: whole sentences on one line of at most MUSING_BYTES_MAX
bytes. A session is a stretch of a few thousand characters, kept or held out whole; the intervals of
the figures are drawn over sessions. Editors' notes, in brackets in these books, are left out.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from pathlib import Path

from host_training.codec.base_text import clean_text, read_text
from payload import prompt

SESSION_CHARS = 3_000
TRAIN_SESSIONS = 180  # at most: half a million letters, some years of a person's messages
TEST_SESSIONS = 40
VALIDATION_SESSIONS = 10
TAIL_SHARE = 0.5  # of the test sessions stand at the end of the books, the rest anywhere
FRONT_SHARE = 0.04  # prefaces and titles, by other hands
PARAGRAPH_CHARS_MIN = 60
BEFORE_CHARS = prompt.MEMORY_CHARS_MAX

_NOTE = re.compile(r"\s*[{\[][^}\]]{0,400}[}\]]")
_SENTENCE_END = re.compile(r"(?<=[.!?])(?<!\bMr\.)(?<!\bMrs\.)(?<!\bDr\.)(?<!\bSt\.)\s+"
                           r"(?=[\"'(]?[A-Z0-9])")


@dataclass(frozen=True, slots=True)
class Passage:
    """A line of the author, and the last words before it ("" at the beginning of a session)."""

    session: int
    text: str
    before: str


@dataclass(frozen=True, slots=True)
class AuthorSplit:
    """Sessions apart: to learn from, to choose by, and to measure on."""

    name: str
    documents: list[str]  # the sessions to learn from, whole
    train: list[Passage]
    validation: list[Passage]
    test: list[Passage]


def read_author(path: Path, seed: int = 1) -> AuthorSplit:
    """Cut one book file. The same file and seed give the same cut."""
    sessions = _sessions(_paragraphs(path))
    rng = random.Random(f"{seed} {path.name}")
    tail = list(range(len(sessions) - int(TEST_SESSIONS * TAIL_SHARE), len(sessions)))
    rest = [n for n in range(len(sessions)) if n not in tail]
    rng.shuffle(rest)
    n_drawn = TEST_SESSIONS - len(tail)
    test, validation = tail + rest[:n_drawn], rest[n_drawn : n_drawn + VALIDATION_SESSIONS]
    train = rest[n_drawn + VALIDATION_SESSIONS :][:TRAIN_SESSIONS]

    def passages(numbers: list[int]) -> list[Passage]:
        return [passage for n in sorted(numbers) for passage in _passages(n, sessions[n])]

    return AuthorSplit(
        path.name.split(".")[0], [sessions[n] for n in sorted(train)], passages(train),
        passages(validation), passages(test))


def _paragraphs(path: Path) -> list[str]:
    lines = clean_text(read_text(path)).splitlines()
    own = [line for line in lines if line[:1] not in "{[" and len(line) >= PARAGRAPH_CHARS_MIN]
    own = own[int(len(own) * FRONT_SHARE):]
    return [prompt.strip_control(_NOTE.sub("", line)) for line in own]


def _sessions(paragraphs: list[str]) -> list[str]:
    sessions: list[str] = [""]
    for paragraph in paragraphs:
        if len(sessions[-1]) >= SESSION_CHARS:
            sessions.append("")
        sessions[-1] += ("\n" if sessions[-1] else "") + paragraph
    return sessions


def _passages(number: int, session: str) -> list[Passage]:
    found: list[Passage] = []
    before = ""
    for paragraph in session.split("\n"):
        text = ""
        for sentence in [*_SENTENCE_END.split(paragraph), ""]:
            longer = f"{text} {sentence}".strip()
            if sentence and len(longer.encode()) <= prompt.MUSING_BYTES_MAX:
                text = longer
                continue
            if text and prompt.clean_reply(text) == text:
                found.append(Passage(number, text, _last_words(before)))
            before, text = text or before, sentence
    return found


def _last_words(text: str) -> str:
    """At most BEFORE_CHARS from the end, whole words."""
    if len(text) <= BEFORE_CHARS:
        return text
    return text[-BEFORE_CHARS:].partition(" ")[2]
