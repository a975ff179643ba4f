"""Chats and channels of a company's Teams as Microsoft Graph returns them, to Messages.

Nobody can export these in the app: Graph Explorer and scripts save the answers of
``/me/chats/ID/messages`` and ``/teams/ID/channels/ID/messages``, one page of messages a file.
Source: https://learn.microsoft.com/graph/api/resources/chatmessage (the resource chatMessage).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from host_training.common.messages import Message, Notes
from host_training.importers.export_rows import Room, RowPlace, chat_row, json_values
from host_training.importers.html_text import words_of
from host_training.importers.text import head_text
from host_training.importers.times import from_iso
from host_training.importers.tree import File

NAME = "teams"
LABEL = "Teams messages (Microsoft Graph)"

_KEYS = ('"messageType"', '"createdDateTime"', '"contentType"')
_LIST = re.compile(r"^\s*\[")
_OF_TWO = "@unq.gbl.spaces"  # ends the id of a chat of two
_NOT_OWN = "attachment, blockquote, systemeventmessage"


def claims(file: File) -> bool:
    """A page of messages, or a list of them, with the keys of a chatMessage."""
    if file.suffix != ".json":
        return False
    head = head_text(file)
    return all(key in head for key in _KEYS) and (
        _LIST.match(head) is not None or '"value"' in head)


def read(files: Sequence[File], notes: Notes) -> Iterator[Message]:
    """What people wrote, with the replies below a post; in a channel each thread by itself."""
    for file in files:
        way = ("*",) if _LIST.match(head_text(file)) else ("value", "*")
        for _, row, place in json_values(file, notes, way):
            yield from _post(row, place)
            replies = row.get("replies")
            for reply in replies if isinstance(replies, list) else ():
                if isinstance(reply, dict):
                    yield from _post({**reply, "channelIdentity": row.get("channelIdentity"),
                                      "replyToId": row.get("id")}, place)
                else:
                    place.bad("a reply is not an object")


def _post(row: dict[str, Any], place: RowPlace) -> Iterator[Message]:
    sender, body = _object(row.get("from")), _object(row.get("body"))
    user = _object(sender.get("user"))
    if row.get("messageType") != "message":
        place.notes.skip("service message")
    elif row.get("deletedDateTime"):
        place.notes.skip("deleted message")
    elif sender.get("application"):
        place.notes.skip("sent by a bot")
    else:
        content = body.get("content")
        if isinstance(content, str) and body.get("contentType") == "html":
            content = words_of(content, _NOT_OWN)
        yield from chat_row(_room(row), place, user.get("id"), content,
                            from_iso(row.get("createdDateTime")), user.get("displayName"),
                            row.get("id"))


def _room(row: dict[str, Any]) -> Room:
    """A chat, or the thread of a channel."""
    channel = _object(row.get("channelIdentity")).get("channelId")
    if isinstance(channel, str):
        return Room(NAME, f"{_plain(channel)}/{_plain(row.get('replyToId') or row.get('id'))}",
                    "group")
    chat = _plain(row.get("chatId") or "")
    return Room(NAME, chat, "dm" if chat.endswith(_OF_TWO) else "group")


def _plain(number: object) -> str:
    return str(number).replace("/", ":")  # a slash parts a room from its threads


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
