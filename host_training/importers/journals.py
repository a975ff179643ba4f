"""Journals and outlines that are exported as JSON: Day One and Roam, to Messages.

Source: ``Journal.json`` of Day One (``entries``: ``text`` in Markdown, ``creationDate``); Roam's
export of pages (``title``, ``children``: ``string``, ``create-time``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from host_training.common.messages import Message, Notes
from host_training.importers import prose
from host_training.importers.export_rows import Room, RowPlace, json_values, own_text
from host_training.importers.text import head_text
from host_training.importers.times import from_iso, from_ms
from host_training.importers.tree import File

DAY_ONE, ROAM = "day-one", "roam"
LABEL = "Day One journal or Roam pages"
TIER = 2

_DAY_ONE = re.compile(r'^\s*\{\s*"(?:metadata|entries)"\s*:')
_ROAM = re.compile(r'^\s*\[\s*\{')
_MOMENT = re.compile(r"!\[[^\]]*\]\(dayone-moment:[^)]*\)")
_ESCAPED = re.compile(r"\\([.!\-()#+*_\[\]>|~`{}])")
_NOT_WORDS = re.compile(r"\{\{.*?\}\}|\(\([\w-]{6,12}\)\)|^\w[\w ]*:: ?.*$|#\[\[[^\]]*\]\]",
                        re.MULTILINE)


def claims(file: File) -> bool:
    """Entries with a device's dates, or pages of blocks."""
    if file.suffix != ".json":
        return False
    head = head_text(file)
    return (
        (bool(_DAY_ONE.match(head)) and '"creationDate"' in head and '"uuid"' in head)
        or (bool(_ROAM.match(head)) and '"create-time"' in head and '"title"' in head)
        or (bool(_ROAM.match(head)) and '"string"' in head and '"edit-time"' in head))


def read(files: Sequence[File], notes: Notes) -> Iterator[Message]:
    """A message per entry, and per page."""
    for file in files:
        is_roam = head_text(file).lstrip().startswith("[")
        for _, row, place in json_values(file, notes, ("*",) if is_roam else ("entries", "*")):
            yield from _page(row, place) if is_roam else _entry(row, place)


def _entry(row: dict[str, Any], place: RowPlace) -> Iterator[Message]:
    text = row.get("text")
    if isinstance(text, str):
        text = prose.of_markdown(_ESCAPED.sub(r"\1", _MOMENT.sub("", text)))
    yield from own_text(Room(DAY_ONE, place.file.base, "note"), place, text,
                        from_iso(row.get("creationDate")), row.get("uuid"), TIER)


def _page(row: dict[str, Any], place: RowPlace) -> Iterator[Message]:
    title = row.get("title")
    blocks = list(_blocks(row.get("children")))
    times = [ms for _, ms in blocks if ms is not None]
    text = prose.of_markdown("\n".join(_NOT_WORDS.sub("", words) for words, _ in blocks))
    yield from own_text(Room(ROAM, str(title or place.row), "note", str(title or "")), place, text,
                        min(times, default=from_ms(row.get("create-time"))), row.get("uid"), TIER)


def _blocks(rows: Any) -> Iterator[tuple[str, int | None]]:
    """The words of each block, and when they were written, those within it behind it."""
    waiting = list(reversed(rows)) if isinstance(rows, list) else []
    while waiting:
        row = waiting.pop()
        if not isinstance(row, dict):
            continue
        words = row.get("string")
        if isinstance(words, str) and not words.startswith(("> ", "```")):
            yield words, from_ms(row.get("create-time"))
        if isinstance(row.get("children"), list):
            waiting += reversed(row["children"])
