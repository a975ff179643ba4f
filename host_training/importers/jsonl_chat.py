"""Data sets of instruction tuning: JSONL or JSON of instruction/output pairs or of messages.

The answer is taken for the author's: that is what such a file is made for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from host_training.common.messages import Message, Notes
from host_training.importers import json_stream, unknown_apps
from host_training.importers.text import head_text, lines_of, mend
from host_training.importers.tree import File

NAME = "pairs"
LABEL = "instruction data set"
TIER = 2

_ROLES = {"human": False, "user": False, "prompter": False, "gpt": True, "assistant": True,
          "model": True, "bot": True, "chatgpt": True}
_QUIET_ROLES = ("system", "tool", "function", "function_call", "observation")
_TRAILING_COMMA = re.compile(r",(\s*[}\]])")
_LISTS = ("messages", "conversations", "conversation")
_ROWS: frozenset[json_stream.Path] = frozenset({()})
_LINES_SNIFFED = 5
_ANSWERED = {"role": "assistant", "content": "."}  # behind the first turn, which may be a question


def claims(file: File) -> bool:
    """JSON whose first row has a question and an answer, or turns with roles, and no model's name.
    """
    if file.suffix not in (".jsonl", ".json", ".ndjson"):
        return False
    head = head_text(file).lstrip()
    if head[:1] not in ("{", "[") or unknown_apps.is_of_a_model(head):
        return False
    row = _first_row(file, head)
    return isinstance(row, dict) and bool(_turns(row))


def _first_row(file: File, head: str) -> Any:
    """The first row that is whole; of one object over many lines the first of its turns."""
    if head.startswith("{"):
        for line in head.split("\n")[:_LINES_SNIFFED]:
            with suppress(ValueError, RecursionError):
                return _row_of(line)
    wanted = frozenset({(), *((key,) for key in _LISTS)})
    with suppress(json_stream.Damaged):
        for path, value in json_stream.walk(file, wanted if head.startswith("{") else _ROWS):
            if path == ("*",):
                return value
            if path[-1:] == ("*",):
                return {path[0]: [value, _ANSWERED]}
    return None


def _row_of(line: str) -> Any:
    return json.loads(_TRAILING_COMMA.sub(r"\1", line.strip().rstrip(",")))


def read(files: Sequence[File], notes: Notes) -> Iterator[Message]:
    """Each row a conversation of its own."""
    for file in files:
        for place, row in _rows(file, notes):
            turns = _turns(row)
            if turns is None:
                notes.put(file.name, place, "neither messages nor instruction and output")
                continue
            if row.get("label") is False:  # of KTO: an answer that shall not be given
                notes.skip("answer that the data set rejects")
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
    is_spread = head.startswith("{") and not _is_row_per_line(head)
    if head.startswith("[") or is_spread:
        index = 0
        try:
            for path, value in json_stream.walk(file, frozenset() if is_spread else _ROWS):
                if path == ("*",) or (is_spread and not path):
                    yield f"row {index}", value
                    index += 1
        except json_stream.Damaged as error:
            notes.put(file.name, f"row {index}", str(error))
        return
    for number, line in lines_of(file):
        if not line.strip():
            continue
        try:
            yield f"line {number}", _row_of(line)
        except (ValueError, RecursionError) as error:
            notes.put(file.name, f"line {number}", f"not JSON ({error})")


def _is_row_per_line(head: str) -> bool:
    for line in head.split("\n")[:_LINES_SNIFFED]:
        with suppress(ValueError, RecursionError):
            return isinstance(_row_of(line), dict)
    return False


def _turns(row: Any) -> list[tuple[bool, str]] | None:
    """(is the answer, text) in order; None for what is neither shape."""
    if not isinstance(row, dict):
        return None
    turns = next((_conversation(row[key]) for key in _LISTS if isinstance(row.get(key), list)),
                 None)
    question = next((row[key] for key in ("instruction", "prompt", "question")
                     if isinstance(row.get(key), str)), None)
    if turns is None and isinstance(row.get("prompt"), list):
        turns = _conversation(row["prompt"])
    if turns is None and question is not None:
        given = row.get("input")
        if isinstance(given, str) and given.strip():
            question = f"{question}\n\n{given}"
        turns = [*_history(row.get("history")), (False, question)]
        answer = next((row[key] for key in ("output", "response", "completion", "answer")
                       if isinstance(row.get(key), str)), None)
        if answer is not None:
            return [*turns, (True, answer)]
        if "chosen" not in row:
            return None
    if turns is None or "chosen" not in row:
        return turns
    chosen = row["chosen"]  # of a preference: the answer that shall be given
    if isinstance(chosen, str):
        return [*turns, (True, chosen)]
    preferred = _conversation(chosen if isinstance(chosen, list) else [chosen])
    if preferred is None:
        return None
    return preferred if preferred[: len(turns)] == turns else [*turns, *preferred]


def _history(pairs: Any) -> list[tuple[bool, str]]:
    """Earlier questions and answers, as Alpaca's layout has them."""
    return [(bool(place), text) for pair in (pairs if isinstance(pairs, list) else [])
            if isinstance(pair, list) and len(pair) == 2
            for place, text in enumerate(pair) if isinstance(text, str)]


def _conversation(rows: list[Any]) -> list[tuple[bool, str]] | None:
    turns: list[tuple[bool, str]] = []
    for row in rows:
        if not isinstance(row, dict):
            return None
        if "human" in row and "assistant" in row:  # both turns in one row
            pair = [(False, row["human"]), (True, row["assistant"])]
            turns += [turn for turn in pair if isinstance(turn[1], str)]
            continue
        role = str(row.get("role", row.get("from", ""))).lower()
        text = row.get("content", row.get("value"))
        if role in _QUIET_ROLES:
            continue
        if role not in _ROLES or not isinstance(text, str):
            return None
        turns.append((_ROLES[role], text))
    return turns
