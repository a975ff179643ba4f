"""ChatLab's interchange format (JSON and JSONL), to Messages; source: its specification v0.0.2."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from host_training.common.messages import Message, Notes
from host_training.importers import json_stream
from host_training.importers.text import head_text, lines_of, mend
from host_training.importers.times import from_seconds
from host_training.importers.tree import File

NAME = "chatlab"
LABEL = "ChatLab file"

_DESCEND = frozenset({(), ("members",), ("messages",)})
_TEXT, _REPLY = 0, 25
_JSON = re.compile(r'^\s*\{\s*"chatlab"\s*:')
_JSONL = re.compile(r'^\s*(?:#[^\n]*\n\s*)*\{\s*"_type"\s*:\s*"header"')


def claims(file: File) -> bool:
    """By its header."""
    head = head_text(file)
    return bool(_JSON.match(head) or _JSONL.match(head))


def read(files: Sequence[File], notes: Notes) -> Iterator[Message]:
    """Texts and replies; every other type is a picture, a call or a word of the app."""
    for file in files:
        meta: dict[str, Any] = {}
        index = 0
        try:
            for what, value in _values(file, notes):
                if not isinstance(value, dict):
                    notes.put(file.name, f"{what} {index}", "not an object")
                elif what == "meta":
                    meta = value
                elif what == "member":
                    account = f"{_source(meta)}:{value.get('platformId')}"
                    aliases = value.get("aliases")
                    for name in (value.get("accountName"), value.get("groupNickname"),
                                 *(aliases if isinstance(aliases, list) else [])):
                        notes.called(account, name)
                else:
                    yield from _message(value, meta, file, index, notes)
                    index += 1
        except json_stream.Damaged as error:
            notes.put(file.name, f"message {index}", str(error))


def _values(file: File, notes: Notes) -> Iterator[tuple[str, Any]]:
    """("meta" | "member" | "message", object) of either form."""
    if _JSON.match(head_text(file)):
        for path, value in json_stream.walk(file, _DESCEND):
            if path == ("meta",):
                yield "meta", value
            elif path in (("members", "*"), ("messages", "*")):
                yield path[0].removesuffix("s"), value
        return
    for number, line in lines_of(file):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            notes.put(file.name, f"line {number}", f"not JSON ({error})")
            continue
        kind = row.get("_type") if isinstance(row, dict) else None
        if kind == "header":
            yield "meta", row.get("meta")
        elif kind in ("member", "message"):
            yield kind, row
        else:
            notes.put(file.name, f"line {number}", '"_type" is not header, member or message')


def _source(meta: dict[str, Any]) -> str:
    return f"{NAME}-{meta.get('platform', 'unknown')}"


def _message(row: dict[str, Any], meta: dict[str, Any], file: File, index: int, notes: Notes
             ) -> Iterator[Message]:
    if row.get("type") not in (_TEXT, _REPLY):
        notes.skip("picture, call or service message")
        return
    sender, content = row.get("sender"), row.get("content")
    utc_ms = from_seconds(row.get("timestamp"))
    if not isinstance(sender, str) or not isinstance(content, str) or utc_ms is None:
        notes.put(file.name, f"message {index}", '"sender", "content" or "timestamp" is missing')
        return
    text = mend(content).strip()
    if not text:
        notes.skip("no words")
        return
    name = row.get("groupNickname") or row.get("accountName")
    chat = str(meta.get("groupId") or meta.get("name") or file.name)
    number = str(row.get("platformMessageId") or f"{sender} {utc_ms} {text[:60]}")
    yield Message(_source(meta), chat, "group" if meta.get("type") == "group" else "dm", number,
                  utc_ms, sender, False, text, name if isinstance(name, str) else "",
                  chat_name=str(meta.get("name") or ""))
