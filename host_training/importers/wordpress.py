"""WordPress' export (WXR), to Messages: posts and pages, and which author wrote each.

Source: export_wp() of WordPress, wp-admin/includes/export.php.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from xml.etree.ElementTree import Element

from host_training.common.messages import Message, Notes
from host_training.importers import xml_stream
from host_training.importers.export_rows import Room, RowPlace, own_text
from host_training.importers.html_text import words_of
from host_training.importers.text import head_text
from host_training.importers.times import from_iso
from host_training.importers.tree import File

NAME = "wordpress"
LABEL = "WordPress export"
TIER = 1

_HEAD = re.compile(r"wordpress\.org/export/")
_KINDS, _STATES = ("post", "page"), ("publish", "private", "draft", "pending", "future")
_BLOCK = re.compile(r"<!--.*?-->", re.DOTALL)
_SHORTCODE = re.compile(r"\[/?[a-z_]+(?: [^\[\]]*)?\]")
_NOT_OWN = "blockquote, pre, table, figure"


def claims(file: File) -> bool:
    """An RSS feed in the namespace of WordPress' exports."""
    return file.suffix == ".xml" and bool(_HEAD.search(head_text(file)))


def read(files: Sequence[File], notes: Notes) -> Iterator[Message]:
    """Of a blog with one author all posts are theirs; of several authors ``me`` names one."""
    for file in files:
        authors = {item.findtext("dc:creator") or "" for item, _ in _items(file, Notes())}
        for item, place in _items(file, notes):
            for message in _post(item, place):
                yield message if len(authors) <= 1 else _of_author(message, item)


def _items(file: File, notes: Notes) -> Iterator[tuple[Element, RowPlace]]:
    for item, place in xml_stream.elements(file, notes, {"item"}, {"wp:comment", "wp:postmeta"}):
        if (item.findtext("wp:post_type") in _KINDS and item.findtext("wp:status") in _STATES):
            yield item, place
        else:
            notes.skip("picture, menu or deleted post")


def _post(item: Element, place: RowPlace) -> Iterator[Message]:
    content = _SHORTCODE.sub("", _BLOCK.sub("", item.findtext("content:encoded") or ""))
    if "<p" not in content:  # older posts have lines only
        content = content.replace("\n", "<br>")
    text, title = words_of(content, _NOT_OWN), (item.findtext("title") or "").strip()
    stamp = item.findtext("wp:post_date_gmt") or ""
    number = item.findtext("wp:post_id")
    yield from own_text(Room(NAME, f"post {number}", "post"), place,
                        f"{title}\n\n{text}".strip() if text else None, from_iso(stamp),
                        number, TIER)


def _of_author(message: Message, item: Element) -> Message:
    name = item.findtext("dc:creator") or ""
    return replace(message, author=name, name=name, is_me=False)
