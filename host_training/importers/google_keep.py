"""Google Keep's notes as Takeout gives them, a JSON file for each, to Messages.

Lists to tick off are tasks and are left out, as in other notes. Source: Takeout's ``Keep/*.json``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from host_training.common.messages import Message, Notes
from host_training.importers.export_rows import Room, json_values, own_text
from host_training.importers.text import head_text
from host_training.importers.times import from_us
from host_training.importers.tree import File

NAME = "keep"
LABEL = "Google Keep note"
TIER = 2
BESIDE = re.compile(r"(?:^|/)Keep/(?:[^/]+\.html|Labels\.txt)$")  # each note stands there again

_OBJECT = re.compile(r"^\s*\{")
_KEYS = ('"userEditedTimestampUsec"', '"isTrashed"')


def claims(file: File) -> bool:
    """An object with Keep's keys."""
    if file.suffix != ".json":
        return False
    head = head_text(file)
    return bool(_OBJECT.match(head)) and all(key in head for key in _KEYS)


def read(files: Sequence[File], notes: Notes) -> Iterator[Message]:
    """One message per note, without those in the bin and those of other people."""
    for file in files:
        for _, note, place in json_values(file, notes, ()):
            if not isinstance(note, dict) or note.get("isTrashed"):
                notes.skip("note in the bin")
            elif _is_shared(note):
                notes.skip("note of several people")
            elif _is_clipped(note):
                notes.skip("clipping of somebody else's words")
            else:
                words = [part for key in ("title", "textContent")
                         if isinstance(part := note.get(key), str) and part.strip()]
                has_text = isinstance(note.get("textContent"), str) and note["textContent"].strip()
                created = note.get("createdTimestampUsec") or note.get("userEditedTimestampUsec")
                yield from own_text(Room(NAME, file.name, "note"), place,
                                    "\n\n".join(words) if has_text else None, from_us(created), "0",
                                    TIER)


def _is_shared(note: dict[str, Any]) -> bool:
    people = note.get("sharees")
    return isinstance(people, list) and len(people) > 1


def _is_clipped(note: dict[str, Any]) -> bool:
    """Saved from a page by Keep's own button: a link, and what was marked there."""
    links = note.get("annotations")
    text = note.get("textContent")
    return isinstance(links, list) and any(
        isinstance(link, dict) and link.get("source") == "WEBLINK" for link in links) and (
        not isinstance(text, str) or text.strip().startswith("http"))
