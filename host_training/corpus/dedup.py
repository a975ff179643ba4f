"""Near-duplicate texts: MinHash over runs of characters, in any script.

Characters and not words, because Chinese, Japanese and Thai have no spaces. Below FLAT_CHARS a text
has too few runs for MinHash; such texts are duplicates if their letters are equal, and only from
EXACT_CHARS on, so that every "yes" is kept. The index is on disk: a year of somebody's chats is a
million texts.
Sources: A. Broder, On the resemblance and containment of documents, 1997; P. Li and A. König,
b-bit minwise hashing, 2010 (a byte of each least hash is enough to see that two texts differ).
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from host_training.common.scratch_db import Scratch

RUN_CHARS = 5
FLAT_CHARS = 40
EXACT_CHARS = 21
BANDS, ROWS = 16, 4  # finds 0.8 with a chance of 1 - (1 - 0.8^4)^16 > 0.999
COMPARED_CHARS_MAX = 4_000
BUCKET_MAX = 50  # of one bucket, compared with each newcomer
SLACK = 20  # fewer equal least hashes of 64 than the similarity promises: five deviations at 0.5

_NO_LETTER = re.compile(r"[\W_]+")

# multiply-shift: of 64 bits that wrap, the upper 32 are the hash of a run's 32
_rng = np.random.default_rng(1)
_A, _B = _rng.integers(0, 1 << 64, (2, BANDS * ROWS), dtype=np.uint64)
_MIX = _rng.integers(0, 1 << 64, (BANDS, ROWS), dtype=np.uint64)
_OF_BAND = _rng.integers(0, 1 << 64, BANDS, dtype=np.uint64)


def fingerprint(text: str) -> str:
    """Letters and digits alone, folded: equal for texts that differ in case and marks only."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _NO_LETTER.sub("", folded) or text.strip()


def repeats(texts: Iterable[tuple[int, str]], threshold: float, work: Path | None = None
            ) -> Iterator[int]:
    """Numbers of the texts that are near-duplicates of an earlier text that is not itself one.

    Args:    texts: (number, text).
             threshold: Jaccard similarity of character runs from which two are duplicates, 0..1.
             work: a file for the index; a temporary one when left out.
    """
    with SeenTexts(threshold, work) as seen:
        for number, text in texts:
            mark = TextMark.of(text)
            if mark is None:
                continue
            if next(seen.like(mark), None) is None:
                seen.add(number, mark)
            else:
                yield number


def near_duplicates(texts: Iterable[str], threshold: float) -> Iterator[tuple[int, int]]:
    """Pairs of indices (later, earlier) of texts that are near-duplicates."""
    with SeenTexts(threshold) as seen:
        for number, text in enumerate(texts):
            mark = TextMark.of(text)
            if mark is not None:
                yield from ((number, other) for other in seen.like(mark))
                seen.add(number, mark)


@dataclass(frozen=True, slots=True)
class TextMark:
    """What is compared of a text. ``runs`` is empty if the text is shorter than FLAT_CHARS."""

    letters: str
    runs: frozenset[int]
    least: bytes  # the low byte of each of BANDS * ROWS least hashes
    buckets: tuple[int, ...]  # one for each band, of 64 bits

    @classmethod
    def of(cls, text: str) -> TextMark | None:
        """None for a text that is too short to be compared."""
        letters = fingerprint(text)
        if len(letters) < EXACT_CHARS:
            return None
        if len(letters) < FLAT_CHARS:
            return cls(letters, frozenset(), b"", ())
        runs = _runs(letters[:COMPARED_CHARS_MAX])
        hashes = np.fromiter(runs, dtype=np.uint64, count=len(runs))
        least = (hashes[:, None] * _A + _B).min(axis=0) >> np.uint64(32)
        mixed = (least.reshape(BANDS, ROWS) * _MIX).sum(axis=1, dtype=np.uint64) ^ _OF_BAND
        return cls(letters, runs, least.astype(np.uint8).tobytes(),
                   tuple(mixed.view(np.int64).tolist()))


class SeenTexts(Scratch):
    """An index of the texts that are kept, by the numbers they were added with.

    Raises TrainingError, as a context manager, when the disk is full.
    """

    def __init__(self, threshold: float, work: Path | None = None) -> None:
        """``threshold``, ``work``: see ``repeats``."""
        super().__init__(work, """
            CREATE TABLE exact (digest BLOB PRIMARY KEY, number INTEGER) WITHOUT ROWID;
            CREATE TABLE texts (number INTEGER PRIMARY KEY, least BLOB, letters BLOB);
            CREATE TABLE buckets (bucket INTEGER, number INTEGER, PRIMARY KEY (bucket, number))
                WITHOUT ROWID;""")
        self._threshold = threshold
        self._equal_min = round(BANDS * ROWS * threshold) - SLACK

    def like(self, mark: TextMark) -> Iterator[int]:
        """Numbers of its duplicates: the text of equal letters, else all near-duplicates."""
        found = self._database.execute("SELECT number FROM exact WHERE digest = ?",
                                       (_digest(mark),)).fetchone()
        if found is not None:
            yield found[0]
            return
        for number in sorted({number for _, number in self._neighbours(mark)}):
            least, letters = self._database.execute(
                "SELECT least, letters FROM texts WHERE number = ?", (number,)).fetchone()
            n_equal = sum(map(int.__eq__, least, mark.least))
            if (n_equal >= self._equal_min
                    and _jaccard(mark.runs, _runs(letters.decode())) >= self._threshold):
                yield number

    def add(self, number: int, mark: TextMark) -> None:
        """Add a text that is kept. A bucket holds the first BUCKET_MAX."""
        insert = self._database.execute
        insert("INSERT OR IGNORE INTO exact VALUES (?, ?)", (_digest(mark), number))
        if not mark.runs:
            return
        insert("INSERT INTO texts VALUES (?, ?, ?)", (number, mark.least, _encoded(
            mark.letters[:COMPARED_CHARS_MAX])))
        full = Counter(bucket for bucket, _ in self._neighbours(mark))
        self._database.executemany("INSERT INTO buckets VALUES (?, ?)", (
            (bucket, number) for bucket in mark.buckets if full[bucket] < BUCKET_MAX))

    def _neighbours(self, mark: TextMark) -> list[tuple[int, int]]:
        marks = ",".join("?" * len(mark.buckets))
        return self._database.execute(
            f"SELECT bucket, number FROM buckets WHERE bucket IN ({marks})", mark.buckets
        ).fetchall()


def _digest(mark: TextMark) -> bytes:
    return hashlib.blake2b(mark.letters.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _encoded(letters: str) -> bytes:
    return letters.encode("utf-8", "replace")


def _runs(letters: str) -> frozenset[int]:
    if letters.isascii():  # the same, in half the time
        data = letters.encode()
        return frozenset(zlib.crc32(data[i : i + RUN_CHARS])
                         for i in range(len(data) - RUN_CHARS + 1))
    return frozenset(zlib.crc32(_encoded(letters[i : i + RUN_CHARS]))
                     for i in range(len(letters) - RUN_CHARS + 1))


def _jaccard(a: frozenset[int], b: frozenset[int]) -> float:
    return len(a & b) / len(a | b)
