"""Goal: of two lines that may both be so, the one that a careful reader would doubt is found."""

from __future__ import annotations

from dataclasses import replace

import pytest

from payload.mind.claims import doubts
from payload.mind.refusals import DraftChoice
from payload.prompt import Moment, senses_in_words

CLIMBING = Moment("self", "ascent", altitude_m=9_000, outside_c=-45, sun="high", battery="good")
GROUND = Moment("sun", "ground", altitude_m=0, outside_c=17, sun="high", battery="good")
IN_CLOUD = replace(CLIMBING, about="cloud", altitude_m=3_000, outside_c=-5, cloud="inside")


def called(outcome: str, about: str) -> Moment:
    return replace(CLIMBING, about=about, api=("news", outcome))


@pytest.mark.parametrize(("moment", "sure", "doubtful"), [
    (called("404", "notfound"), "The news page is not there.", "The news server did not answer."),
    (called("timeout", "timeout"), "I asked for the news, and there was no reply.",
     "The news page is not found."),
    (called("429", "refused"), "I asked too often.", "The news is not there."),
    (called("500", "refused"), "The news server went wrong.", "I asked too many times."),
    (called("garbage", "garbage"), "The news is nonsense.", "The news server is broken."),
    (called("ok", "answer"), "I was told the news.", "The news is not there."),
    (called("timeout", "timeout"), "I asked, and I wait.", "Nobody has asked me about the news."),
    (CLIMBING, "I can see the field below.", "I can see the sun from the ground."),
    (GROUND, "The sun is warm.", "The sun is warm up here."),
    (IN_CLOUD, "All I see is white.", "The sun is shining on my box."),
    (CLIMBING, "The sky is wide.", "I lie here in the dark."),
    (CLIMBING, "I am small, and I am cold.", "I am small, so I do not know that I am cold."),
])
def test_one_of_two_lines_is_doubtful(moment: Moment, sure: str, doubtful: str) -> None:
    senses = senses_in_words(moment)
    assert doubts.count(sure, moment.about, senses, moment.altitude_m) == 0
    assert doubts.count(doubtful, moment.about, senses, moment.altitude_m) == 1


def test_a_doubt_decides_between_drafts_and_refuses_none() -> None:
    choice = DraftChoice([], (), None, 1)
    doubtful, sure = "I can see the sun from the ground.", "The sky is wide and very blue."
    assert choice.best([doubtful, sure], CLIMBING, None) == sure
    assert choice.best([doubtful], CLIMBING, None) == doubtful


def test_what_the_sensors_deny_is_refused_even_alone() -> None:
    denied = "I have landed, and somebody comes."
    assert DraftChoice([], (), None, 1).best([denied], CLIMBING, None) is None
    landed = replace(GROUND, about="landed", phase="landed")
    assert DraftChoice([], (), None, 1).best([denied], landed, None) == denied


def test_of_equals_the_best_draft_is_kept() -> None:
    lines = ["The sky is wide and very blue.", "My string is stiff with frost."]
    assert DraftChoice([], (), None, 1).best(lines, CLIMBING, None) == lines[0]
