"""Training tokens per second: ours against the plain TRL recipe, on the same rows.

The recipe is SFTTrainer with its defaults (random order, its own padding, gradient checkpointing)
and the same batch, which is what most guides show. Both train on one thread: of the tiny base all
weights and then a LoRA of the same rank on the same layers, of SmolLM2, where it has been fetched,
a LoRA. Seconds are of the processor. Padding counts for nobody.

Ours measures held-out rows ten times in an epoch, and here an epoch has eight steps or four: one
short row is held out, so that this takes one or two percent of the time, as in a long training.
"""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path

import torch
from datasets import Dataset as HfDataset
from transformers import AutoModelForCausalLM, AutoTokenizer, PrinterCallback, TrainerCallback
from trl import SFTConfig, SFTTrainer

from bench.quant import ASKED_SENTENCES, BASE, sentence_rows
from bench.report import Figure as Line
from host_training.rows.dataset import Row
from host_training.training import known_bases, train

BATCH_ROWS = 8
N_ROWS, N_ROWS_SMOLLM2 = 64, 32  # some of them short: lengths differ, as in any writing


class _Clock(TrainerCallback):
    """Seconds of the processor between the end of the first step and the end of the last."""

    def __init__(self) -> None:
        self.ends_s: list[float] = []

    def on_step_end(self, *args: object, **kwargs: object) -> None:
        self.ends_s.append(time.process_time())


def run(out_dir: Path) -> list[Line]:
    """Tokens per second of both, and the ratio."""
    torch.set_num_threads(1)
    lines = [_compared("tiny", BASE, N_ROWS, "full", 32, 1.0),
             _compared("tiny", BASE, N_ROWS, "lora", 32, 1.0)]
    if known_bases.is_fetched(known_bases.DEFAULT):
        lines.append(_compared("SmolLM2-135M", known_bases.folder(known_bases.DEFAULT),
                               N_ROWS_SMOLLM2, "lora", 16, 2.0))
    return lines


def _compared(name: str, base: Path, n_rows: int, method: train.Method, rank: int, target: float
              ) -> Line:
    assert n_rows <= ASKED_SENTENCES
    rows = [_cut(row, number) for number, row in enumerate(sentence_rows(base)[0][:n_rows])]
    config = train.TrainConfig(method, epochs=1, batch_rows=BATCH_ROWS, lora_rank=rank, threads=1)
    ours, plain = _ours(base, rows, config), _plain(base, rows, config)
    return Line(f"{name}, {method}: training tokens per second against the plain TRL recipe",
                ours / plain, "x", target, ">=", {"ours, tokens/s": ours, "TRL, tokens/s": plain})


def _cut(row: Row, number: int) -> Row:
    """Every second row without most of its prompt, as plain rows and short questions are."""
    start = 0 if number % 2 else max(0, len(row.input_ids) - random.Random(number).randrange(8, 40))
    labels = [-100, *row.input_ids[start + 1 :]]
    return Row(row.kind, row.text, row.input_ids[start:], labels)


def _ours(base: Path, rows: list[Row], config: train.TrainConfig) -> float:
    ends_s: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        train.train(base, rows, rows[:1], Path(folder), config,
                    lambda fraction, line: ends_s.append(time.process_time()))
    return _rate(rows, ends_s)


def _plain(base: Path, rows: list[Row], config: train.TrainConfig) -> float:
    clock = _Clock()
    data = HfDataset.from_list([{"input_ids": r.input_ids, "labels": r.labels} for r in rows])
    with tempfile.TemporaryDirectory() as folder:
        trainer = SFTTrainer(
            model=AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32),
            args=SFTConfig(output_dir=folder, num_train_epochs=1, save_strategy="no",
                           per_device_train_batch_size=BATCH_ROWS, report_to="none", use_cpu=True,
                           disable_tqdm=True, logging_strategy="no"),
            train_dataset=data, processing_class=AutoTokenizer.from_pretrained(base),
            callbacks=[clock], peft_config=train.lora_config(config))
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    return _rate(rows, clock.ends_s)


def _rate(rows: list[Row], ends_s: list[float]) -> float:
    """Tokens per second over all steps but the first, which warms up."""
    tokens = sum(len(row.input_ids) for row in rows)
    steps = len(ends_s)
    return tokens * (steps - 1) / steps / (ends_s[-1] - ends_s[0])
