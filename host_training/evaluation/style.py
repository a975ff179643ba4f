"""Stylometry: lengths, punctuation, function words, variety, repetition.

Burrows' Delta compares how often the commonest words occur, which hardly depends on what is written
about; the rest are the habits a reader notices first.

Sources: Burrows, Delta: a measure of stylistic difference, LLC 2002; Li et al., A
         diversity-promoting objective (distinct-n), NAACL 2016.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypedDict

import numpy as np

from payload.prompt import is_repeat

COMMON_WORDS = 100  # Burrows used 30 to 150 of the commonest; most of them are function words
PERMUTATIONS = 200
NGRAM_WORDS = 3
LAUGHTER = re.compile(r"\b(?:a*(?:ha){2,}h?|hehe\w*|lol|lmao|xd)\b", re.IGNORECASE)
EMOJI = re.compile("[\U0001f300-\U0001faff\u2600-\u27bf]")
_FIRST_PERSON = frozenset(("i", "me", "my", "mine", "myself", "i'm", "i've", "i'll", "i'd"))
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")


class HabitGap(NamedTuple):
    """A habit's mean over the author's lines and over the generated ones, and how they differ.

    ``distance``: in standard deviations of all lines, >= 0. ``p``: the share of permutations in
    which two halves dealt from both lie as far apart; small means that it is no chance.
    """

    author: float
    generated: float
    distance: float
    p: float


class Variety(TypedDict):
    """How much a speaker repeats itself: shares in 0..1 over all lines.

    ``distinct``: of all runs of three words, how many are different ones. ``commonest``: the share
    of the line said most often. ``repeats``: lines so like an earlier one that the payload drops
    them. ``loops``: lines that say three words in a row more than twice.
    """

    distinct: float
    commonest: float
    repeats: float
    loops: float


def words(text: str) -> list[str]:
    """Lower-case words without numbers; apostrophes stay inside."""
    return _WORD.findall(text.lower())


class Delta:
    """Burrows' Delta to one author, on the words and the spread of a reference of many bags."""

    def __init__(self, author: Sequence[str], others: Sequence[str]) -> None:
        """Bags of the author and of others; at least two in all."""
        counted = [Counter(words(bag)) for bag in (*author, *others)]
        total: Counter[str] = Counter()
        for count in counted:
            total.update(count)
        self._words = [word for word, _ in sorted(total.items(), key=lambda i: (-i[1], i[0]))
                       [:COMMON_WORDS]]
        shares = np.array([self._shares(count) for count in counted])
        self._spread = np.maximum(shares.std(0), 1e-6)
        self._author = shares[: len(author)].mean(0)

    def _shares(self, count: Mapping[str, int]) -> np.ndarray:
        n = max(1, sum(count.values()))
        return np.array([count.get(word, 0) / n for word in self._words])

    def distance(self, texts: Sequence[str]) -> float:
        """Mean |z| between the author's word shares and those of all ``texts`` together, >= 0."""
        shares = self._shares(Counter(words("\n".join(texts))))
        return float((np.abs(shares - self._author) / self._spread).mean())


def habits(text: str) -> dict[str, float]:
    """Figures of one line: length and what stands in it, per character or per word."""
    chars, found = max(1, len(text)), words(text)
    return {
        "characters": float(len(text)),
        "characters per word": sum(map(len, found)) / max(1, len(found)),
        "words per sentence": len(found) / max(1, len(re.findall(r"[.!?]+(?=\s|$)", text))),
        "commas": text.count(",") / chars,
        "semicolons and colons": sum(text.count(c) for c in ";:") / chars,
        "dashes": sum(text.count(c) for c in "-–—") / chars,
        "questions and exclamations": sum(text.count(c) for c in "?!") / chars,
        "capitals": sum(c.isupper() for c in text) / chars,
        "digits": sum(c.isdigit() for c in text) / chars,
        "bursts": float(text.count("\n>>> ")),
        "emoji": len(EMOJI.findall(text)) / chars,
        "laughter": float(len(LAUGHTER.findall(text))),
        "first person": sum(w in _FIRST_PERSON for w in found) / max(1, len(found)),
    }


def wasserstein(first: np.ndarray, second: np.ndarray) -> float:
    """Earth mover's distance of two samples of numbers, in their own unit."""
    places = np.linspace(0, 1, 201)
    return float(np.abs(np.quantile(first, places) - np.quantile(second, places)).mean())


def habit_distances(author: Sequence[str], generated: Sequence[str], seed: int
                    ) -> dict[str, HabitGap]:
    """For every habit that occurs; p comes from PERMUTATIONS permutations."""
    rng = np.random.default_rng(seed)
    of_author, of_generated = [habits(t) for t in author], [habits(t) for t in generated]
    found = {}
    for habit in habits("."):
        a = np.array([h[habit] for h in of_author])
        g = np.array([h[habit] for h in of_generated])
        both = np.r_[a, g]
        if (spread := both.std()) == 0:
            continue
        distance = wasserstein(a, g)
        as_far = 1
        for _ in range(PERMUTATIONS):
            dealt = rng.permutation(both)
            as_far += wasserstein(dealt[: len(a)], dealt[len(a) :]) >= distance
        found[habit] = HabitGap(float(a.mean()), float(g.mean()), float(distance / spread),
                                as_far / (PERMUTATIONS + 1))
    return found


def variety(lines: Sequence[str]) -> Variety:
    """How much the speaker of these lines repeats itself; 0 of each without lines."""
    if not lines:
        return {"distinct": 0.0, "commonest": 0.0, "repeats": 0.0, "loops": 0.0}
    runs = [_runs(line) for line in lines]
    n_runs = sum(sum(count.values()) for count in runs)
    repeats = sum(is_repeat(line, list(lines[:at])) for at, line in enumerate(lines))
    return {
        "distinct": len(set().union(*runs)) / max(1, n_runs),
        "commonest": Counter(lines).most_common(1)[0][1] / len(lines),
        "repeats": repeats / len(lines),
        "loops": sum(any(n > 2 for n in count.values()) for count in runs) / len(lines),
    }


def _runs(line: str) -> Counter[tuple[str, ...]]:
    found = words(line)
    return Counter(
        tuple(found[at : at + NGRAM_WORDS]) for at in range(len(found) - NGRAM_WORDS + 1))


def masked(text: str, common: frozenset[str]) -> str:
    """Text in which every word that is not ``common`` became x: the manner without the subject."""
    return _WORD.sub(lambda m: m[0] if m[0].lower() in common else "x", text)


def common_words(texts: Sequence[str]) -> frozenset[str]:
    """The COMMON_WORDS commonest words of all texts."""
    total = Counter(word for text in texts for word in words(text))
    ranked = sorted(total.items(), key=lambda item: (-item[1], item[0]))
    return frozenset(word for word, _ in ranked[:COMMON_WORDS])
