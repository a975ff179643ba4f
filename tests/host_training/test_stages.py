"""Goal: a stage is built once, by one run at a time, and what was interrupted goes on.

Method: stages that fail, wait or are asked for twice.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from host_training.errors import TrainingError
from host_training.stages import RunDir
from tests.host_training.nasty_inputs import nasty


@nasty(26)
def test_two_runs_at_once_are_told_so(tmp_path: Path) -> None:
    def build(out: Path) -> None:
        with pytest.raises(TrainingError, match="another run is using this folder; wait for it"):
            RunDir(tmp_path).stage("other", {}, lambda out: None)
        (out / "made").touch()

    done = RunDir(tmp_path).stage("one", {}, build)
    assert (done / "made").exists()
    assert RunDir(tmp_path).stage("other", {}, lambda out: None).is_dir()  # the lock is gone


@nasty(26)
def test_a_stage_that_was_killed_gets_its_half_back(tmp_path: Path) -> None:
    def cut(out: Path) -> None:
        (out / "half").touch()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        RunDir(tmp_path).stage("one", {"a": 1}, cut)

    def go_on(out: Path) -> None:
        assert (out / "half").exists()

    assert (RunDir(tmp_path).stage("one", {"a": 1}, go_on) / "half").exists()


def test_what_lies_in_clear_is_for_the_maker_alone(tmp_path: Path) -> None:
    RunDir(tmp_path / "deep" / "run")
    assert (tmp_path / "deep" / "run").stat().st_mode & 0o077 == 0


@nasty(26)
@pytest.mark.parametrize("stamp_s", [0, 4_000_000_000])
def test_the_clock_decides_nothing(tmp_path: Path, stamp_s: int) -> None:
    done = RunDir(tmp_path).stage("one", {"a": 1}, lambda out: None)
    os.utime(done, (stamp_s, stamp_s))  # it was made before, or after, whatever it is made of

    def never(out: Path) -> None:
        raise AssertionError("it is built already")

    assert RunDir(tmp_path).stage("one", {"a": 1}, never) == done
    assert RunDir(tmp_path).stage("one", {"a": 2}, lambda out: None) != done
