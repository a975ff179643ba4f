"""Goal: the folder for the card holds a persona that a payload would accept, or is as it was."""

from __future__ import annotations

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from host_training.studio import card
from tests.host_training.studio.desk import Desk
from wire.bundle import verify_bundle
from wire.mission import load

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def trained(tmp_path: Path) -> Desk:
    made = Desk(tmp_path / "studio")
    made.train()
    return made


def test_the_mission_of_the_card_trusts_the_persona_on_it(trained: Desk) -> None:
    assert trained.get("/api/card")["files"] == []
    answer = trained.post("/api/card")
    place = trained.studio.card
    assert answer == {"folder": str(place)}
    mission = load(place / "mission.toml")
    manifest = verify_bundle(place / "persona", [bytes.fromhex(key)
                                                 for key in mission.mind.trusted_keys])
    assert (mission.payload.name, mission.mind.bundle) == ("Edda", "persona")
    text = (place / card.README).read_text()
    assert f"Edda, an AI persona, version {manifest.version}" in text and "{" not in text
    files = trained.get("/api/card")["files"]
    assert [(file["name"], file["is_folder"]) for file in files] == [
        (card.README, False), ("mission.toml", False), ("persona", True)]
    assert files[2]["bytes"] > sum(file.bytes for file in manifest.files)
    assert trained.steps()["card"] == (True, True)
    trained.post("/api/card")  # again, over the first


def test_what_cannot_be_written_leaves_the_old_folder(
    trained: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained.post("/api/card")
    before = sorted(trained.studio.card.rglob("*"))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(0, 0, 1000))
    answer = trained.client.post("/api/card", json={})
    assert answer.status_code == 507 and "make room" in answer.json()["error"]
    monkeypatch.undo()
    (trained.studio.bundle / "persona.json").write_text("{}")
    answer = trained.client.post("/api/card", json={})
    assert answer.status_code == 500 and "train it again" in answer.json()["error"]
    assert sorted(trained.studio.card.rglob("*")) == before


def test_without_a_persona_there_is_nothing_to_take(tmp_path: Path) -> None:
    assert "train it first" in Desk(tmp_path / "new").refusal("/api/card")
