"""Goal: an adapter comes to prefer what a reader prefers, and a stopped run ends the same.

Method: a one-layer random base, an adapter of one epoch, and two moments with a good and a bad
draft.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from host_training.errors import Stopped
from host_training.rows.dataset import NO_LOSS, Row, RowBuilder
from host_training.training import merge, prefer, result, train, training_stages
from host_training.training.graded_drafts import GradedMoment, Pair
from host_training.training.prefer import PairCollator, PreferConfig, log_likelihoods
from host_training.training.prefix_collator import SharedPrefix
from payload import prompt

PERSONA = prompt.PersonaText("Ada", "You are Ada, a small machine.", ("I say what I saw.",))
MOMENT = prompt.Moment("wind", phase="ascent", altitude_m=900.0)
GOOD, BAD = "The wind has plans.", "The table is on the wind of the table."
ASKED = prompt.suffix(MOMENT).split("<|im_end|>")[0]
PAIRS = [Pair(ASKED, GOOD, BAD)] * 8
QUICK = PreferConfig(lr_share=1.0, epochs=2, batch_pairs=4)


def silent(*args: object) -> None:
    """A report nobody reads."""


@pytest.fixture(scope="module")
def held_out(tiny_base: Path) -> list[Row]:
    _, tokenizer = merge.load_base(tiny_base)
    row = RowBuilder(tokenizer, PERSONA).prompted("thought", MOMENT, None, "The sun is high.")
    assert row is not None
    return [row]


@pytest.fixture(scope="module")
def trained(tiny_base: Path, held_out: list[Row], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained")
    config = train.TrainConfig("lora", epochs=1, lora_rank=2)
    train.train(tiny_base, held_out, held_out, out, config, silent)
    return out


def lead(model_dir: Path) -> float:
    """Nats by which the good draft is likelier than the bad one."""
    model, tokenizer = merge.load_base(model_dir)
    pair = prefer._feature(PAIRS[0], PERSONA, tokenizer)
    inputs = PairCollator(0)([pair])
    del inputs["reference"]
    with torch.no_grad():
        found, _ = log_likelihoods(model, inputs)
    return float(found[0] - found[1])


def test_the_preferred_draft_gains_on_the_other(
    tiny_base: Path, trained: Path, held_out: list[Row], tmp_path: Path
) -> None:
    found = prefer.prefer(tiny_base, trained, PAIRS, PERSONA, held_out, tmp_path / "a", QUICK,
                          silent)
    assert lead(tmp_path / "a" / "merged") > lead(trained / "merged") + 1.0
    assert found["preferred_pairs"] == len(PAIRS)
    assert found["base_bpb"] == result.read(trained)["base_bpb"]
    assert (tmp_path / "a" / "adapter" / "adapter_model.safetensors").is_file()
    assert not (tmp_path / "a" / "checkpoints").exists()


def test_a_stopped_run_goes_on_to_the_same_weights(
    tiny_base: Path, trained: Path, held_out: list[Row], tmp_path: Path
) -> None:
    def run(name: str, report: Callable[[float, str], None] = silent) -> Path:
        prefer.prefer(tiny_base, trained, PAIRS, PERSONA, held_out, tmp_path / name, QUICK, report)
        return tmp_path / name / "adapter" / "adapter_model.safetensors"

    def stop(share: float, line: str) -> None:
        if share == 0.5:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Stopped, match="Stopped at step 2 of 4"):
        run("b", stop)
    whole, resumed = load_file(run("a")), load_file(run("b"))
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_a_batch_weighs_the_same_in_one_piece_or_two(
    tiny_base: Path, trained: Path, held_out: list[Row], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Gradients below the norm at which they are cut; of unlike pairs, in a batch of their own."""
    norms: dict[str, float] = {}

    class Weighed(prefer.TrainingWatch):
        def on_pre_optimizer_step(self, *args: Any, **kwargs: Any) -> None:
            gradients = [w.grad.norm() for w in kwargs["model"].parameters() if w.grad is not None]
            norms.setdefault(self._out.name, float(torch.stack(gradients).norm()))

    monkeypatch.setattr(prefer, "TrainingWatch", Weighed)
    config = PreferConfig(beta=1e-3, likelihood_weight=0.01, batch_pairs=8)
    unlike = [Pair(ASKED, GOOD, BAD), Pair(ASKED, "Cold.", GOOD)] * 4
    for at_once in (4, 8):
        monkeypatch.setattr(prefer, "PAIRS_AT_ONCE", at_once)
        prefer.prefer(tiny_base, trained, unlike, PERSONA, held_out, tmp_path / f"{at_once}",
                      config, silent)
    assert norms["4"] == pytest.approx(norms["8"], rel=1e-3) and 0 < norms["8"] < 1


def test_a_pair_asks_as_the_flight_does(tiny_base: Path, held_out: list[Row]) -> None:
    _, tokenizer = merge.load_base(tiny_base)
    pair = prefer._feature(PAIRS[0], PERSONA, tokenizer)
    row = RowBuilder(tokenizer, PERSONA).prompted("thought", MOMENT, None, GOOD)
    assert row is not None
    assert pair["chosen"] == {"input_ids": row.input_ids, "labels": row.labels}


def test_the_likelihoods_are_those_of_each_row_alone(tiny_base: Path) -> None:
    model, tokenizer = merge.load_base(tiny_base)
    words = ["The wind.", "A longer line about the wind.", "Cold.", "The sun is high and says so."]
    rows = []
    for text in words:
        pair = prefer._feature(Pair(ASKED, text, BAD), PERSONA, tokenizer)
        rows.append(pair["chosen"])
    together, tokens = log_likelihoods(model, SharedPrefix(0)(rows))
    for at, row in enumerate(rows):
        alone, _ = log_likelihoods(model, SharedPrefix(0)([row]))
        assert together[at].item() == pytest.approx(alone[0].item(), rel=1e-4)
        assert tokens[at] == sum(label != NO_LOSS for label in row["labels"])


@pytest.mark.parametrize(("count", "has_adapter", "why"), [
    (5, True, "5 pairs of a better and a worse draft, at least 40"),
    (40, False, "only an adapter"),
])
def test_too_few_grades_and_full_tuning_are_said_and_change_nothing(
    tmp_path: Path, count: int, has_adapter: bool, why: str
) -> None:
    if has_adapter:
        (tmp_path / "adapter").mkdir()
    said: list[str] = []
    moments = [GradedMoment(f"m{n}", ("A.", "B."), (2, 0)) for n in range(count)]
    done = training_stages.preferred(
        None, tmp_path, tmp_path, moments, PERSONA, None,  # type: ignore[arg-type]
        QUICK, lambda stage, share, line: said.append(line))
    assert done == tmp_path and len(said) == 1 and why in said[0]
