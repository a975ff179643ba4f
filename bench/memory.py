"""The persona's memory in four languages: are planted sentences found, at what size and time.

The peers are the two tokenizers of SQLite over the sentences as they are, asked for whole words
(unicode61) and for all that has three letters in a row (trigram).
"""

from __future__ import annotations

import random
import re
import sqlite3
import tempfile
import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.report import Figure
from host_training.corpus.sessions import Example
from host_training.importers.notebook import Condition
from host_training.rows.memory_index import build_memory
from payload.mind.memory import (
    CANDIDATES_MAX,
    PIECES_MAX,
    SCHEMA,
    TERM_CHARS_MIN,
    TERMS_MAX,
    Memory,
)

SENTENCES = 5000
CONDITION = Condition("self")  # a thought is kept whole
Recall = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Language:
    """Words to plant and others; the parts of a sentence ({0}: the word); what asks for a word."""

    planted: str
    others: str
    begins: list[str]
    saw: str
    ends: list[str]
    asks: list[str]

    def sentence(self, word: str, rng: random.Random) -> str:
        """One sentence with ``word``."""
        return rng.choice(self.begins) + self.saw.format(word) + rng.choice(self.ends)

    def writing(self, rng: random.Random) -> list[str]:
        """SENTENCES of them, and among these one for each planted word."""
        texts: dict[str, None] = {}
        others = self.others.split()
        while len(texts) < SENTENCES:
            texts[self.sentence(rng.choice(others), rng) + self.sentence(
                rng.choice(others), rng)] = None
        found = [*texts, *(self.sentence(word, rng) for word in self.planted.split())]
        rng.shuffle(found)
        return found


def run(out_dir: Path) -> list[Figure]:
    """Of each language: found first of all, bytes of index by byte of text, time of a recall."""
    data = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, parts in data.items():
            language = Language(**parts)
            texts = language.writing(random.Random(1))
            path = Path(folder) / f"{name}.sqlite"
            build_memory([Example("thought", text, "x", 1, condition=CONDITION) for text in texts],
                         path)
            measured = {"here": _measured(_recall(path), path, language, texts)}
            for tokenizer in ("unicode61", "trigram"):
                path = Path(folder) / f"{name}.{tokenizer}"
                measured[tokenizer] = _measured(_peer(path, texts, tokenizer), path, language,
                                                texts)
            for at, (what, unit) in enumerate((("sentences found", "%"),
                                               ("index", "x the text"), ("recall", "ms"))):
                first, *peers = ((who, figures[at]) for who, figures in measured.items())
                rows.append(Figure(f"{name}: {what}", first[1], unit, 90 if at == 0 else None,
                                   peers=dict(peers)))
    return rows


def _measured(recall: Recall, path: Path, language: Language, texts: list[str]
              ) -> tuple[float, float, float]:
    found, times_ms = [], []
    for word in language.planted.split():
        for ask in language.asks:
            begun_s = time.process_time()
            text = recall(ask.format(word))
            times_ms.append(1000 * (time.process_time() - begun_s))
            found.append(text is not None and word in text)
    n_bytes = sum(len(text.encode()) for text in texts)
    return (100 * sum(found) / len(found), path.stat().st_size / n_bytes,
            sorted(times_ms)[len(times_ms) // 2])


def _recall(path: Path) -> Recall:
    memory = Memory(path)
    return lambda question: memory.recall(question.split(), [])


def _peer(path: Path, texts: list[str], tokenizer: str) -> Recall:
    database = sqlite3.connect(path)
    database.execute(re.sub("tokenize=.*", f"tokenize='{tokenizer}')", SCHEMA))
    database.executemany("INSERT INTO memory VALUES (?, 'x', 1)", [(text,) for text in texts])
    database.execute("INSERT INTO memory (memory) VALUES ('optimize')")
    database.commit()
    database.execute("VACUUM")

    def recall(question: str) -> str | None:
        runs = re.findall(r"[\w\u0e31-\u0e4e]+", question)
        terms = [run for run in runs if len(run) >= TERM_CHARS_MIN][:TERMS_MAX]
        if tokenizer == "trigram" and not question.isascii():
            terms = [run[i : i + 3] for run in runs for i in range(len(run) - 2)]
        query = " OR ".join(f'"{term}"' for term in terms[:PIECES_MAX])
        rows = database.execute(
            "SELECT text FROM memory WHERE memory MATCH ? ORDER BY rank, rowid LIMIT ?",
            (query, CANDIDATES_MAX)).fetchall() if terms else []
        return str(rows[0][0]) if rows else None

    return recall
