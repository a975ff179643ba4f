"""Messenger's download of end-to-end encrypted chats, a JSON file for each, to Messages.

Unlike Meta's other downloads (``meta``) its letters are intact, and its keys are different:
``participants`` are names, and each message has ``senderName``, ``text``, ``timestamp`` in ms.
Source: Messenger -> Settings -> Encrypted chats -> Download secure storage data, as its readers
have it (github.com, "senderName" "threadName" "isUnsent").
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from host_training.common.messages import Message, Notes
from host_training.importers import meta
from host_training.importers.export_rows import Room, chat_row, json_values
from host_training.importers.text import head_text
from host_training.importers.times import from_ms
from host_training.importers.tree import File

NAME = meta.NAME  # whoever it is has the same name in both
LABEL = "Messenger, end-to-end encrypted"

_HEAD = re.compile(r'^\s*\{.{0,400}?"participants"\s*:\s*\[\s*"', re.DOTALL)
_SERIAL = re.compile(r"_\d+$")  # of a thread's name, "Bo Berg_7"


def claims(file: File) -> bool:
    """An object with names for participants, and a thread or senders."""
    if file.suffix != ".json":
        return False
    head = head_text(file)
    return bool(_HEAD.match(head)) and ('"threadName"' in head or '"senderName"' in head)


def read(files: Sequence[File], notes: Notes) -> Iterator[Message]:
    """What people wrote, without what they took back."""
    for file in files:
        people: list[object] = []
        title = file.base.removesuffix(".json")
        for path, value, place in json_values(file, notes, ("participants",), ("threadName",),
                                              ("messages", "*")):
            if path == ("participants",):
                people = value if isinstance(value, list) else []
            elif path == ("threadName",):
                title = str(value)
            elif value.get("isUnsent") or value.get("type") == "placeholder":
                notes.skip("deleted message")
            else:
                room = Room(NAME, title, "group" if len(people) > 2 else "dm",
                            _SERIAL.sub("", title))
                author = value.get("senderName")
                yield from chat_row(room, place, author, value.get("text"),
                                    from_ms(value.get("timestamp")), author)
