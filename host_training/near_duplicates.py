"""Which texts say nearly the same: MinHash over runs of characters, in any script.

Characters and not words, because Chinese, Japanese and Thai have no spaces. Under FLAT_CHARS a text
has too few runs for MinHash to mean anything; there only texts of equal letters are the same, and
only from EXACT_CHARS on, so that every "yes" may stay.
Source: A. Broder, On the resemblance and containment of documents, 1997.
"""

from __future__ import annotations

import unicodedata
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

RUN_CHARS = 5
FLAT_CHARS = 40
EXACT_CHARS = 21
BANDS, ROWS = 16, 4  # finds 0.8 with a chance of 1 - (1 - 0.8^4)^16 > 0.999
COMPARED_CHARS_MAX = 4_000
BUCKET_MAX = 50  # of one bucket, compared with each newcomer

_PRIME = (1 << 61) - 1
_rng = np.random.default_rng(1)
_A = _rng.integers(1, 1 << 31, BANDS * ROWS, dtype=np.uint64)
_B = _rng.integers(0, 1 << 31, BANDS * ROWS, dtype=np.uint64)


def fingerprint(text: str) -> str:
    """Letters and digits alone, folded: equal for texts that differ in case and marks only."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(c for c in folded if c.isalnum()) or text.strip()


def first_of_each(texts: Sequence[str], threshold: float) -> list[int]:
    """Indexes of the texts that are not like an earlier one that stays.

    Args:    threshold: Jaccard similarity of character runs from which two are the same, 0..1.
    """
    kept: list[int] = []
    exact: set[str] = set()
    buckets: defaultdict[tuple[int, bytes], list[int]] = defaultdict(list)
    runs_of: dict[int, frozenset[int]] = {}
    for index, text in enumerate(texts):
        mark = fingerprint(text)
        if len(mark) < EXACT_CHARS:
            kept.append(index)
            continue
        if mark in exact:
            continue
        if len(mark) >= FLAT_CHARS:
            runs = _runs(mark)
            bands = list(_bands(runs))
            rivals = {i for band in bands for i in buckets[band][:BUCKET_MAX]}
            if any(_jaccard(runs, runs_of[i]) >= threshold for i in rivals):
                continue
            runs_of[index] = runs
            for band in bands:
                buckets[band].append(index)
        exact.add(mark)
        kept.append(index)
    return kept


def alike(texts: Sequence[str], threshold: float) -> Iterator[tuple[int, int]]:
    """Pairs of indexes (later, earlier) of texts that say nearly the same, to be joined.

    Only the bands of every text are kept; the runs of two are made anew when they share one.
    """
    exact: dict[str, int] = {}
    buckets: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for index, text in enumerate(texts):
        mark = fingerprint(text)
        if len(mark) < EXACT_CHARS:
            continue
        first = exact.setdefault(mark, index)
        if first != index:
            yield index, first
            continue
        if len(mark) < FLAT_CHARS:
            continue
        runs = _runs(mark)
        bands = [(number, hash(band)) for number, band in enumerate(_bands(runs))]
        for rival in sorted({i for band in bands for i in buckets[band][:BUCKET_MAX]}):
            if _jaccard(runs, _runs(fingerprint(texts[rival]))) >= threshold:
                yield index, rival
        for band in bands:
            buckets[band].append(index)


def _runs(mark: str) -> frozenset[int]:
    mark = mark[:COMPARED_CHARS_MAX]
    return frozenset(zlib.crc32(mark[i : i + RUN_CHARS].encode("utf-8", "replace"))
                     for i in range(len(mark) - RUN_CHARS + 1))


def _bands(runs: frozenset[int]) -> Iterator[tuple[int, bytes]]:
    hashes = np.fromiter(runs, dtype=np.uint64, count=len(runs))
    least = ((hashes[:, None] * _A + _B) % np.uint64(_PRIME)).min(axis=0)
    for band in range(BANDS):
        yield band, least[band * ROWS : (band + 1) * ROWS].tobytes()


def _jaccard(a: frozenset[int], b: frozenset[int]) -> float:
    return len(a & b) / len(a | b)
