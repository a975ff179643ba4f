"""Refuses the drafts that must not be kept, and chooses the best of the others.

A line is kept if it is clean, new, and no part of its prompt. A number that stands nowhere in the
prompt is one that nobody measured: such a draft is refused, and so is one that claims to be a
person, or what the sensors contradict. Of those that are left, one without a doubt comes before
one with.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from payload.mind.claims import contradictions, doubts
from payload.mind.claims.person import claims_to_be_a_person
from payload.mind.exchanges import Exchange
from payload.mind.private_words import PrivateWords
from payload.mind.repeats import Said, is_circular, is_echo
from payload.prompt import Moment, PersonaText, clean_reply, is_repeat, numbers, senses_in_words

RAW_CHARS_MAX = 4096


def usable(draft: str, sentences_max: int) -> str | None:
    """The line of a draft where it may be kept in any moment; None for the others.

    It is clean, does not run in circles and does not claim to be a person.
    """
    line = clean_reply(draft, sentences_max)
    if line is None or is_circular(line) or claims_to_be_a_person(line):
        return None
    return line


class DraftChoice:
    """What drafts are judged by: the lines said so far, the private words, the persona's own."""

    def __init__(
        self, said: Iterable[str], private_words: tuple[str, ...], persona: PersonaText | None,
        sentences_max: int,
    ) -> None:
        """``said`` are the lines of this flight before the reboot, oldest first."""
        self._said = Said(list(said))
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
        senses = senses_in_words(moment)
        heard = "" if moment.heard is None else moment.heard.text
        prompted = [*self._constant, senses, memory or "", moment.question or "", heard]
        given = set().union(*map(numbers, prompted))
        answers = [exchange.answer for exchange in thread if exchange.answer]
        prompted += [exchange.question for exchange in thread]
        kept: list[tuple[int, str]] = []  # how doubtful, and the line
        for draft in drafts:
            raw = draft[:RAW_CHARS_MAX]
            line = usable(raw, self._sentences_max)
            if (
                line is not None and not self._private.are_in(raw, line) and numbers(line) <= given
                and not is_echo(line, prompted) and not self._is_stale(line, moment, memory)
                and not is_repeat(line, answers)
                and not contradictions.find(line, moment.about, senses, moment.altitude_m)
            ):
                kept.append((doubts.count(line, moment.about, senses, moment.altitude_m), line))
        if not kept:
            return None
        _, best = min(kept, key=lambda one: one[0])  # of equals the first: drafts come best first
        self._said.add(best)
        return best

    def _is_stale(self, line: str, moment: Moment, memory: str | None) -> bool:
        """True for what was said before, and for the memory in the prompt said back.

        Two askers may get much the same answer, as from a person, but never the same words.
        """
        if moment.question is not None:
            return self._said.has(line)
        if memory is not None and is_repeat(line, [memory]):
            return True
        return self._said.is_like(line)
