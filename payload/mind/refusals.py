"""Refuses the drafts that must not be kept, and chooses the best of the others.

A line is kept if it is clean, new, and no part of its prompt. A number that stands nowhere in the
prompt is one that nobody measured: such a draft is refused, and so is one that claims to be a
person, or what the sensors contradict. A reply may be short and take up the words of its question,
but not give it back, nor say what the question and the moment make wrong. Of those that are left,
one without a doubt comes before one with.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from payload.mind.claims import (
    answering,
    contradictions,
    doubts,
    names,
    stated_moment,
    yes_or_no,
)
from payload.mind.claims.person import claims_to_be_a_person
from payload.mind.exchanges import Exchange
from payload.mind.private_words import PrivateWords
from payload.mind.repeats import PastMusings, is_circular, is_echo
from payload.prompt import (
    MUSING_LETTERS_MIN,
    REPLY_LETTERS_MIN,
    Moment,
    PersonaText,
    clean_reply,
    is_repeat,
    numbers,
    senses_in_words,
    similarity,
)

RAW_CHARS_MAX = 4096
PARROT_SIMILARITY_MIN = 0.85


def usable(draft: str, sentences_max: int, is_reply: bool = False) -> str | None:
    """The line of a draft where it may be kept in any moment; None for the others.

    It is clean, does not run in circles and does not claim to be a person.
    """
    line = clean_reply(
        draft, sentences_max, REPLY_LETTERS_MIN if is_reply else MUSING_LETTERS_MIN)
    if line is None or is_circular(line) or claims_to_be_a_person(line):
        return None
    return line


class DraftChoice:
    """What drafts are judged by: the lines said so far, the private words, the persona's own."""

    def __init__(
        self, musings: Iterable[str], private_words: tuple[str, ...], persona: PersonaText | None,
        sentences_max: int,
    ) -> None:
        """``musings`` are those of this flight before the reboot, oldest first."""
        self._past = PastMusings(list(musings))
        self._private = PrivateWords(private_words)
        self._constant = [] if persona is None else [persona.system, *persona.values]
        self._sentences_max = sentences_max

    def best(
        self, drafts: Sequence[str], moment: Moment, memory: str | None,
        thread: Sequence[Exchange] = (),
    ) -> str | None:
        """The usable line of ``drafts`` with the fewest doubts, which counts as said from now on.

        ``drafts`` come best first; None if no line is usable.

        ``moment``, ``memory`` and ``thread`` are those of the prompt. A number of the thread was
        true then, and may not be now: it is not given.
        """
        senses, question = senses_in_words(moment), moment.question
        recalled = [] if memory is None else [memory]
        heard = [] if moment.heard is None else [moment.heard.text]
        known = [*self._constant, senses, *heard, *recalled, *([question] if question else [])]
        given = set().union(*map(numbers, known))
        # A reply may be a part of its question, and of what was remembered for it.
        prompted = [*self._constant, senses, *heard, *([] if question else recalled),
                    *(exchange.question for exchange in thread)]
        answers = [exchange.answer for exchange in thread if exchange.answer]
        kept: list[tuple[int, str]] = []  # how doubtful, and the line
        for draft in drafts:
            raw = draft[:RAW_CHARS_MAX]
            line = usable(raw, self._sentences_max, question is not None)
            if (
                line is None or self._private.are_in(raw, line) or not numbers(line) <= given
                or is_echo(line, prompted) or is_repeat(line, [*answers, *recalled])
                or contradictions.find(line, moment.about, senses, moment.altitude_m)
                or (self._past.is_like(line) if question is None
                    else _is_no_answer(line, question, senses))
            ):
                continue
            doubtful = doubts.count(line, moment.about, senses, moment.altitude_m)
            if question is not None:
                # Two askers may get the same answer, where there is no other as good.
                doubtful += (answering.doubts(line, question) + names.are_new(line, known)
                             + self._past.has(line))
            kept.append((doubtful, line))
        if not kept:
            return None
        _, best = min(kept, key=lambda one: one[0])  # of equals the first: drafts come best first
        self._past.add(best)
        return best


def _is_no_answer(line: str, question: str, senses: str) -> bool:
    """The question given back, or what it and the moment make wrong."""
    stated = stated_moment.read("question", senses, None)
    return ((line.endswith("?") and is_echo(line, [question]))
            or similarity(line, question) > PARROT_SIMILARITY_MIN
            or answering.contradicts_itself(line, question)
            or yes_or_no.is_wrong(line, question, stated))
