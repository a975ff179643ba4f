"""Repetition within a line and of the prompt."""

from __future__ import annotations

import pytest

from payload.mind.repeats import is_circular, is_echo, repetitions


@pytest.mark.parametrize(("text", "expected"), [
    ("The black part is the black part of the black part is the black part.", True),
    ("I am afraid of falling, and I am afraid of falling.", True),
    ("I am a small box and a small lamp.", False),
    ("Please not the pond, and not the pond again.", False), ("", False),
    ("Мой голос мал, и мой голос мал, и мой голос мал.", True),
])
def test_four_words_in_a_row_come_once(text: str, expected: bool) -> None:
    assert is_circular(text) is expected


@pytest.mark.parametrize(("text", "expected"), [
    ("The sun is near my box, and the box is near the sun.", 1),
    ("The ground is where the ground is, and I am on the ground.", 2),
    ("It is cold, and it is not.", 0), ("", 0),
])
def test_longer_words_said_twice_are_counted(text: str, expected: int) -> None:
    assert repetitions(text) == expected


@pytest.mark.parametrize(("text", "expected"), [
    ("Climbing, 9 km up. Outside -40 C.", True), ("I am a small machine, an echo of Edda.", True),
    ("Nine kilometres up, and the string is frozen.", False), ("Kalt ist es hier oben.", False),
])
def test_a_part_of_the_prompt_is_no_thought(text: str, expected: bool) -> None:
    heard = ["climbing, 9 km up. outside -40 C. sun high.", "",
             "You are Edda, a small machine under a balloon, an echo of Edda Marsh."]
    assert is_echo(text, heard) is expected
