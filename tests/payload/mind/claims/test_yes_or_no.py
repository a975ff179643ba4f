"""Yes and no where the moment settles the question."""

from __future__ import annotations

import pytest

from payload.mind.claims import names, stated_moment, yes_or_no
from payload.prompt import Moment, senses_in_words

UP = Moment("question", phase="ascent", altitude_m=9_000, outside_c=-40, sun="high", cloud="below",
            battery="good")
DOWN = Moment("question", phase="descent", altitude_m=9_000, sun="down", battery="low")
BARE = Moment("question")


@pytest.mark.parametrize(("question", "line", "moment", "is_wrong"), [
    ("Has the balloon burst yet?", "No, it has not.", DOWN, True),
    ("Has the balloon burst yet?", "No, it has not.", UP, False),
    ("Has the balloon burst yet?", "I have written that it has not burst.", DOWN, True),
    ("Has the balloon burst yet?", "It has.", UP, True),
    ("Has the balloon burst yet?", "It has.", BARE, False),
    ("Is it dark up there?", "Yes, very dark.", UP, True),
    ("Is it dark up there?", "It is not.", DOWN, True),
    ("Is it dark up there?", "The lamps are lit.", DOWN, False),
    ("Is it light or dark?", "No, not yet.", UP, False),  # offers the answers
    ("Will it be dark when you land?", "Yes, it will.", UP, False),  # of another time
    ("Is it cold?", "No, not very.", UP, True),
    ("Is it cold?", "Yes, it is.", Moment("question", outside_c=8), False),
    ("Can you see any clouds?", "I cannot see any.", UP, True),
    ("Is your battery running low?", "No.", DOWN, True),
    ("Is your battery running low?", "Yes.", DOWN, False),
    ("Do you like the dark?", "No, I do not.", DOWN, False),
])
def test_what_the_moment_settles(
    question: str, line: str, moment: Moment, is_wrong: bool
) -> None:
    stated = stated_moment.read("question", senses_in_words(moment), None)
    assert yes_or_no.is_wrong(line, question, stated) is is_wrong


@pytest.mark.parametrize(("line", "are_new"), [
    ("Yes, it is Anna.", True), ("My name is Edda.", False), ("I think I am up.", False),
    ("It is cold. The sun is up.", False), ("Piet is here.", False),
])
def test_a_name_that_nobody_gave(line: str, are_new: bool) -> None:
    """The first word of a sentence tells nothing."""
    assert names.are_new(line, ["You are Edda, a small machine."]) is are_new
