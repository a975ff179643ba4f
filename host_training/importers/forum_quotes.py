"""Removes what a text quotes, as forums, trackers and web pages mark it.

``[quote=Bo]…[/quote]`` (BBCode, as phpBB, vBulletin, XenForo, SMF and Discourse write it),
``{quote}…{quote}`` and ``bq. `` (Jira, Textile), ``<blockquote>``, and lines behind "> ". A quote
may stand within another. One that is never closed ends with the text if it begins a line; in the
middle of a line it is a word about quotes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from host_training.importers.mail_quotes import is_attribution

_INDENT_CHARS_MAX = 80
_ANY = re.compile(r"\[quote|\{quote|<blockquote|^[ \t]*(?:bq\.|> )",
                  re.IGNORECASE | re.MULTILINE)
_MARK = re.compile(
    r"""(?P<open>(?P<bbcode>\[quote(?:[:=\s](?:"[^"\n]{0,120}"|[^\]\n"]){0,160})?\])|"""
    r"""<blockquote(?:\s[^<>]{0,300})?>)|"""
    r"(?P<close>(?P<bbcode_end>\[/quote(?::\w{1,20})?\])|</blockquote>)|"
    r"\{quote(?::[^{}\n]{0,120})?\}", re.IGNORECASE)
_LINES = re.compile(r"^[ \t]*(?:bq\.(?::\S+)? |> ).*(?:\n|\Z)|^[ \t]*bq\.\. [\s\S]*?(?=^p\. |\Z)",
                    re.MULTILINE)
_MENTION = re.compile(r"\[~([^\]\n]{1,60})\]|@(\S{1,60})")  # [~bo] of Jira


def without_quotes(text: str) -> str:
    """The words that are no quotation; the text itself where nothing in it is one."""
    if _ANY.search(text) is None:
        return text
    kept: list[str] = []
    at = 0
    for start, end in _quotes(text):
        kept.append(_without_attribution(text[at:start]))
        at = end
    kept.append(text[at:])
    own = _LINES.sub("", "\n".join(kept))
    return re.sub(r"\n\s*\n", "\n\n", own).strip()


def _quotes(text: str) -> Iterator[tuple[int, int]]:
    """Where each outermost quote begins and ends."""
    opened: list[tuple[str, int]] = []  # the marks that wait for their ends, by family
    n_opened: Counter[str] = Counter()
    closed: list[tuple[int, int]] = []
    for mark in _MARK.finditer(text):
        family = ("bbcode" if mark["bbcode"] or mark["bbcode_end"] else
                  "page" if mark["open"] or mark["close"] else "tracker")
        is_end = mark["close"] or (family == "tracker" and n_opened[family])
        if not is_end:
            opened.append((family, mark.start()))
            n_opened[family] += 1
            continue
        while n_opened[family]:
            last, start = opened.pop()
            n_opened[last] -= 1
            if last == family:
                closed.append((start, mark.end()))
                break
    closed += [(start, len(text)) for _, start in opened if _begins_line(text, start)]
    end_before = 0
    for start, end in sorted(closed):
        if start >= end_before:
            yield start, end
            end_before = end


def _begins_line(text: str, start: int) -> bool:
    before = text[max(0, start - _INDENT_CHARS_MAX) : start]
    return not before.rpartition("\n")[2].strip()


def _without_attribution(before: str) -> str:
    """Without "Bo wrote:" as its last line."""
    above, _, last = before.rstrip().rpartition("\n")
    named = _MENTION.sub(lambda m: (m[1] or m[2]).title(), last).strip("*_ ")
    return above if is_attribution(named) else before
