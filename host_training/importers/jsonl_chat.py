"""Data sets of instruction tuning: JSONL or JSON of instruction/output pairs or of messages.

The answer is taken for the author's: that is what such a file is made for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from host_training.common.messages import Message, Notes
from host_training.importers import json_stream
from host_training.importers.text import head_text, lines_of, mend
from host_training.importers.tree import File

NAME = "pairs"
LABEL = "instruction data set"
TIER = 2

_MARKS = re.compile(r'"(?:messages|conversations|conversation|instruction|prompt|question)"\s*:')
_ANSWERS = re.compile(r'"(?:output|response|completion|answer|content|value)"\s*:')
_ROLES = {"human": False, "user": False, "prompter": False, "gpt": True, "assistant": True,
          "model": True, "bot": True, "chatgpt": True}
_QUIET_ROLES = ("system", "tool", "function", "function_call", "observation")
_TRAILING_COMMA = re.compile(r",(\s*[}\]])")
_LINE_CHARS_MAX = 20_000_000


def claims(file: File) -> bool:
    """JSON that has both a question's and an answer's key near its beginning."""
    if file.suffix not in (".jsonl", ".json", ".ndjson"):
        return False
    head = head_text(file).lstrip()
    return head[:1] in "{[" and bool(_MARKS.search(head) and _ANSWERS.search(head))


def read(files: Sequence[File], notes: Notes) -> Iterator[Message]:
    """Each row a conversation of its own."""
    for file in files:
        for place, row in _rows(file, notes):
            turns = _turns(row)
            if turns is None:
                notes.put(file.name, place, "neither messages nor instruction and output")
                continue
            while turns and not turns[-1][0]:
                turns.pop()  # a question nobody answered
            if not turns or not turns[-1][1].strip():
                notes.skip("no answer")
                continue
            for index, (is_answer, text) in enumerate(turns):
                words = mend(text).strip()
                if words:
                    yield Message(NAME, f"{file.name} {place}", "pair", str(index), None,
                                  "me" if is_answer else "asker", is_answer, words, tier=TIER)


def _rows(file: File, notes: Notes) -> Iterator[tuple[str, Any]]:
    head = head_text(file).lstrip()
    if head.startswith("["):
        try:
            index = 0
            for path, value in json_stream.walk(file, frozenset({()})):
                if path == ("*",):
                    yield f"row {index}", value
                    index += 1
        except json_stream.Damaged as error:
            notes.put(file.name, f"row {index}", str(error))
        return
    for number, line in lines_of(file):
        if not line.strip():
            continue
        try:
            yield f"line {number}", json.loads(_TRAILING_COMMA.sub(r"\1", line.strip().rstrip(",")))
        except (ValueError, RecursionError) as error:
            notes.put(file.name, f"line {number}", f"not JSON ({error})")


def _turns(row: Any) -> list[tuple[bool, str]] | None:
    """(is the answer, text) in order; None for what is neither shape."""
    if not isinstance(row, dict):
        return None
    for key in ("messages", "conversations", "conversation"):
        if isinstance(row.get(key), list):
            return _conversation(row[key])
    question = next((row[key] for key in ("instruction", "prompt", "question")
                     if isinstance(row.get(key), str)), None)
    answer = next((row[key] for key in ("output", "response", "completion", "answer")
                   if isinstance(row.get(key), str)), None)
    if question is None or answer is None:
        return None
    given = row.get("input")
    if isinstance(given, str) and given.strip():
        question = f"{question}\n\n{given}"
    return [(False, question), (True, answer)]


def _conversation(rows: list[Any]) -> list[tuple[bool, str]] | None:
    turns: list[tuple[bool, str]] = []
    for row in rows:
        if not isinstance(row, dict):
            return None
        role = str(row.get("role", row.get("from", ""))).lower()
        text = row.get("content", row.get("value"))
        if role in _QUIET_ROLES:
            continue
        if role not in _ROLES or not isinstance(text, str):
            return None
        turns.append((_ROLES[role], text))
    return turns
