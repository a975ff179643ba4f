"""Goal: a persona that is trained can be heard before it is examined, and says that it is not.

Method: the real command line on the run directory of a real run, and on one whose files are gone.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from host_training import __main__ as cli
from host_training.bundle import rehearsal
from host_training.errors import TrainingError


def test_a_persona_is_heard_before_it_is_examined(made: Path) -> None:
    shown = CliRunner().invoke(cli.app, ["chat", str(made / "work"), "--threads", "1"],
                               input="Are you cold?\n\n")
    assert shown.exit_code == 0 and "Ada (AI): " in shown.output
    assert "Ada is an AI persona." in shown.output and "Not signed: " in shown.output
    assert not rehearsal.is_one(made / "bundle")


def test_a_persona_is_sampled_before_it_is_examined(made: Path) -> None:
    """Whoever was refused for too little writing sees what it says all the same."""
    shown = CliRunner().invoke(cli.app, [
        "sample", str(made / "work"), "-n", "1", "--about", "wind", "--threads", "1"])
    assert shown.exit_code == 0 and "Not signed: " in shown.output
    assert shown.output.splitlines()[-2].startswith("wind: ")


def test_what_is_gone_or_damaged_is_one_sentence(made: Path, tmp_path: Path) -> None:
    noted = (made / "work" / rehearsal.FILE).read_text()
    (tmp_path / rehearsal.FILE).write_text(noted)
    with pytest.raises(TrainingError, match=r"Q8_0\.gguf is gone; `run` again writes it"):
        rehearsal.voice(tmp_path, 1, 1)
    for damaged in ("", "[", noted[: len(noted) // 2]):
        (tmp_path / rehearsal.FILE).write_text(damaged)
        with pytest.raises(TrainingError, match="cannot be read"):
            rehearsal.voice(tmp_path, 1, 1)
