"""Telegram Desktop's JSON export (``result.json``), full or of a single chat, to Messages.

Who "me" is comes from the export's own ``personal_information.user_id`` and from the ids in
``persona.toml``; display names decide nothing, because two people may share one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from host_training.common.messages import ChatKind, Message, Notes
from host_training.importers import json_stream
from host_training.importers.json_stream import END, START
from host_training.importers.text import head_text, mend
from host_training.importers.times import from_iso, from_seconds
from host_training.importers.tree import File

NAME = "telegram"
LABEL = "Telegram JSON export"

_CHAT_KINDS: dict[str, ChatKind] = {
    "personal_chat": "dm",
    "bot_chat": "dm",
    "saved_messages": "self",
    "private_group": "group",
    "private_supergroup": "group",
    "public_supergroup": "group",
    "private_channel": "channel",
    "public_channel": "channel",
}
_LISTS = ("chats", "left_chats")
_CHATS_PATH = ("list", "*", "messages")
_DESCEND = frozenset({
    (), ("messages",),
    *((name, *_CHATS_PATH[:depth]) for name in _LISTS for depth in range(4)),
})
_FULL = re.compile(r'^\s*\{\s*"(about|personal_information)"')
_SINGLE = re.compile(r'^\s*\{\s*"name"\s*:.{0,2000}?"type"\s*:\s*"(personal_chat|bot_chat|'
                     r'saved_messages|\w+_(super)?group|\w+_channel)"', re.DOTALL)
_CHATS = re.compile(r'^\s*\{\s*"(chats|left_chats|messages)"\s*:\s*[{[]')


def claims(file: File) -> bool:
    """A JSON object that begins as Telegram's does and speaks of ``from_id`` or chats."""
    if file.suffix != ".json":
        return False
    head = head_text(file)
    return bool(_FULL.match(head) or _SINGLE.match(head)
                or (_CHATS.match(head) and '"from_id"' in head))


def read(files: Sequence[File], notes: Notes) -> Iterator[Message]:
    """All messages with words in them, in the order of the export."""
    for file in files:
        chat: dict[str, Any] = {}
        n_row = n_chat = 0
        try:
            for path, value in json_stream.walk(file, _DESCEND):
                if path[-2:] == ("messages", "*"):
                    n_row += 1
                    yield from _message(chat, value, file, n_row - 1, notes)
                elif value is START:
                    if path in ((), ("chats", "list", "*"), ("left_chats", "list", "*")):
                        n_chat += 1
                        # of this file: another export's chats have the same numbers
                        chat = {"id": f"number {n_chat} of {file.name.replace('/', ':')}"}
                    n_row = 0
                elif value is not END:
                    _about(chat, path, value, notes)
                    if path[-1:] == ("messages",):
                        notes.put(file.name, f"chat {chat['id']}", '"messages" is not a list')
        except json_stream.Damaged as error:
            notes.put(file.name, f"chat {chat.get('id', '?')}, row {n_row}", str(error))


def _about(chat: dict[str, Any], path: json_stream.Path, value: Any, notes: Notes) -> None:
    """What the export says of a chat, of the author, of contacts."""
    if path == ("personal_information",) and isinstance(value, dict):
        account = f"user{value.get('user_id')}"
        notes.own_accounts.add(f"{NAME}:{account}")
        notes.called(f"{NAME}:{account}", value.get("first_name"))
        notes.called(f"{NAME}:{account}", value.get("last_name"))
        notes.called(f"{NAME}:{account}", value.get("username"))
    elif path == ("contacts",) and isinstance(value, dict):
        people = value.get("list")
        for person in people if isinstance(people, list) else []:
            if isinstance(person, dict):
                full = f"{person.get('first_name') or ''} {person.get('last_name') or ''}"
                notes.called(f"{NAME}:user{person.get('user_id')}", full)
    elif path[-1:] == ("id",) and not isinstance(value, int | str):
        return  # it keeps its number
    elif len(path) in (1, 4) and path[-1] in ("id", "type", "name"):
        chat[path[-1]] = value


def _message(chat: dict[str, Any], row: Any, file: File, index: int, notes: Notes
             ) -> Iterator[Message]:
    chat_id = str(chat["id"])
    kind = str(chat.get("type", "?"))
    if kind == "bot_chat":
        notes.skip("chat with a bot")
        return
    place = f"chat {chat_id}, row {index}"
    if not isinstance(row, dict):
        notes.put(file.name, place, "the row is not an object")
        return
    reason = _skip_reason(row)
    if reason:
        notes.skip(reason)
        return
    text = plain_text(row.get("text"))
    sound = row.get("file")
    if text == "" and row.get("media_type") == "voice_message" and isinstance(sound, str):
        text = notes.hear(f"{file.folder}/{sound}".lstrip("/")) or text
    words = mend(text).strip() if text else text
    author = row.get("from_id")
    if type(author) is int:
        author = f"user{author}"  # as older programs wrote it
    if text is None:
        notes.put(file.name, place, '"text" is neither a string nor a list of strings and objects')
    elif not words:
        notes.skip("no words")
    elif not isinstance(author, str):
        notes.put(file.name, place, '"from_id" is missing')
    elif (utc_ms := _utc_ms(row, notes)) is None:
        field = "date_unixtime" if "date_unixtime" in row else "date"
        notes.put(file.name, place, f'"{field}" is {row.get(field)!r}, which is not a time')
    else:
        name = row.get("from")
        name = name if isinstance(name, str) else ""  # null for a deleted account
        topic = row.get("reply_to_topic_id") or row.get("message_thread_id")
        yield Message(NAME, f"{chat_id}/{topic}" if topic else chat_id,
                      _CHAT_KINDS.get(kind, "group"), str(row.get("id", index)), utc_ms, author,
                      False, words, name, chat_name=_chat_name(chat, kind))


def _chat_name(chat: dict[str, Any], kind: str) -> str:
    """As the app shows it; the chat with oneself has no name in the export."""
    name = chat.get("name")
    return name if isinstance(name, str) else "Saved Messages" * (kind == "saved_messages")


def _skip_reason(row: dict[str, Any]) -> str | None:
    """Why this is nobody's own writing here, or None."""
    if row.get("type") != "message":
        return "service message"
    if row.get("forwarded_from") is not None or row.get("forwarded_from_id") is not None:
        return "forwarded"
    if row.get("via_bot") is not None:
        return "sent by a bot"
    if row.get("media_type") == "sticker":
        return "sticker"
    if "poll" in row:
        return "poll"
    return None


def plain_text(text: Any) -> str | None:
    """The words of a ``text`` field: a string, or a list of strings and ``{type, text}``.

    What is set as a quotation is somebody else's. Returns None when it is something else.
    """
    if isinstance(text, str):
        return text
    if not isinstance(text, list):
        return None
    parts = []
    for part in text:
        is_quote = isinstance(part, dict) and part.get("type") == "blockquote"
        words = part.get("text") if isinstance(part, dict) else part
        if not isinstance(words, str):
            return None
        parts.append("\n" if is_quote else words)
    return "".join(parts)


def _utc_ms(row: dict[str, Any], notes: Notes) -> int | None:
    """From ``date_unixtime``; older programs wrote only ``date``, in local time."""
    if "date_unixtime" in row:
        return from_seconds(row["date_unixtime"])
    return from_iso(row.get("date"), notes.zone)
