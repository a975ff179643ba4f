"""Teaches a trained adapter which of its drafts a reader prefers: DPO on graded drafts.

Direct preference optimisation (Rafailov et al. 2023, arXiv 2305.18290) makes the better draft of a
pair likelier than the worse one, measured from the adapter as it was; a share of the ordinary loss
on the better one keeps it from growing likelier only by comparison (Pang et al. 2024, 2404.19733).

The pairs go through the packing of ``prefix_collator``: TRL's own trainer evaluates the persona's
prompt anew for each draft.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import PeftConfig, PeftModel
from transformers import PrinterCallback, Trainer, TrainingArguments, set_seed

from host_training.common.chat_template import END_OF_TURN, START_OF_TURN
from host_training.errors import Stopped
from host_training.likelihood.bits import bits_per_byte
from host_training.rows.dataset import NO_LOSS, Row
from host_training.training import result as training_result
from host_training.training.batch_order import epoch_ends, whole_order
from host_training.training.bounded_memory import FreedMemory, limit_kernels
from host_training.training.callbacks import BEST, OnProgress, TrainingWatch, Watching
from host_training.training.curve import Curve
from host_training.training.graded_drafts import Pair
from host_training.training.merge import load_base, merge
from host_training.training.prefix_collator import Feature, SharedPrefix
from host_training.training.result import TrainResult
from host_training.training.train import default_lr, every_trainers, trained_weights
from host_training.training.turn_embeddings import move_out
from payload import prompt

PAIRS_AT_ONCE = 4  # evaluated together: eight drafts behind one prefix


@dataclass(frozen=True, slots=True)
class PreferConfig:
    """How to train. ``lr_share`` is of ``default_lr``: the adapter has learnt to write already."""

    beta: float = 0.15  # how far from what it was a nat of preference leads
    likelihood_weight: float = 0.2  # of the ordinary loss on the preferred drafts, per token
    lr_share: float = 0.17
    batch_pairs: int = 8
    epochs: int = 1
    seed: int = 1
    checkpoint_minutes: float = 10.0


class _PairTrainer(Trainer):
    """Its batches are pairs: rows in the order chosen, rejected, chosen, ..."""

    def __init__(self, config: PreferConfig, **options: Any) -> None:
        super().__init__(**options)
        self._config = config
        self.model_accepts_loss_kwargs = False  # the mean of a piece: Trainer weighs the pieces

    def compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool = False,
                     num_items_in_batch: Any = None) -> torch.Tensor:
        reference = inputs.pop("reference")  # (pairs, 2)
        found, tokens = log_likelihoods(model, inputs)
        gained = found.view(-1, 2) - reference
        preference = torch.nn.functional.logsigmoid(
            self._config.beta * (gained[:, 0] - gained[:, 1]))
        likelihood = found[::2] / tokens[::2]
        return -(preference + self._config.likelihood_weight * likelihood).mean()


def prefer(base: Path, trained: Path, pairs: Sequence[Pair], persona: prompt.PersonaText,
           held_out: list[Row], out: Path, config: PreferConfig, report: OnProgress) -> TrainResult:
    """Go on from the peft adapter in ``trained/adapter``; ``out`` becomes like ``trained``.

    Args:    held_out: rows that are measured as it goes on; nothing is chosen by them.
    Returns: what also lies in ``out/result.json``.
    Raises:  TrainingError when the run diverged; Stopped when it was interrupted: the same call
             continues from its last checkpoint.
    """
    limit_kernels()
    set_seed(config.seed)
    out.mkdir(parents=True, exist_ok=True)
    before = training_result.read(trained)
    model, tokenizer = load_base(base)
    move_out(model, tokenizer)
    model = PeftModel.from_pretrained(model, trained / "adapter", is_trainable=True)
    features = [_feature(pair, persona, tokenizer) for pair in pairs]
    collator = PairCollator(tokenizer.pad_token_id or 0)
    order = whole_order([len(feature["chosen"]["input_ids"]) for feature in features],
                        config.batch_pairs, config.seed, config.epochs)
    curve = Curve(out, held_out, tokenizer)
    curve.begin(before["base_bpb"])
    watching = Watching(epoch_ends(len(features), config.batch_pairs, config.epochs),
                        config.epochs, True, config.checkpoint_minutes)
    watch = TrainingWatch(
        out, held_out, watching, report, lambda model: trained_weights(trainer, model), curve)
    lr = config.lr_share * default_lr("lora", model.config.hidden_size)
    trainer = _PairTrainer(config, model=model, args=_arguments(out, lr, config),
                           data_collator=collator, callbacks=[watch],
                           train_dataset=[features[at] for at in order])
    trainer.remove_callback(PrinterCallback)
    _add_reference(trainer, features, report)
    with watch.interruptible():
        trainer.train(resume_from_checkpoint=any((out / "checkpoints").glob("checkpoint-*")))
    if watch.is_interrupted:
        raise Stopped(f"Stopped at step {trainer.state.global_step} of {trainer.state.max_steps};"
                      " the same command continues from there.")
    lora = PeftConfig.from_pretrained(os.fspath(trained / "adapter"))
    lora.inference_mode = False  # as it was trained
    merged = merge(base, out / BEST, lora, held_out[0], out)
    result: TrainResult = {**before, "held_out_bpb": bits_per_byte(merged, held_out),
                           "preferred_pairs": len(features)}
    training_result.write(result, out)
    shutil.rmtree(out / "checkpoints", ignore_errors=True)  # only needed to go on
    return result


class PairCollator:
    """Pairs to one batch of rows, and what the adapter gave them as it was."""

    def __init__(self, pad_id: int) -> None:
        self._rows = SharedPrefix(pad_id)

    def __call__(self, pairs: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """As ``SharedPrefix``, and ``reference`` (pairs, 2): log likelihoods, in nats."""
        rows: list[Feature] = [pair[side] for pair in pairs for side in ("chosen", "rejected")]
        return {**self._rows(rows),
                "reference": torch.tensor([pair.get("reference", (0.0, 0.0)) for pair in pairs])}


def log_likelihoods(model: Any, inputs: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
    """Of each row's label, in the order of the rows: the sum in nats, and how many tokens it has.

    Args:    inputs: of ``SharedPrefix``; rows of one sequence are told apart by the tokens without
             a label between them.
    """
    inputs = dict(inputs)
    labels = inputs.pop("labels")[:, 1:]  # (B, T - 1): what stands after each token
    is_learnt = labels != NO_LOSS
    columns = is_learnt.any(0).nonzero().flatten()  # (L,) positions, in any sequence
    logits = model(**inputs, logits_to_keep=columns, use_cache=False).logits
    wanted = labels[:, columns]
    log_p = -torch.nn.functional.cross_entropy(
        logits.flatten(0, 1).float(), wanted.flatten(), ignore_index=NO_LOSS, reduction="none")
    begins = is_learnt & ~torch.nn.functional.pad(is_learnt, (1, 0))[:, :-1]
    row_of = (begins.flatten().cumsum(0) - 1).view_as(is_learnt)[:, columns].flatten()
    kept = (wanted != NO_LOSS).flatten()
    n_rows = int(begins.sum())
    sums = torch.zeros(n_rows, device=log_p.device).index_add(0, row_of[kept], log_p[kept])
    tokens = torch.bincount(row_of[kept], minlength=n_rows)
    return sums, tokens


def _feature(pair: Pair, persona: prompt.PersonaText, tokenizer: Any) -> dict[str, Any]:
    """A pair as two rows of one prompt."""
    def ids(text: str) -> list[int]:
        found: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
        return found

    prompt_ids = ids(
        f"{prompt.prefix(persona)}{pair.moment}{END_OF_TURN}\n{START_OF_TURN}assistant\n")
    rows: dict[str, Any] = {}
    for side, text in (("chosen", pair.chosen), ("rejected", pair.rejected)):
        label = [*ids(text), *ids(END_OF_TURN)]
        rows[side] = {"input_ids": prompt_ids + label,
                      "labels": [NO_LOSS] * len(prompt_ids) + label}
    return rows


@torch.no_grad()
def _add_reference(trainer: _PairTrainer, features: list[dict[str, Any]], report: OnProgress
                   ) -> None:
    """Put into each pair what the adapter gives it before the first step."""
    assert trainer.model is not None
    trainer.model.eval()
    freed = FreedMemory()
    for at in range(0, len(features), PAIRS_AT_ONCE):
        report(0.0, f"measuring the drafts as they are, {at} of {len(features)} pairs")
        some = features[at : at + PAIRS_AT_ONCE]
        inputs = trainer._prepare_inputs(trainer.data_collator(some))
        del inputs["reference"]
        with trainer.accelerator.autocast():
            found, _ = log_likelihoods(trainer.model, inputs)
        for feature, values in zip(some, found.view(-1, 2).tolist(), strict=True):
            feature["reference"] = values
        freed.limit()


def _arguments(out: Path, lr: float, config: PreferConfig) -> TrainingArguments:
    return TrainingArguments(
        per_device_train_batch_size=PAIRS_AT_ONCE,
        gradient_accumulation_steps=config.batch_pairs // PAIRS_AT_ONCE,
        warmup_steps=0.1, weight_decay=0.0, remove_unused_columns=False,
        **every_trainers(out, lr, config.seed))
