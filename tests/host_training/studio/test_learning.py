"""Goal: the training starts with the arguments of the commands, and is seen as it goes on."""

from __future__ import annotations

import json
import shutil
from collections import namedtuple

import pytest
from typer.main import get_command

from host_training import __main__ as cli
from host_training.studio import expected, learning
from host_training.studio.jobs import Jobs
from host_training.training.curve import CURVE, Curve
from tests.host_training.studio.desk import ADA, Desk

Usage = namedtuple("Usage", "total used free")


def test_both_sizes_are_commands_that_exist(desk: Desk) -> None:
    """Only parsed: what they do is another test's."""
    run = get_command(cli.app).commands["run"]  # type: ignore[attr-defined]
    for size in learning.SIZES.values():
        for must_sign in (False, True):
            arguments = [str(one) for one in learning._arguments(desk.studio, size, must_sign)]
            with run.make_context("run", arguments[1:]) as context:
                assert context.params["allow_failing_gates"] is must_sign
                assert context.params["out"] == desk.studio.bundle
    real, small = desk.get("/api/sizes")
    assert (small["id"], small["download_bytes"]) == ("small", 0)
    assert real["id"] == "real", "the first is what is ticked"
    assert small["takes_s"] is real["takes_s"] is None, "nothing was read"


def test_each_size_says_how_long_it_takes(filled: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    filled.post("/api/people", me=[f"whatsapp:{ADA}"])
    monkeypatch.setattr(expected, "speed_gflop_s", lambda: 50.0)
    real, small = (size["takes_s"] for size in filled.get("/api/sizes"))
    assert 0 < small < real
    monkeypatch.setattr(expected, "speed_gflop_s", lambda: 25.0)
    assert [size["takes_s"] for size in filled.get("/api/sizes")] == [2 * real, 2 * small]


def test_what_was_stopped_goes_on_only_with_the_same_writing(filled: Desk) -> None:
    filled.post("/api/people", me=[f"whatsapp:{ADA}"])
    about = {"size": "real", "fingerprint": filled.studio.fingerprint(), "expected_s": {"train": 9}}
    (filled.studio.jobs / "train.json").write_text(json.dumps(
        {"pid": 0, "started_s": 1.0, "about": about}))
    assert filled.get("/api/state")["train"]["is_of_this"]
    assert filled.get("/api/state")["train"]["left_s"] is None, "it does not run"
    filled.upload("more.txt", b"I went home by the long way, which was the wrong one.")
    assert not filled.get("/api/state")["train"]["is_of_this"]


def test_it_waits_for_the_steps_before_and_for_room(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "go through the steps that are not ticked" in desk.refusal("/api/train", size="small")
    for size in ("huge", None, 5):
        assert "choose one of the two" in desk.refusal("/api/train", size=size)
    assert "choose one" in desk.refusal("/api/train", size="small", must_sign="yes")
    monkeypatch.setattr(learning, "is_read", lambda studio, jobs: True)
    for step in ("review", "character"):
        desk.studio.tick(step)
    monkeypatch.setattr(shutil, "disk_usage",
                        lambda path: Usage(0, 0, learning.DISK_BYTES_MIN - 1))
    answer = desk.client.post("/api/train", json={"size": "small"})
    assert answer.status_code == 507 and "make room" in answer.json()["error"]
    assert not Jobs(desk.studio).is_running("train")


def test_the_newest_curve_is_shown_thinned_but_for_its_epochs(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert desk.get("/api/curve") == {"points": [], "epochs": []}
    monkeypatch.setattr(learning, "POINTS_SHOWN_MAX", 4)
    folder = desk.studio.work / "train-lora-0123.part"
    folder.mkdir(parents=True)
    curve = Curve(folder, [], None)
    curve.begin(2.5)
    for step in range(1, 10):
        curve.step(step, 10, 10.0 - step, 2.0 if step % 2 else None)
    found = desk.get("/api/curve")
    assert found["epochs"] == []
    assert [point["share"] for point in found["points"]] == [0, .3, .7]
    (folder / CURVE).write_text((folder / CURVE).read_text() + '{"torn')
    assert desk.get("/api/curve") == found
