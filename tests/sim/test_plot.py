"""A plot is refused before the flight, not after it."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from sim import plot, swarm_command
from sim.__main__ import app
from sim.trials import trial
from tests.sim.flights import ROOT

MISSION = ("--mission", str(ROOT / "mission.toml"))


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.png").mkdir()
    monkeypatch.setattr(plot, "find_spec", lambda name: name)


@pytest.mark.parametrize("name", ["a.png", "a.PNG", "a.jpg", "folder.png/a.svg", "../a.pdf"])
def test_what_can_be_written(name: str) -> None:
    assert plot.refusal(Path(name)) is None


@pytest.mark.parametrize("words", [
    ("run", *MISSION, "--fault", "none"), ("swarm", *MISSION), ("swarm-days", ".")])
@pytest.mark.parametrize(("name", "sentence"), [
    ("a.xyz", "--plot a.xyz: allowed endings are .png, .jpg, .svg, .pdf."),
    ("a", "--plot a: allowed endings are .png, .jpg, .svg, .pdf."),
    ("folder.png", "--plot folder.png: is a folder; name a file."),
    ("nowhere/a.png", "--plot nowhere/a.png: there is no folder nowhere."),
])
def test_what_cannot_is_one_sentence_and_nothing_flies(
    monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], name: str, sentence: str
) -> None:
    """After hours of flight it was a traceback of matplotlib."""
    def flown(*_: object) -> None:
        raise AssertionError("it flies")

    monkeypatch.setattr(trial, "fly", flown)
    monkeypatch.setattr(swarm_command, "_fly", flown)
    result = CliRunner().invoke(app, [*words, "--plot", name], catch_exceptions=False)
    assert (result.exit_code, result.output) == (2, f"{sentence}\n")
