"""Memory: one sentence of the author's own writing that fits the moment.

Training draws memories as often as they come in flight, and a desk that lets a bundle speak recalls
with these same rules, so that the model is never asked in another way than it was taught.
Reads the full-text index of the bundle (built by ``host_training/rows/memory_index.py``), read-only
and immutable: nothing is locked or written, whatever the card is mounted as. A damaged index costs
the memory, never the thought: errors are counted and answered with None.
"""

from __future__ import annotations

import random
import re
import sqlite3
from pathlib import Path
from types import MappingProxyType

from payload.ports import PortError

MEMORY_CHANCE = 0.3  # that a moment without a question comes with a memory, where there is one
TERMS_MAX = 8
TERM_CHARS_MIN = 3
CANDIDATES_MAX = 16
VM_STEPS_MAX = 400_000  # of SQLite's virtual machine: some tens of milliseconds on a Pi
_VM_STEPS_CHECKED = 20_000
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


# sqlite3 quotes the damage in its message, and a size that is damaged may be more than there is.
_DAMAGE = (sqlite3.Error, UnicodeError, MemoryError)


class MemoryAbsent(PortError):
    """There is no index at this path, or it is not one; fly without."""


class Memory:
    """An open index; ``recall`` costs at most VM_STEPS_MAX steps."""

    def __init__(self, path: Path) -> None:
        """Raises MemoryAbsent when ``path`` is missing or not such an index."""
        self.errors = 0
        self._checks = 0
        uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
        try:
            self._database = sqlite3.connect(uri, uri=True, check_same_thread=False)
        except sqlite3.Error as error:
            raise MemoryAbsent(f"{path}: {error}") from error
        self._database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, VALUE_BYTES_MAX)
        try:
            self._database.execute("SELECT text FROM memory LIMIT 1").fetchall()
        except _DAMAGE as error:
            self._database.close()
            raise MemoryAbsent(f"{path}: {error}") from error
        self._database.set_progress_handler(self._is_too_long, _VM_STEPS_CHECKED)

    def recall(self, words: list[str], avoid: list[str]) -> str | None:
        """The best sentence with any of ``words`` that is not one of ``avoid``; None for none.

        The same index and arguments always give the same sentence. Words are searched as plain
        quoted terms, so that what came over the radio cannot use the query language.
        """
        terms = [term for word in words for term in re.findall(r"\w+", word)]
        terms = [term for term in dict.fromkeys(terms) if len(term) >= TERM_CHARS_MIN][:TERMS_MAX]
        if not terms:
            return None
        query = " OR ".join('"' + term.replace('"', '""') + '"' for term in terms)
        self._checks = 0
        try:
            rows = self._database.execute(
                "SELECT text FROM memory WHERE memory MATCH ? ORDER BY rank, rowid LIMIT ?",
                (query, CANDIDATES_MAX),
            ).fetchall()
        except _DAMAGE:  # lone surrogates cannot be bound either
            self.errors += 1
            return None
        texts = (text for (text,) in rows if isinstance(text, str))
        return next((text for text in texts if text not in avoid), None)

    def recall_for(
        self, about: str, question: str | None, avoid: list[str], rng: random.Random
    ) -> str | None:
        """What comes to mind: for a question always looked for, for a topic MEMORY_CHANCE often."""
        if question is not None:
            return self.recall(question.split(), avoid)
        if rng.random() >= MEMORY_CHANCE:
            return None
        return self.recall(list(MEMORY_WORDS.get(about, ())), avoid)

    def close(self) -> None:
        self._database.close()

    def _is_too_long(self) -> int:
        self._checks += 1
        return int(self._checks > VM_STEPS_MAX // _VM_STEPS_CHECKED)
