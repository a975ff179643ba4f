"""Goal: a persona that its examination refuses is not lost: the page says why, and lets one talk.

Method: Chromium over what a refused `run` leaves in the folder, and a voice that repeats.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from host_training.bundle import rehearsal
from host_training.common.progress_record import recorded
from host_training.errors import TrainingError
from host_training.studio.studio_folder import StudioFolder
from tests.groundstation.web.browser import Browser, find_chromium, need_axe, need_vendor
from tests.host_training.conftest import need
from tests.host_training.studio.desk import EDDA, ServedStudio
from tests.host_training.studio.keyboard import Keyboard, barriers
from tests.host_training.studio.test_talk import Parrot


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    find_chromium()
    need_vendor()
    made = Browser(tmp_path / "profile", theme="light")
    made.size(375, 667)
    yield made
    made.close()


def refuse(studio: StudioFolder) -> None:
    """What `run` leaves where one gate is not passed: a rehearsal, gates, and no bundle."""
    stage = studio.work / "evaluate-0123"
    stage.mkdir(parents=True)
    (stage / "gates.json").write_text(json.dumps({
        "gates": [{"name": "leak", "is_passed": True, "sentence": "Nothing."},
                  {"name": "base", "is_passed": False, "sentence": "No better."}],
        "summary": {}, "sentences": ["Nothing.", "No better."]}))
    (studio.work / rehearsal.FILE).write_text(json.dumps({
        "persona": json.loads((EDDA / "persona.json").read_text()), "model": "", "memory": "",
        "runtime": {}, "reranker": None}))
    (studio.jobs / "train.json").write_text(json.dumps(
        {"pid": 0, "started_s": 1.0, "about": {"size": "small"}}))
    with pytest.raises(TrainingError), recorded(studio.jobs / "train.jsonl"):
        raise TrainingError("A gate was not passed.")


def test_a_refused_persona_can_be_talked_with(browser: Browser, tmp_path: Path) -> None:
    need("tomlkit")
    served = ServedStudio(tmp_path / "studio", opened=Parrot().open)
    keys = Keyboard(browser)
    try:
        refuse(served.studio)
        browser.open(served.url)
        browser.value("location.hash = 'learning'")
        browser.wait("Boolean(document.querySelector('.choice'))")
        told = str(browser.value("document.getElementById('step').innerText"))
        assert "so it was not signed" in told and "It predicts your lines no better" in told
        assert "secrets" not in told, "only what was refused"
        assert barriers(browser, need_axe()) == ""
        keys.activate("talk with it")
        browser.wait("document.querySelector('.notice').textContent.includes('does not fly')")
        said = str(browser.value("document.querySelector('.notice').textContent"))
        assert "It was not signed" in said and "AI persona" in said and "not finished" not in said
        keys.write("Your words", "Are you cold?")
        keys.press("Enter")
        browser.wait("document.querySelector('.talk').textContent.includes('You said: Are you')")
        keys.activate("Next: take it along")
        browser.wait("document.querySelector('.action .problem').textContent.includes('says why')")
        assert browser.complaints == []
    finally:
        served.stop()
