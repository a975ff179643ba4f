"""Goal: the page says how long a training takes, before it and while it goes on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from host_training.studio import expected
from host_training.studio.expected import (
    LATER_MAX,
    PACE_MAX,
    REAL,
    SMALL,
    STEP_S,
    Gauge,
    StageWork,
    expected_s,
    left_s,
    speed_gflop_s,
)
from host_training.studio.jobs import JobState

NEW = JobState(is_running=True, ended=None, sentences=[], stage="", at_s=0, share=0, since_s=0,
               since_share=0, line="", stages=[], warnings=[], started_s=1, about={})
PLAN = {"codec": 120.0, "train": 1200.0, "evaluate": 600.0}
TRAIN = replace(NEW, stage="train-lora", at_s=5000)


def test_more_writing_and_a_slower_computer_take_longer() -> None:
    work = {"train": StageWork(100, 10)}
    assert expected_s(work, 0, 10) == {"train": 10}
    assert expected_s(work, 50_000, 10) == {"train": 60}
    assert expected_s(work, 50_000, 5) == {"train": 120}
    for size in (SMALL, REAL):
        assert list(size) == ["writing", "codec", "train", "quantise", "evaluate"]
    assert speed_gflop_s() > 0


def test_a_training_begins_with_the_time_that_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy computer is another one a second later: 56 minutes became 66 as they began."""
    speeds = iter((50.0, 40.0, 30.0))
    monkeypatch.setattr(expected, "speed_gflop_s", lambda: next(speeds))
    gauge = Gauge()
    assert gauge.latest() == gauge.latest() == 50
    assert gauge.measured() == gauge.latest() == 40
    assert gauge.measured() == gauge.latest() == 30


@pytest.mark.parametrize(("job", "seconds_left"), [
    (NEW, 1920), (replace(NEW, stage="base"), 1920),
    (TRAIN, 1800), (replace(TRAIN, since_share=0.5, share=0.5), 1200),
    # half of it in twice the time: everything takes twice as long
    (replace(TRAIN, since_s=3800, since_share=0.0, share=0.5), 2400),
    # continued at 0.5: what was done before says nothing of the pace
    (replace(TRAIN, since_s=4880, since_share=0.5, share=0.6), 1080),
    # a pace from one step is not believed, and one that cannot be is bounded
    (replace(TRAIN, since_s=0, since_share=0.01, share=0.02), 1776),
    # and says less of what follows: 1.3 hours were told as 7.5 where a stage was slow for a while
    (replace(TRAIN, since_s=0, since_share=0.0, share=0.05), PACE_MAX * 1140 + LATER_MAX * 600),
    (replace(NEW, stage="evaluate", share=1.0), 0),
])
def test_the_time_left_follows_the_pace(job: JobState, seconds_left: float) -> None:
    assert left_s(job, PLAN) == pytest.approx(seconds_left, abs=STEP_S / 2)


def test_what_does_not_run_or_was_not_expected_has_none() -> None:
    assert left_s(replace(TRAIN, is_running=False), PLAN) is None
    assert left_s(TRAIN, {}) is None
