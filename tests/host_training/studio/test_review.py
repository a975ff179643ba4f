"""Goal: the user sees what is taken out, and what they add is taken out too."""

from __future__ import annotations

from tests.host_training.studio.desk import ADA, Desk


def known(desk: Desk) -> Desk:
    desk.post("/api/people", me=[f"whatsapp:{ADA}"])
    return desk


def test_findings_are_shown_and_more_is_taken_out(filled: Desk) -> None:
    desk = known(filled)
    kinds = {kind["kind"]: kind for kind in desk.get("/api/review")["kinds"]}
    assert kinds["mail"]["title"] == "Mail addresses" and kinds["mail"]["count"] == 1
    before, what, after = kinds["mail"]["samples"][0]
    assert (before[-3:], what, after[:3]) == ("to ", "ada@example.org", " or")
    assert desk.post("/api/review") == {"is_read_again": False}
    assert desk.steps()["review"][1]
    answer = desk.post("/api/review", extra_names=["boat house"], blocked=["parachute", ""])
    assert answer == {"is_read_again": True}
    assert not desk.steps()["review"][1], "what is new is looked at again"
    found = desk.get("/api/review")
    assert (found["extra_names"], found["blocked"], found["keep_names"]) == (
        ["boat house"], ["parachute"], [])
    assert any("boat house" in sample[1] for kind in found["kinds"] for sample in kind["samples"])
    assert desk.post("/api/review", extra_names=["boat house"], blocked=["parachute"]) == {
        "is_read_again": False}
    assert desk.post("/api/review") == {"is_read_again": True}
    assert "privacy" not in desk.studio.table(), "an empty list is the default"


def test_mistakes_are_sentences(desk: Desk) -> None:
    assert "look at what was found first" in desk.refusal("/api/review")
    assert "at most 500 lines" in desk.refusal("/api/review", extra_names=["x"] * 501)
    assert "Words that leave a message out: has 101" in desk.refusal("/api/review",
                                                                     blocked=["x" * 101])
    assert desk.get("/api/review")["kinds"] == []
