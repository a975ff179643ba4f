"""The archive of X (Twitter), to Messages: only the author's words, so monologue."""

from __future__ import annotations

import bisect
import html
import io
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, BinaryIO

from host_training.common.messages import Message, Notes
from host_training.importers import json_stream
from host_training.importers.text import mend
from host_training.importers.times import from_iso, to_ms
from host_training.importers.tree import File

NAME = "x"
LABEL = "X archive"
BEGINNING_CHARS = 100  # of a long post, by which its cut copy is known
_LAST_TAGS = re.compile(r"(?:\s*(?<!\w)#\w+)+\s*$")
_TAG = re.compile(r"(?<!\w)#(\w*[^\W\d_]\w*)")
CUT_CHARS_MIN = 60  # of the copy: a shorter post is one by itself

_TWEETS = re.compile(r"(?:^|/)(?:tweets?|community-tweet|note-tweet|tweets?-part\d+|"
                     r"note-tweet-part\d+)\.js$")
_PREFIX = re.compile(rb"^\s*window\.YTD\.[\w-]+\.part\d+\s*=\s*")
_ARCHIVE = re.compile(rb"^\s*window\.(?:YTD\.[\w-]+\.part\d+|__THAR_CONFIG)\s*=")
_REPLY = re.compile(r"^(?:@\w{1,20}\s+)+")
_LINK = re.compile(r"https://t\.co/\w+")
_CUT = re.compile(r"…$|\u2026\s*https://t\.co/\w+$")


def groups(files: Sequence[File]) -> list[list[File]]:
    """The files of an archive: those that assign to ``window.YTD``."""
    found = [file for file in files if file.suffix == ".js" and _ARCHIVE.match(file.head[:200])]
    return [found] if any(_TWEETS.search(file.name) for file in found) else []


def read(files: Sequence[File], notes: Notes) -> Iterator[Message]:
    """The author's own posts. A long post's whole text lies in another file and comes first."""
    tweets = [file for file in files if _TWEETS.search(file.name)]
    notes.skip("other file of an X archive", len(files) - len(tweets))
    whole: list[str] = []  # how long posts begin, sorted, so that their cut copies can be told
    for file in sorted(tweets, key=lambda file: "note-tweet" not in file.base):
        for index, row in enumerate(_rows(file, notes)):
            if not isinstance(row, dict):
                notes.put(file.name, f"row {index}", "not an object")
            elif "noteTweet" in row:
                yield from _note(row["noteTweet"], file, index, whole, notes)
            else:
                yield from _tweet(row.get("tweet", row), file, index, whole, notes)


def _rows(file: File, notes: Notes) -> Iterator[Any]:
    """The list behind ``window.YTD.tweets.part0 =``."""
    prefix = _PREFIX.match(file.head)
    if prefix is None:
        notes.put(file.name, "", "does not begin with window.YTD.…part0 =")
        return
    n_skip = prefix.end()

    def opened() -> BinaryIO:
        stream = file.opened()
        stream.read(n_skip)
        return io.BufferedReader(stream)  # type: ignore[type-var]  # it reads like a raw stream

    rest = File(file.name, file.size, None, opened, None, file.head[n_skip:])
    try:
        for path, value in json_stream.walk(rest, frozenset({()})):
            if path == ("*",):
                yield value
    except json_stream.Damaged as error:
        notes.put(file.name, "", str(error))


def _note(note: Any, file: File, index: int, whole: list[str], notes: Notes) -> Iterator[Message]:
    core = note.get("core") if isinstance(note, dict) else None
    text = core.get("text") if isinstance(core, dict) else None
    utc_ms = from_iso(note.get("createdAt")) if isinstance(note, dict) else None
    if not isinstance(text, str) or utc_ms is None:
        notes.put(file.name, f"row {index}", "a long post without text or date")
        return
    text = mend(html.unescape(text)).strip()
    bisect.insort(whole, text[:BEGINNING_CHARS])
    yield Message(NAME, "posts", "post", str(note.get("noteTweetId", index)), utc_ms, "me", True,
                  _without_tags(text) or text)


def _tweet(tweet: Any, file: File, index: int, whole: list[str], notes: Notes
           ) -> Iterator[Message]:
    text = tweet.get("full_text", tweet.get("text")) if isinstance(tweet, dict) else None
    if not isinstance(text, str):
        notes.put(file.name, f"row {index}", "a post without text")
        return
    if text.startswith("RT @") or tweet.get("retweeted") is True:
        notes.skip("repost of somebody else")
        return
    utc_ms = _utc_ms(tweet.get("created_at"))
    if utc_ms is None:
        notes.put(file.name, f"row {index}", f'"created_at" is {tweet.get("created_at")!r}')
        return
    # the first names of a reply and the last link of a picture are added by the program
    words = mend(html.unescape(_LINK.sub("", _REPLY.sub("", text)))).strip()
    if _begins(words.rstrip("…").strip(), whole):
        notes.skip("beginning of a long post")
    elif _CUT.search(text) and len(text) >= 138:
        notes.skip("cut off by the archive")
    elif not _without_tags(words):
        notes.skip("no words")
    else:
        reply = tweet.get("in_reply_to_status_id_str") or "posts"
        yield Message(NAME, str(reply), "post", str(tweet.get("id_str", index)), utc_ms, "me", True,
                      _without_tags(words))


def _without_tags(text: str) -> str:
    """Without the hashtags at the end; within a sentence one is a word."""
    return _TAG.sub(r"\1", _LAST_TAGS.sub("", text)).strip()


def _begins(words: str, whole: list[str]) -> bool:
    """True where one of ``whole``, which is sorted, begins with ``words``."""
    words = words[:BEGINNING_CHARS]
    at = bisect.bisect_left(whole, words)
    return len(words) >= CUT_CHARS_MIN and at < len(whole) and whole[at].startswith(words)


def _utc_ms(stamp: Any) -> int | None:
    """Like ``Wed Oct 10 20:19:24 +0000 2018``, read without the locale of this machine."""
    match = re.fullmatch(r"\w{3} (\w{3}) (\d{1,2}) (\d\d:\d\d:\d\d) ([+-]\d{4}) (\d{4})",
                         stamp) if isinstance(stamp, str) else None
    months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    if match is None or match[1] not in months:
        return from_iso(stamp)
    try:
        moment = datetime.fromisoformat(
            f"{match[5]}-{months.index(match[1]) + 1:02}-{int(match[2]):02}T{match[3]}{match[4]}")
    except ValueError:
        return None
    return to_ms(moment, moment.tzinfo) if moment.tzinfo else None
