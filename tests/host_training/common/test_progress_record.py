"""Goal: whoever reads the record knows what a command does and how it ended, at every moment.

Method: records of commands that end well, badly, by Ctrl-C and not at all, cut at every byte.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from host_training.common.progress_record import Followed, follow, recorded
from host_training.errors import FOUND, WARNING, Stopped, TrainingError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.jsonl"


def test_what_is_reported_is_read_back(path: Path) -> None:
    with recorded(path) as report:
        report("writing", 0.0, "looking for exports")
        report(WARNING, 1.0, "one is odd")
        report(FOUND, 1.0, "left out: link 1")
        report("writing", 0.2, "too soon after the first to be written down")
        report("train-lora", 0.5, "epoch 1 of 2")
        found = follow(path)
        assert (found.stage, found.share, found.line) == ("train-lora", 0.5, "epoch 1 of 2")
        assert (found.stages, found.warnings) == (["writing", "train-lora"], ["one is odd"])
    assert follow(path).ended == "done"


def test_a_stage_that_was_continued_counts_from_there(path: Path) -> None:
    rows = [("writing", 1.0), ("train-lora", 0.0), ("train-lora", 0.5), ("train-lora", 0.6)]
    path.write_text("".join(json.dumps({"at_s": float(at), "stage": stage, "share": share,
                                        "line": ""}) + "\n"
                            for at, (stage, share) in enumerate(rows)))
    found = follow(path)
    assert (found.since_s, found.since_share, found.at_s, found.share) == (2.0, 0.5, 3.0, 0.6)


@pytest.mark.parametrize(("error", "ended", "sentences"), [
    (TrainingError("No exports.", "No values."), "failed", ["No exports.", "No values."]),
    (Stopped("Stopped at step 3."), "stopped", ["Stopped at step 3."]),
    (KeyboardInterrupt(), "stopped", []),
    (ValueError("odd"), "failed", ["ValueError: odd"]),
])
def test_an_end_is_written_down_and_raised(path: Path, error: BaseException, ended: str,
                                           sentences: list[str]) -> None:
    with pytest.raises(type(error)), recorded(path) as report:
        report("writing", 0.0, "")
        raise error
    assert (follow(path).ended, follow(path).sentences) == (ended, sentences)
    assert follow(path).error == (type(error).__name__ if sentences else "")


def test_a_record_cut_anywhere_tells_what_it_holds(path: Path, tmp_path: Path) -> None:
    with recorded(path) as report:
        report("writing", 0.0, "é")
        report("split", 1.0, "")
    whole, cut = path.read_bytes(), tmp_path / "cut"
    for end in range(len(whole)):
        cut.write_bytes(whole[:end])
        found = follow(cut)
        assert found.ended is None
        assert found.stages == ["writing", "split"][: whole[:end].count(b"\n")]
    assert follow(tmp_path / "absent") == Followed()
