"""A Markdown notebook: front matter, then ``## date time`` headings, each followed by its text.

A line ``@ key=value ...`` under a heading says when the thought is true, so that training can put
it beside senses that agree with it:

    ## 2021-05-08 10:10
    @ about=wind phase=ascent altitude_m=50..2500 wind_mps=4..16

    The first wind above the houses is not the same as the wind in the yard.

Numbers are ranges LOW..HIGH or one number; words are from the list in the error sentence.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from host_training.common.messages import Message, Notes
from host_training.common.persona_dir import read_lines
from host_training.errors import TrainingError, faults
from payload import prompt

RANGE_KEYS: dict[str, tuple[float, float]] = {
    # key -> smallest and largest value that can be meant
    "altitude_m": (-500, 60_000),
    "outside_c": (-120, 80),
    "inside_c": (-120, 120),
    "pressure_hpa": (0, 1100),
    "humidity_pct": (0, 100),
    "climb_mps": (-120, 60),
    "wind_mps": (0, 150),
    "silence_min": (0, 1_000_000),
}
WORD_KEYS: dict[str, tuple[str, ...]] = {
    "phase": ("ground", "ascent", "float", "descent", "landed"),
    "sun": ("high", "low", "down"),
    "cloud": ("below", "inside", "above", "none"),
    "battery": ("good", "fair", "low"),
    "news": tuple(prompt.NEWS_WORDS),
}
NOTEBOOK_TIER = 2  # of ``messages.Message``: a journal
API_OUTCOMES = ("404", "429", "500", "timeout", "garbage", "ok")

_HEADING = re.compile(r"##\s+(\d{4}-\d{2}-\d{2})(?:[ T](\d{2}:\d{2}))?\s*$")
_PAIR = re.compile(r'(\w+)=(?:"([^"]*)"|(\S+))(?:\s+|$)')
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,23}$")


@dataclass(frozen=True, slots=True)
class Condition:
    """When a thought is true. What is not in here may be anything."""

    about: str
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    api: tuple[str, str] | None = None
    question: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One heading of a notebook: a *thought* where it has a condition, else plain writing."""

    message: Message
    condition: Condition | None
    place: str


def import_notebook(path: Path, notes: Notes) -> list[Entry]:
    """The entries of one file, in its order.

    Raises:  TrainingError naming file and line of everything that is not as described above.
    """
    lines = read_lines(path)
    first, author = _front_matter(lines, path)
    starts = [i for i in range(first, len(lines)) if lines[i].startswith("## ")]
    entries: list[Entry] = []
    wrong = faults([partial(_refuse_words_before_heading, lines, first, starts, path)])
    for start, end in zip(starts, [*starts, len(lines)][1:], strict=True):
        try:
            entry = _entry(lines[start:end], path, start + 1, author, notes)
        except TrainingError as error:
            wrong += error.args
        else:
            entries += [entry] if entry is not None else []
    if wrong:
        raise TrainingError(*wrong)
    return entries


def _entry(lines: list[str], path: Path, number: int, author: str, notes: Notes) -> Entry | None:
    """What stands under the heading of line ``number``; None for what cannot be said."""
    place = f"{path}:{number}"
    utc_ms = _heading_utc_ms(lines[0], place)
    marks = [(i, line) for i, line in enumerate(lines[1:], number + 1) if line.startswith("@")]
    if len(marks) > 1:
        raise TrainingError(f"{path}:{marks[1][0]}: an entry has one @ line, this is a second.")
    condition = parse_condition(marks[0][1][1:], f"{path}:{marks[0][0]}") if marks else None
    text = "\n".join(line for line in lines[1:] if not line.startswith("@")).strip()
    if not text:
        notes.skip("no words")
        return None
    if condition and prompt.clean_reply(text) != text:
        notes.put(path.name, f"line {number}", "this thought would be truncated or rejected in "
                                               "flight: it must be one line of at most "
                                               f"{prompt.MUSING_BYTES_MAX} bytes ending in . ! or "
                                               "?")
        return None
    return Entry(Message("notebook", path.stem, "note", str(number), utc_ms, author, True, text,
                         tier=NOTEBOOK_TIER), condition, place)


def _front_matter(lines: list[str], path: Path) -> tuple[int, str]:
    """Index of the first line after the front matter, and its author ("" where it has none)."""
    if not lines or lines[0].strip() != "---":
        return 0, ""
    author = ""
    for index, line in enumerate(lines[1:], 1):
        if line.strip() == "---":
            return index + 1, author
        if line.startswith("author:"):
            author = line.removeprefix("author:").strip()
    raise TrainingError(f"{path}:1: the front matter is never closed; it ends with a line ---.")


def _refuse_words_before_heading(lines: list[str], first: int, starts: list[int],
                                 path: Path) -> None:
    for index in range(first, starts[0] if starts else len(lines)):
        line = lines[index].strip()
        if line and not re.match(r"#(?!#)", line):
            raise TrainingError(
                f"{path}:{index + 1}: text before the first heading; an entry begins with a line "
                "like ## 2021-05-08 10:10."
            )


def _heading_utc_ms(line: str, place: str) -> int:
    match = _HEADING.match(line)
    try:
        # a heading that does not match gives an empty stamp, which is no date either
        stamp = datetime.fromisoformat(f"{match[1]} {match[2] or '12:00'}" if match else "")
    except ValueError as error:
        raise TrainingError(
            f"{place}: the heading {line.strip()!r} is not a date and time like"
            " ## 2021-05-08 10:10 (UTC)."
        ) from error
    return round(stamp.replace(tzinfo=UTC).timestamp() * 1000)


def parse_condition(text: str, place: str) -> Condition:
    """What stands behind the ``@``.

    Raises:  TrainingError with ``place`` for an unknown key, a value that is not allowed, a key
             given twice, or a missing ``about``.
    """
    pairs: dict[str, str] = {}
    text = text.strip()
    at = 0
    while at < len(text):
        match = _PAIR.match(text, at)
        if match is None:
            raise TrainingError(f"{place}: {text[at:at + 40]!r} is not key=value; quote words with"
                                ' spaces, like question="Are you cold?".')
        key, value = match[1], match[2] if match[2] is not None else match[3]
        if key in pairs:
            # cloud=... beside about=cloud is fine, the same key twice is a slip of the pen
            raise TrainingError(f"{place}: {key} is given twice.")
        pairs[key] = value
        at = match.end()
    return _checked(pairs, place)


def _checked(pairs: dict[str, str], place: str) -> Condition:
    allowed = ["about", *RANGE_KEYS, *WORD_KEYS, "api", "question"]
    for key in pairs:
        if key not in allowed:
            raise TrainingError(f"{place}: unknown key {key}; allowed are {', '.join(allowed)}.")
    about = pairs.get("about", "")
    if not _NAME.match(about):
        raise TrainingError(f"{place}: about={about!r} must be one word in lower case, like "
                            "about=wind.")
    question = pairs.get("question")
    if question is not None and (
        not question.strip() or len(question) > prompt.QUESTION_CHARS_MAX
        or prompt.strip_control(question) != question
    ):
        raise TrainingError(f"{place}: question must be 1..{prompt.QUESTION_CHARS_MAX} plain"
                            " characters in quotes.")
    words = {key: pairs[key] for key in WORD_KEYS if key in pairs}
    for key, value in words.items():
        if value not in WORD_KEYS[key]:
            raise TrainingError(f"{place}: {key}={value} is not one of"
                                f" {', '.join(WORD_KEYS[key])}.")
    ranges = {key: _range(key, pairs[key], place) for key in RANGE_KEYS if key in pairs}
    return Condition(about, ranges, words, _api(pairs.get("api"), place), question)


def _range(key: str, value: str, place: str) -> tuple[float, float]:
    low, high = RANGE_KEYS[key]
    first, dots, second = value.partition("..")
    try:
        bounds = (float(first), float(second if dots else first))
    except ValueError:
        bounds = (math.nan, math.nan)
    if not low <= bounds[0] <= bounds[1] <= high:  # NaN compares false
        raise TrainingError(f"{place}: {key}={value} must be a number or LOW..HIGH within"
                            f" {low:g}..{high:g}.")
    return bounds


def _api(value: str | None, place: str) -> tuple[str, str] | None:
    if value is None:
        return None
    name, _, outcome = value.partition(":")
    if not _NAME.match(name) or outcome not in API_OUTCOMES:
        raise TrainingError(f"{place}: api={value} must be name:outcome with outcome one of"
                            f" {', '.join(API_OUTCOMES)}.")
    return name, outcome
