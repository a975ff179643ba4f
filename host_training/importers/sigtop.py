"""sigtop's text of a Signal chat, a block of fields and words for each message, to Messages.

Source: fmt_text.go of https://github.com/tbvdm/sigtop. Its short form is a layout of text_chats.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise

from host_training.common.messages import ChatKind, Message, Notes
from host_training.importers.text import head_text, lines_of, mend
from host_training.importers.times import from_mail
from host_training.importers.tree import File

NAME = "signal"
LABEL = "Signal chat (sigtop)"

_HEAD = re.compile(r"Conversation: (?P<chat>.+)\n\n(?:From: .+\n)?Type: ")
_FIELD = re.compile(r"(?P<key>From|Type|Sent|Received|Attachment|Reaction|Edited): ?(?P<value>.*)")
_OWN = "You"


@dataclass(slots=True)
class _Block:
    """One message: its fields, and all below them."""

    fields: dict[str, str] = field(default_factory=dict)
    below: list[str] = field(default_factory=list)


def claims(file: File) -> bool:
    """A conversation's name, and a message's fields below it."""
    return file.suffix in (".txt", "") and _HEAD.match(head_text(file)) is not None


def read(files: Sequence[File], notes: Notes) -> Iterator[Message]:
    """What people wrote, without what they quoted; of an edited message its last version."""
    notes.own_accounts.add(f"{NAME}:{_OWN}")
    for file in files:
        head = _HEAD.match(head_text(file))
        assert head is not None, "read without claims"
        chat = head["chat"]
        people = {block.fields.get("From", "") for block in _blocks(file)}
        kind: ChatKind = "dm" if len(people) <= 2 else "group"
        for block in _blocks(file):
            yield from _message(block, chat, kind, notes)


def _blocks(file: File) -> Iterator[_Block]:
    block: _Block | None = None
    is_head = False
    lines = (line for _, line in lines_of(file))
    for line, following in pairwise(chain(lines, [""])):
        is_first = line.startswith("From: ") and following.startswith("Type: ")
        if is_first or (line.startswith("Type: ") and not is_head):
            if block is not None:
                yield block
            block, is_head = _Block(), True
        found = _FIELD.fullmatch(line) if is_head else None
        if block is not None and found is not None:
            block.fields.setdefault(found["key"], found["value"])
        elif block is not None:
            is_head = False
            block.below.append(line)
    if block is not None:
        yield block


def _message(block: _Block, chat: str, kind: ChatKind, notes: Notes) -> Iterator[Message]:
    author, sent = block.fields.get("From"), block.fields.get("Sent", "")
    if block.fields.get("Type") not in ("incoming", "outgoing") or author is None:
        notes.skip("service message")
        return
    text = mend("\n".join(_own_lines(block))).strip()
    if not text:
        notes.skip("no words")
        return
    utc_ms = from_mail(sent)
    yield Message(NAME, chat, kind, f"{author} {utc_ms} {text[:60]}", utc_ms, author, False, text,
                  author.partition(" (+")[0], chat_name=chat)


def _own_lines(block: _Block) -> list[str]:
    lines = block.below
    if "Edited" in block.fields:  # versions, the last one first, each line behind a bar
        lines = [line.removeprefix("|").removeprefix(" ") for line in lines]
        ends = [at for at, line in enumerate(lines) if line.startswith("Version: ")]
        lines = lines[ends[0] + 1 : ends[1] if len(ends) > 1 else None] if ends else lines
        while lines and _FIELD.fullmatch(lines[0]):
            lines = lines[1:]
    at = next((at for at, line in enumerate(lines) if line.strip()), 0)
    while at < len(lines) and lines[at].startswith(">"):
        at += 1
    return lines[at:]
