"""Goal: a page can show a training while it goes on, also one that was interrupted and continued.

Method: the file is written and read; the samples are those of the tiny random base.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from host_training.rows.dataset import NO_LOSS, Row
from host_training.training import curve
from host_training.training.curve import CURVE, Curve, read
from host_training.training.result import EpochResult
from tests.host_training.conftest import need


def test_what_came_after_the_checkpoint_is_forgotten(tmp_path: Path) -> None:
    written = Curve(tmp_path, [], None)
    written.begin(2.5)
    for step in (1, 2, 3):
        written.step(step, 4, 1.0, None)
    again = Curve(tmp_path, [], None)
    again.begin(2.5)
    again.go_on_from(2)
    again.step(3, 4, 1.5, 2.0)
    assert [(p["step"], p["share"], p["left_s"], p["held_out_bpb"])
            for p in read(tmp_path / CURVE)] == [
        (0, 0.0, 0.0, 2.5), (1, .25, 1.0, None), (2, .5, 1.0, None), (3, .75, 1.5, 2.0)]


def test_a_long_run_is_thinned_but_for_its_measurements(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(curve, "POINTS_MAX", 10)
    written = Curve(tmp_path, [], None)
    for step in range(1, 101):
        written.step(step, 100, 0.0, 1.0 if step == 55 else None)
    assert [p["step"] for p in read(tmp_path / CURVE)] == [
        10, 20, 30, 40, 50, 55, 60, 70, 80, 90, 100]


def test_a_torn_line_is_not_read(tmp_path: Path) -> None:
    Curve(tmp_path, [], None).begin(2.5)
    path = tmp_path / CURVE
    path.write_text(path.read_text() * 2 + '{"step": 3')
    assert len(read(path)) == 2 and read(tmp_path / "absent") == []


def test_each_epoch_says_the_held_out_lines_again(tiny_base: Path, tmp_path: Path) -> None:
    torch = need("torch")
    from host_training.training.merge import load_base

    model, tokenizer = load_base(tiny_base)
    ids = tokenizer("the wind")["input_ids"]
    row = Row("thought", "the wind", [*ids, *ids], [*(NO_LOSS for _ in ids), *ids])
    model.train()
    before = torch.get_rng_state()
    written = Curve(tmp_path, [row] * 5, tokenizer)
    written.epoch(4, 4, 0.0, EpochResult(epoch=1, held_out_bpb=2.0), model)
    assert torch.equal(before, torch.get_rng_state()), "the run would not be the same bit for bit"
    assert model.training
    point, = read(tmp_path / CURVE)
    assert point["epoch"] == 1 and point["held_out_bpb"] == 2.0
    assert [sample["written"] for sample in point["samples"]] == ["the wind"] * 3
