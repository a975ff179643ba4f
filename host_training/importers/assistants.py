"""What somebody asked ChatGPT or Claude, from their exports, to Messages: no answer is learnt.

Long prompts are mostly pasted from elsewhere, so they are left out, and of others the mails and
texts that were pasted below an instruction. Source: ``conversations.json`` of both exports, as
their readers have them (``mapping``, ``author.role``, ``content.parts``; ``chat_messages``,
``sender``, ``text``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from host_training.common.messages import Message, Notes
from host_training.importers.export_rows import Room, RowPlace, json_values, own_text
from host_training.importers.pasted import without_pasted
from host_training.importers.text import head_text
from host_training.importers.times import from_iso, from_seconds
from host_training.importers.tree import File

CHATGPT, CLAUDE = "chatgpt", "claude"
LABEL = "prompts to ChatGPT or Claude"
PROMPT_CHARS_MAX = 1_500
BESIDE = re.compile(r"(?:^|/)(?:users?|projects|memories|message_feedback|model_comparisons|"
                    r"shared_conversations|group_chats|user_settings)\.json$|(?:^|/)chat\.html$")

_LIST = re.compile(r"^\s*\[\s*\{")
_TYPED = ("text", "multimodal_text")  # of ChatGPT; all others are made by the program


def claims(file: File) -> bool:
    """Conversations with ChatGPT's tree of turns or Claude's list of them."""
    if file.suffix != ".json":
        return False
    head = head_text(file)
    return bool(_LIST.match(head)) and (
        ('"mapping"' in head and '"create_time"' in head)
        or ('"chat_messages"' in head and '"uuid"' in head))


def read(files: Sequence[File], notes: Notes) -> Iterator[Message]:
    """The prompts of each conversation, in the order in which they were shown."""
    for file in files:
        for _, talk, place in json_values(file, notes, ("*",)):
            yield from _of_claude(talk, place) if "chat_messages" in talk else _of_chatgpt(
                talk, place)


def _of_chatgpt(talk: dict[str, Any], place: RowPlace) -> Iterator[Message]:
    room = Room(CHATGPT, str(talk.get("conversation_id") or talk.get("id") or place.row), "self",
                str(talk.get("title") or ""))
    nodes = talk.get("mapping")
    if not isinstance(nodes, dict):
        place.bad('"mapping" is missing')
        return
    for number, message in _shown(nodes, talk.get("current_node")):
        author, content = message.get("author"), message.get("content")
        hidden = message.get("metadata")
        is_hidden = isinstance(hidden, dict) and (
            hidden.get("is_visually_hidden_from_conversation") or hidden.get(
                "is_user_system_message"))
        if not isinstance(author, dict) or author.get("role") != "user":
            continue
        if is_hidden or not isinstance(content, dict) or content.get("content_type") not in _TYPED:
            place.notes.skip("words of the app")
            continue
        parts = content.get("parts")
        text = "\n".join(part for part in parts if isinstance(part, str)) if isinstance(
            parts, list) else None
        yield from _prompt(room, place, text, from_seconds(message.get("create_time")), number)


def _shown(nodes: dict[str, Any], last: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """The messages on the way to the last one: others were regenerated or edited away."""
    way: list[str] = []
    number = last
    while isinstance(number, str) and number in nodes and number not in way:
        way.append(number)
        node = nodes[number]
        number = node.get("parent") if isinstance(node, dict) else None
    for number in reversed(way) if way else nodes:
        node = nodes[number]
        if isinstance(node, dict) and isinstance(node.get("message"), dict):
            yield number, node["message"]


def _of_claude(talk: dict[str, Any], place: RowPlace) -> Iterator[Message]:
    room = Room(CLAUDE, str(talk.get("uuid") or place.row), "self", str(talk.get("name") or ""))
    rows = talk.get("chat_messages")
    for row in rows if isinstance(rows, list) else []:
        if not isinstance(row, dict) or row.get("sender") != "human":
            continue
        text = row.get("text")
        if not text and isinstance(row.get("content"), list):
            text = "\n".join(str(part.get("text") or "") for part in row["content"]
                             if isinstance(part, dict) and part.get("type") == "text")
        yield from _prompt(room, place, text, from_iso(row.get("created_at")), row.get("uuid"))


def _prompt(room: Room, place: RowPlace, text: Any, utc_ms: int | None, number: Any
            ) -> Iterator[Message]:
    if not isinstance(text, str) or not text.strip():
        yield from own_text(room, place, text, utc_ms, number)
    elif len(text) > PROMPT_CHARS_MAX:
        place.notes.skip("long prompt, most of which is pasted")
    elif own := without_pasted(text):
        yield from own_text(room, place, own, utc_ms, number)
    else:
        place.notes.skip("prompt that is pasted")
