"""Finds words that the writing uses like names: people who are only mentioned have no account.

A word counts if it occurs inside a sentence with a capital letter, and nowhere without one. This is
a guess, and the user decides; if every noun has a capital, as in German, the result would be a list
of nouns, and none is returned.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path

from host_training.corpus import assemble
from host_training.privacy.names import fold
from host_training.privacy.scrub import PLACEHOLDER

SHOWN_MAX = 40
TIMES_MIN = 2  # in the whole writing
LETTERS_MIN = 3  # the letters that stand for people have one
CAPITALS_MAX = 0.18  # of the words inside sentences: of four English authors 0.04 to 0.07
TEXTS_READ_MAX = 50_000

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
# what stands before the first word of a sentence, of a line, or of what somebody says
_START = re.compile(r"(?:^|[.!?…:;\n\r\"“”„«»‘(\[*_#>–—|-]|(?<!\w)')\s*$")
_SHORTENED = re.compile(r"[^\W\d_]['’][^\W\d_A-Z]")  # "I'll", but not "O'Brien"
_NO_NAMES_WORDS = (
    "monday tuesday wednesday thursday friday saturday sunday january february march april may june"
    " july august september october november december christmas easter god english french german"
    " dutch spanish italian british american european internet")
_NO_NAMES = frozenset(_NO_NAMES_WORDS.split())


def likely_names(seen: Path, known: Collection[str]) -> list[tuple[str, int]]:
    """(word, how often), the most frequent first, at most SHOWN_MAX.

    Args:    seen: the folder that `scan` filled.
             known: names about which the user has decided, and those of the author.
    """
    path = seen / assemble.EXAMPLES
    if not path.exists():
        return []
    with path.open(encoding="utf-8") as file:
        return names_in((json.loads(line)["text"] for _, line in zip(range(TEXTS_READ_MAX), file,
                                                                    strict=False)), known)


def names_in(texts: Iterable[str], known: Collection[str]) -> list[tuple[str, int]]:
    """The same, of texts that were scrubbed."""
    inside: Counter[str] = Counter()
    small: Counter[str] = Counter()
    for text in texts:
        _count(PLACEHOLDER.sub(" ", text), inside, small)
    n_capitals = inside.total()
    if n_capitals > CAPITALS_MAX * (n_capitals + small.total()):
        return []
    decided = {fold(word) for name in known for word in name.split()} | _NO_NAMES
    lower = {fold(word) for word in small}
    found = Counter({word: n for word, n in inside.items()
                     if n >= TIMES_MIN and len(word) >= LETTERS_MIN and not _SHORTENED.match(word)
                     and not {fold(word), word.casefold()} & (decided | lower)})
    return found.most_common(SHOWN_MAX)


def _count(text: str, inside: Counter[str], small: Counter[str]) -> None:
    """Words with a capital inside a sentence, without "'s", and words that begin without one."""
    for match in _WORD.finditer(text):
        word = match[0]
        if word[0].islower():
            small[word] += 1
        elif not word.isupper() and not _START.search(text[max(0, match.start() - 3) :
                                                           match.start()]):
            inside[re.sub(r"['’]s$", "", word)] += 1
