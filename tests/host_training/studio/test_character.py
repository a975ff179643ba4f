"""Goal: who the persona is, in the files that the commands read; every mistake gets a sentence."""

from __future__ import annotations

from typing import Any

import pytest

from host_training.common.persona_dir import read_persona
from host_training.studio.answers import NotDone
from host_training.studio.jobs import Jobs
from tests.host_training.studio.desk import ADA, Desk

RIGHT: dict[str, Any] = {
    "name": "Ada", "disclosure": "Ada is an AI persona, not the person.",
    "system": "You are Ada, a box.", "values": ["I say what I saw.", "- A guess is a guess.", " "],
    "thinking": []}


@pytest.fixture
def known(filled: Desk) -> Desk:
    """Its author is ticked."""
    filled.post("/api/people", me=[f"whatsapp:{ADA}"])
    return filled


def test_what_is_written_is_what_the_commands_read(known: Desk) -> None:
    first = known.get("/api/character")
    assert first["name"] == "Ada" and first["values"] == [] and first["in_every_prompt"] == 6
    known.post("/api/character", **RIGHT)
    assert known.steps()["character"] == (True, True) and known.steps()["review"][0]
    persona = read_persona(known.studio.persona)
    assert persona.values == ("I say what I saw.", "A guess is a guess.")
    assert persona.system == "You are Ada, a box."
    values = (known.studio.persona / "values.md").read_text()
    assert values.startswith("# What I value"), "what else stands there stays"
    known.post("/api/character", **{**RIGHT, "values": ["One."]})
    assert known.get("/api/character")["values"] == ["One."]
    assert (known.studio.persona / "values.md").read_text().count("# What I value") == 1


def test_a_new_name_is_one_that_stays_in_the_texts(known: Desk) -> None:
    known.post("/api/character", **{**RIGHT, "name": "Echo"})
    assert known.n_read == 3
    assert known.steps()["found"] == (True, True) and known.steps()["review"][0]


def test_a_new_name_while_the_files_are_read_is_read_at_the_next_try(
    known: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a slow computer the second press did nothing, and no step after it ever opened."""
    read_in_this_process = Jobs.start

    def busy(self: Jobs, *arguments: object) -> None:
        raise NotDone("Your files are being read; wait until that is done, or stop it.", 409)

    monkeypatch.setattr(Jobs, "start", busy)
    assert "being read" in known.refusal("/api/character", **{**RIGHT, "name": "Echo"})
    assert not known.steps()["review"][0]
    monkeypatch.setattr(Jobs, "start", read_in_this_process)
    known.post("/api/character", **{**RIGHT, "name": "Echo"})
    assert known.steps()["found"] == (True, True) and known.steps()["review"][0]


@pytest.mark.parametrize(("change", "says"), [
    ({"name": ""}, "Its name: please write something here."),
    ({"name": "x" * 17}, "Its name: has 17 characters, at most 16 fit"),
    ({"system": "x" * 401}, "How it speaks: has 401 characters"),
    ({"disclosure": None}, "What it is: must be text."),
    ({"values": []}, "at least one sentence"), ({"values": ["  "]}, "at least one sentence"),
    ({"values": ["x" * 201]}, "What you value: has 201 characters"),
    ({"values": ["x"] * 61}, "at most 60 lines"), ({"thinking": "x"}, "How you think: must be"),
])
def test_mistakes_change_nothing(known: Desk, change: dict[str, Any], says: str) -> None:
    before = known.get("/api/character")
    assert says in known.refusal("/api/character", **{**RIGHT, **change})
    assert known.get("/api/character") == before


def test_a_line_is_one_line_and_not_markup_of_the_file(known: Desk) -> None:
    known.post("/api/character", **{**RIGHT, "values": ["One\n- two\n# three", "\u0085x"]})
    assert known.get("/api/character")["values"] == ["One - two # three", "x"]


def test_it_comes_after_what_was_found(desk: Desk) -> None:
    assert "look at what was found first" in desk.refusal("/api/character", **RIGHT)
