"""Mastodon's archive (``outbox.json``), to Messages: the author's own posts.

Source: ActivityPub, https://www.w3.org/TR/activitypub/#outbox; posts are ``Create`` of a ``Note``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from host_training.common.messages import Message, Notes
from host_training.importers.export_rows import Room, json_values, own_text
from host_training.importers.html_text import words_of
from host_training.importers.text import head_text
from host_training.importers.times import from_iso
from host_training.importers.tree import File

NAME = "mastodon"
LABEL = "Mastodon archive"
BESIDE = re.compile(r"(?:^|/)(?:actor|likes|bookmarks)\.json$")

_HEAD = re.compile(r'^\s*\{.{0,2000}?"type"\s*:\s*"OrderedCollection"', re.DOTALL)
_MENTIONS = re.compile(r"^(?:@[\w.-]+(?:@[\w.-]+)?\s+)+")
_TAGS = re.compile(r"(?:\s*(?<!\w)#\w+)+\s*$")


def claims(file: File) -> bool:
    """An ordered collection of activities."""
    if file.suffix != ".json":
        return False
    head = head_text(file)
    return bool(_HEAD.match(head)) and '"orderedItems"' in head and (
        file.base.startswith("outbox") or '"Create"' in head)


def read(files: Sequence[File], notes: Notes) -> Iterator[Message]:
    """Posts and answers, without the names and hashtags around them; boosts are counted."""
    for file in files:
        for _, row, place in json_values(file, notes, ("orderedItems", "*")):
            post = row.get("object")
            if row.get("type") != "Create" or not isinstance(post, dict):
                notes.skip("repost of somebody else")
                continue
            content = post.get("content")
            text = words_of(content, "span.invisible, blockquote, .quote-inline") if isinstance(
                content, str) else content
            if isinstance(text, str):
                text = _TAGS.sub("", _MENTIONS.sub("", text))
            yield from own_text(Room(NAME, str(post.get("inReplyTo") or "posts"), "post"), place,
                                text, from_iso(row.get("published")), row.get("id"))
