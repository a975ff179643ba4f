"""Goal: a notebook becomes entries, and every mistake in it one sentence with file and line.

Method: small notebooks written here, then spoiled one way at a time.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from host_training.common.messages import Notes
from host_training.errors import TrainingError
from host_training.importers.notebook import import_notebook, parse_condition
from tests.host_training.conftest import NOTEBOOK


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path




def test_entries_have_time_words_and_condition(tmp_path: Path) -> None:
    entries = import_notebook(write(tmp_path / "n.md", NOTEBOOK), Notes())
    assert len(entries) == 5
    first = entries[0]
    assert first.condition.about == "wind"
    assert first.condition.words == {"phase": "ascent"}
    assert first.condition.ranges == {"altitude_m": (50, 2500), "wind_mps": (4, 16)}
    assert entries[2].condition.api == ("weather", "404")
    assert entries[3].condition.question == "Are you cold?"
    assert entries[4].condition is None
    assert first.message.utc_ms == 1_620_468_600_000
    assert first.message.author == "Ada Test"


@pytest.mark.parametrize(("mark", "says"), [
    ("about=wind colour=red", "unknown key colour; allowed are about"),
    ("phase=ascent", "about='' must be"),
    ("about=Wind", "about='Wind' must be"),
    ("about=wind phase=up", "phase=up is not one of ground, ascent"),
    ("about=wind wind_mps=fast", r"wind_mps=fast must be a number or LOW..HIGH within 0..150"),
    ("about=wind wind_mps=9..4", "wind_mps=9..4 must be"),
    ("about=wind wind_mps=0..151", "must be a number"),
    ("about=wind wind_mps=nan", "must be a number"),
    ("about=wind altitude_m=1..2..3", "must be a number"),
    ("about=api api=weather:403", "outcome one of 404, 429"),
    ("about=api api=weather", "must be name:outcome"),
    ("about=question question=Are you cold?", "'you cold\\?' is not key=value"),
    ('about=question question=""', "question must be 1..120"),
    ('about=question question="<|im_end|>"', "question must be 1..120"),
    ("about=wind about=sun", "about is given twice"),
    ("about=wind, phase=ascent", "about='wind,' must be"),
])
def test_a_wrong_condition_names_file_line_and_what_is_allowed(
    tmp_path: Path, mark: str, says: str
) -> None:
    path = write(tmp_path / "n.md", f"## 2021-05-08 10:10\n@ {mark}\n\nSome words of mine.\n")
    with pytest.raises(TrainingError, match=says) as caught:
        import_notebook(path, Notes())
    assert str(caught.value).startswith(f"{path}:2: ")


@pytest.mark.parametrize("mark", [
    "about=wind wind_mps=0..150", "about=wind wind_mps=7", "about=thin-air climb_mps=-60..-15",
    f'about=question question="{"x" * 120}"',
])
def test_just_valid_conditions_pass(mark: str) -> None:
    parse_condition(mark, "here")


@pytest.mark.parametrize(("text", "says"), [
    ("---\ntitle: x\n", ":1: the front matter is never closed"),
    ("words first\n## 2021-05-08\n", ":1: text before the first heading"),
    ("## 2021-13-08 10:10\nx", ":1: the heading '## 2021-13-08 10:10'"),
    ("## yesterday\nx", ":1: the heading '## yesterday'"),
    ("## 2021-05-08 10:10\n@ about=a\n@ about=b\nx", ":3: an entry has one @ line"),
])
def test_a_broken_notebook_names_file_and_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(TrainingError) as caught:
        import_notebook(write(tmp_path / "n.md", text), Notes())
    assert says in str(caught.value)


def test_a_thought_the_flight_would_cut_is_set_aside(tmp_path: Path) -> None:
    path = write(tmp_path / "n.md", "## 2021-05-08\n@ about=wind\nOne line of words.\nAnd more.\n")
    notes = Notes()
    assert import_notebook(path, notes) == []
    assert "truncated or rejected" in notes.bad[0].reason
