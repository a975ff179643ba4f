"""Memory: one sentence of the author's own writing that fits the moment.

Training and the desktop chat recall with the same rules and as often as the flight, so that the
model is prompted as it was trained. The full-text index of the bundle (built by
``host_training/rows/memory_index.py``) is opened read-only and immutable: nothing is locked or
written, however the card is mounted. A damaged index costs the memory, never the thought: errors
are counted, and ``recall`` returns None.

The index finds whole words. In scripts without spaces it finds none, so pieces of two or three
letters stand in for words: on a second line under each sentence, and in the query.
"""

from __future__ import annotations

import random
import re
import sqlite3
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType

from payload.ports import PortError

SCHEMA = (
    "CREATE VIRTUAL TABLE memory USING fts5(text, source UNINDEXED, utc_ms UNINDEXED,"
    " tokenize='unicode61 remove_diacritics 2')"
)
DIARY_CHANCE = 0.5  # that a diary is searched before the author's writing
MEMORY_CHANCE = 0.3  # that a moment without a question gets a memory, where one fits
TERMS_MAX = 8
TERM_CHARS_MIN = 3
PIECES_MAX = 64  # of a query, in scripts without spaces; a long question has about thirty
CANDIDATES_MAX = 16
VM_STEPS_MAX = 400_000  # of SQLite's virtual machine: some tens of milliseconds on a Pi
_VM_STEPS_CHECKED = 20_000
CACHE_KIB = 256  # of pages of the index; a long flight would read all of it into this process
VALUE_BYTES_MAX = 1 << 20  # of one value or block of the index; a sentence has some hundred

# What to look for in the author's own writing when musing about a topic.
MEMORY_WORDS: MappingProxyType[str, tuple[str, ...]] = MappingProxyType({
    "ground": ("grass", "field", "dew", "morning"), "launch": ("begin", "leaving", "goodbye"),
    "height": ("high", "hill", "roof", "ladder"), "cold": ("cold", "winter", "frost", "snow"),
    "thin-air": ("air", "breath", "breathe"), "horizon": ("horizon", "edge", "curve", "far"),
    "inside": ("inside", "box", "room"), "float": ("drift", "waiting", "slow"),
    "sun": ("sun", "light", "shadow"), "dark": ("dark", "night", "stars"),
    "cloud": ("cloud", "fog", "rain"), "wind": ("wind", "gale", "storm"),
    "battery": ("battery", "power", "tired"), "burst": ("burst", "broke", "broken"),
    "falling": ("fall", "falling", "dropped"), "landing": ("landing", "home", "arrive"),
    "landed": ("home", "field", "arrived"), "silence": ("silence", "quiet", "nobody"),
    "notfound": ("lost", "missing", "nowhere"), "refused": ("refused", "closed", "shut"),
    "timeout": ("waiting", "late", "wait"), "garbage": ("nonsense", "noise", "wrong"),
    "answer": ("answer", "letter", "reply"), "picture": ("picture", "photograph", "camera"),
    "self": ("mind", "think", "self"),
})

_IDEOGRAMS = "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"
_HANGUL = "\uac00-\ud7a3"  # has spaces, but its words of two letters carry their endings
_HIRAGANA, _KATAKANA = "\u3041-\u3096", "\u30a1-\u30fa\u30fc-\u30fe"
_THAI_LAO_BURMESE_KHMER = "\u0e01-\u0e4e\u0e81-\u0ecd\u1000-\u103e\u1780-\u17d3"
_UNSPACED = _IDEOGRAMS + _HANGUL + _HIRAGANA + _KATAKANA + _THAI_LAO_BURMESE_KHMER
_RUN = re.compile(f"(?P<two>[{_IDEOGRAMS}{_HANGUL}]+)|(?P<three>[{_HIRAGANA}]+|[{_KATAKANA}]+"
                  f"|[{_THAI_LAO_BURMESE_KHMER}]+)|(?P<word>[^\\W{_UNSPACED}]+)")
_PIECE_LETTERS = {"two": 2, "three": 3}
_PRIVATE_USE = 0xE000

# sqlite3 quotes the damaged bytes in its message, and a damaged size may exceed the memory.
_DAMAGE = (sqlite3.Error, UnicodeError, MemoryError)


class MemoryAbsent(PortError):
    """The path has no index, or it is not one; the flight goes without."""


def indexed(text: str) -> str:
    """A sentence as the index holds it: on one line, with its pieces, if any, on the next."""
    line = " ".join(text.split())
    _, pieces = _terms(line)
    return "\n".join(filter(None, (line, " ".join(pieces))))


def sentence(value: str) -> str:
    """The sentence of an index value, the reverse of ``indexed``."""
    return value.split("\n", 1)[0]


def _terms(text: str) -> tuple[list[str], list[str]]:
    """The words of ``text``, and the pieces of its writing without spaces, each once.

    A piece is two ideograms or Hangul, or three letters of other scripts; they overlap. A shorter
    run is a piece itself, except a single letter that is not an ideogram.
    """
    words: dict[str, None] = {}
    pieces: dict[str, None] = {}
    for run in _RUN.finditer(unicodedata.normalize("NFKC", text)):
        letters, n = run[0], _PIECE_LETTERS.get(run.lastgroup or "")
        if n is None:
            words[letters] = None
        elif len(letters) > 1 or n == 2:
            pieces.update((_lettered(letters[i : i + n]), None)
                          for i in range(max(1, len(letters) - n + 1)))
    return list(words), list(pieces)


def _lettered(piece: str) -> str:
    """FTS5 treats a mark, such as a Thai vowel, as a space; a private-use character replaces it."""
    return "".join(chr(_PRIVATE_USE + ord(c) % 0x1000) if unicodedata.category(c)[0] == "M" else c
                   for c in piece)


class Memory:
    """An open index; ``recall`` costs at most VM_STEPS_MAX steps."""

    def __init__(self, path: Path, diary: Sequence[str] = ()) -> None:
        """``diary``: lines of an earlier flight (``payload.mind.diary``), which it remembers too.

        Raises MemoryAbsent when ``path`` is missing or not such an index.
        """
        self.errors = 0
        self._checks = 0
        uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
        try:
            self._database = sqlite3.connect(uri, uri=True, check_same_thread=False)
        except sqlite3.Error as error:
            raise MemoryAbsent(f"{path}: {error}") from error
        self._database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, VALUE_BYTES_MAX)
        try:
            self._database.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
            self._database.execute("SELECT text FROM memory LIMIT 1").fetchall()
        except _DAMAGE as error:
            self._database.close()
            raise MemoryAbsent(f"{path}: {error}") from error
        self._database.set_progress_handler(self._is_too_long, _VM_STEPS_CHECKED)
        self._diary = _index_of(diary) if diary else None

    def recall(self, words: list[str], avoid: list[str]) -> str | None:
        """The best sentence with any of ``words`` that is not one of ``avoid``; None for none.

        The same index and arguments always give the same sentence. Words are searched as plain
        quoted terms, so that what came over the radio cannot use the query language.
        """
        return self._find(self._database, words, avoid)

    def _find(self, database: sqlite3.Connection, words: list[str], avoid: list[str]
              ) -> str | None:
        spaced, pieces = _terms(" ".join(words))
        terms = [word for word in spaced if len(word) >= TERM_CHARS_MIN][:TERMS_MAX]
        terms += pieces[:PIECES_MAX]
        if not terms:
            return None
        query = " OR ".join(f'"{term}"' for term in terms)  # no term has a quotation mark
        self._checks = 0
        try:
            rows = database.execute(
                "SELECT text FROM memory WHERE memory MATCH ? ORDER BY rank, rowid LIMIT ?",
                (query, CANDIDATES_MAX),
            ).fetchall()
        except _DAMAGE:  # lone surrogates cannot be bound either
            self.errors += 1
            return None
        texts = (sentence(value) for (value,) in rows if isinstance(value, str))
        return next((text for text in texts if text not in avoid), None)

    def recall_for(
        self, about: str, question: str | None, avoid: list[str], rng: random.Random
    ) -> str | None:
        """A memory for the thought: sought for every question, with MEMORY_CHANCE for a topic."""
        if question is None and rng.random() >= MEMORY_CHANCE:
            return None
        words = list(MEMORY_WORDS.get(about, ())) if question is None else question.split()
        if self._diary is not None and rng.random() < DIARY_CHANCE:
            found = self._find(self._diary, words, avoid)
            if found is not None:
                return found
        return self.recall(words, avoid)

    def close(self) -> None:
        if self._diary is not None:
            self._diary.close()
        self._database.close()

    def _is_too_long(self) -> int:
        self._checks += 1
        return int(self._checks > VM_STEPS_MAX // _VM_STEPS_CHECKED)


def _index_of(lines: Sequence[str]) -> sqlite3.Connection:
    """An index in RAM."""
    database = sqlite3.connect(":memory:", check_same_thread=False)
    database.execute(SCHEMA)
    database.executemany("INSERT INTO memory (text) VALUES (?)",
                         [(indexed(line),) for line in lines])
    return database
