"""Element's export of a Matrix room as JSON, to Messages.

Source: JSONExport.ts of https://github.com/element-hq/element-web, and the events of
https://spec.matrix.org/latest/client-server-api (m.room.message).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from host_training.common.messages import ChatKind, Message, Notes
from host_training.importers.export_rows import Room, chat_row, json_values
from host_training.importers.text import head_text
from host_training.importers.times import from_ms
from host_training.importers.tree import File

NAME = "matrix"
LABEL = "Matrix room (Element JSON)"

_HEAD = re.compile(r'^\s*\{\s*"room_name"\s*:')
_WORDS = ("m.text", "m.emote")
_QUOTED = re.compile(r"\A(?:> .*\n)+\n?")  # what an answer repeats of the message before


def claims(file: File) -> bool:
    """A room, its creator and who exported it."""
    if file.suffix != ".json":
        return False
    head = head_text(file)
    return bool(_HEAD.match(head)) and '"exported_by"' in head


def read(files: Sequence[File], notes: Notes) -> Iterator[Message]:
    """What people wrote; of an edited message the last version, where it was first."""
    for file in files:
        senders = {str(row.get("sender"))
                   for _, row, _ in json_values(file, Notes(), ("messages", "*"))}
        kind: ChatKind = "group" if len(senders) > 2 else "dm"
        edits = _edits(file)
        title = ""
        for path, value, place in json_values(file, notes, ("room_name",), ("messages", "*")):
            if path == ("room_name",):
                title = str(value)
                continue
            content = value.get("content")
            content = content if isinstance(content, dict) else {}
            if value.get("type") != "m.room.message" or content.get("msgtype") not in _WORDS:
                notes.skip("service message or media left out")
            elif _replaced(content):
                notes.skip("edit of a message")
            else:
                text = edits.get(str(value.get("event_id")), content.get("body"))
                if isinstance(text, str):
                    text = _QUOTED.sub("", text)
                sender = value.get("sender")
                name = sender.lstrip("@").partition(":")[0] if isinstance(sender, str) else ""
                yield from chat_row(Room(NAME, str(value.get("room_id") or title), kind, title),
                                    place, sender, text, from_ms(value.get("origin_server_ts")),
                                    name, value.get("event_id"))


def _edits(file: File) -> dict[str, object]:
    """The last words of each edited message, by its id."""
    found: dict[str, object] = {}
    for _, row, _ in json_values(file, Notes(), ("messages", "*")):
        content = row.get("content")
        if isinstance(content, dict) and (number := _replaced(content)):
            new = content.get("m.new_content")
            found[number] = new.get("body") if isinstance(new, dict) else None
    return found


def _replaced(content: dict[str, Any]) -> str:
    relation = content.get("m.relates_to")
    is_edit = isinstance(relation, dict) and relation.get("rel_type") == "m.replace"
    return str(relation.get("event_id") or "") if isinstance(relation, dict) and is_edit else ""
