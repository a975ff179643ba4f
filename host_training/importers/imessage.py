"""imessage-exporter's files of Apple's Messages, .txt or .html, to Messages.

Answers in a thread stand twice, below what they answer and where they were sent, which is where
they are read. Source: the exporters and their tests in
https://github.com/ReagentX/imessage-exporter (txt/mod.rs, resources/example.html).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from selectolax.lexbor import LexborHTMLParser, LexborNode

from host_training.common.messages import ChatKind, Message, Notes
from host_training.importers.export_rows import Room, RowPlace, chat_row
from host_training.importers.html_text import words_of
from host_training.importers.text import head_text, lines_of, text_of
from host_training.importers.times import from_english
from host_training.importers.tree import File

NAME = "imessage"
LABEL = "iMessage chat (imessage-exporter)"
OWN = "Me"

_STAMP = r"([A-Z][a-z]{2} \d\d, \d{4} [ \d]\d:\d\d:\d\d [AP]M)"
_HEAD = re.compile(rf"{_STAMP}(?: \((?:Read|Delivered) .*)?")
_NOTICE = re.compile(rf"{_STAMP} (?!\().+")
_FIRST = re.compile(rf"(?:\A|\n\n){_HEAD.pattern}\n(?P<who>\S.{{0,80}})\n")
_PAGE = re.compile(r'<div class="message">\s*<div class="(?:sent|received)')
# what the program adds below or in place of words
_ADDED = re.compile(
    r"This message responded to an earlier message\.|This message was deleted from the "
    r"conversation!|Sent with [A-Z][\w ]+|Attachment missing!|(?:Started|Stopped) sharing "
    r"location!|SharePlay Message|.{0,200}\bunsent (?:this|a) message.*|"
    r"(?:/|~/|attachments/|\.{1,2}/).*\.\w{2,5}|Transcription: .*|Sticker from .*")
_BELOW = ("Tapbacks:", "Reactions:")
_EDITED = re.compile(r"Edited .{1,60} later: ")


@dataclass(slots=True)
class _Block:
    """One message of the text form."""

    stamp: str
    line: int
    lines: list[str] = field(default_factory=list)  # the sender first


def claims(file: File) -> bool:
    """A date as the program writes it with a sender below, or its page."""
    if file.suffix not in (".txt", ".html"):
        return False
    head = head_text(file).replace("\r\n", "\n")
    if file.suffix == ".html":
        return bool(_PAGE.search(head)) and 'class="timestamp"' in head
    first = _FIRST.search(head)
    return first is not None and (
        first["who"] == OWN or sum(map(bool, map(_HEAD.fullmatch, head.split("\n")))) > 1)


def read(files: Sequence[File], notes: Notes) -> Iterator[Message]:
    """What people wrote; a file is a chat, called after those in it."""
    notes.own_accounts.add(f"{NAME}:{OWN}")
    for file in files:
        title = file.base.rpartition(".")[0]
        read_file = _of_page if file.suffix == ".html" else _of_text
        people = {sender for sender, *_ in read_file(file, notes)} | {OWN}
        kind: ChatKind = "group" if len(people) > 2 else "dm"
        for sender, stamp, text, row in read_file(file, notes):
            place = RowPlace(file, row, notes)
            yield from chat_row(Room(NAME, title, kind, title), place, sender, text,
                                from_english(stamp, notes.zone), "" if sender == OWN else sender)


def _of_text(file: File, notes: Notes) -> Iterator[tuple[str, str, str, str]]:
    """(sender, time, words, place) of each message."""
    for block in _blocks(file):
        sender, *body = block.lines or [""]
        kept: list[str] = []
        for line in body:
            if line in _BELOW:
                break  # and answers in the thread, which are further in
            if line.startswith("    ") and _HEAD.fullmatch(line.strip()):
                break
            if _EDITED.match(line):
                kept = [_EDITED.sub("", line)]  # the last version
            elif not _ADDED.fullmatch(line):
                kept.append(line)
        yield sender, block.stamp, "\n".join(kept), f"line {block.line}"


def _blocks(file: File) -> Iterator[_Block]:
    block: _Block | None = None
    is_after_blank = True
    for number, line in lines_of(file):
        head = _HEAD.fullmatch(line) if is_after_blank else None
        is_notice = is_after_blank and _NOTICE.fullmatch(line)
        if head or is_notice:
            if block is not None:
                yield block
            block = _Block(head[1], number) if head else None
        elif block is not None:
            block.lines.append(line)
        is_after_blank = not line.strip()
    if block is not None:
        yield block


def _of_page(file: File, notes: Notes) -> Iterator[tuple[str, str, str, str]]:
    """(sender, time, words, place) of each message of a page."""
    page = LexborHTMLParser(text_of(file))
    for answers in page.css("div.replies, div.thread"):
        answers.decompose()
    for index, message in enumerate(page.css("div.message")):
        if message.css_first("div.sent, div.received") is None:
            continue
        stamp = _text(message.css_first("span.timestamp")).partition(" (")[0]
        bubbles = [words_of(bubble.html or "") for bubble in message.css("span.bubble")]
        yield (_text(message.css_first("span.sender")), stamp, "\n".join(filter(None, bubbles)),
               f"message {index}")


def _text(node: LexborNode | None) -> str:
    return " ".join(node.text().split()) if node is not None else ""
