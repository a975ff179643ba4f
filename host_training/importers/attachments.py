"""Attachments in a chat export, whose author is unknown.

Chat programs put attachments beside the chat, and some a copy of the chat as text. Taken by itself
each of these is a text or a document like the author's own.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import ModuleType

from host_training.importers import (
    discord_chat,
    documents,
    imessage,
    mail,
    messenger,
    meta,
    signal_chat,
    signal_export,
    slack,
    telegram,
    vault,
    whatsapp,
)
from host_training.importers.chat_log import is_log
from host_training.importers.text import head_text, lines_of
from host_training.importers.tree import UNREADABLE, File

Recognised = tuple[File, ModuleType | None]

REASON = ("an attachment in a chat export, perhaps of another person; if it is yours, move it out "
          "of the export")

_MEDIA = ("files/", "media/", "photos/", "videos/", "video_files/", "audio/", "gifs/")
_CHAT_FOLDER = re.compile(r"/chat_\d+/$")
_TELEGRAM = ("chats/chat_#/", "contacts/", "stories/", "voice_messages/", *_MEDIA)
_TELEGRAM_PAGE = re.compile(r"messages\d*\.html$")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\.json$")
_BESIDE_LOGS = ("/media/", "/attachments/")  # of signal-export without JSON, and others
_WRITING = (vault, documents)


@dataclass(slots=True)
class AttachmentFolders:
    """Where the exports of chats keep what was sent; names of folders end with ``/``."""

    below: set[str] = field(default_factory=set)  # all of it, however deep
    beside: set[str] = field(default_factory=set)  # the texts and documents directly in it
    named: set[str] = field(default_factory=set)  # files that a chat names as attached

    def has(self, file: File, module: ModuleType | None) -> bool:
        """True for what somebody may have sent."""
        folder = _folder(file)
        is_copy = module in _WRITING or (module is None and file.suffix != ".json")
        if file.name in self.named or (folder in self.beside and is_copy):
            return True
        return any(_CHAT_FOLDER.sub("/chat_#/", f"/{place}")[1:] in self.below
                   for place in _ends(folder))


def find(recognised: Iterable[Recognised]) -> AttachmentFolders:
    """From all files of a folder, each with its format."""
    sent = AttachmentFolders()
    chats: dict[str, list[File]] = defaultdict(list)
    texts: dict[str, list[File]] = defaultdict(list)
    for file, module in recognised:
        folder = _folder(file)
        if module is telegram or _TELEGRAM_PAGE.match(file.base):
            sent.below.update(folder + name for name in _TELEGRAM)
        elif module is signal_chat or module is meta:  # a folder for each chat
            sent.beside.add(folder)
            sent.below.update(folder + name for name in _MEDIA)
        elif module is messenger:
            sent.below |= {f"{folder}media/", f"{_above(file.folder)}media/"}
        elif module is signal_export:
            sent.below.add(f"{folder}files/")
        elif module is imessage:
            sent.below.add(f"{folder}attachments/")
        elif module is slack and _DAY.match(file.base):
            sent.beside.add(folder)  # and where slackdump puts files, in its two forms
            sent.below |= {f"{folder}attachments/", f"{_above(file.folder)}__uploads/"}
        elif module is discord_chat:
            sent.below.add(f"{file.name}_Files/")
        elif module is mail and file.suffix == ".emlx":
            sent.below.add(f"{_above(file.folder)}Attachments/")
        elif module is whatsapp:
            chats[folder].append(file)
        elif module in _WRITING:
            texts[folder].append(file)
        elif file.base == "group_info.json":  # Google Chat in a Takeout
            sent.beside.add(folder)
    for folder in chats.keys() & texts.keys():
        for chat in chats[folder]:
            sent.named |= _named(chat, texts[folder])
    for folder in {place for at in texts for place in _ends(at) if place.endswith(_BESIDE_LOGS)}:
        beside = texts.get(_above(folder[:-1]), ())
        if any(is_log(head_text(file)) for file in beside):
            sent.below.add(folder)
    return sent


def _ends(folder: str) -> Iterator[str]:
    """A folder and every one above it."""
    return (folder[: index + 1] for index, char in enumerate(folder) if char == "/")


def _folder(file: File) -> str:
    return f"{file.folder}/" if file.folder else ""


def _above(folder: str) -> str:
    """The folder around one, which has no ``/`` at its end."""
    return f"{folder.rpartition('/')[0]}/".lstrip("/")


def _named(chat: File, texts: Sequence[File]) -> set[str]:
    """Which of the texts beside a WhatsApp chat it names: that is how it shows an attachment."""
    wanted = [(_folded(file.base), file.name) for file in texts]
    endings = re.compile("|".join(sorted({re.escape(_folded(file.suffix)) for file in texts})))
    found: set[str] = set()
    # what is damaged is named when it is read
    with suppress(*UNREADABLE, ValueError, RuntimeError):
        for _, line in lines_of(chat):
            folded = _folded(line)
            if endings.search(folded):
                found |= {name for base, name in wanted if base in folded}
    return found


def _folded(text: str) -> str:
    """As it is compared: a disk may keep an accent in another way than the chat."""
    return text.casefold() if text.isascii() else unicodedata.normalize("NFC", text).casefold()
