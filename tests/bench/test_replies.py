"""The replies bench: every question is asked, followed to its reply, and shown."""

from __future__ import annotations

import pytest

from bench import replies
from bench.replies import QUESTIONS
from sim.world import PersonaParts
from wire import mission


@pytest.mark.thorough
def test_ten_people_ask_and_each_reply_is_found(capsys) -> None:
    """With the scripted mind, so that the road is tested without a model."""
    own, wait = replies.figures(
        replies.heard_replies(mission.load(replies.MISSION), "scripted", PersonaParts()))
    printed = capsys.readouterr().out
    assert all(question in printed for question in QUESTIONS)
    assert own.value >= 8 and own.target == len(QUESTIONS) and wait.value > 0


def test_without_the_assembled_persona_it_says_why(capsys, tmp_path, monkeypatch) -> None:
    plan = mission.load(replies.MISSION)
    gone = plan.model_copy(update={"mind": plan.mind.model_copy(update={"bundle": "gone"})})
    monkeypatch.setattr(mission, "load", lambda path: gone)
    assert replies.run(tmp_path) == []
    assert "replies: not measured." in capsys.readouterr().out
