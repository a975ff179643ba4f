"""Detects a chat of several people in plain text, which must not count as one person's writing."""

from __future__ import annotations

import re

REFUSAL = ("looks like a chat of several people, whose authors cannot be determined; export it "
           "again as JSON")

_PART_CHARS = 20_000  # judged at a time, so that a chat behind a diary is one too
_SPEAKERS_MIN, _SAID_MIN = 2, 3
_TURNS_MAX_SHARE = 1.5  # each speaker speaks this often or more, on average
_SHARE = 0.25  # of the lines that are not empty
_SURE_SHARE = 0.1  # for forms that no diary has
_NAMED_SHARE, _NAMED_MIN = 0.6, 4  # for names without times, which any list may have

_CLOCK = r"\d{1,2}:\d{2}(?::\d{2})?(?:[ \u00a0\u202f]?[ap]\.?[ \u00a0]?m\b\.?)?"
_FIRST = r"[^\s:\[\]#>*-][^\n:\[\]\t]{0,31}?"
_SAID = re.compile(
    # a time, then who speaks: <bo>, a column, "bo:", or after brackets a name above its words
    rf"^[\u200e\u200f]?\[?(?:[\w./-]{{6,12}},?[ \u00a0\u202f])?{_CLOCK}"
    r"(?:,[ \u00a0\u202f]?[\d./-]{6,10})?\]?[ \t\u00a0\u202f]+(?:[-–|] )?"
    r"(?:<(?P<sure_nick>[^<>\n]{1,32})>|(?P<sure_column>[^\t\n]{1,32})\t|"
    r"(?P<name>[^\s:<>][^:<>\n\t]{0,63}):[ \t\u00a0\u202f]|"
    r"(?<=\] )(?P<alone>\S{1,20}(?: \S{1,20}){0,2})$)|"
    # who speaks, then a time, above the words: Telegram's and Discord's copies
    rf"^(?P<sure_bracket>{_FIRST}),? \[[^\[\]\n]{{0,24}}{_CLOCK}[^\[\]\n]{{0,3}}\]:?[ ]*$|"
    rf"^(?P<sure_dash>{_FIRST}) — [^\n]{{0,24}}?{_CLOCK}$|"
    # a time with seconds, who speaks below it, then the words: Apple's messages as text
    r"^[A-Z][a-z]{2} \d{2}, \d{4} +\d{1,2}:\d{2}:\d{2} [AP]M\b[^\n]*\n"
    r"(?P<sure_below>\S[^\n]{0,47})$",
    re.MULTILINE | re.IGNORECASE)
_NAMED = re.compile(r"(?:\*\*|__|[*_])?(?P<who>[^\W\d_][\w.'’-]{0,23}(?: [\w.'’-]{1,23}){0,2})"
                    r"(?:(?:\*\*|__|[*_])?:|:(?:\*\*|__|[*_]))[ \t]+\S")
_BREAK = re.compile(r"\s*$|[\d#=-]")  # an empty line, a date, a heading, a rule


def is_log(text: str) -> bool:
    """True for a text with a part that is a chat, by who speaks and when, or by names alone.

    A diary with times in it has no speakers; a form that is filled in every day has the same words
    before its colons, each once a day.
    """
    return any(_is_log(text[start : start + _PART_CHARS])
               for start in range(0, len(text), _PART_CHARS))


def _is_log(text: str) -> bool:
    lines = text.split("\n")
    n_lines = sum(bool(line.strip()) for line in lines)
    found = [(match.lastgroup or "", match[match.lastgroup or 0])
             for match in _SAID.finditer(text)]
    sure = [who for kind, who in found if kind.startswith("sure")]
    return (_are_speakers(sure, max(_SAID_MIN, _SURE_SHARE * n_lines))
            or _are_speakers([who for _, who in found], max(_SAID_MIN, _SHARE * n_lines))
            or _is_dialogue(lines, max(_NAMED_MIN, _NAMED_SHARE * n_lines)))


def _are_speakers(said: list[str], n_min: float) -> bool:
    return (len(said) >= n_min
            and _SPEAKERS_MIN <= len(set(said)) <= len(said) / _TURNS_MAX_SHARE)


def _is_dialogue(lines: list[str], n_min: float) -> bool:
    """``Bo: no`` and ``Ada: why?`` in turn, which is not a form with the same keys day by day."""
    blocks: list[list[str]] = [[]]
    for line in lines:
        if match := _NAMED.match(line):
            blocks[-1].append(match["who"])
        elif _BREAK.match(line):
            blocks.append([])
    blocks = [block for block in blocks if block]
    said = [who for block in blocks for who in block]
    is_form = (len(said) >= 2 * len(blocks)
               and all(len(set(block)) == len(block) for block in blocks))
    return not is_form and _are_speakers(said, n_min)
