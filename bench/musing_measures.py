"""What can be told about lines by reading them: copies, repeats, contradictions, and their cost."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.musing_flights import Flown, FlownLine
from payload import prompt
from payload.mind.claims import contradictions
from payload.mind.claims.contradictions import Contradiction

COPY_LETTERS = 40


def letters(text: str) -> str:
    """Words in small letters with one space between them; nothing else of it counts."""
    return " ".join(re.findall(r"\w+", text.casefold()))


class TrainingText:
    """All that a persona was trained on, to find what is said again from it."""

    def __init__(self, texts: Iterable[str]) -> None:
        texts = list(texts)
        self._text = "\n".join(map(letters, texts))
        self._whole = {letters(part) for text in texts
                       for part in (text, *_sentences(text), *text.splitlines())}

    def has(self, line: str) -> bool:
        """True for a line that has COPY_LETTERS letters in a row from one text, spaces counted,
        and for one that is, all of it, a sentence or a whole text."""
        line = letters(line)
        return line in self._whole or any(
            line[at : at + COPY_LETTERS] in self._text
            for at in range(len(line) - COPY_LETTERS + 1))


def _sentences(text: str) -> list[str]:
    ends = prompt.sentence_ends(text)
    return [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True)]


@dataclass(frozen=True, slots=True)
class Repeats:
    """How many lines say again what was said before; ``near`` has the exact ones in it."""

    exact: int
    near: int


def repeats_within(flights: Sequence[Flown]) -> Repeats:
    """Of an earlier line of the same flight."""
    found = [_repeats(line.text, [other.text for other in flight.lines[:at]])
             for flight in flights for at, line in enumerate(flight.lines)]
    return Repeats(sum(exact for exact, _ in found), sum(near for _, near in found))


def repeats_across(flights: Sequence[Flown]) -> Repeats:
    """Of a line of an earlier flight."""
    found = [_repeats(line.text, [other.text for before in flights[:at] for other in before.lines])
             for at, flight in enumerate(flights) for line in flight.lines]
    return Repeats(sum(exact for exact, _ in found), sum(near for _, near in found))


def _repeats(text: str, earlier: list[str]) -> tuple[bool, bool]:
    is_exact = letters(text) in {letters(old) for old in earlier}
    return is_exact, is_exact or prompt.is_repeat(text, earlier)


def contradicting(lines: Iterable[FlownLine]) -> list[tuple[FlownLine, list[Contradiction]]]:
    """Lines that cannot be so in their moment, and why."""
    judged = ((line, contradictions.find(line.text, line.about, line.senses, line.altitude_m))
              for line in lines)
    return [(line, found) for line, found in judged if found]


def refused_share(flights: Sequence[Flown]) -> float | None:
    """Of all replies of the model, those without a line to keep; None where there is none."""
    refused = sum(flight.refused for flight in flights)
    replies = refused + sum(len(flight.lines) + flight.answers for flight in flights)
    return refused / replies if replies else None


def joules(flights: Sequence[Flown]) -> float | None:
    """Energy of thinking for one musing that is kept, J, above the idle board.

    The record has the time of the reply that was kept; those that were refused before it are taken
    to have cost as much.
    """
    refused = refused_share(flights)
    spent_j = [line.think_ms / 1000 * flight.think_w for flight in flights for line in flight.lines]
    if refused is None or not spent_j:
        return None
    return sum(spent_j) / len(spent_j) / (1 - refused)


def groups(lines: Sequence[FlownLine], size: int, most: int, seed: int) -> list[list[FlownLine]]:
    """Lines drawn into groups, no two of a group said in the same words of a moment.

    Each is then compared with the moments of its group. At most ``most`` lines; what fills no group
    is left out.
    """
    drawn = list(lines)
    random.Random(seed).shuffle(drawn)
    made: list[dict[tuple[str, str], FlownLine]] = []
    for line in drawn:
        moment = (line.senses, line.about)
        place = next((g for g in made if len(g) < size and moment not in g), None)
        if place is None:
            made.append(place := {})
        place[moment] = line
    return [list(group.values()) for group in made if len(group) == size][: most // size]
