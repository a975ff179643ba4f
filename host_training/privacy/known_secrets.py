"""Finds secrets that were disclosed anywhere, wherever they are repeated."""

from __future__ import annotations

import re
from collections import defaultdict

KEPT_MAX = 200_000  # a mailbox of a life has tens of thousands of one-time codes
SECRET_CHARS_MIN = 6  # a shorter one is a number of every day
KEY_WORDS = 4  # by which a secret is looked up; of a seed phrase one would be a word of every day

_WORD = re.compile(r"\w+")
_EDGE = re.compile(r"^\W+|\W+$")


class KnownSecrets:
    """The first KEPT_MAX secrets; further ones are removed only where they are disclosed."""

    def __init__(self) -> None:
        self._by_beginning: defaultdict[tuple[str, ...], set[str]] = defaultdict(set)
        self._n_kept = 0

    def add(self, secret: str) -> None:
        """Add a secret, without the punctuation around it.

        One of letters alone is not added: whose password is "sunshine" may still write the word.
        """
        bare = _EDGE.sub("", secret).casefold()
        if len(bare) < SECRET_CHARS_MIN or bare.isalpha() or self._n_kept >= KEPT_MAX:
            return
        alike = self._by_beginning[tuple(_WORD.findall(bare)[:KEY_WORDS])]
        self._n_kept += bare not in alike
        alike.add(bare)

    def spans(self, text: str) -> list[tuple[int, int]]:
        """(start, end) of each secret in a text, as a whole word in any case."""
        if not self._by_beginning:
            return []
        words = _WORD.findall(text.casefold())
        beginnings = {tuple(words[at : at + n])
                      for n in range(1, KEY_WORDS + 1) for at in range(len(words))}
        return [match.span() for beginning in self._by_beginning.keys() & beginnings
                for secret in self._by_beginning[beginning]
                for match in _pattern(secret).finditer(text)]


def _pattern(secret: str) -> re.Pattern[str]:
    words = r"\s+".join(map(re.escape, secret.split()))
    return re.compile(rf"(?<!\w){words}(?!\w)", re.IGNORECASE)
