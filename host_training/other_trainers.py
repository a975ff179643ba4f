"""The rows of a persona in the formats of LLaMA-Factory and Unsloth, as the flight will ask.

Sources: LLaMA-Factory's data/README.md (sharegpt with OpenAI's tags, and pre-training text) and its
template ``chatml``; Unsloth's documents on ``train_on_responses_only``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from host_training.chat_template import END_OF_TEXT, END_OF_TURN, START_OF_TURN
from host_training.dataset import Row

LLAMA_FACTORY_YAML = """\
model_name_or_path: base
stage: sft
do_train: true
finetuning_type: lora
lora_rank: {rank}
lora_alpha: {alpha}
lora_target: all
dataset_dir: llamafactory
dataset: persona
template: chatml
cutoff_len: 1024
per_device_train_batch_size: {batch_rows}
learning_rate: {lr}
num_train_epochs: {epochs}
lr_scheduler_type: cosine
warmup_ratio: 0.05
seed: {seed}
output_dir: llamafactory/adapter
"""
_TAGS = {"role_tag": "role", "content_tag": "content", "user_tag": "user",
         "assistant_tag": "assistant", "system_tag": "system"}


def messages_of(text: str) -> list[dict[str, str]] | None:
    """The turns of a ChatML text; None when it has none, as plain rows."""
    turns = []
    for turn in text.split(START_OF_TURN)[1:]:
        role, _, content = turn.partition("\n")
        said = content.removesuffix("\n").removesuffix(END_OF_TURN)
        turns.append({"role": role, "content": said})
    return turns or None


def write(rows: Sequence[Row], tokenizer: Any, settings: dict[str, Any], out: Path) -> None:
    """``llamafactory/`` and ``unsloth/`` below ``out``.

    Args:    settings: rank, alpha, batch_rows, lr, epochs, seed.
    """
    texts = [tokenizer.decode(row.input_ids, clean_up_tokenization_spaces=False) for row in rows]
    talks = [found for text in texts if (found := messages_of(text)) is not None]
    plain = [text.replace(END_OF_TEXT, "") for text in texts if START_OF_TURN not in text]
    factory, unsloth = out / "llamafactory", out / "unsloth"
    factory.mkdir()
    unsloth.mkdir()
    _write_json(factory / "persona.json", [{"messages": talk} for talk in talks])
    _write_json(factory / "plain.json", [{"text": text} for text in plain])
    _write_json(factory / "dataset_info.json", {
        "persona": {"file_name": "persona.json", "formatting": "sharegpt",
                    "columns": {"messages": "messages"}, "tags": _TAGS},
        "plain": {"file_name": "plain.json", "columns": {"prompt": "text"}}})
    (factory / "train.yaml").write_text(LLAMA_FACTORY_YAML.format(**settings))
    _write_lines(unsloth / "train.jsonl", [t for t in texts if START_OF_TURN in t])
    _write_lines(unsloth / "plain.jsonl", plain)


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1), encoding="utf-8")


def _write_lines(path: Path, texts: Sequence[str]) -> None:
    path.write_text("".join(json.dumps({"text": text}, ensure_ascii=False) + "\n"
                            for text in texts), encoding="utf-8")
