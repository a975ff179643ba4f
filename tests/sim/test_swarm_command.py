"""The swarm command: what a person types, what it prints, and what it refuses in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from sim import plot
from sim.__main__ import app
from sim.trials.swarm_days import Day, DaysFile
from tests.sim.flights import ROOT

ROWS = [Day(day, name, 24.0, 9, 700, 400 - 100 * day, 22.5, 60.0 + day, day, 80.5, 300.0)
        for day in (1, 2) for name in ("EDDA", "FENN")]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Runs the command in this process, in an empty folder, with the project's mission."""
    monkeypatch.chdir(tmp_path)
    runner = CliRunner(env={"COLUMNS": "160"})
    return lambda *words: runner.invoke(app, list(words), catch_exceptions=False)


def swarm(*words: str) -> tuple[str, ...]:
    return ("swarm", "--mission", str(ROOT / "mission.toml"), *words)


def test_some_minutes_of_two_end_with_a_table(run, tmp_path: Path) -> None:
    result = run(*swarm("--payloads", "2", "--stations", "1", "--days", "0.01", "--loss", "0.7"))
    assert result.exit_code == 0, result.output
    assert "Every check held." in result.output and "words said" in result.output
    assert {path.name for path in (tmp_path / "swarm-0").iterdir()} == {
        "EDDA", "FENN", "days.csv", "station1.raw", "stations.raw"}


@pytest.mark.parametrize(("words", "sentence"), [
    (("--payloads", "13"), "'--payloads': Input should be less than or equal to 12"),
    (("--payloads", "1"), "'--payloads': Input should be greater than or equal to 2"),
    (("--stations", "0"), "'--stations': Input should be greater than or equal to 1"),
    (("--stations", "5"), "'--stations': Input should be less than or equal to 4"),
    (("--loss", "0.96"), "'--loss': Input should be less than or equal to 0.95"),
    (("--preset", "balloon", "--payloads", "5"),
     "--payloads 5: one balloon carries at most 4; more fly with --preset orbit."),
    (("--preset", "balloon", "--payloads", "2", "--stations", "2"),
     "--stations 2: those of a balloon stand side by side at the pad and hear the same; several "
     "need --preset orbit."),
])
def test_what_cannot_be_flown_is_refused_in_a_sentence(run, words, sentence) -> None:
    result = run(*swarm(*words))
    assert result.exit_code == 2 and sentence in " ".join(result.output.replace("│", "").split())


def test_a_folder_with_something_in_it_is_never_written_to(run, tmp_path: Path) -> None:
    (tmp_path / "swarm-0").mkdir()
    (tmp_path / "swarm-0" / "days.csv").write_text("mine")
    result = run(*swarm())
    assert result.exit_code == 2 and "swarm-0 is not empty: choose another --out." in result.output


def test_the_days_of_a_flight_are_shown_and_drawn_while_it_flies(run, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    DaysFile(tmp_path / "days.csv").add(ROWS)
    result = run("swarm-days", ".", "--plot", "days.png")
    assert result.exit_code == 0, result.output
    assert "1400" in result.output and "600" in result.output
    assert (tmp_path / "days.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("words", [
    ("run", "--mission", str(ROOT / "mission.toml")), swarm(), ("swarm-days", "."),
], ids=lambda words: words[0])
def test_without_matplotlib_nothing_is_flown_and_the_command_that_installs_it_is_said(
    run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setattr(plot, "find_spec", lambda name: None)
    result = run(*words, "--plot", "days.png")
    assert result.exit_code == 2 and list(tmp_path.iterdir()) == []
    assert result.output == (
        "--plot needs matplotlib: run `pip install --require-hashes --no-deps -r lock/plot.txt` in "
        "the project's folder.\n")


def test_a_folder_without_days_is_named(run, tmp_path: Path) -> None:
    assert "days.csv cannot be read" in run("swarm-days", "nowhere").output
    DaysFile(tmp_path / "days.csv")
    result = run("swarm-days", ".")
    assert result.exit_code == 2 and "no day is over yet" in result.output
