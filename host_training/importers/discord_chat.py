"""DiscordChatExporter's JSON (one channel with both sides, possibly in parts), to Messages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from host_training.common.messages import ChatKind, Message, Notes
from host_training.importers import json_stream, prose
from host_training.importers.json_stream import END, START
from host_training.importers.text import head_text, mend
from host_training.importers.times import from_iso, from_snowflake
from host_training.importers.tree import File

NAME = "discord"
LABEL = "DiscordChatExporter JSON"

_DESCEND = frozenset({(), ("messages",)})
_OWN_WORDS = ("Default", "Reply", "0", "19")  # every other type's content is made by the program
_EMOJI = re.compile(r"<a?:(\w+):\d+>")
_MENTION = re.compile(r"<[@#][!&]?\d+>")


def claims(file: File) -> bool:
    """A guild, then a channel."""
    head = head_text(file)
    return (file.suffix == ".json" and head.lstrip().startswith("{")
            and '"guild"' in head[:2000] and '"channel"' in head[:4000])


def read(files: Sequence[File], notes: Notes) -> Iterator[Message]:
    """What people wrote. Parts of one channel share its id, so they join again by themselves."""
    for file in files:
        channel: dict[str, Any] = {}
        n_row = 0
        try:
            for path, value in json_stream.walk(file, _DESCEND):
                if path == ("messages", "*"):
                    yield from _message(channel, value, file, n_row, notes)
                    n_row += 1
                elif path == ("channel",) and isinstance(value, dict):
                    channel = value
                elif path == ("messages",) and value not in (START, END):
                    notes.put(file.name, "", '"messages" is not a list')
        except json_stream.Damaged as error:
            # the exporter leaves such a file when it is stopped
            notes.put(file.name, f"row {n_row}", str(error))


def _message(channel: dict[str, Any], row: Any, file: File, index: int, notes: Notes
             ) -> Iterator[Message]:
    place = f"row {index}"
    author = row.get("author") if isinstance(row, dict) else None
    if not isinstance(author, dict) or not isinstance(row.get("content"), str):
        notes.put(file.name, place, '"author" or "content" is missing')
        return
    reason = _skip_reason(row, author)
    if reason:
        notes.skip(reason)
        return
    text = _EMOJI.sub(r":\1:", _MENTION.sub("", row["content"]))
    text = prose.without_quotes(mend(text)).strip()
    utc_ms = from_snowflake(row.get("id"), from_iso(row.get("timestamp")))
    if not text:
        notes.skip("no words")
    elif utc_ms is None:
        notes.put(file.name, place, f'"timestamp" is {row.get("timestamp")!r}')
    else:
        account = str(author.get("id") or author.get("name"))
        name = author.get("nickname") or author.get("name")
        notes.called(f"{NAME}:{account}", author.get("name"))
        kind: ChatKind = "dm" if "Direct" in str(channel.get("type")) and (
            "Group" not in str(channel.get("type"))) else "group"
        yield Message(NAME, str(channel.get("id", file.name)), kind, str(row.get("id", index)),
                      utc_ms, account, False, text, name if isinstance(name, str) else "",
                      chat_name=str(channel.get("name") or ""))


def _skip_reason(row: dict[str, Any], author: dict[str, Any]) -> str | None:
    if author.get("isBot") or row.get("webhookId"):
        return "sent by a bot"
    if str(row.get("type", "Default")) not in _OWN_WORDS:
        return "service message"
    if row.get("forwardedMessage"):
        return "forwarded"
    return None
