"""Markdown, rich text and wrapped lines reduced to the prose in them."""

from __future__ import annotations

import codecs
import re

from host_training.importers.forum_quotes import without_quotes as without_forum_quotes

_FENCE = re.compile(r"^ {0,3}(```+|~~~+).*?(?:^ {0,3}\1[`~]*\s*$|\Z)", re.MULTILINE | re.DOTALL)
_DROPPED = re.compile(
    r"%%.*?%%|!\[\[[^\[\]\n]*\]\]|!\[[^\[\]\n]*\]\([^()\n]*\)|\[\^[^\[\]\s]+\](?::.*$)?|"
    # base64 over several lines, but no words behind it; a formula has no empty line in it
    r"data:[\w/+.-]+;base64,[A-Za-z0-9+/=]+(?:\n[A-Za-z0-9+/=]{20,})*|"
    r"\$\$[^$\n]*(?:\n[^$\n]+)*\n?\$\$", re.DOTALL | re.MULTILINE)
_DATA = re.compile(r"!?\[[^\[\]\n]*\]\(data:[^)\[]*\)|^\[[^\[\]\n]+\]:\s*<?data:.*$", re.MULTILINE)
_WIKI = re.compile(r"\[\[(?:[^\[\]|]*\|)?([^\[\]|#^]*)(?:[#^][^\[\]|]*)?\]\]")
_LINK = re.compile(r"\[([^\[\]]*)\]\([^()\s]*(?:\([^()]*\)[^()\s]*)*(?:\s+\"[^\"]*\")?\)|"
                   r"<https?:[^<>\s]+>")
_LINES_OUT = re.compile(
    r"^[ \t]*(?:>.*|[-*+] \[.\] .*|\|.*\||[-*_]{3,}|#[\w/-]+(?: #[\w/-]+)*|"
    r"\[[^\]\n]+\]:[ \t].*|\^[\w-]+|:?-{2,}:?(?:\|:?-{2,}:?)*|<[^>\n]+>|https?://\S+)[ \t]*$\n?",
    re.MULTILINE)
_CHAT_QUOTES = re.compile(r"^>>> [\s\S]*|^> .*(?:\n|\Z)", re.MULTILINE)
_BLOCK_ID = re.compile(r"[ \t]\^[\w-]+[ \t]*$", re.MULTILINE)  # Obsidian's, to link to a paragraph
_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(.*)$", re.MULTILINE)
_EMPHASIS = re.compile(r"\*+|_+|~+|=+")
_RTF = re.compile(r"\\([a-z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-z])|([{}])|"
                  r"[\r\n]+|(.)", re.DOTALL)
_RTF_SILENT = frozenset({
    "fonttbl", "colortbl", "stylesheet", "info", "pict", "generator",
    "header", "headerl", "headerr", "headerf", "footer", "footerl", "footerr", "footerf",
    "themedata", "listtable", "listoverridetable", "xmlnstbl", "datastore", "object",
    "expandedcolortbl"})
_RTF_WORDS = {"par": "\n", "line": "\n", "tab": " ", "emdash": "—", "endash": "–", "lquote": "‘",
              "rquote": "’", "ldblquote": "“", "rdblquote": "”", "bullet": "•", "sect": "\n\n",
              "page": "\n\n"}


def of_markdown(text: str) -> str:
    """The author's prose: no code, quotes, tasks, tables, embeds, comments; links as their words.
    """
    text = without_forum_quotes(_without_comments(_FENCE.sub("", _DATA.sub("", text))))
    text = _DROPPED.sub("", text)
    text = _BLOCK_ID.sub("", _LINES_OUT.sub("", text))
    text = _WIKI.sub(lambda m: m[1], text)
    text = _LINK.sub(lambda m: m[1] or "", text)
    text = _HEADING.sub(lambda m: m[1].rstrip().rstrip("#"), text)
    lines = (_without_emphasis(line).replace("`", "").rstrip() for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _without_comments(text: str) -> str:
    """Without ``<!-- -->``; one that is never closed is text."""
    kept: list[str] = []
    at = 0
    while (start := text.find("<!--", at)) >= 0 and (end := text.find("-->", start + 4)) >= 0:
        kept.append(text[at:start])
        at = end + 3
    return "".join((*kept, text[at:]))


def _without_emphasis(line: str) -> str:
    """Without the marks of bold, italics, deletion and highlight, where each has its partner.

    A mark opens before a letter and closes after one, as CommonMark 0.31 §6.2 has it, so
    ``2 * 3 * 4`` and ``snake_case`` stay. One pass, since somebody has a line of a million stars.
    """
    kept: list[str] = []  # what lies between the marks, and the marks
    opened: dict[str, list[int]] = {}  # by character, where in ``kept`` a mark is open
    at = 0
    for match in _EMPHASIS.finditer(line):
        mark, (start, end) = match[0], match.span()
        char, before, after = mark[0], line[start - 1 : start], line[end : end + 1]
        kept += [line[at:start], mark]
        at = end
        if len(mark) > 3 or (char in "~=" and len(mark) != 2):
            continue
        waiting = opened.setdefault(char, [])
        if before.strip() and not (char == "_" and after.isalnum()):
            while kept[-1] and waiting:
                n_paired = min(len(kept[-1]), len(kept[waiting[-1]]))
                kept[-1] = kept[-1][n_paired:]
                kept[waiting[-1]] = kept[waiting[-1]][n_paired:]
                if not kept[waiting[-1]]:
                    waiting.pop()
        if kept[-1] and after.strip() and not (char == "_" and before.isalnum()):
            waiting.append(len(kept) - 1)
    return "".join((*kept, line[at:]))


def without_quotes(text: str) -> str:
    """A message of Discord or Slack without lines behind "> " and all that is behind ">>> "."""
    return _CHAT_QUOTES.sub("", text)


def of_rtf(text: str) -> str:
    """The words of rich text (``{\\rtf1 …``), as the RTF Specification 1.9.1 (Microsoft) has them.

    ``\\ansicpgN`` is the code page of bytes; ``\\ucN``, which counts within its braces, is how many
    characters for readers without Unicode stand behind each ``\\uN``.
    """
    out: list[str] = []
    decoder = _code_page("1252")
    is_silent, n_fallback = False, 1
    outside: list[tuple[bool, int]] = []  # the same, of the groups around this one
    n_skip = 0
    for word, number, byte, mark, brace, char in (m.groups() for m in _RTF.finditer(text)):
        if brace:
            n_skip = 0
        if brace == "{":
            outside.append((is_silent, n_fallback))
        elif brace == "}":
            is_silent, n_fallback = outside.pop() if outside else (is_silent, n_fallback)
        elif word in _RTF_SILENT or mark == "*":
            is_silent = True
        elif word == "uc" and number:
            n_fallback = max(0, int(number))
        elif word == "ansicpg" and number:
            decoder = _code_page(number)
        elif is_silent:
            continue
        elif word == "u" and number:
            out.append(chr(int(number) % 65_536))
            n_skip = n_fallback
        elif word:
            out.append(_RTF_WORDS.get(word, ""))
        elif n_skip and (byte or char or mark):
            n_skip -= 1
        elif byte is not None:
            out.append(decoder.decode(bytes.fromhex(byte)))
        elif char and decoder.getstate()[0]:  # the second half of a letter may be plain
            out.append(decoder.decode(char.encode("latin-1", "replace")))
        elif char or mark in ("\\", "{", "}"):
            out.append(char or mark)
        elif mark == "~":
            out.append(" ")
    return re.sub(r"\n{3,}", "\n\n", "".join(out)).strip()


def _code_page(number: str) -> codecs.IncrementalDecoder:
    """By the numbers Windows gives them; cp1252 for one that Python has not."""
    names = {"65001": "utf-8", "10000": "mac_roman"}
    try:
        return codecs.getincrementaldecoder(names.get(number, f"cp{number}"))("replace")
    except LookupError:
        return codecs.getincrementaldecoder("cp1252")("replace")


def unwrapped(text: str) -> str:
    """Paragraphs of text whose lines were broken to fit a page; words cut at a line end whole."""
    text = re.sub(r"(?<=[^\W\d_])-\n(?=[^\W\d_])", "", text.replace("\u00ad\n", ""))
    paragraphs = re.split(r"\n\s*\n", text)
    return "\n\n".join(" ".join(part.split()) for part in paragraphs if part.strip())
