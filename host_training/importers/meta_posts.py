"""Facebook's, Instagram's and Threads' downloads (JSON): the author's own posts and comments.

Meta spoils every letter here as in its messages (``meta``). Source: your_posts*.json,
comments.json (``comments_v2``), content/posts_1.json, post_comments_1.json,
threads_and_replies.json, as readers of the downloads have them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from host_training.common.messages import Message, Notes
from host_training.importers import meta
from host_training.importers.export_rows import Room, RowPlace, json_values, own_text
from host_training.importers.text import head_text, mend, undoubled
from host_training.importers.times import from_seconds
from host_training.importers.tree import File

LABEL = "Facebook, Instagram or Threads posts"
BESIDE = meta.BESIDE

_POSTS = re.compile(r'^\s*\[\s*\{.{0,4000}?"timestamp"\s*:\s*\d+', re.DOTALL)
_MEDIA = re.compile(r'^\s*\[\s*\{.{0,200}?"(?:media|creation_timestamp|title)"\s*:', re.DOTALL)
_COMMENTS_OF_INSTAGRAM = re.compile(r'^\s*(?:\[|\{\s*"comments_media_comments"\s*:\s*\[)\s*\{')
_LISTS = (("comments_v2", "*"), ("comments", "*"), ("text_post_app_text_posts", "*"),
          ("comments_media_comments", "*"))


def claims(file: File) -> bool:
    """A list of posts or comments with the keys of one of the three."""
    return file.suffix == ".json" and bool(_source(head_text(file), file))


def _source(head: str, file: File) -> str:
    if re.match(r'^\s*\{\s*"text_post_app_text_posts"', head):
        return "threads"
    if re.match(r'^\s*\{\s*"comments(?:_v2)?"\s*:\s*\[', head) and '"timestamp"' in head:
        return "facebook"
    if _COMMENTS_OF_INSTAGRAM.match(head) and '"string_map_data"' in head and (
            "comment" in file.base):
        return "instagram"
    if _POSTS.match(head) and ('"post"' in head or re.match(r"your_posts", file.base)):
        return "facebook"
    return "instagram" if _MEDIA.match(head) and '"creation_timestamp"' in head and (
        '"uri"' in head or '"title"' in head) else ""


def read(files: Sequence[File], notes: Notes) -> Iterator[Message]:
    """Words of posts, captions and comments; what was shared without a word is counted."""
    for file in files:
        head = head_text(file).lstrip()
        source = _source(head, file)
        wanted = (("*",),) if head.startswith("[") else _LISTS
        for _, row, place in json_values(file, notes, *wanted):
            yield from _row(source, row, place)


def _row(source: str, row: dict[str, Any], place: RowPlace) -> Iterator[Message]:
    text, seconds = (_of_facebook(row) if source == "facebook" else
                     _of_comment(row) if "string_map_data" in row else _of_media(row))
    text = mend(undoubled(text, "latin-1") or text) if isinstance(text, str) else text
    yield from own_text(Room(source, "posts", "post"), place, text, from_seconds(seconds))


def _of_facebook(row: dict[str, Any]) -> tuple[Any, Any]:
    """``data`` with a ``post``, or with a ``comment``; the title above is Facebook's own."""
    for part in row["data"] if isinstance(row.get("data"), list) else []:
        if isinstance(part, dict) and "post" in part:
            return part["post"], row.get("timestamp")
        comment = part.get("comment") if isinstance(part, dict) else None
        if isinstance(comment, dict):
            return comment.get("comment"), comment.get("timestamp") or row.get("timestamp")
    return None, None


def _of_comment(row: dict[str, Any]) -> tuple[Any, Any]:
    """``string_map_data``, whose keys are words of the account's language, the comment first."""
    cells = row.get("string_map_data")
    rows = [cell for cell in cells.values() if isinstance(cell, dict)] if isinstance(
        cells, dict) else []
    return rows[0].get("value") if rows else None, next(
        (cell["timestamp"] for cell in rows if cell.get("timestamp")), None)


def _of_media(row: dict[str, Any]) -> tuple[Any, Any]:
    """A caption, over one picture or over several."""
    media = row.get("media")
    first = media[0] if isinstance(media, list) and media and isinstance(media[0], dict) else {}
    return (row.get("title") or first.get("title"),
            row.get("creation_timestamp") or first.get("creation_timestamp"))
