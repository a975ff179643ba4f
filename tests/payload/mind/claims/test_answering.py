"""Whether a line answers its question, by their words alone."""

from __future__ import annotations

import pytest

from payload.mind.claims import answering


@pytest.mark.parametrize(("question", "line", "count"), [
    ("How cold is it?", "It is a little below freezing.", 0),
    ("How cold is it?", "I am glad of the sun.", 2),  # neither the subject nor a degree
    ("How cold is it?", "Yes, it is very cold.", 1),
    ("Where are you now?", "I am over the sea.", 0),
    ("Where are you now?", "I came down here.", 1),
    ("When will you land?", "I will land before the evening.", 0),
    ("When will you land?", "I will land on the grass.", 1),
    ("Is it windy up there?", "No, it is calm.", 0),
    ("Is it windy up there?", "Not at all.", 0),
    ("Is it windy up there?", "It is.", 0),
    ("Is it windy up there?", "Yes.", 0),
    ("Is it windy up there?", "I have the box.", 1),
    ("Is it windy up there?", "I have a box and a camera.", 1),
    ("Are you going up or coming down?", "I am going up.", 0),
    ("Are you going up or coming down?", "No, I am not.", 1),
    ("Are you going up or coming down?", "I am going up and down.", 1),
    ("Is it day or night?", "It is night.", 0),
    ("Is the radio working?", "I will write it down.", 2),
    ("Do you write every day?", "I write it down, every day.", 0),
    ("What will you do at home?", "I will write it all down at home.", 0),
    ("How are you?", "The air is thin.", 0),  # of no subject in particular
    ("Hello there, tell me, is it dark?", "It is night.", 0),
    ("Can you tell me where you are?", "I can tell you.", 2),
    ("Hello!", "Good morning to you.", 0),
    ("Wie kalt ist es?", "Es ist kalt.", 0),
])
def test_how_doubtful_an_answer_is(question: str, line: str, count: int) -> None:
    assert answering.doubts(line, question) == count


@pytest.mark.parametrize(("question", "line", "is_so"), [
    ("Can you see the sea?", "No, I can see the sea and the land.", True),
    ("Can you see the sea?", "No, I cannot see it.", False),
    ("Can you see the sea?", "Yes, I cannot see it.", True),
    ("Can you see the sea?", "No, but I see a lake.", False),
    ("Can you see the sea?", "No, the air is too wet.", False),
    ("Are you all right?", "No, I am all right.", True),
    ("Is the camera still working?", "No, it is working well.", True),
    ("Is the camera still working?", "No, the camera is cold.", False),
    ("Are you going up or down?", "No, I am going up.", False),
    ("How far can you see?", "No, I can see the sea.", False),
    ("Do you?", "No, I do.", False),
])
def test_a_line_that_says_no_and_means_yes(question: str, line: str, is_so: bool) -> None:
    assert answering.contradicts_itself(line, question) is is_so
