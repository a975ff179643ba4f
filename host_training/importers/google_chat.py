"""Google Chat and Hangouts as Takeout gives them, to Messages.

Source: Takeout's ``Google Chat/Groups/…/messages.json`` (times in English words, in UTC) and
``Hangouts/Hangouts.json`` (microseconds), as their readers have them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from host_training.common.messages import ChatKind, Message, Notes
from host_training.importers.export_rows import Room, chat_row, json_values
from host_training.importers.text import decode, head_text
from host_training.importers.times import from_english, from_us
from host_training.importers.tree import UNREADABLE, File

CHAT, HANGOUTS = "google-chat", "hangouts"
LABEL = "Google Chat or Hangouts"
BESIDE = re.compile(r"(?:^|/)group_info\.json$")

_CHAT = re.compile(r'^\s*\{\s*"messages"\s*:\s*\[\s*\{\s*"creator"\s*:')
_HANGOUTS = re.compile(r'^\s*\{\s*"conversations"\s*:\s*\[\s*\{\s*"conversation"\s*:')
_USER = re.compile(r'^\s*\{\s*"user"\s*:\s*\{\s*"name"')
_ROOM, _EVENT = ("conversations", "*", "conversation"), ("conversations", "*", "events", "*")
_SEGMENTS = ("TEXT", "LINK", "LINE_BREAK")


def claims(file: File) -> bool:
    """Messages by a creator, conversations of Hangouts, or whose Takeout it is."""
    if file.suffix != ".json":
        return False
    head = head_text(file)
    return bool(
        _CHAT.match(head) or _HANGOUTS.match(head)
        or (file.base == "user_info.json" and _USER.match(head)))


def read(files: Sequence[File], notes: Notes) -> Iterator[Message]:
    """What people wrote; calls, pictures and changes are counted."""
    for file in files:
        head = head_text(file)
        if _USER.match(head):
            _learn_owner(file, notes)
        elif _CHAT.match(head):
            yield from _of_chat(file, notes)
        else:
            yield from _of_hangouts(file, notes)


def _learn_owner(file: File, notes: Notes) -> None:
    try:
        user = json.loads(decode(file.read()))["user"]
        account = f"{CHAT}:{user['email']}"
    except (ValueError, KeyError, TypeError, RecursionError, *UNREADABLE) as error:
        notes.put(file.name, "", f"does not say whose account it is ({error})")
        return
    notes.own_accounts.add(account)
    notes.called(account, user.get("name"))


def _of_chat(file: File, notes: Notes) -> Iterator[Message]:
    folder = file.folder.rsplit("/", 1)[-1]  # "DM 4kO…" or "Space AAA…"
    kind: ChatKind = "group" if folder.startswith("Space") else "dm"
    for _, row, place in json_values(file, notes, ("messages", "*")):
        creator = row.get("creator")
        creator = creator if isinstance(creator, dict) else {}
        if creator.get("user_type") == "Bot":
            notes.skip("sent by a bot")
        elif row.get("message_state") == "DELETED" or "deletion_metadata" in row:
            notes.skip("deleted message")
        else:
            topic = row.get("topic_id") if kind == "group" else None
            room = Room(CHAT, f"{folder or file.name}/{topic}" if topic else folder or file.name,
                        kind)
            yield from chat_row(room, place, creator.get("email") or creator.get("name"),
                                row.get("text"), from_english(row.get("created_date")),
                                creator.get("name"), row.get("message_id"))


def _of_hangouts(file: File, notes: Notes) -> Iterator[Message]:
    room = Room(HANGOUTS, file.name)
    names: dict[str, str] = {}
    for path, value, place in json_values(file, notes, _ROOM, _EVENT):
        if path == _ROOM:
            room, names = _hangout(value, notes)
        elif not isinstance(value.get("chat_message"), dict):
            notes.skip("service message")
        else:
            author = str(_inside(value, "sender_id", "gaia_id") or "")
            segments = _inside(value, "chat_message", "message_content", "segment")
            yield from chat_row(room, place, author, _words(segments),
                                from_us(value.get("timestamp")), names.get(author, ""),
                                value.get("event_id"))


def _hangout(value: Any, notes: Notes) -> tuple[Room, dict[str, str]]:
    """The chat, and its people by their ids."""
    about = _inside(value, "conversation")
    own = _inside(about, "self_conversation_state", "self_read_state", "participant_id", "gaia_id")
    if own:
        notes.own_accounts.add(f"{HANGOUTS}:{own}")
    people = _inside(about, "participant_data")
    people = people if isinstance(people, list) else []
    names = {str(_inside(one, "id", "gaia_id")): str(_inside(one, "fallback_name") or "")
             for one in people}
    number = _inside(value, "conversation_id", "id") or _inside(about, "id", "id")
    return Room(HANGOUTS, str(number), "group" if len(names) > 2 else "dm",
                str(_inside(about, "name") or "")), names


def _words(segments: Any) -> str:
    rows = [one for one in segments if isinstance(one, dict)] if isinstance(segments, list) else []
    return "".join("\n" if one.get("type") == "LINE_BREAK" else str(one.get("text") or "")
                   for one in rows if one.get("type") in _SEGMENTS)


def _inside(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value
