"""The parts of a person's writing that a flight prompt can ask for: thoughts, short answers, lines.

A thought and a short answer are asked for as they are. Writing that answers nobody is asked for
line by line: whole sentences of it, as many as one musing holds, in a moment of which nothing is
known but that it is LINE_ABOUT. So a person of whom there is only a diary is trained and measured
in the form of the flight too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from host_training.common.sentences import joint, split
from host_training.corpus.sessions import MERGE_MARK, Example
from host_training.importers.notebook import Condition
from host_training.privacy.scrub import PLACEHOLDER
from payload import prompt

Form = Literal["thought", "answer", "line", "dialogue"]
IN_FLIGHT: tuple[Form, ...] = ("thought", "answer", "line")  # a dialogue is a chat's own form
LINE_ABOUT = prompt.PLAIN.about  # of every line: a topic of its words would tell half of it



@dataclass(frozen=True, slots=True)
class Asked:
    """One thing to ask for; ``example.text`` is the label."""

    form: Form
    example: Example


def usable_answer(example: Example) -> bool:
    """True when a chat answer could have been said in flight: short, one line, whole."""
    return (
        example.question is not None
        and 0 < len(prompt.strip_control(example.question)) <= prompt.QUESTION_CHARS_MAX
        and "\n" not in example.question
        and _may_be_said(example.text)
    )


def forms(example: Example) -> list[Asked]:
    """In which form an example can be asked for; a monologue in several, or in none."""
    if example.condition is not None:
        return [Asked("thought", example)]
    if usable_answer(example):
        return [Asked("answer", example)]
    if example.context:
        return [Asked("dialogue", example)]
    if example.layer != "said":
        return []  # how somebody thinks is learnt, not quoted
    return [Asked("line", replace(example, text=line)) for line in lines(example.text)]


def condition_of(asked: Asked) -> Condition:
    """When the label is true, as far as anybody knows."""
    if asked.form == "answer":
        return Condition("question", question=asked.example.question)
    return asked.example.condition or Condition(LINE_ABOUT)


def lines(text: str) -> list[str]:
    """Whole sentences of one paragraph, as many as a musing holds, each sentence once."""
    return [line for paragraph in text.replace(MERGE_MARK, "\n").splitlines()
            for line in _packed(paragraph) if _may_be_said(line)]


def sentences(text: str) -> list[str]:
    """All sentences of a text, of any length."""
    return [part for line in text.replace(MERGE_MARK, "\n").splitlines()
            for part in split(prompt.strip_control(line))]


def _packed(paragraph: str) -> Iterator[str]:
    line = ""
    for sentence in sentences(paragraph):
        longer = line + joint(line) + sentence if line else sentence
        if line and len(longer.encode()) > prompt.MUSING_BYTES_MAX:
            yield line
            line = sentence
        else:
            line = longer
    if line:
        yield line


def _may_be_said(text: str) -> bool:
    """A musing as it stands, with nothing taken out of it."""
    return not PLACEHOLDER.search(text) and prompt.clean_reply(text) == text
