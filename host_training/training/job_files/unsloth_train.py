"""Trains a LoRA with Unsloth on the rows of this job: python unsloth/train.py, in the job's folder.

The rows bring their labels, which Unsloth takes as they are; unsloth/adapter is what comes out.
"""

from __future__ import annotations

from unsloth import FastLanguageModel  # isort: skip (first: it changes what the others import)

import json
from pathlib import Path

import torch
from datasets import Dataset
from trl import SFTConfig, SFTTrainer

JOB = Path(__file__).resolve().parents[1]
LAYERS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
WARMUP_SHARE = 0.05


def main() -> None:
    """Train, and save the adapter."""
    settings = json.loads((JOB / "unsloth" / "settings.json").read_text())
    rows = json.loads((JOB / "dataset.json").read_text())["train"]
    data = Dataset.from_list([
        {"input_ids": row["input_ids"], "attention_mask": [1] * len(row["input_ids"]),
         "labels": row["labels"]} for row in rows])
    model, tokenizer = FastLanguageModel.from_pretrained(
        model_name=str(JOB / "base"), max_seq_length=settings["row_tokens_max"],
        load_in_4bit=False)
    model = FastLanguageModel.get_peft_model(
        model, r=settings["rank"], lora_alpha=settings["alpha"], lora_dropout=0, bias="none",
        target_modules=LAYERS, random_state=settings["seed"])
    steps = settings["epochs"] * -(-len(rows) // settings["batch_rows"])
    is_bf16 = torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    trainer = SFTTrainer(
        model=model, train_dataset=data,
        tokenizer=tokenizer,  # type: ignore[call-arg]  # Unsloth's trainer, not TRL's, takes it
        args=SFTConfig(
            output_dir=str(JOB / "unsloth" / "work"), num_train_epochs=settings["epochs"],
            per_device_train_batch_size=settings["batch_rows"], learning_rate=settings["lr"],
            lr_scheduler_type="cosine", warmup_steps=int(WARMUP_SHARE * steps), packing=False,
            seed=settings["seed"], bf16=is_bf16, fp16=torch.cuda.is_available() and not is_bf16,
            save_strategy="no", report_to="none"))
    trainer.train()
    model.save_pretrained(str(JOB / "unsloth" / "adapter"))


if __name__ == "__main__":
    main()
