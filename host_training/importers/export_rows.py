"""What importers have in common: they read rows one at a time, and make a Message of each.

A file that is cut short gives what is whole of it and one sentence. A row that is no object, or has
no author or time, is named with its place; one without words is counted.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from host_training.common.messages import ChatKind, Message, Notes
from host_training.importers import chat_log, clippings, json_stream
from host_training.importers.json_stream import END, START
from host_training.importers.text import lines_of, mend, open_text
from host_training.importers.tree import File

CELL_CHARS_MAX = 50_000_000  # of a CSV


@dataclass(frozen=True, slots=True)
class RowPlace:
    """Where a row stands."""

    file: File
    row: str
    notes: Notes

    def bad(self, reason: str) -> None:
        """Set the row aside."""
        self.notes.put(self.file.name, self.row, reason)


@dataclass(frozen=True, slots=True)
class Room:
    """Where something was said: a chat of an export."""

    source: str
    chat_id: str
    kind: ChatKind = "dm"
    name: str = ""


def chat_row(room: Room, place: RowPlace, author: object, text: object, utc_ms: int | None,
             name: object = "", number: object = None) -> Iterator[Message]:
    """A row of a chat, if it has an author, words and a time.

    Args:    number: its id in the export, where there is one.
    """
    if not isinstance(author, str) or not author:
        place.bad("the author is missing")
    elif not isinstance(text, str | None):
        place.bad("its words are no text")
    elif not (words := mend(text or "").strip()):
        place.notes.skip("no words")
    elif utc_ms is None:
        place.bad("its time is missing or is no time")
    else:
        number = f"{author} {utc_ms} {words[:60]}" if number in (None, "") else number
        yield Message(room.source, room.chat_id, room.kind, str(number), utc_ms, author, False,
                      words, name if isinstance(name, str) else "", chat_name=room.name)


def own_text(room: Room, place: RowPlace, text: object, utc_ms: int | None, number: object = None,
             tier: int = 4) -> Iterator[Message]:
    """Something of an export that holds only its owner's writing, dated or not.

    What is somebody else's book, or a chat kept as text, is set aside, as in any other text.
    """
    if not isinstance(text, str | None):
        place.bad("its words are no text")
    elif not (words := mend(text or "").strip()):
        place.notes.skip("no words")
    elif reason := clippings.refusal(words) or chat_log.refusal(words):
        place.bad(reason)
    else:
        number = f"{utc_ms} {words[:60]}" if number in (None, "") else number
        yield Message(room.source, room.chat_id, room.kind, str(number), utc_ms, "me", True, words,
                      tier=tier, chat_name=room.name)


@dataclass(frozen=True, slots=True)
class _Ways:
    """The containers on the way to what is wanted; "*" stands for any item and any key."""

    wanted: Sequence[json_stream.Path]

    def __contains__(self, path: object) -> bool:
        assert isinstance(path, tuple)
        return any(len(path) < len(way) and _is_along(path, way) for way in self.wanted)


def json_values(file: File, notes: Notes, *wanted: json_stream.Path
                ) -> Iterator[tuple[json_stream.Path, Any, RowPlace]]:
    """The values at ``wanted`` paths of a JSON file, in its order; all others are passed over.

    "*" at the end of a path wants objects, and what is none is set aside.
    """
    count = 0
    try:
        for path, value in json_stream.walk(file, _Ways(wanted)):
            if value is START or value is END:
                continue
            for way in wanted:
                if not _is_along(path, way):
                    continue
                is_row = way[-1:] == ("*",)
                place = RowPlace(file, f"row {count}" if is_row else "", notes)
                if len(path) < len(way):
                    place.bad(f'"{path[-1] if path else "the file"}" is no list and no object')
                elif is_row and not isinstance(value, dict):
                    place.bad("the row is not an object")
                else:
                    yield path, value, place
                count += is_row
                break
    except json_stream.Damaged as error:
        notes.put(file.name, f"row {count}", str(error))


def _is_along(path: json_stream.Path, way: json_stream.Path) -> bool:
    return len(path) <= len(way) and all(
        step in (key, "*") for key, step in zip(path, way, strict=False))


def json_lines(file: File, notes: Notes) -> Iterator[tuple[dict[str, Any], RowPlace]]:
    """The objects of a file that has one on each line."""
    for number, line in lines_of(file):
        if not line.strip():
            continue
        place = RowPlace(file, f"line {number}", notes)
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            place.bad(f"not JSON ({error})")
            continue
        if isinstance(row, dict):
            yield row, place
        else:
            place.bad("the row is not an object")


def csv_rows(file: File, notes: Notes) -> Iterator[tuple[dict[str, str], RowPlace]]:
    """Rows of a CSV by the columns of its first line; a missing cell is empty."""
    csv.field_size_limit(CELL_CHARS_MAX)
    with open_text(file) as stream:
        # a NUL or a stray CR inside a cell is not the end of a row
        rows = csv.DictReader((line.replace("\0", "") for line in stream), restval="")
        try:
            for row in rows:
                row.pop(None, None)  # cells without a column
                yield row, RowPlace(file, f"line {rows.line_num}", notes)
        except csv.Error as error:
            notes.put(file.name, f"line {rows.line_num}", f"not CSV ({error})")


def csv_columns(head: str) -> list[str]:
    """The columns of the first line, as it is written."""
    first = head.lstrip("\ufeff").replace("\r", "\n").partition("\n")[0]
    return [column.strip().strip('"') for column in first.split(",")]
