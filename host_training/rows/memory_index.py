"""The memory of a bundle: the author's own sentences in an SQLite full-text index.

Only what the author said goes in; what others said to them stays theirs. The payload opens the
file read-only and finds one sentence that goes with the moment (``payload/mind/memory.py``).
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from host_training.corpus.sessions import Example
from host_training.corpus.whole_sentences import (
    SENTENCE_CHARS_MIN,
    is_long_enough,
    quotable_sentences,
)
from host_training.errors import TrainingError
from host_training.privacy.scrub import PLACEHOLDER
from payload.mind.memory import SCHEMA, indexed


def build_memory(examples: Iterable[Example], out: Path) -> int:
    """Write the index to ``out``; returns how many sentences it holds.

    A thought is kept whole (its two sentences belong together), other writing sentence by
    sentence, each text once.

    Raises:  TrainingError when there is nothing to remember.
    """
    rows: dict[str, tuple[str, int | None]] = {}
    for example in examples:
        if example.layer != "said":
            continue  # how somebody thinks is learnt, not quoted
        texts = [example.text] if example.condition else quotable_sentences(example.text)
        for text in texts:
            if is_long_enough(text) and not PLACEHOLDER.search(text):
                rows.setdefault(text, (example.source, example.utc_ms))
    if not rows:
        raise TrainingError(f"No sentence of at least {SENTENCE_CHARS_MIN} characters for the "
                            "memory.")
    partial = out.with_suffix(".part")
    partial.unlink(missing_ok=True)
    database = sqlite3.connect(partial)
    try:
        database.execute("PRAGMA journal_mode=OFF")  # one writer, one go, thrown away on failure
        database.execute(SCHEMA)
        database.executemany(
            "INSERT INTO memory (text, source, utc_ms) VALUES (?, ?, ?)",
            [(indexed(text), source, utc_ms) for text, (source, utc_ms) in rows.items()])
        database.execute("INSERT INTO memory (memory) VALUES ('optimize')")
        database.commit()
        database.execute("VACUUM")
    finally:
        database.close()
    os.replace(partial, out)
    return len(rows)
