"""Instagram's and Facebook's message downloads (JSON), to Messages.

Meta writes UTF-8 as if each byte were a character ("Ã©"), always, so nothing is guessed here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from host_training.common.messages import Message, Notes
from host_training.importers import json_stream
from host_training.importers.json_stream import END, START
from host_training.importers.text import head_text, mend, undoubled
from host_training.importers.times import from_ms
from host_training.importers.tree import File

NAME = "meta"
LABEL = "Instagram or Facebook messages"
# every other table of the downloads
BESIDE = re.compile(
    r"(?:^|/)(?:your_facebook_activity|your_instagram_activity|ads_information|"
    r"apps_and_websites_off_of_(?:instagram|facebook)|connections|logged_information|"
    r"personal_information|preferences|security_and_login_information|followers_and_following|"
    r"comments(?:_and_reactions)?|posts|content|threads|likes|media|profile_information)"
    r"/(?:.*/)?[^/]+\.json$")

_DESCEND = frozenset({(), ("participants",), ("messages",)})
_HEAD = re.compile(r'^\s*\{\s*"participants"\s*:\s*\[')
# What the apps write in place of words; English whatever the phone speaks.
_SYNTHETIC = re.compile(
    r"^(?:Liked a message|Reacted .{1,8} to (?:your|a) message ?|.{1,60} sent an attachment\.|"
    r".{1,60} (?:sent a (?:photo|voice message|live location)|missed (?:a|your)"
    r" (?:video )?call|started a (?:video|audio) call|called you|created the group|"
    r"named the group .*|changed the (?:theme|group photo|chat theme) .*)\.?|"
    r"(?:You|.{1,60}) unsent a message\.?|(?:Video|Audio) call ended\.?|"
    r"Started a(?:n audio| video) c(?:hat|all)\.?|This poll is no longer available\.?)$")
# and behind "You" or the sender's name
_DONE = re.compile(
    r"(?:missed a(?: video)? call from .{1,60}|sent a (?:link|photo|video|GIF|sticker)|"
    r"set (?:the|your|his|her|their|my) (?:own )?nickname.{0,120}|set the (?:emoji|quick reaction)"
    r".{0,60}|(?:added|removed) .{1,60} (?:to|from) the group|left the group|pinned a message|"
    r"joined the (?:video )?call|shared a (?:post|story|reel|link|memory))\.?$")
_LINK_ALONE = re.compile(r"https?://\S+$")


def claims(file: File) -> bool:
    """An object that begins with participants, and messages by ``sender_name``."""
    head = head_text(file)
    return file.suffix == ".json" and bool(_HEAD.match(head)) and (
        '"sender_name"' in head or '"timestamp_ms"' in head)


def read(files: Sequence[File], notes: Notes) -> Iterator[Message]:
    """What people wrote; the parts of one chat share its folder, so they join again."""
    for file in files:
        people: list[str] = []
        index = 0
        try:
            for path, value in json_stream.walk(file, _DESCEND):
                if path == ("participants", "*") and isinstance(value, dict):
                    people.append(_words(str(value.get("name", ""))))
                elif path == ("messages", "*"):
                    yield from _message(value, file, index, len(people) > 2, notes)
                    index += 1
                elif path == ("messages",) and value not in (START, END):
                    notes.put(file.name, "", '"messages" is not a list')
        except json_stream.Damaged as error:
            notes.put(file.name, f"row {index}", str(error))


def _is_of_the_app(text: str, row: dict[str, Any]) -> bool:
    if _SYNTHETIC.match(text) or (row.get("share") and _LINK_ALONE.match(text)):
        return True
    actors = ("You ", f"{_words(row['sender_name'])} ")
    return any(text.startswith(who) and _DONE.match(text, len(who)) for who in actors)


def _words(written: str) -> str:
    return mend(undoubled(written, "latin-1") or written)


def _message(row: Any, file: File, index: int, is_group: bool, notes: Notes) -> Iterator[Message]:
    if not isinstance(row, dict) or not isinstance(row.get("sender_name"), str):
        notes.put(file.name, f"row {index}", '"sender_name" is missing')
        return
    content = row.get("content", "")
    text = _words(content).strip() if isinstance(content, str) else ""
    utc_ms = from_ms(row.get("timestamp_ms"))
    if row.get("is_unsent"):
        notes.skip("deleted message")
    elif not text:
        notes.skip("no words")
    elif _is_of_the_app(text, row):
        notes.skip("words of the app")
    elif utc_ms is None:
        notes.put(file.name, f"row {index}", f'"timestamp_ms" is {row.get("timestamp_ms")!r}')
    else:
        author = _words(row["sender_name"])
        yield Message(NAME, file.folder.rsplit("/", 1)[-1] or file.name,
                      "group" if is_group else "dm", f"{author} {utc_ms} {text[:60]}", utc_ms,
                      author, False, text, author)
