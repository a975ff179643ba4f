"""QQChatExporter's JSON of a QQ chat, to Messages.

Source: version 5 of https://github.com/shuakami/qq-chat-exporter; QQ's own text is a layout of
``text_chats``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from host_training.common.messages import ChatKind, Message, Notes
from host_training.importers.export_rows import Room, chat_row, json_values
from host_training.importers.text import head_text
from host_training.importers.times import from_iso, from_ms
from host_training.importers.tree import File

NAME = "qq"
LABEL = "QQChatExporter JSON"

_HEAD = re.compile(r'"name"\s*:\s*"QQ ?Chat ?Exporter', re.IGNORECASE)
_IN_PLACE_OF_WORDS = re.compile(
    r"\[(?:图片|表情|动画表情|语音|视频|文件|红包|回复|卡片|转发)[^\[\]]*\]")
_YES = (True, 1, "true", "True", "1")  # some versions write words


def claims(file: File) -> bool:
    """An object whose metadata name the program."""
    if file.suffix != ".json":
        return False
    head = head_text(file)[:2000]
    return head.lstrip().startswith("{") and '"metadata"' in head and (
        _HEAD.search(head) is not None)


def read(files: Sequence[File], notes: Notes) -> Iterator[Message]:
    """What people wrote, without what they took back."""
    for file in files:
        title, own = file.base.removesuffix(".json"), ""
        kind: ChatKind = "dm"
        for path, value, place in json_values(file, notes, ("chatInfo",), ("messages", "*")):
            if path == ("chatInfo",):
                about = value if isinstance(value, dict) else {}
                title = str(about.get("name") or title)
                kind = "group" if about.get("type") == "group" else "dm"
                if own := str(about.get("selfUid") or ""):
                    notes.own_accounts.add(f"{NAME}:{own}")
                    notes.called(f"{NAME}:{own}", about.get("selfName"))
                continue
            sender, content = value.get("sender"), value.get("content")
            if value.get("recalled") in _YES:
                notes.skip("deleted message")
            elif value.get("system") in _YES or value.get("type") == "system":
                notes.skip("service message")
            elif not isinstance(sender, dict) or not isinstance(content, dict):
                place.bad('"sender" or "content" is missing')
            else:
                text = content.get("text")
                if isinstance(text, str):
                    text = _IN_PLACE_OF_WORDS.sub("", text)
                name = sender.get("remark") or sender.get("name")
                stamp = value.get("timestamp")
                author = sender.get("uid") or sender.get("uin") or sender.get("name")
                yield from chat_row(Room(NAME, title, kind, title), place, author, text,
                                    from_ms(stamp) or from_iso(stamp),
                                    "" if author == own else name, value.get("id"))
