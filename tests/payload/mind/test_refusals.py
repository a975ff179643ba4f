"""Which draft of a reply is kept: short ones count, and those that answer come first."""

from __future__ import annotations

import pytest

from payload.mind.refusals import DraftChoice
from payload.prompt import Moment, PersonaText

EDDA = PersonaText("Edda", "You are Edda, a small machine.", ("be honest",))
UP = Moment("question", phase="ascent", altitude_m=9_000, outside_c=-40, sun="high", battery="good")


def kept(question: str, *drafts: str, memory: str | None = None, said: tuple[str, ...] = ()
         ) -> str | None:
    moment = Moment(**{**{name: getattr(UP, name) for name in UP.__slots__}, "question": question})
    return DraftChoice(said, (), EDDA, 2).best(drafts, moment, memory)


@pytest.mark.parametrize(("question", "drafts", "memory"), [
    ("Do you like it?", ("No.", "Yes, I do."), None),  # a musing that short is none
    ("How cold is it?", ("I am glad of the log.", "It is well below zero."), None),
    ("Do you have enough battery?", ("I have enough battery.",), None),  # the question's words
    ("Are you cold up there?", ("Are you cold up there.", "I am cold."), None),  # given back
    ("Are you cold?", ("Are you cold?", "I am cold."), None),
    ("Can you see land?", ("No, I can see the land.", "I can see land."), None),
    ("Is it dark?", ("Yes, it is dark.", "The sun is out."), None),  # the sun is high
    ("What is your name?", ("My name is Anna.", "My name is Edda."), None),
    ("Are you bored?", ("I do not get bored.",), "I do not get bored, I get repeated in the log."),
    ("Are you cold?", ("The cold is in the box, and out of it.", "I am cold."),
     "The cold is in the box, and out of it."),
])
def test_the_draft_that_answers_is_kept(
    question: str, drafts: tuple[str, ...], memory: str | None
) -> None:
    assert kept(question, *drafts, memory=memory) == drafts[-1]


def test_the_same_answer_comes_again_only_where_there_is_no_other() -> None:
    said = ("I am going up.",)
    assert kept("Are you going up?", "I am going up.", "I am still going up.", said=said) == (
        "I am still going up.")
    assert kept("Are you going up?", "I am going up.", said=said) == "I am going up."
