"""Goal: writing of the layer values reaches its author as lines for values.md, and no prompt.

Method: hand-made examples; a persona directory with a creed in it.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from host_training.common.persona_dir import read_persona
from host_training.corpus import assemble
from host_training.corpus.sessions import Example
from host_training.corpus.value_candidates import SHOWN_MAX, VALUE_CHARS_MAX, Candidates, markdown
from host_training.errors import TrainingError
from tests.host_training.conftest import write_persona
from tests.host_training.corpus.preparing import add_toml, prepare
from tests.host_training.importers.reading import write_files

CREED = """# My creed

- A guess is a guess.
- Silence is *not* a fault.
* Kind first, clever after.
2. The log is kept on dull days too.
"""


def of_values(*texts: str, layer: str = "values") -> list[Example]:
    return [Example("monologue", text, "notes", None, layer=layer) for text in texts]


def candidates(examples: list[Example], values: list[str]) -> list[str]:
    noting = Candidates(values)
    assert list(noting.noted(examples)) == examples
    return noting.found()


@pytest.mark.parametrize(("texts", "found"), [
    (["- One thing.\n- Another thing.\nAnd a long sentence that is in no list at all."],
     ["One thing.", "Another thing."]),
    (["I would rather be late than wrong. Yes. A log without an hour is a story, not a log."],
     ["I would rather be late than wrong.", "A log without an hour is a story, not a log."]),
    (["- One thing.", "1) one THING"], ["One thing."]),  # said twice
    (["- I say what I saw!"], []),  # in values.md already
    (["- Call [name] first."], []), (["-\n\nNo item."], []), (["-5 is cold", "2021. A year"], []),
    (["- " + "x" * VALUE_CHARS_MAX, "- y" + "x" * VALUE_CHARS_MAX], ["x" * VALUE_CHARS_MAX]),
])
def test_the_items_of_a_list_or_else_the_sentences(texts: list[str], found: list[str]) -> None:
    assert candidates(of_values(*texts), ["I say what I saw."]) == found
    for layer in ("said", "thinking"):
        assert candidates(of_values(*texts, layer=layer), []) == []


def test_a_book_of_values_is_not_copied() -> None:
    many = candidates(of_values("\n".join(f"- Thing {i}." for i in range(SHOWN_MAX + 9))), [])
    assert len(many) == SHOWN_MAX and many[0] == "Thing 0." and markdown([]) == ""


def test_a_creed_is_shown_to_its_author(tmp_path: Path) -> None:
    directory = write_files(write_persona(tmp_path / "ada"), {"creed/mine.md": CREED})
    add_toml(directory, '[[source]]\npath = "creed/*"\nlayer = "values"\n')
    prepare(directory, tmp_path / "out")
    new = ["Silence is not a fault.", "Kind first, clever after.",
           "The log is kept on dull days too."]
    sheet = (tmp_path / "out" / assemble.REVIEW).read_text()
    assert "# Candidates for values.md" in sheet
    assert sheet.endswith("\n- " + "\n- ".join(new) + "\n")
    summary = json.loads((tmp_path / "out" / assemble.SUMMARY).read_text())
    assert summary["candidates for values.md"] == new
    told = [line for line in summary["warnings"] if "values.md" in line]
    assert told == ["your writing of the layer values contains 3 judgements that are not in "
                    "values.md. Every prompt has room for 6 values, and values.md has 2; "
                    "review.md lists the candidates."]
    with (directory / "values.md").open("a") as file:
        file.write("".join(f"- Judgement {i}.\n" for i in range(4)))
    prepare(directory, tmp_path / "out")  # six: the maker has chosen
    summary = json.loads((tmp_path / "out" / assemble.SUMMARY).read_text())
    assert len(summary["candidates for values.md"]) == 3 and not any(
        "values.md" in line for line in summary["warnings"])


def test_a_persona_without_values_is_looked_at_and_not_trained(tmp_path: Path) -> None:
    pytest.importorskip("typer")
    from typer.testing import CliRunner

    from host_training import __main__ as cli

    directory = write_files(write_persona(tmp_path / "ada"), {"creed/mine.md": CREED})
    add_toml(directory, '[[source]]\npath = "creed/*"\nlayer = "values"\n')
    (directory / "values.md").unlink()
    shown = CliRunner().invoke(cli.app, ["scan", str(directory), "--out", str(tmp_path / "out")])
    assert shown.exit_code == 0
    assert "candidates for values.md\n- A guess is a guess." in shown.output
    with pytest.raises(TrainingError, match='spacepi-train scan lists candidates'):
        read_persona(directory)
