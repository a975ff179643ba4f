"""Notes and texts (Obsidian, Notion, Apple Notes, Markdown, rich and plain text) to Messages."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Sequence

from host_training.common.messages import Layer, Message, Notes
from host_training.importers import chat_log, clippings, prose
from host_training.importers.html_text import words_of
from host_training.importers.text import decode, head_text, mend, text_of
from host_training.importers.times import from_iso
from host_training.importers.tree import File

NAME = "notes"
LABEL = "note or text"
TIER_NOTE = 2
TIER_TEXT = 1
NOTE_BYTES_MAX = 200_000_000

_MARKDOWN = (".md", ".markdown", ".mdown")
_PLAIN = (".txt", ".text", ".org", ".rst", ".adoc", ".tex")
_COCOA = re.compile(r'<meta name="generator" content="cocoa html writer', re.IGNORECASE)
_NOTION_ID = re.compile(r" [0-9a-f]{32}(?=\.|/|$)")
_NOTION_TABLE = re.compile(r" [0-9a-f]{32}(?:_all)?\.csv$")
_TEMPLATE = re.compile(r"\{\{\s*(?:date|title|time)\b|<%[-_+*]?\s*tp\.")
_PROPERTY = re.compile(
    r"^(Created|Created time|Date|Last edited time|Status|Tags|URL|Author): (.+)$")
_ANY_PROPERTY = re.compile(r"[^\s:][^:]{0,40}: \S")
_DATE_IN_NAME = re.compile(r"(?<!\d)(\d{4}-\d{2}-\d{2})(?!\d)")
_JOPLIN_ID = re.compile(r"id: [0-9a-f]{32}")
_JOPLIN_KEY = re.compile(r"\w+:")
_JOPLIN_TYPE = re.compile(r"type_: \d+")
_JOPLIN_NOTE = "type_: 1"  # every other type is a notebook, a tag or an attachment
_JOPLIN_KEYS = {"created_time": "created", "source_url": "source"}
_CLIPPED_KEYS = ("source", "url", "clipped", "canonical")
_LAYERS: dict[str, Layer] = {"said": "said", "thinking": "thinking", "values": "values"}
_CONTROL_SHARE_MAX = 0.02


def claims(file: File) -> bool:
    """By ending, and only where the beginning reads as text."""
    head = head_text(file)
    if file.suffix == ".csv":
        return bool(_NOTION_TABLE.search(file.base))
    if file.suffix in (".html", ".htm"):
        return bool(_COCOA.search(head[:4000]))
    if file.suffix not in (*_MARKDOWN, *_PLAIN, ".rtf", ".canvas"):
        return False
    odd = sum(unicodedata.category(c) in ("Cc", "Cn", "Co") and c not in "\n\r\t\f\x1b"
              for c in head[:4000])
    return odd <= _CONTROL_SHARE_MAX * len(head[:4000])


def read(files: Sequence[File], notes: Notes) -> Iterator[Message]:
    """One message per file, without what others wrote in it."""
    for file in files:
        if file.size > NOTE_BYTES_MAX:
            notes.put(file.name, "", f"{file.size} bytes; at most {NOTE_BYTES_MAX} are read as one"
                                     " text")
        elif file.suffix == ".csv":
            notes.skip("Notion table, whose pages are read")
        elif file.suffix == ".canvas":
            yield from _canvas(file, notes)
        else:
            yield from _note(file, notes)


def _note(file: File, notes: Notes) -> Iterator[Message]:
    text = text_of(file).lstrip("\ufeff")
    front: dict[str, str] = {}
    if joplin := _joplin_lines(text):
        if joplin[-1] != _JOPLIN_NOTE:
            notes.skip("notebook, tag or attachment of Joplin")
            return
        pairs = (line.partition(": ") for line in joplin)
        front = {_JOPLIN_KEYS[key]: value for key, _, value in pairs if key in _JOPLIN_KEYS}
        text = text.rstrip().removesuffix("\n".join(joplin))
    is_rich = file.suffix == ".rtf" or text.startswith("{\\rtf")
    is_markdown = file.suffix in _MARKDOWN and not is_rich
    if is_rich:
        text = prose.of_rtf(text)
    elif file.suffix in (".html", ".htm"):
        text = words_of(text)
    elif is_markdown:
        written, text = front_matter(text)
        front |= written | _notion_properties(text)
        reason = _skip_reason(file, front, text)
        if reason:
            notes.skip(reason)
            return
    if reason := clippings.refusal(text) or chat_log.refusal(text):
        notes.put(file.name, "", reason)
        return
    if is_markdown:
        is_notion = _NOTION_ID.search(file.name) is not None
        text = prose.of_markdown(_without_properties(text, is_notion))
    text = mend(text).strip()
    if not text:
        notes.skip("no words")
        return
    ids = " ".join(_NOTION_ID.findall(file.name))  # two pages of a folder may be "Untitled"
    tier = TIER_TEXT if file.suffix in _PLAIN and not is_rich else TIER_NOTE
    layer = _LAYERS.get(front.get("layer", ""), "said")
    yield Message(NAME, _NOTION_ID.sub("", file.name), "note", ids.strip() or "0",
                  _when(file, front), "me", True, text, tier=tier, layer=layer)


def _joplin_lines(text: str) -> list[str]:
    """What Joplin writes below a note that it exports raw, from the id to the type; else nothing.

    Read from the end: a search for it from the beginning takes quadratic time or worse.
    """
    lines = text.rstrip().split("\n")
    first = len(lines)
    if _JOPLIN_TYPE.fullmatch(lines[-1]):
        for at in range(len(lines) - 2, -1, -1):
            if not _JOPLIN_KEY.match(lines[at]):
                break
            if _JOPLIN_ID.fullmatch(lines[at]):
                first = at
    return lines[first:]


def front_matter(text: str) -> tuple[dict[str, str], str]:
    """The plain ``key: value`` lines between the first two ``---``, and the rest.

    Not a YAML parser on purpose: a tag like ``!!python/object`` is text here, a tab is white space
    and a line that makes no sense is nothing. Without a second ``---`` all of it is body.
    """
    lines = text.split("\n")
    if not lines or lines[0].rstrip() != "---":
        return {}, text
    for end, line in enumerate(lines[1:200], 1):
        if line.rstrip() in ("---", "..."):
            found: dict[str, str] = {}
            key = ""
            for inner in lines[1:end]:
                name, colon, value = inner.partition(":")
                if colon and re.fullmatch(r"\s*[\w -]+", name):
                    key = name.strip().lower()
                    found[key] = value.strip().strip("\"'")
                elif key and inner.strip().startswith("- "):
                    found[key] = f"{found[key]} {inner.strip()[2:]}".strip()
            return found, "\n".join(lines[end + 1 :])
    return {}, text


def _notion_properties(text: str) -> dict[str, str]:
    return {match[1].lower(): match[2] for line in text.split("\n")[:20]
            if (match := _PROPERTY.match(line))}


def _without_properties(text: str, is_notion: bool) -> str:
    """Without the lines that Notion writes below the title; further down they are the author's.

    In a page of a table these are the table's columns, by whatever names, up to an empty line.
    """
    lines = text.split("\n")
    if is_notion and len(lines) > 2 and lines[0].startswith("# ") and not lines[1].strip():
        end = next((at for at, line in enumerate(lines[2:], 2) if not line.strip()), len(lines))
        if all(map(_ANY_PROPERTY.match, lines[2:end])):
            return "\n".join([lines[0], *lines[end:]])
    n_head = next((index for index, line in enumerate(lines)
                   if line.strip() and not line.startswith("# ") and not _PROPERTY.match(line)),
                  len(lines))
    return "\n".join([line for line in lines[:n_head] if not _PROPERTY.match(line)]
                     + lines[n_head:])


def _skip_reason(file: File, front: dict[str, str], text: str) -> str | None:
    folders = file.folder.lower().split("/")
    if "templates" in folders or "template" in folders or _TEMPLATE.search(text):
        return "template"
    is_clipped = any(front.get(key, "").startswith(("http", "[http")) for key in _CLIPPED_KEYS)
    if is_clipped or "clippings" in folders or "clippings" in front.get("tags", "").lower():
        return "clipping of somebody else's words"
    return None


def _when(file: File, front: dict[str, str]) -> int | None:
    """From the front matter or the name. The file's own time is that of its download."""
    for key in ("created", "date", "created time", "published"):
        stamp = from_iso(front.get(key))
        if stamp is not None:
            return stamp
    match = _DATE_IN_NAME.search(file.base)  # a date of a folder is that of a backup
    return from_iso(f"{match[1]}T12:00") if match else None


def _canvas(file: File, notes: Notes) -> Iterator[Message]:
    """The text cards of an Obsidian canvas."""
    try:
        nodes = json.loads(decode(file.read())).get("nodes", [])
    except (ValueError, AttributeError, RecursionError) as error:
        notes.put(file.name, "", f"not a canvas ({error})")
        return
    for index, node in enumerate(nodes if isinstance(nodes, list) else []):
        text = node.get("text") if isinstance(node, dict) and node.get("type") == "text" else None
        words = prose.of_markdown(mend(text)) if isinstance(text, str) else ""
        if words and (reason := chat_log.refusal(str(text))):
            notes.put(file.name, f"card {index}", reason)
        elif words:
            yield Message(NAME, file.name, "note", str(node.get("id") or f"card {index}"), None,
                          "me", True, words, tier=TIER_NOTE)
