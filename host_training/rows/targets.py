"""The parts of a person's writing that a flight prompt can ask for: thoughts, short answers, lines.

Thoughts and short answers are used as they are. Writing that answers nobody is used line by line:
whole sentences, as many as one musing holds, in a moment whose only known property is LINE_ABOUT.
Therefore a person with nothing but a diary is also trained and measured in the form of the flight.
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
LINE_ABOUT = prompt.PLAIN.about  # of every line: a topic from its words would give half of it away


@dataclass(frozen=True, slots=True)
class Target:
    """A text to train on, and the form of the prompt before it; ``example.text`` is the label."""

    form: Form
    example: Example


def is_usable_answer(example: Example) -> bool:
    """True when a chat answer could have been said in flight: short, one line, whole."""
    return (
        example.question is not None
        and 0 < len(prompt.strip_control(example.question)) <= prompt.QUESTION_CHARS_MAX
        and "\n" not in example.question
        and _is_quotable(example.text)
    )


def targets_of(example: Example) -> list[Target]:
    """The targets in an example: one, or several lines of a monologue, or none."""
    if example.condition is not None:
        return [Target("thought", example)]
    if is_usable_answer(example):
        return [Target("answer", example)]
    if example.context:
        return [Target("dialogue", example)]
    if example.layer != "said":
        return []  # ways of thinking are learnt, not quoted
    return [Target("line", replace(example, text=line)) for line in lines(example.text)]


def condition_of(target: Target) -> Condition:
    """When the label is true, as far as is known."""
    if target.form == "answer":
        return Condition("question", question=target.example.question)
    return target.example.condition or Condition(LINE_ABOUT)


def lines(text: str) -> list[str]:
    """Whole sentences of one paragraph, as many as a musing holds, each sentence once."""
    return [line for paragraph in text.replace(MERGE_MARK, "\n").splitlines()
            for line in _packed(paragraph) if _is_quotable(line)]


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


def _is_quotable(text: str) -> bool:
    """True when a text is a valid musing without changes, and nothing was removed from it."""
    return not PLACEHOLDER.search(text) and prompt.clean_reply(text) == text
