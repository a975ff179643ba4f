"""The disclosure of a flight: the first musing says that no person speaks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from payload.mind.disclosure import PLAIN
from tests.payload.mind.desk import PERSONA, SECTION, SITUATION, Desk, Worker, sentence
from wire.beacon import Phase


@pytest.mark.parametrize(("own", "told"), [
    ("Edda is an AI persona.\nIt is not the person.", None),
    ("", PLAIN), ("It is an AI persona of Marcel, not the person.", PLAIN),
    ("word " * 50, PLAIN), ("I am a human being.", PLAIN),
])
def test_the_disclosure_is_said_before_the_first_line(own: str, told: str | None) -> None:
    """Goal: once, canned, in words that may be sent. Method: musings and a question."""
    section = SECTION.model_copy(update={"private_words": ("Marcel",)})
    desk = Desk(Worker(), persona=replace(PERSONA, disclosure=own), section=section)
    desk.run(50)
    assert desk.disclosures == [], "while it says nothing it has nothing to disclose"
    desk.run(500)
    desk.mind.ask(1, "Hello?")
    desk.run(50)
    (said,) = desk.disclosures
    assert said["text"] == (told or " ".join(own.split()))
    assert (said["by"], said["about"]) == ("canned", "self") and not {"tok", "ms"} & set(said)
    assert len(desk.musings) > 3 and len(desk.replies) == 1


def test_a_question_before_the_first_musing_is_answered_behind_the_disclosure() -> None:
    """Goal: whoever asks first is told first. Method: a question at ten seconds."""
    desk = Desk(Worker())
    desk.run(10)
    desk.mind.ask(1, "Hello?")
    desk.run(20)
    assert (len(desk.disclosures), len(desk.replies), len(desk.musings)) == (1, 1, 0)


@pytest.mark.parametrize(("phase", "count"), [
    (Phase.ASCENT, 0), (Phase.DESCENT, 0), (Phase.INFLIGHT_UNKNOWN, 0), (Phase.GROUND, 1)])
def test_after_a_reboot_it_is_said_again_only_on_the_ground(phase: Phase, count: int) -> None:
    """Goal: once a flight; on the ground another one may begin. Method: a line from before."""
    desk = Desk(Worker(), said=[sentence(99)])
    desk.situation = replace(SITUATION, phase=phase)
    desk.run(300)
    assert len(desk.disclosures) == count and len(desk.musings) == 3
