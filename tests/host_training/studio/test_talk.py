"""Goal: a conversation with the persona of the folder, which a closed tab does not lose.

Method: a voice that records what it is asked; once the shipped tiny Edda.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from host_training.bundle import rehearsal
from host_training.bundle.conversation import Utterance
from host_training.bundle.endpoint import WAITING_MAX
from host_training.studio.studio_folder import StudioFolder
from payload.prompt import Moment
from tests.host_training.conftest import need
from tests.host_training.studio.desk import EDDA, Desk


class Parrot:
    """Repeats; an empty question is met with silence."""

    opened = closed = 0

    def __init__(self) -> None:
        self.asked: list[list[Utterance]] = []

    def open(self, studio: StudioFolder) -> Parrot:
        self.opened += 1
        return self

    def speak(self, moment: Moment, turns: Sequence[Utterance] = ()) -> str | None:
        self.asked.append(list(turns))
        return None if moment.question == "silence?" else f"You said: {moment.question}"

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def parrot() -> Parrot:
    return Parrot()


@pytest.fixture
def desk(tmp_path: Path, parrot: Parrot) -> Desk:
    made = Desk(tmp_path / "studio", opened=parrot.open)
    made.train()
    return made


def test_a_conversation_goes_on_after_a_restart(desk: Desk, parrot: Parrot) -> None:
    found = desk.get("/api/talk")
    assert found["name"] == "Edda" and "AI persona" in found["disclosure"]
    assert found["turns"] == []
    assert desk.post("/api/talk", words=" One? ")["line"] == "You said: One?"
    assert desk.post("/api/talk", words="silence?")["line"] is None
    again = Desk(desk.studio.root, opened=parrot.open)
    turns = [("user", "One?"), ("assistant", "You said: One?"), ("user", "silence?")]
    assert [(turn["role"], turn["words"]) for turn in again.get("/api/talk")["turns"]] == turns
    again.post("/api/talk", words="Two?")
    assert [(turn.role, turn.words) for turn in parrot.asked[-1]] == turns
    assert parrot.opened == 2, "once for each studio, not for each word"


def test_a_persona_that_was_trained_again_speaks_itself(desk: Desk, parrot: Parrot) -> None:
    desk.post("/api/talk", words="One?")
    manifest = desk.studio.bundle / "manifest.json"
    manifest.write_bytes(manifest.read_bytes() + b" ")
    desk.post("/api/talk", words="Two?")
    assert (parrot.opened, parrot.closed) == (2, 1)


@pytest.mark.parametrize(("words", "says"), [
    ("", "please write something"), ("  ", "please write"), ("x" * 121, "at most 120"),
    (None, "must be text")])
def test_words_that_are_none_are_refused(desk: Desk, words: Any, says: str) -> None:
    assert says in desk.refusal("/api/talk", words=words)


def test_nobody_to_talk_with_is_a_sentence(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "new")
    assert "train it first" in desk.refusal("/api/talk", words="Hello?")
    assert desk.get("/api/talk")["turns"] == []


def test_a_damaged_persona_is_a_sentence(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "damaged")
    desk.train()
    (desk.studio.bundle / "persona.json").write_text("{}")
    answer = desk.client.post("/api/talk", json={"words": "Hello?"})
    assert answer.status_code == 500 and "train it again" in answer.json()["error"]


def test_only_a_few_wait(desk: Desk) -> None:
    line = desk.app.state.talk.line
    with ExitStack() as places:
        for _ in range(WAITING_MAX + 1):
            places.enter_context(line.place())
        answer = desk.client.post("/api/talk", json={"words": "Hello?"})
    assert answer.status_code == 429 and "wait a moment" in answer.json()["error"]
    assert desk.post("/api/talk", words="Hello?")["line"]


def rehearse(desk: Desk) -> None:
    """What the command `run` leaves once a file of the ladder is chosen: here Edda's."""
    work, edda = desk.studio.work, EDDA
    work.mkdir(exist_ok=True)
    for name in ("model.gguf", "memory.sqlite"):
        shutil.copyfile(edda / name, work / name)
    persona = json.loads((edda / "persona.json").read_text())
    manifest = json.loads((edda / "manifest.json").read_text())
    (work / rehearsal.FILE).write_text(json.dumps({
        "persona": {**persona, "name": "Later"}, "model": "model.gguf", "memory": "memory.sqlite",
        "runtime": manifest["runtime"], "reranker": None}))


def test_it_speaks_before_its_examination_has_ended(tmp_path: Path, parrot: Parrot) -> None:
    desk = Desk(tmp_path / "studio", opened=parrot.open)
    assert not desk.steps()["talk"][0]
    rehearse(desk)
    assert desk.steps()["talk"] == (True, False) and not desk.steps()["card"][0]
    found = desk.get("/api/talk")
    assert (found["name"], found["is_signed"]) == ("Later", False)
    assert "AI persona" in found["disclosure"]
    assert desk.post("/api/talk", words="One?")["line"] == "You said: One?"
    desk.train()
    os.utime(desk.studio.bundle / "manifest.json")
    found = desk.get("/api/talk")
    assert (found["name"], found["is_signed"]) == ("Edda", True), "the signed one is later"
    desk.post("/api/talk", words="Two?")
    assert (parrot.opened, parrot.closed) == (2, 1)
    (desk.studio.work / rehearsal.FILE).write_text("{")
    os.utime(desk.studio.work / rehearsal.FILE, (2e9, 2e9))
    answer = desk.client.get("/api/talk")
    assert answer.status_code == 500 and "train it again" in answer.json()["error"]


@pytest.mark.thorough
def test_a_rehearsal_answers(tmp_path: Path) -> None:
    need("llama_cpp")
    desk = Desk(tmp_path / "studio")
    rehearse(desk)
    with desk.client:
        assert desk.post("/api/talk", words="Are you cold?")["line"]


@pytest.mark.thorough
def test_edda_answers(tmp_path: Path) -> None:
    need("llama_cpp")
    desk = Desk(tmp_path / "studio")
    desk.train()
    with desk.client:
        assert desk.post("/api/talk", words="Are you cold?")["line"]
