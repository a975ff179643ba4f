"""Evernote's export (``.enex``), to Messages: one per note.

Source: http://xml.evernote.com/pub/evernote-export3.dtd, and ENML, in which the content is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from xml.etree.ElementTree import Element

from host_training.common.messages import Message, Notes
from host_training.importers import xml_stream
from host_training.importers.export_rows import Room, RowPlace, own_text
from host_training.importers.html_text import words_of
from host_training.importers.text import head_text
from host_training.importers.times import from_iso
from host_training.importers.tree import File

NAME = "evernote"
LABEL = "Evernote notes"
TIER = 2

_HEAD = re.compile(r"<en-export[\s>]")
_TASK = re.compile(r"<div[^>]*>\s*(?:<span[^>]*>\s*)?<en-todo\b.*?</div>", re.DOTALL)
_NOT_OWN = "blockquote, table, en-crypt, en-codeblock"
_CLIPPERS = ("web.clip", "mail.clip", "mail.smtp")


def claims(file: File) -> bool:
    """An XML file of notes."""
    return file.suffix == ".enex" and bool(_HEAD.search(head_text(file)[:4000]))


def read(files: Sequence[File], notes: Notes) -> Iterator[Message]:
    """Title and text, without tasks, tables and what was clipped from pages and mails."""
    for file in files:
        for note, place in xml_stream.elements(file, notes, {"note"}, {"resource", "task"}):
            if _is_clipped(note):
                notes.skip("clipping of somebody else's words")
            else:
                yield from _note(note, place)


def _is_clipped(note: Element) -> bool:
    about = {one.tag: one.text or "" for one in note.iterfind("note-attributes/*")}
    return about.get("source-url", "").startswith("http") or about.get("source", "").startswith(
        _CLIPPERS)


def _note(note: Element, place: RowPlace) -> Iterator[Message]:
    content = _TASK.sub("", note.findtext("content") or "")
    title, text = (note.findtext("title") or "").strip(), words_of(content, _NOT_OWN)
    yield from own_text(Room(NAME, f"{place.file.name}: {title}", "note"), place,
                        f"{title}\n\n{text}" if text else None,
                        from_iso(note.findtext("created")), tier=TIER)
