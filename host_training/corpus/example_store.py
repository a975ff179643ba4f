"""Stores examples on disk, in order of arrival, until filtering decides which are kept."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from host_training.common.scratch_db import Scratch
from host_training.corpus.dedup import fingerprint
from host_training.corpus.sessions import Example
from host_training.importers.notebook import Condition

STOCK_CHARS_MAX = 20  # "ok, see you then"
_DIALOGUE = "json_extract(example, '$.kind') = 'dialogue'"
_FIELDS = [field.name for field in fields(Example)]
_SCHEMA = """
    CREATE TABLE examples (number INTEGER PRIMARY KEY, is_thought INTEGER, tier INTEGER, stock,
        example);
    CREATE TABLE dropped (number INTEGER PRIMARY KEY);"""


class ExampleStore(Scratch):
    """One SQLite file. Examples go in as they come and come out in the same order."""

    def __init__(self, path: Path | None = None) -> None:
        """``path`` None: a temporary file."""
        super().__init__(path, _SCHEMA)

    def add(self, examples: Iterable[Example]) -> None:
        """Append the examples."""
        self._database.executemany(
            "INSERT INTO examples (is_thought, tier, stock, example) VALUES (?, ?, ?, ?)",
            ((e.condition is not None, e.tier, _stock(e), as_json(e)) for e in examples))
        self._database.commit()

    def __iter__(self) -> Iterator[Example]:
        rows = self._database.execute("SELECT example FROM examples ORDER BY number")
        return (from_json(example) for (example,) in rows)

    def dialogues(self) -> Iterator[tuple[int, Example]]:
        """(number, example) of the dialogues, in order of arrival."""
        rows = self._database.execute(f"SELECT number, example FROM examples WHERE {_DIALOGUE}"
                                      " ORDER BY number")
        return ((number, from_json(example)) for number, example in rows)

    def n_dialogues(self) -> int:
        """The number of dialogues."""
        found: int = self._database.execute(
            f"SELECT count(*) FROM examples WHERE {_DIALOGUE}").fetchone()[0]
        return found

    def newest_ms(self) -> int | None:
        """When the newest example was written; None if none is dated."""
        found: int | None = self._database.execute(
            "SELECT max(json_extract(example, '$.utc_ms')) FROM examples").fetchone()[0]
        return found

    def by_worth(self) -> Iterator[tuple[int, str]]:
        """(number, text): thoughts first, then by tier, then in order of arrival."""
        # not ->>, which SQLite has from 3.38 on only: Ubuntu 22.04 has 3.37
        return self._database.execute("SELECT number, json_extract(example, '$.text') FROM examples"
                                      " ORDER BY NOT is_thought, tier, number")

    def short_replies(self) -> Iterator[tuple[int, int, int]]:
        """Short replies as (number, its rank among equal ones from 1, how many are equal)."""
        return self._database.execute(
            "SELECT number, row_number() OVER (PARTITION BY stock ORDER BY number),"
            " count(*) OVER (PARTITION BY stock) FROM examples WHERE stock IS NOT NULL")

    def drop(self, numbers: Iterable[int]) -> int:
        """Delete these except thoughts, each of which has senses of its own.

        ``numbers`` may be a query on this store. Returns how many were deleted.
        """
        self._database.executemany("INSERT INTO dropped VALUES (?)", ((n,) for n in numbers))
        n_dropped = self._database.execute("DELETE FROM examples WHERE NOT is_thought AND number IN"
                                           " (SELECT number FROM dropped)").rowcount
        self._database.execute("DELETE FROM dropped")
        self._database.commit()
        return n_dropped


def _stock(example: Example) -> str | None:
    is_short = example.condition is None and len(example.text) <= STOCK_CHARS_MAX
    return fingerprint(example.text) or None if is_short else None


def as_json(example: Example) -> str:
    """One line of ``examples.jsonl``."""
    row = {name: getattr(example, name) for name in _FIELDS}  # asdict takes ten times as long
    if example.condition is not None:
        row["condition"] = asdict(example.condition)
    return json.dumps(row, ensure_ascii=False)


def from_json(line: str) -> Example:
    """The inverse of ``as_json``."""
    row: dict[str, Any] = json.loads(line)
    condition = row.pop("condition")
    row["context"] = tuple((speaker, text) for speaker, text in row["context"])
    if condition is not None:
        condition["ranges"] = {key: tuple(span) for key, span in condition["ranges"].items()}
        condition["api"] = tuple(condition["api"]) if condition["api"] else None
        condition = Condition(**condition)
    return Example(**row, condition=condition)
