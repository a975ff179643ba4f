"""The rows of a persona for LLaMA-Factory and Unsloth: the same tokens, and loss on the same ones.

Both take rows that are cut into tokens and labelled already, so nothing is written out and masked
again: thoughts, documents and canaries are mixed and learnt as in our own training.

Sources: LLaMA-Factory's data/loader.py (``tokenized_path``, a folder of datasets' save_to_disk) and
hparams/parser.py (``dataset`` must be named all the same); unsloth_zoo's dataset_utils.py (a column
``labels`` means tokenized); Unsloth's documents on FastLanguageModel.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset as HfDataset
from datasets import DatasetDict

from host_training.rows.dataset import ROW_TOKENS_MAX, Row

UNSLOTH_SCRIPT = Path(__file__).parent / "job_files" / "unsloth_train.py"
LLAMA_FACTORY_YAML = """\
# Started in the job's folder: llamafactory-cli train llamafactory/train.yaml
model_name_or_path: base
stage: sft
do_train: true
finetuning_type: lora
lora_rank: {rank}
lora_alpha: {alpha}
lora_target: all
tokenized_path: llamafactory/rows # what is trained on: tokens and labels
dataset: rows # has to be named; nothing is read from it
template: chatml
cutoff_len: {row_tokens_max}
per_device_train_batch_size: {batch_rows}
learning_rate: {lr}
num_train_epochs: {epochs}
lr_scheduler_type: cosine
warmup_ratio: 0.05
seed: {seed}
output_dir: llamafactory/adapter
"""


def write(rows: Sequence[Row], settings: dict[str, Any], out: Path) -> None:
    """``llamafactory/`` and ``unsloth/`` below ``out``; Unsloth reads the job's own dataset.json.

    Args:    settings: rank, alpha, batch_rows, lr, epochs, seed.
    """
    settings = {**settings, "row_tokens_max": ROW_TOKENS_MAX}
    factory, unsloth = out / "llamafactory", out / "unsloth"
    factory.mkdir()
    unsloth.mkdir()
    tokens = HfDataset.from_list([
        {"input_ids": row.input_ids, "attention_mask": [1] * len(row.input_ids),
         "labels": row.labels} for row in rows])
    DatasetDict({"train": tokens}).save_to_disk(factory / "rows")
    (factory / "train.yaml").write_text(LLAMA_FACTORY_YAML.format(**settings))
    (unsloth / "settings.json").write_text(json.dumps(settings, indent=1))
    shutil.copyfile(UNSLOTH_SCRIPT, unsloth / "train.py")
