"""Format detection, and all exports below a folder read into one stream of Messages."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from types import ModuleType

from host_training.common.messages import Message, Notes, whole_characters
from host_training.importers import (
    assistants,
    attachments,
    bluesky,
    chat_tables,
    chatlab,
    discord_chat,
    discord_package,
    documents,
    evernote,
    git_repository,
    google_chat,
    google_keep,
    imessage,
    imessage_db,
    journals,
    jsonl_chat,
    linkedin,
    mail,
    mastodon,
    matrix,
    messenger,
    meta,
    meta_posts,
    onenote,
    pages,
    qq,
    reddit,
    signal_chat,
    signal_export,
    sigtop,
    skype,
    slack,
    slackdump,
    sms,
    teams,
    telegram,
    text_chats,
    transcript,
    unknown_apps,
    vault,
    voice_notes,
    whatsapp,
    whatsapp_exporter,
    whisper,
    wordpress,
    x_archive,
)
from host_training.importers.forum_quotes import without_quotes
from host_training.importers.text import head_text
from host_training.importers.tree import File

# Formats of whole folders come first: their files would be taken for something simpler.
FOLDERS: tuple[ModuleType, ...] = (discord_package, slack, x_archive)
FILES: tuple[ModuleType, ...] = (
    git_repository, documents, telegram, discord_chat, slackdump, meta, messenger, chatlab,
    signal_chat, signal_export, whatsapp_exporter, skype, teams, google_chat, matrix, qq,
    assistants, google_keep, journals, mastodon, meta_posts, whisper, jsonl_chat, reddit, linkedin,
    chat_tables, sms, wordpress, evernote, bluesky, imessage_db, imessage, pages, onenote,
    transcript, mail, sigtop, text_chats, whatsapp,
    vault,  # last: anything else that reads as text is a text
)

_MEDIA_SUFFIXES = (
    ".jpg .jpeg .png .gif .webp .heic .avif .svg .bmp .tif .tiff .ico .mp4 .mov .avi .mkv .webm"
    " .tgs .thumb .enc .ttf .woff .woff2 .css .js .map")
_MEDIA = frozenset(_MEDIA_SUFFIXES.split())
_SYSTEM_FILES = frozenset({".ds_store", "thumbs.db", "desktop.ini"})
_COVERS = frozenset({"archive_browser.html", "your archive.html"})  # of Takeout and of X
_WAYS_OUT = {
    ".tgz .gz .tar .bz2 .xz .7z .rar":
        "a packed file; unpack it here, only zips and plain tars are opened",
    ".doc .odt .pages .wpd .wps": "a text program's own format; save it as .docx, .pdf or .txt",
    ".xls .xlsx .ods .numbers .ppt .pptx .odp .key":
        "a table or slides; save your own text as .txt",
    ".epub .mobi .azw3": "a book; if you wrote it, save it as .txt",
    ".pst .ost .msg": "Outlook's own format, in which Purview exports Teams too; export the folder"
                      " as .mbox or .eml, and Teams as JSON of Microsoft Graph",
    ".one .onepkg .onetoc2": "OneNote's own format; export sections as Single File Web Page (.mht)"
                             " or Word (.docx), on a Mac as PDF",
    ".backup": "an app's encrypted backup; Signal's own export is main.jsonl, in its settings",
    ".crypt12 .crypt14 .crypt15": "WhatsApp's encrypted backup; in the app, use a chat -> Export "
                                  "chat",
    ".db .sqlite .sqlite3": "an app's database; docs/training.md lists the supported exports",
}
_WAY_OUT = {suffix: way for suffixes, way in _WAYS_OUT.items() for suffix in suffixes.split()}


_Format = tuple[File, ModuleType | None]


@dataclass(frozen=True, slots=True)
class Export:
    """Files that belong together, and the format that reads them."""

    format: ModuleType
    files: Sequence[File]

    @property
    def label(self) -> str:
        """For the inventory: what it is and where it begins."""
        return f"{self.format.LABEL}: {self.files[0].name}"


def recognise(files: Sequence[File], notes: Notes) -> list[Export]:
    """Every export among ``files``; what is none goes to ``notes``, each with a reason."""
    rest = {file.name: file for file in files}
    found: list[Export] = []
    for module in FOLDERS:
        for group in module.groups(list(rest.values())):
            found.append(Export(module, group))
            for file in group:
                rest.pop(file.name, None)
    formats = _without_beside(list(_formats(rest.values(), notes)), notes)
    attached = attachments.find([*formats, *((file, export.format) for export in found
                                      for file in export.files)])
    for file, module_of_file in formats:
        if module_of_file is not None:
            found.append(Export(module_of_file, [file]))
        elif attached.has(file, None):
            notes.skip("file that was sent in a chat")
        else:
            notes.put(file.name, "", _unknown(file))
    own: list[Export] = []
    for export in found:
        if attached.has(export.files[0], export.format):
            notes.put(export.files[0].name, "", attachments.REASON)
        else:
            own.append(export)
    return own


def _formats(files: Iterable[File], notes: Notes) -> Iterator[_Format]:
    """Each file that may hold words, and the format that claims it, if any does."""
    for file in files:
        try:
            reason = _skip_reason(file)
            if reason:
                notes.skip(reason)
            elif not file.head:
                notes.put(file.name, "", "the file is empty")
            else:
                yield file, next((module for module in FILES if module.claims(file)), None)
        except (OSError, EOFError, zipfile.BadZipFile, zlib.error, ValueError, RuntimeError,
                NotImplementedError) as error:
            notes.put(file.name, "", f"cannot be read ({error})")


def _without_beside(formats: list[_Format], notes: Notes) -> list[_Format]:
    """Without the tables and copies that stand in an export beside what is read of it.

    A format whose exports have such files says by ``BESIDE``, on their names, which they are.
    """
    known = [module.BESIDE for module in {module for _, module in formats if module is not None}
             if hasattr(module, "BESIDE")]
    kept = [(file, module) for file, module in formats if module not in (None, vault)
            or not any(pattern.search(file.name) for pattern in known)]
    notes.skip("other file of an export", len(formats) - len(kept))
    return kept


def _skip_reason(file: File) -> str | None:
    if file.suffix in _MEDIA or file.base.lower() in _COVERS:
        return "picture, sound, film or page decoration"
    if file.suffix in voice_notes.SUFFIXES:
        return voice_notes.LEFT_OUT
    if file.base.lower() in _SYSTEM_FILES or file.base.startswith("._") or "__MACOSX" in file.name:
        return "file of the operating system"
    if file.folder_path is None and _is_hidden(file):
        return "hidden file of a program"  # .obsidian, and .trash with what was thrown away
    return None


def _is_hidden(file: File) -> bool:
    """By its name or that of a folder; the folders of a Maildir only look so."""
    return (any(part.startswith(".") for part in file.name.split("/"))
            and not (mail.is_maildir(file.name) and mail.claims(file)))


def _unknown(file: File) -> str:
    whole = head_text(file)
    head = whole[:4000].lower()
    if "<html" in head or "<!doctype html" in head:
        if "exported data" in head or "telegram" in head:
            return "Telegram's HTML export; export again and choose JSON"
        if 'class="page-body"' in whole or "notion" in head:
            return "Notion's HTML export; export again and choose Markdown & CSV"
        return "a web page; if an app exported it, export again and choose JSON"
    if file.suffix == ".json" and '"messages"' in whole and '"from_id"' in whole:
        return "a part of a Telegram export; use result.json as Telegram wrote it"
    return (_WAY_OUT.get(file.suffix) or unknown_apps.sentence(whole)
            or "unknown format; docs/training.md lists the supported exports")


def read_all(exports: Sequence[Export], notes: Notes) -> Iterator[Message]:
    """Every message of every export; a damaged file ends its export, never the others."""
    for export in exports:
        try:
            for message in export.format.read(export.files, notes):
                text = without_quotes(message.text)
                if text:
                    yield _printable(message, text)
                else:
                    notes.skip("no words but a quotation")
        except (OSError, EOFError, zipfile.BadZipFile, zlib.error, RuntimeError) as error:
            notes.put(export.files[0].name, "", f"reading stopped: {error}")
        except Exception as error:  # noqa: BLE001 (what one export has wrong, no other pays for)
            notes.put(export.files[0].name, "",
                      f"reading stopped: {type(error).__name__}, {error}")
        notes.sum_up()


def _printable(message: Message, text: str) -> Message:
    """With ``text``, and whole characters in ids and names: ``mend`` sees to those of the text."""
    message = message if text == message.text else replace(message, text=text)
    shown = message.chat_id, message.message_id, message.author, message.name, message.chat_name
    if all(map(str.isascii, shown)):
        return message
    chat_id, message_id, author, name, chat_name = map(whole_characters, shown)
    return replace(message, chat_id=chat_id, message_id=message_id, author=author, name=name,
                   chat_name=chat_name)
