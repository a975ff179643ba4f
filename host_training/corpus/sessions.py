"""Turns messages and notebook entries into examples: what was written, and what it answered.

A session is a stretch of a chat without a gap; the chat's own rhythm decides how long a gap is.
Within it, messages of one speaker in a row are one turn, joined by MERGE_MARK, which keeps the
rhythm of somebody who writes in bursts (doppelganger's notation). Only the author's words are
labels; what others wrote occurs only before an answer, and never in the memory. Writing that
answers nobody (documents, posts, notes, a source with one side) is monologue; its sessions are cut
after SESSION_CHARS, so that a book is more than one. The id of an example's session remains the
same when writing is added later.
"""

from __future__ import annotations

import hashlib
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from statistics import median
from typing import Literal

from host_training.common import sentences
from host_training.common.messages import ChatKind, Layer, Message
from host_training.common.settings import SessionSettings
from host_training.importers.notebook import NOTEBOOK_TIER, Condition, Entry

GAP_MS: dict[str, int] = {"dm": 30 * 60_000, "group": 10 * 60_000}  # where a chat is too short
GAP_BOUNDS_MS: dict[str, tuple[int, int]] = {"dm": (10 * 60_000, 3 * 3_600_000),
                                             "group": (5 * 60_000, 3_600_000)}
GAPS_MIN = 20  # of a chat, to have a rhythm
RHYTHM_FACTOR = 15  # a silence this much longer than the usual ends a session
RHYTHM_MS_MAX = 3_600_000  # longer silences are not the rhythm
RHYTHM_GAPS_MAX = 5_000  # looked at, from the beginning of a chat
MERGE_MARK = "\n>>> "
CONTEXT_CHARS_MAX = 700
CHUNK_CHARS_MAX = 900  # about 350 tokens of a small tokenizer
CHUNK_CHARS_MIN = 40  # a shorter rest joins the chunk before it
BURST_MAX = 40  # messages in one turn; a longer monologue is several
SESSION_MESSAGES_MAX = 2_000  # a chat that never pauses is no one conversation
SESSION_ID_CHARS = 12
SESSION_CHARS = 3_000  # of a monologue, from which the next piece begins another session
DATA_SET = "pairs"  # source of questions and answers that were written for this, by nobody else

Kind = Literal["thought", "dialogue", "monologue"]
_TOGETHER: tuple[ChatKind, ...] = ("dm", "group", "mail", "pair")


@dataclass(frozen=True, slots=True)
class Turn:
    """Consecutive messages of one speaker."""

    author: str
    is_me: bool
    texts: tuple[str, ...]
    source: str
    utc_ms: int | None
    chat_kind: ChatKind = "dm"
    tier: int = 4
    layer: Layer = "said"
    chat: str = ""
    weight: float = 1.0

    @property
    def text(self) -> str:
        """The messages as one text."""
        return MERGE_MARK.join(self.texts)


@dataclass(frozen=True, slots=True)
class Example:
    """Something the author wrote, with what is known of the occasion.

    ``text`` is the label. A dialogue has a ``question``, a thought a ``condition``. ``context``
    holds the turns before a dialogue's label as (speaker, text), oldest first, "me" for the
    author; the last one is answered. ``chat`` is the room it was written in, "" for other writing;
    ``session`` the id of the conversation, entry or stretch of a text that contains it, "" if none
    does. ``weight`` is how often to learn it; before ``filtering.weigh`` that of its ``[[source]]``
    alone.
    """

    kind: Kind
    text: str
    source: str
    utc_ms: int | None
    question: str | None = None
    condition: Condition | None = None
    context: tuple[tuple[str, str], ...] = ()
    tier: int = 4
    layer: Layer = "said"
    weight: float = 1.0
    chat: str = ""
    session: str = ""


_DEFAULT = SessionSettings()


def split_sessions(messages: Iterable[Message], settings: SessionSettings = _DEFAULT
                   ) -> Iterator[list[Turn]]:
    """Sessions as lists of turns. Messages come chat by chat, each in order of time."""
    for _, chat in groupby(messages, key=lambda m: (m.source, m.chat_id)):
        yield from map(_turns, _sessions_of(chat, settings))


def _sessions_of(chat: Iterable[Message], settings: SessionSettings) -> Iterator[list[Message]]:
    """Sessions of one chat. Its beginning is read ahead for the rhythm, the rest is streamed."""
    stream = iter(chat)
    ahead: deque[Message] = deque()
    for message in stream:
        ahead.append(message)
        if len(ahead) > RHYTHM_GAPS_MAX:
            break
    if not ahead:
        return
    gap_ms = (settings.gap_min * 60_000 if settings.gap_min is not None
              else rhythm_gap_ms([m.utc_ms for m in ahead], ahead[0].chat_kind))
    session: list[Message] = []
    last: Message | None = None

    def all_messages() -> Iterator[Message]:
        while ahead:
            yield ahead.popleft()
        yield from stream

    for message in all_messages():
        if len(session) == SESSION_MESSAGES_MAX or (
                last is not None and not _goes_on(last, message, gap_ms)):
            yield session
            session = []
        is_echo = last is not None and (last.author, last.text) == (message.author, message.text)
        last = message
        if not (is_echo and session):  # a chat exported twice, or sent twice
            session.append(message)
    yield session


def session_id(first: Message, stretch: int = 0) -> str:
    """The id of a session, from the place and time of its first message, or else its words."""
    began = first.text if first.utc_ms is None else first.utc_ms
    name = "\0".join(map(str, (first.source, first.chat_id, began, stretch)))
    return hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:SESSION_ID_CHARS]


def _goes_on(last: Message, message: Message, gap_ms: float) -> bool:
    """True if ``message`` follows within the gap; in whole milliseconds, days included."""
    if message.chat_kind in ("mail", "pair"):
        return True  # a thread has its own end, however slow
    if message.utc_ms is None or last.utc_ms is None:
        return message.utc_ms is last.utc_ms
    return message.utc_ms - last.utc_ms <= gap_ms


def rhythm_gap_ms(times: list[int | None], kind: ChatKind) -> int:
    """The silence that ends a session of this chat, within GAP_BOUNDS_MS of its kind."""
    family = "group" if kind in ("group", "channel") else "dm"
    known = [t for t in times if t is not None]
    gaps = [b - a for a, b in pairwise(known) if 0 < b - a <= RHYTHM_MS_MAX]
    if len(gaps) < GAPS_MIN:
        return GAP_MS[family]
    low, high = GAP_BOUNDS_MS[family]
    return max(low, min(high, round(median(gaps) * RHYTHM_FACTOR)))


def _turns(session: Iterable[Message]) -> list[Turn]:
    turns: list[Turn] = []
    for message in session:
        _append(turns, message)
    return turns


def _append(turns: list[Turn], message: Message) -> None:
    last = turns[-1] if turns else None
    if (last is not None and last.author == message.author and message.chat_kind != "mail"
            and len(last.texts) < BURST_MAX):
        turns[-1] = replace(last, texts=(*last.texts, message.text))
    else:
        turns.append(Turn(message.author, message.is_me, (message.text,), message.source,
                          message.utc_ms, message.chat_kind, message.tier, message.layer,
                          message.chat, message.weight))


def chat_examples(messages: Iterable[Message], settings: SessionSettings = _DEFAULT
                  ) -> Iterator[Example]:
    """One example per own turn: a dialogue where somebody spoke before, else monologue.

    A turn that is too long is divided: the first part is the answer, the others are monologue.

    Messages come chat by chat, each in order of time; one session at a time is in memory. The
    question is the last message before the answer; the whole burst before it is in the context.
    """
    for (_, _, is_together), chat in groupby(
            messages, key=lambda m: (m.source, m.chat_id, m.chat_kind in _TOGETHER)):
        if is_together:
            for session in _sessions_of(chat, settings):
                yield from _session_examples(session, settings)
        else:
            for session in _sessions_of((m for m in chat if m.is_me), settings):
                yield from _alone_examples(session)


def _alone_examples(session: list[Message]) -> Iterator[Example]:
    """Monologue examples, in sessions of SESSION_CHARS or a little more."""
    n_chars = 0
    for message in session:
        for piece in chunks(message.text):
            stretch = n_chars // SESSION_CHARS
            yield _monologue(piece, message, session_id(session[0], stretch))
            n_chars += len(piece)


def _session_examples(session: list[Message], settings: SessionSettings) -> Iterator[Example]:
    has_partner = False
    turns, its_id = _turns(session), session_id(session[0])
    for index, turn in enumerate(turns):
        if not turn.is_me:
            has_partner = True
            continue
        label, *more = _pieces(turn.texts)
        if not has_partner:
            yield from (_monologue(piece, turn, its_id) for piece in (label, *more))
            continue
        before = turns[max(0, index - settings.context_turns) : index]
        question = before[-1].texts[-1] if not before[-1].is_me else None
        if question is not None and label in question:
            question = None  # "It flew?" - "It flew": a label is never written into its own prompt
        yield Example("dialogue", label, turn.source, turn.utc_ms, question=question,
                      context=_context(before, label), tier=turn.tier, layer=turn.layer,
                      weight=turn.weight, chat=turn.chat, session=its_id)
        # how a letter goes on answers nobody: no row could hold all of it
        yield from (_monologue(piece, turn, its_id) for piece in more)


def _pieces(texts: tuple[str, ...]) -> list[str]:
    """A turn in pieces of at most CHUNK_CHARS_MAX, cut between messages if possible."""
    pieces: list[str] = []
    for text in texts:
        if pieces and len(pieces[-1]) + len(MERGE_MARK) + len(text) <= CHUNK_CHARS_MAX:
            pieces[-1] += MERGE_MARK + text
        else:
            pieces += chunks(text)
    return pieces


def without_others(examples: Iterable[Example]) -> Iterator[Example]:
    """The same examples without other people's words: answers become monologue."""
    for example in examples:
        if example.kind != "dialogue" or example.source == DATA_SET:
            yield example
        else:
            yield from (replace(example, kind="monologue", text=piece, question=None, context=())
                        for piece in chunks(example.text))


def _context(before: list[Turn], label: str) -> tuple[tuple[str, str], ...]:
    """The newest turns before the label that fit into CONTEXT_CHARS_MAX.

    Turns that repeat the label are left out, so that no prompt contains its own label.
    """
    kept: list[tuple[str, str]] = []
    room = CONTEXT_CHARS_MAX
    for turn in reversed(before):
        text = turn.text[-room:] if not kept else turn.text
        if len(text) > room:
            break
        if label not in text:
            kept.append(("me" if turn.is_me else turn.author, text))
            room -= len(text)
    return tuple(reversed(kept))


def _monologue(piece: str, of: Turn | Message, session: str) -> Example:
    return Example("monologue", piece, of.source, of.utc_ms, tier=of.tier, layer=of.layer,
                   weight=of.weight, chat=of.chat, session=session)


def chunks(text: str) -> list[str]:
    """A text in pieces of at most CHUNK_CHARS_MAX, cut between paragraphs, sentences or words.

    Joined they are the text, except for white space at the cuts.
    """
    if len(text) <= CHUNK_CHARS_MAX:
        return [text]
    pieces: list[str] = []
    for part in _parts(text):
        joint = ("\n\n" if part.starts_paragraph or not pieces
                 else sentences.joint(pieces[-1]))
        if pieces and (len(pieces[-1]) + len(joint) + len(part.text) <= CHUNK_CHARS_MAX
                       or (len(part.text) < CHUNK_CHARS_MIN
                           and len(pieces[-1]) + len(part.text) < 1.1 * CHUNK_CHARS_MAX)):
            pieces[-1] += joint + part.text
        else:
            pieces.append(part.text)
    return pieces


@dataclass(frozen=True, slots=True)
class _Part:
    text: str
    starts_paragraph: bool


def _parts(text: str) -> Iterator[_Part]:
    for paragraph in re.split(r"\n\s*\n", text):
        if not paragraph.strip():
            continue
        if len(paragraph) <= CHUNK_CHARS_MAX:
            yield _Part(paragraph.strip(), True)
            continue
        for number, sentence in enumerate(sentences.split(paragraph.strip())):
            for start in range(0, len(sentence), CHUNK_CHARS_MAX):
                yield _Part(sentence[start : start + CHUNK_CHARS_MAX], number == 0 and start == 0)


def entry_examples(entries: Iterable[Entry]) -> list[Example]:
    """Thoughts from entries that say when they are true, monologue from all others.

    Every entry is a session of its own.
    """
    examples: list[Example] = []
    for entry in entries:
        if entry.condition is None:
            examples += _alone_examples([entry.message])
        else:
            examples.append(Example(
                "thought", entry.message.text, "notebook", entry.message.utc_ms,
                condition=entry.condition, tier=NOTEBOOK_TIER,
                session=session_id(entry.message)))
    return examples
