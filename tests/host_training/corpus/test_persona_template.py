"""Goal: the files that ``init`` makes explain every setting there is, with the value it has.

Method: the file with its comment marks taken away is read as a maker's own.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from typer.testing import CliRunner

from host_training import __main__ as cli
from host_training.common.persona_dir import read_persona, stray_files
from host_training.common.settings import Chat, PersonaSettings, Source
from host_training.corpus import persona_template
from host_training.errors import TrainingError
from tests.host_training.conftest import NOTEBOOK
from tests.host_training.corpus.preparing import prepare
from tests.host_training.importers.reading import write_files

SETTING = re.compile(r"^# (?=\[+[a-z.]+\]+$|\w+ = )", re.MULTILINE)


def explained() -> dict[str, Any]:
    """The template with every setting in force."""
    return tomllib.loads(SETTING.sub("", persona_template.PERSONA_TOML))


def check(model: type[BaseModel], table: dict[str, Any]) -> None:
    """Every key of ``model`` is there, with its default where it has one."""
    assert set(table) == set(model.model_fields)
    read = model.model_validate(table)
    for key, field in model.model_fields.items():
        nested = field.annotation
        if isinstance(nested, type) and issubclass(nested, BaseModel):
            check(nested, table[key])
        elif field.default is not None and key not in ("people", "source", "chat", "path", "name"):
            assert getattr(read, key) == field.default, key


def test_every_setting_is_there_with_its_default() -> None:
    table = explained()
    assert {table.pop(key) for key in ("name", "author", "disclosure", "system")} == {""}
    assert table.pop("me") == []
    check(PersonaSettings, table)
    check(Source, table["source"][0] | {"tier": 4})
    check(Chat, table["source"][0]["chat"][0])
    assert all(len(line) <= 100 for text in persona_template.FILES.values()
               for line in text.splitlines())


def test_what_lies_in_a_new_persona_is_seen_before_anything_is_filled_in(tmp_path: Path) -> None:
    directory = tmp_path / "me"
    persona_template.write(directory)
    exports = {"exports/WhatsApp Chat with Bo.txt": (
        "26/03/21, 18:00 - Bo: Is the mast up?\n26/03/21, 18:01 - Ada: It is, since noon.\n"),
               "exports/diary.txt": "The hedge and I have an understanding, and it is older."}
    write_files(directory, exports)
    result = CliRunner().invoke(cli.app, ["scan", str(directory), "--out", str(tmp_path / "o")],
                                env={"COLUMNS": "400"})
    assert result.exit_code == 0, result.exception
    assert 'list your account in persona.toml, like me = ["' in result.output
    assert "persona.toml: name, author, disclosure, system\n" in result.output
    assert "values.md: what it values\n" in result.output
    assert '"kind": "monologue"' in (tmp_path / "o" / "examples.jsonl").read_text()


def test_a_new_persona_lacks_only_what_the_maker_knows(tmp_path: Path) -> None:
    directory = tmp_path / "me"
    persona_template.write(directory)
    with pytest.raises(TrainingError, match="system must be non-empty text"):
        read_persona(directory)
    path = directory / "persona.toml"
    path.write_text(re.sub(r'^(name|author|disclosure|system) = ""', r'\1 = "Ines"',
                           path.read_text(), flags=re.MULTILINE))
    with pytest.raises(TrainingError, match=r"values\.md: at least one line like"):
        read_persona(directory)
    with (directory / "values.md").open("a") as file:
        file.write("- I say what I saw.\n")
    persona = read_persona(directory)
    assert (persona.values, persona.thinking) == (("I say what I saw.",), ())
    assert persona.settings == PersonaSettings() and stray_files(directory) == []
    with pytest.raises(TrainingError, match="no writing of Ines found"):
        prepare(directory, tmp_path / "out")
    with (directory / "notebook" / "thoughts.md").open("a") as file:
        file.write(NOTEBOOK.partition("---\n\n")[2])
    assert len(prepare(directory, tmp_path / "out")) == 5


@pytest.mark.parametrize("there", ["persona.toml", "values.md", "notebook/thoughts.md"])
def test_nothing_is_written_over(tmp_path: Path, there: str) -> None:
    write_files(tmp_path, {there: "mine", "exports/result.json": "{}"})
    with pytest.raises(TrainingError, match=f"{there} already exists and is not over"):
        persona_template.write(tmp_path)
    assert (tmp_path / there).read_text() == "mine"
    assert {p.name for p in tmp_path.rglob("*") if p.is_file()} == {there.split("/")[-1],
                                                                    "result.json"}


def test_init_says_what_comes_next(tmp_path: Path) -> None:
    pytest.importorskip("typer")
    from typer.testing import CliRunner

    from host_training import __main__ as cli

    directory = write_files(tmp_path / "me", {"exports/result.json": "{}"})  # exports came first
    shown = CliRunner().invoke(cli.app, ["init", str(directory)])
    assert shown.exit_code == 0 and f"spacepi-train scan {directory} --out seen" in shown.output
    for name in ("persona.toml", "values.md", "thinking.md", "notebook/thoughts.md", "exports"):
        assert f"made {directory / name}\n" in shown.output and (directory / name).exists()
    again = CliRunner().invoke(cli.app, ["init", str(directory)])
    assert isinstance(again.exception, TrainingError)
