"""Secrets that were told somewhere, found again wherever they are repeated."""

from __future__ import annotations

import re
from collections import defaultdict

KEPT_MAX = 200_000  # a mailbox of a life has tens of thousands of one-time codes
SECRET_CHARS_MIN = 6  # a shorter one is a number of every day

_RUN = re.compile(r"\w+")
_EDGE = re.compile(r"^\W+|\W+$")


class KnownSecrets:
    """A set of secrets; the first KEPT_MAX are kept, the others drop only where they were told."""

    def __init__(self) -> None:
        self._by_first_run: defaultdict[str, set[str]] = defaultdict(set)
        self._n_kept = 0

    def add(self, secret: str) -> None:
        """Remember one, without the marks of the sentence around it.

        Not one of letters alone: whoever has "sunshine" for a password may still speak of it.
        """
        bare = _EDGE.sub("", secret).casefold()
        if len(bare) < SECRET_CHARS_MIN or bare.isalpha() or self._n_kept >= KEPT_MAX:
            return
        same_run = self._by_first_run[_RUN.findall(bare)[0]]
        self._n_kept += bare not in same_run
        same_run.add(bare)

    def spans(self, text: str) -> list[tuple[int, int]]:
        """(start, end) of each that stands in a text, as a word by itself and in any case."""
        if not self._by_first_run:
            return []
        runs = self._by_first_run.keys() & set(_RUN.findall(text.casefold()))
        return [match.span() for run in runs for secret in self._by_first_run[run]
                for match in _pattern(secret).finditer(text)]


def _pattern(secret: str) -> re.Pattern[str]:
    words = r"\s+".join(map(re.escape, secret.split()))
    return re.compile(rf"(?<!\w){words}(?!\w)", re.IGNORECASE)
