"""Goal: every method learns, keeps its best, and an interrupted run ends bit for bit the same.

Method: a one-layer random base and a few rows; the run is stopped at chosen steps and resumed.
"""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import LlamaForCausalLM, Trainer

from host_training.errors import TrainingError
from host_training.rows.dataset import NO_LOSS, Row
from host_training.training import batch_order, merge, train
from tests.host_training.nasty_inputs import nasty
from tests.thorough import sampled

SAID = ["The wind has plans.", "The sun is high and says so.", "A 404 is an answer too.",
        "Cold.", "The battery and I agree.", "Nobody was heard, and that was said."]
LONG = train.TrainConfig("full", epochs=2, lr=3e-3, batch_rows=4, patience_epochs=9)


def silent(*args: object) -> None:
    """A report nobody reads."""


@pytest.fixture(scope="module")
def rows(tiny_base: Path) -> list[Row]:
    _, tokenizer = merge.load_base(tiny_base)
    made = []
    for n, text in enumerate(SAID * 3):
        prompt = tokenizer(f"<|im_start|>user\n{n} about: wind<|im_end|>\n")["input_ids"]
        label = tokenizer(text + "<|im_end|>")["input_ids"]
        made.append(Row("thought", text, prompt + label, [NO_LOSS] * len(prompt) + label))
    return made


def stop_at(step: int, n_steps: int) -> Callable[[float, str], None]:
    """Press Ctrl-C when so many steps are done."""
    def report(fraction: float, line: str) -> None:
        if round(fraction * n_steps) == step:
            os.kill(os.getpid(), signal.SIGINT)

    return report


@pytest.mark.parametrize("method", sampled(["lora", "full", "dora"]))
def test_a_resumed_run_is_the_uninterrupted_one_bit_for_bit(
    method: train.Method, tiny_base: Path, rows: list[Row], tmp_path: Path
) -> None:
    config = replace(LONG, method=method)
    a, b = tmp_path / "a", tmp_path / "b"
    straight = train.train(tiny_base, rows[4:], rows[:4], a, config, silent)
    assert [e["epoch"] for e in straight["history"]] == [1, 2]
    assert straight["held_out_bpb"] < straight["base_bpb"]
    for step in (2, 5):  # in the middle of either epoch: 14 rows in batches of 4 are 3.5 steps
        with pytest.raises(TrainingError, match=f"Stopped at step {step} of 7; the same command"):
            train.train(tiny_base, rows[4:], rows[:4], b, config, stop_at(step, 7))
    resumed = train.train(tiny_base, rows[4:], rows[:4], b, config, silent)
    assert resumed == straight
    ours, theirs = (load_file(out / "merged" / "model.safetensors") for out in (a, b))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert (a / "adapter").exists() == (method != "full")
    assert not (b / "checkpoints").exists()


# epoch 1 measured but in no checkpoint; one later
@pytest.mark.thorough
@pytest.mark.parametrize("after", [0.5, 0.7])
def test_a_power_cut_between_checkpoints_changes_nothing_either(
    tiny_base: Path, rows: list[Row], tmp_path: Path, after: float
) -> None:
    class PowerCutError(Exception):
        """No orderly end: what was not in a checkpoint is lost."""

    def cut(fraction: float, line: str) -> None:
        if fraction > after:
            raise PowerCutError

    straight = train.train(tiny_base, rows[4:], rows[:4], tmp_path / "a", LONG, silent)
    with pytest.raises(PowerCutError):
        train.train(tiny_base, rows[4:], rows[:4], tmp_path / "b", LONG, cut)
    assert train.train(tiny_base, rows[4:], rows[:4], tmp_path / "b", LONG, silent) == straight


@nasty(30)
def test_other_rows_or_settings_never_go_on_from_a_checkpoint(
    tiny_base: Path, rows: list[Row], tmp_path: Path
) -> None:
    with pytest.raises(TrainingError, match="Stopped at step 2"):
        train.train(tiny_base, rows[4:], rows[:4], tmp_path, LONG, stop_at(2, 7))
    with pytest.raises(TrainingError, match="was started with other rows"):
        train.train(tiny_base, rows[5:], rows[:4], tmp_path, LONG, silent)
    with pytest.raises(TrainingError, match="was started with other rows"):
        train.train(tiny_base, rows[4:], rows[:4], tmp_path, replace(LONG, lr=1e-3), silent)


@pytest.mark.thorough
@nasty(30)
def test_when_memory_ends_the_batch_is_cut_into_more_pieces(
    tiny_base: Path, rows: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[tuple[int, int]] = []
    original = train.SFTTrainer.train

    def scarce(self: object, **options: object) -> object:
        args = self.args  # type: ignore[attr-defined]
        tried.append((args.per_device_train_batch_size, args.gradient_accumulation_steps))
        if args.per_device_train_batch_size > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return original(self, **options)

    monkeypatch.setattr(train.SFTTrainer, "train", scarce)
    config = replace(LONG, epochs=1)
    found = train.train(tiny_base, rows[4:], rows[:4], tmp_path / "a", config, silent)
    assert tried == [(4, 1), (2, 2), (1, 4)]
    monkeypatch.setattr(train.SFTTrainer, "train", original)
    whole = train.train(tiny_base, rows[4:], rows[:4], tmp_path / "b", config, silent)
    assert found["held_out_bpb"] == pytest.approx(whole["held_out_bpb"], rel=0.01)
    monkeypatch.setattr(train.SFTTrainer, "train", lambda self, **options: (_ for _ in ()).throw(
        torch.OutOfMemoryError("CUDA out of memory")))
    with pytest.raises(TrainingError, match="Not even one row at a time fits"):
        train.train(tiny_base, rows[4:], rows[:4], tmp_path / "c", config, silent)


@nasty(30)
@pytest.mark.parametrize("method", sampled(["lora", "full"]))
def test_logits_only_where_something_is_learnt_teach_the_same(
    method: train.Method, tiny_base: Path, rows: list[Row], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(LONG, method=method, epochs=1)
    labelled = train.train(tiny_base, rows[4:], rows[:4], tmp_path / "a", config, silent)
    monkeypatch.setattr(train._Trainer, "compute_loss", Trainer.compute_loss)
    everywhere = train.train(tiny_base, rows[4:], rows[:4], tmp_path / "b", config, silent)
    assert labelled["held_out_bpb"] == pytest.approx(everywhere["held_out_bpb"], rel=1e-3)
    assert labelled["held_out_bpb"] < 0.99 * labelled["base_bpb"]


@pytest.mark.thorough
def test_a_batch_in_pieces_teaches_what_it_would_whole(
    tiny_base: Path, rows: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, int]] = []
    losses: list[float] = []  # as the trainer logs them, one a batch
    compute_loss, training_step = train._Trainer.compute_loss, train._Trainer.training_step

    def stepped(self: object, *a: object) -> torch.Tensor:
        losses.append((loss := training_step(self, *a)).item())
        return loss

    def watched(self: object, model: object, inputs: dict[str, torch.Tensor], *a: object,
                **k: object) -> object:
        seen.append(tuple(inputs["input_ids"].shape))
        return compute_loss(self, model, inputs, *a, **k)

    monkeypatch.setattr(train._Trainer, "compute_loss", watched)
    monkeypatch.setattr(train._Trainer, "training_step", stepped)
    config = replace(LONG, epochs=1)
    whole = train.train(tiny_base, rows[4:], rows[:4], tmp_path / "a", config, silent)
    assert [sequences for sequences, _ in seen] == [4, 4, 4, 2]
    at_once = 2 * max(tokens for _, tokens in seen)
    seen.clear()
    monkeypatch.setattr(train, "PIECE_TOKENS", at_once)
    pieces = train.train(tiny_base, rows[4:], rows[:4], tmp_path / "b", config, silent)
    assert len(seen) > 4 and sum(sequences for sequences, _ in seen) == 14
    assert max(sequences * tokens for sequences, tokens in seen) <= at_once
    seen.clear()
    monkeypatch.setattr(train, "PIECE_TOKENS", 1)
    single = train.train(tiny_base, rows[4:], rows[:4], tmp_path / "c", config, silent)
    assert [sequences for sequences, _ in seen] == [1] * 14, "never less than one sequence"
    assert losses[4:] == pytest.approx(losses[:4] * 2, rel=1e-3)
    for found in (pieces, single):
        assert found["held_out_bpb"] == pytest.approx(whole["held_out_bpb"], rel=1e-3)
    assert whole["held_out_bpb"] < 0.99 * whole["base_bpb"]


@pytest.mark.thorough
def test_what_was_trained_is_gone_before_the_merge_takes_as_much_again(
    tiny_base: Path, rows: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def models() -> int:
        return sum(isinstance(thing, LlamaForCausalLM) for thing in gc.get_objects())

    gc.collect()
    before, at_merge = models(), []
    original = train.merge

    def merging(*arguments: object) -> object:
        at_merge.append(models())
        return original(*arguments)

    monkeypatch.setattr(train, "merge", merging)
    train.train(tiny_base, rows[4:], rows[:4], tmp_path, replace(LONG, method="lora"), silent)
    assert at_merge == [before]


def test_a_row_with_nothing_to_learn_is_named(
    tiny_base: Path, rows: list[Row], tmp_path: Path
) -> None:
    masked = replace(rows[0], labels=[NO_LOSS] * len(rows[0].labels))
    with pytest.raises(TrainingError, match=r"'The wind has plans.' has no target"):
        train.train(tiny_base, [masked, *rows[4:]], rows[:4], tmp_path, LONG, silent)
    with pytest.raises(TrainingError, match="No training rows"):
        train.train(tiny_base, [], rows[:4], tmp_path, LONG, silent)


@nasty(30)
def test_fewer_rows_than_a_batch_still_train(
    tiny_base: Path, rows: list[Row], tmp_path: Path
) -> None:
    config = replace(LONG, batch_rows=64)
    found = train.train(tiny_base, rows[4:7], rows[:4], tmp_path, config, silent)
    assert len(found["history"]) == 1, "two passes of three rows are one step"


@nasty(30)
def test_a_run_that_explodes_says_so(tiny_base: Path, rows: list[Row], tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"non-finite|diverged"):
        train.train(tiny_base, rows[4:], rows[:4], tmp_path, replace(LONG, lr=1e30), silent)


@nasty(30)
@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has an NVIDIA GPU")
def test_qlora_without_a_gpu_is_one_sentence(
    tiny_base: Path, rows: list[Row], tmp_path: Path
) -> None:
    with pytest.raises(TrainingError, match="QLoRA requires an NVIDIA GPU"):
        train.train(tiny_base, rows[4:], rows[:4], tmp_path, replace(LONG, method="qlora"), silent)


def test_weights_of_another_base_are_never_merged(
    tiny_base: Path, rows: list[Row], tmp_path: Path
) -> None:
    model, _ = merge.load_base(tiny_base)
    weights = {name: p.detach().clone() for name, p in model.named_parameters()}
    first = min(weights)
    save_file({**weights, first: torch.zeros(3, 3)}, tmp_path / "shape.safetensors")
    with pytest.raises(TrainingError, match=r"has shape \(3, 3\)"):
        merge.merge(tiny_base, tmp_path / "shape.safetensors", None, rows[0], tmp_path)
    del weights[first]
    save_file(weights, tmp_path / "less.safetensors")
    with pytest.raises(TrainingError, match="is only in one of them"):
        merge.merge(tiny_base, tmp_path / "less.safetensors", None, rows[0], tmp_path)
    assert not (tmp_path / "merged").exists()


def test_every_epoch_sees_every_row_once_in_an_order_of_its_own() -> None:
    lengths = [(7 * n) % 23 + 1 for n in range(50)]
    orders = [batch_order.epoch_order(lengths, 8, 1, epoch) for epoch in (0, 1)]
    assert all(sorted(order) == list(range(50)) for order in orders)
    assert orders[0] != orders[1]
    assert batch_order.epoch_order(lengths, 8, 1, 0) == orders[0]
    assert batch_order.whole_order(lengths, 8, 1, 2) == orders[0] + orders[1]
    spread = [max(lengths[r] for r in orders[0][i : i + 8])
              - min(lengths[r] for r in orders[0][i : i + 8]) for i in range(0, 48, 8)]
    assert max(spread) <= 5, "rows of one length stand together"
    assert batch_order.epoch_ends(50, 8, 3) == {7: 1, 13: 2, 19: 3}
