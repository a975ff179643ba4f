"""A character n-gram model: the floor that a language model has to beat.

A table of which byte followed which five in the trained text, smoothed by Kneser and Ney's rule. It
knows no words and takes a second to make; a persona that needs as many bits as this has learnt
spelling and nothing else.

Source:  Chen and Goodman, An empirical study of smoothing techniques for language modeling,
         Computer Speech & Language 13, 1999 (Kneser-Ney, interpolated).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

ORDER = 5  # bytes before the one that is predicted
DISCOUNT = 0.75
BYTES_MAX = 2_000_000  # read, evenly from all of it; more would take minutes and hardly help
_SYMBOLS = 256


class NgramBaseline:
    """Predicts text byte by byte. Deterministic."""

    def __init__(self, texts: Sequence[str]) -> None:
        """Count ``texts``, each a line; evenly fewer of them beyond BYTES_MAX."""
        size = sum(len(text.encode()) + 1 for text in texts)
        some = texts[:: math.ceil(size / BYTES_MAX)] if size else texts
        data = b"".join(map(_line, some))
        grams = Counter(data[at : at + ORDER + 1] for at in range(len(data) - ORDER))
        self._tables = [_Table(grams)]
        while grams and len(next(iter(grams))) > 1:
            # The whole context counts how often; a shorter one, after how many different bytes.
            grams = Counter(gram[1:] for gram in grams)
            self._tables.append(_Table(grams))

    def bits(self, text: str) -> float:
        """Bits of the UTF-8 bytes of ``text``, as a line of its own."""
        data = _line(text)
        return -math.fsum(math.log2(self._probability(data[at - ORDER : at], data[at]))
                          for at in range(ORDER, len(data)))

    def _probability(self, context: bytes, symbol: int) -> float:
        """Of ``symbol`` after the last ORDER bytes; over all 256 they sum to one."""
        found = 1 / _SYMBOLS
        for table in reversed(self._tables):
            found = table.probability(context[ORDER - table.length :], symbol, found)
        return found


class _Table:
    """What followed each context of one length."""

    def __init__(self, grams: Counter[bytes]) -> None:
        self.length = len(next(iter(grams))) - 1 if grams else 0
        self._grams = grams
        self._totals: Counter[bytes] = Counter()
        self._kinds: Counter[bytes] = Counter()
        for gram, count in grams.items():
            self._totals[gram[:-1]] += count
            self._kinds[gram[:-1]] += 1

    def probability(self, context: bytes, symbol: int, shorter: float) -> float:
        """With what a shorter context says for the part that is set aside for the unseen."""
        total = self._totals.get(context, 0)
        if not total:
            return shorter
        count = self._grams.get(context + bytes([symbol]), 0)
        return (max(count - DISCOUNT, 0.0) + DISCOUNT * self._kinds[context] * shorter) / total


def _line(text: str) -> bytes:
    """With as many ends of lines before it as make a context."""
    return b"\n" * ORDER + text.encode()
