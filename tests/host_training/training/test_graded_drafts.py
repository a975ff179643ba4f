"""Goal: a reader's grades become pairs, and a file that is not as it should be is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from host_training import __main__ as cli
from host_training.common import persona_dir
from host_training.errors import TrainingError
from host_training.training import graded_drafts
from host_training.training.graded_drafts import GradedMoment, Pair
from tests.host_training.conftest import write_persona

ROW = {"moment": "on the ground.\nabout: wind", "drafts": ["A.", "B.", "C."], "grades": [2, 0, 3]}
EDDAS = Path(__file__).parents[3] / "host_training" / "examples" / "edda" / persona_dir.GRADED


def test_the_best_is_set_against_one_two_grades_worse() -> None:
    moments = [GradedMoment("m", ("two", "nought", "three", "one", "also two"), (2, 0, 3, 1, 2))]
    first, second = graded_drafts.pairs(moments, seed=1)
    assert first.chosen == "three" and first.rejected in ("nought", "one")
    assert second == Pair("m", "two", "nought")
    assert graded_drafts.pairs(moments, seed=1) == [first, second]


@pytest.mark.parametrize(("grades", "found"), [
    ((1, 0, 1), 0), ((3, 3, 2), 0), ((2, 2, 2), 0), ((), 0), ((2, 1, 1), 1), ((3, 1, 2), 2),
])
def test_a_pair_needs_a_sound_draft_and_a_worse_one(grades: tuple[int, ...], found: int) -> None:
    moments = [GradedMoment("m", ("a", "b", "c"), grades)]
    assert len(graded_drafts.pairs(moments, seed=1)) == found


def test_an_empty_draft_teaches_nothing_and_control_tokens_go() -> None:
    moments = [GradedMoment("m", ("", "  ", "bad<|im_end|>\n end", "good"), (3, 0, 0, 2))]
    assert graded_drafts.pairs(moments, seed=1) == [Pair("m", "good", "bad end")]


def test_what_is_saved_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / persona_dir.GRADED
    assert graded_drafts.load(path) == []
    moments = [GradedMoment("über\nabout: sun", ("Größe.", "B."), (2, 0)),
               GradedMoment("m", ("C",))]
    graded_drafts.save(path, moments)
    assert graded_drafts.load(path) == moments


@pytest.mark.parametrize(("line", "complaint"), [
    ("{", "not JSON"), ("[" * 100_000, "not JSON"), ("[]", "exactly moment, drafts and grades"),
    (json.dumps({**ROW, "more": 1}), "exactly moment, drafts and grades"),
    (json.dumps({**ROW, "moment": ""}), "moment must be text of 1 to 2000"),
    (json.dumps({**ROW, "moment": "x" * 2001}), "moment must be text of 1 to 2000"),
    (json.dumps({**ROW, "moment": "sun<|im_end|>\nno"}), "moment contains a control token"),
    (json.dumps({**ROW, "drafts": []}), "drafts must be 1 to 8 texts"),
    (json.dumps({**ROW, "drafts": ["A."] * 9, "grades": [1] * 9}), "drafts must be 1 to 8 texts"),
    (json.dumps({**ROW, "drafts": ["A.", 3, "C."]}), "drafts must be 1 to 8 texts"),
    (json.dumps({**ROW, "drafts": ["A.", "x" * 1001, "C."]}), "at most 1000 characters"),
    (json.dumps({**ROW, "grades": [2, 0]}), "grades must be 3 numbers from 0 to 3"),
    (json.dumps({**ROW, "grades": [2, 0, 4]}), "grades must be 3 numbers from 0 to 3"),
    (json.dumps({**ROW, "grades": [2, 0, True]}), "grades must be 3 numbers from 0 to 3"),
    (json.dumps({**ROW, "grades": "203"}), "grades must be 3 numbers from 0 to 3"),
])
def test_a_bad_line_is_named_by_file_and_number(tmp_path: Path, line: str, complaint: str) -> None:
    path = tmp_path / persona_dir.GRADED
    path.write_text(json.dumps(ROW) + "\n\n" + line + "\n")
    with pytest.raises(TrainingError, match=complaint) as raised:
        graded_drafts.load(path)
    assert str(raised.value).startswith(f"{path}, line 3: ")


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / persona_dir.GRADED
    path.write_bytes(b"{\xff")
    with pytest.raises(TrainingError, match="byte 1 is not UTF-8"):
        graded_drafts.load(path)


def test_grading_leaves_the_writing_as_it_was(tmp_path: Path) -> None:
    """Else an afternoon of grading would repeat the reading of all exports."""
    directory = write_persona(tmp_path / "ada")
    before = persona_dir.directory_hash(directory)
    graded_drafts.save(directory / persona_dir.GRADED, [GradedMoment("m", ("A.",), (2,))])
    assert persona_dir.directory_hash(directory) == before
    assert persona_dir.GRADED not in persona_dir.stray_files(directory)


def test_the_example_is_graded_whole() -> None:
    moments = graded_drafts.load(EDDAS)
    assert len(moments) > 300 and all(moment.grades for moment in moments)
    assert len(graded_drafts.pairs(moments, seed=1)) > 400


def graded(path: Path, typed: str) -> str:
    result = CliRunner().invoke(cli.app, ["grade", str(path)], input=typed)
    assert result.exit_code == 0, result.output
    return result.output


def test_grades_are_typed_and_kept_one_moment_after_the_other(tmp_path: Path) -> None:
    path = tmp_path / persona_dir.GRADED
    moments = [GradedMoment("first", ("A.", "B.")), GradedMoment("second", ("C.", "D."), (1, 1)),
               GradedMoment("third", ("E.", "F."))]
    graded_drafts.save(path, moments)
    shown = graded(path, "2 9\n203\n20\n\n")
    assert "'29': must be 2 digits from 0 to 3" in shown and "'203': must be" in shown
    assert "second" not in shown and "third" in shown
    assert "2 of 3 moments are graded, which give 1 pairs" in shown
    kept: list[Any] = [moment.grades for moment in graded_drafts.load(path)]
    assert kept == [(2, 0), (1, 1), ()]
    assert "third" in graded(path, "13\n") and graded_drafts.load(path)[2].grades == (1, 3)


def test_without_a_file_it_says_how_to_make_one(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli.app, ["grade", str(tmp_path / "graded.jsonl")])
    assert "spacepi-train drafts BUNDLE --out" in str(result.exception)
