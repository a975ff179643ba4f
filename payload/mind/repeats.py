"""Finds repetition: of earlier lines of this flight, of the prompt, and within a line.

Exact repeats are refused for the whole flight by a short hash of the letters; likeness is judged
against the latest lines only, as a person would notice it.
"""

from __future__ import annotations

import hashlib
import re
from collections import deque
from collections.abc import Iterable

from payload.prompt import is_repeat, trigrams

LATEST_MAX = 40
HASHES_MAX = 50_000  # some weeks of musings; then the oldest are forgotten
CIRCLE_WORDS = 4
LONG_WORD = 4
ECHO_SHARE_MAX = 0.85  # of a line's trigrams
_HASH_BYTES = 8


class PastMusings:
    """Every musing so far, restored from the store after a reboot."""

    def __init__(self, texts: list[str]) -> None:
        """``texts`` oldest first."""
        self._latest: deque[str] = deque(maxlen=LATEST_MAX)
        self._hashes: dict[bytes, None] = {}
        for text in texts:
            self.add(text)

    def add(self, text: str) -> None:
        self._latest.append(text)
        self._hashes[_hash(text)] = None
        if len(self._hashes) > HASHES_MAX:
            del self._hashes[next(iter(self._hashes))]

    def has(self, text: str) -> bool:
        """True when these letters were said before, whatever the punctuation and case."""
        return _hash(text) in self._hashes

    def is_like(self, text: str) -> bool:
        """True when ``text`` was said before or is too like one of the latest lines."""
        return self.has(text) or is_repeat(text, list(self._latest))


def is_circular(text: str) -> bool:
    """True when CIRCLE_WORDS words in a row come twice, as in a very small model's loops."""
    words = re.findall(r"\w+", text.casefold())
    runs = [tuple(words[at : at + CIRCLE_WORDS]) for at in range(len(words) - CIRCLE_WORDS + 1)]
    return len(set(runs)) < len(runs)


def repetitions(text: str) -> int:
    """How often a word of LONG_WORD letters or more is said again in ``text``."""
    words = re.findall(rf"[^\W\d_]{{{LONG_WORD},}}", text.casefold())
    return len(words) - len(set(words))


def is_echo(text: str, prompted: Iterable[str]) -> bool:
    """True when ``text`` is hardly more than a part of one of the texts it was prompted with."""
    letters = trigrams(text)
    return any(len(letters & trigrams(part)) > ECHO_SHARE_MAX * len(letters) for part in prompted)


def _hash(text: str) -> bytes:
    letters = " ".join(re.findall(r"\w+", text.casefold()))
    return hashlib.blake2b(letters.encode(), digest_size=_HASH_BYTES).digest()
