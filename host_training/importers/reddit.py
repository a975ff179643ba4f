"""Reddit's data export (``comments.csv``, ``posts.csv``), to Messages: the author's words only."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence

from host_training.common.messages import Message, Notes
from host_training.importers.text import head_text, mend, open_text
from host_training.importers.times import from_iso
from host_training.importers.tree import File

NAME = "reddit"
LABEL = "Reddit export"

_CELL_CHARS_MAX = 50_000_000
_GONE = ("[deleted]", "[removed]", "[deleted by user]", "[removed by reddit]")
_QUOTE = re.compile(r"^\s*(?:>|&gt;).*$\n?", re.MULTILINE)


def claims(file: File) -> bool:
    """A CSV whose first line has Reddit's columns."""
    if file.suffix != ".csv":
        return False
    columns = set(head_text(file).replace("\r", "\n").partition("\n")[0].split(","))
    return {"id", "permalink", "date", "subreddit", "body"} <= columns


def read(files: Sequence[File], notes: Notes) -> Iterator[Message]:
    """Comments and posts, without what they quote."""
    csv.field_size_limit(_CELL_CHARS_MAX)
    for file in files:
        with open_text(file) as stream:
            # a NUL or a stray CR inside a cell is not the end of a row
            rows = csv.DictReader(line.replace("\0", "") for line in stream)
            try:
                for row in rows:
                    yield from _message(row, file, rows.line_num, notes)
            except csv.Error as error:
                notes.put(file.name, f"line {rows.line_num}", f"not CSV ({error})")


def _message(row: dict[str, str], file: File, line: int, notes: Notes) -> Iterator[Message]:
    body = row.get("body") or ""
    title = row.get("title") or ""
    if row.get("id") is None or row.get("date") is None:
        notes.put(file.name, f"line {line}", "a row with too few cells")
        return
    if body.strip().lower() in _GONE:
        notes.skip("deleted message")
        return
    text = mend(_QUOTE.sub("", f"{title}\n\n{body}" if title else body)).strip()
    utc_ms = from_iso(row["date"])
    if not text:
        notes.skip("no words")
    elif utc_ms is None:
        notes.put(file.name, f"line {line}", f'"date" is {row["date"]!r}')
    else:
        yield Message(NAME, row.get("link") or row["permalink"] or "posts", "post", row["id"],
                      utc_ms, "me", True, text)
