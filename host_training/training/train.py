"""Fine-tune a base on the rows of a persona with TRL: LoRA, DoRA, QLoRA or all of its weights.

The trainer only ever sees our ``input_ids`` and ``labels``, in our order (``train_order``). The
weights with the best held-out bits per byte are kept, and a run that has stopped improving ends
early (``train_watch``). An interrupted run goes on from its last checkpoint when it is started
again in the same directory, to the same result, bit for bit on a CPU.
"""

from __future__ import annotations

import gc
import hashlib
import importlib.util
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from datasets import Dataset as HfDataset
from peft import LoraConfig
from transformers import PrinterCallback, Trainer, set_seed
from trl import SFTConfig, SFTTrainer

from host_training.errors import Stopped, TrainingError
from host_training.likelihood.bits import bits_per_byte
from host_training.rows.dataset import NO_LOSS, Row
from host_training.training.batch_order import epoch_ends, whole_order
from host_training.training.bounded_memory import give_back, limit_kernels
from host_training.training.callbacks import BEST, OnProgress, TrainingWatch, Watching
from host_training.training.curve import Curve
from host_training.training.merge import check_base, load_base, merge
from host_training.training.prefix_collator import SharedPrefix
from host_training.training.processor import has_bf16
from host_training.training.result import EpochResult, TrainResult, write
from host_training.training.turn_embeddings import move_out

__all__ = ["Keep", "Method", "TrainConfig", "check_base", "default_lr", "load_base", "train"]

Method = Literal["lora", "dora", "qlora", "full"]
Keep = Literal["best", "last"]

REFERENCE_HIDDEN = 256
# On a processor a batch is evaluated in pieces of about so many tokens, so that its memory is that
# of a piece; a larger piece is hardly faster there.
PIECE_TOKENS = 1024


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """How to train. ``lr`` None takes ``default_lr``."""

    method: Method
    epochs: int = 3
    lr: float | None = None
    batch_rows: int = 16
    lora_rank: int = 32
    patience_epochs: int = 2
    keep: Keep = "best"  # last: learn the lines by heart, whatever the held-out ones say
    threads: int = 0  # 0 leaves torch's own choice
    seed: int = 1
    checkpoint_minutes: float = 10.0


def default_lr(method: Method, hidden_size: int) -> float:
    """Peak learning rate for a base of this width: measured at 256, falling with width^-1.5.

    At 576 (SmolLM2-135M) that gives about 1.5e-4 in full, within what its makers used.
    """
    at_reference = 5e-4 if method == "full" else 2e-3
    narrowing: float = (REFERENCE_HIDDEN / hidden_size) ** 1.5
    return at_reference * narrowing


class _Trainer(SFTTrainer):
    """TRL's trainer, with logits only where something is learnt, and a batch in pieces.

    A prompt is four fifths of a row and carries no loss; with a vocabulary of 49 152 words its
    logits are most of the memory and a good part of the time. The loss is the same, and so is the
    gradient of a batch, which is the sum of those of its pieces.
    """

    def training_step(self, model: Any, inputs: dict[str, Any],
                      num_items_in_batch: Any = None) -> torch.Tensor:
        labels = inputs["labels"]
        if num_items_in_batch is None:
            num_items_in_batch = (labels[:, 1:] != NO_LOSS).sum()
        sequences, tokens = labels.shape
        at_once = sequences
        if self.args.use_cpu and self.args.world_size == 1:
            at_once = max(1, PIECE_TOKENS // tokens)
        pieces = [{name: values[at : at + at_once] for name, values in inputs.items()}
                  for at in range(0, sequences, at_once)]
        inputs.clear()
        step: Callable[..., torch.Tensor] = super().training_step
        return torch.stack([step(model, piece, num_items_in_batch) for piece in pieces]).sum()

    def compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool = False,
                     num_items_in_batch: Any = None) -> Any:
        labels = inputs.pop("labels")[:, 1:]  # (B, T - 1): what stands after each token
        learnt = (labels != NO_LOSS).any(0).nonzero().flatten()  # (L,) positions, in any sequence
        outputs = model(**inputs, logits_to_keep=learnt, use_cache=False)
        wanted = labels[:, learnt].flatten()  # (B * L,)
        nats = torch.nn.functional.cross_entropy(
            outputs.logits.flatten(0, 1).float(), wanted, ignore_index=NO_LOSS, reduction="sum")
        loss = nats / ((wanted != NO_LOSS).sum() if num_items_in_batch is None
                       else num_items_in_batch)
        return (loss, outputs) if return_outputs else loss


def train(base: Path, rows: list[Row], held_out: list[Row], out: Path, config: TrainConfig,
          report: OnProgress) -> TrainResult:
    """Train into ``out``; the merged fp32 model lands in ``out/merged``.

    Returns: what also lies in ``out/result.json``.
    Raises:  TrainingError for an unusable base, rows that teach nothing, a directory of another
             run, a run that diverged, or one that was interrupted.
    """
    limit_kernels()
    _check_rows(rows, held_out)
    out.mkdir(parents=True, exist_ok=True)
    _check_same_run(out, base, rows, config)
    if config.threads:
        torch.set_num_threads(config.threads)
    # The batch is the same on any number of GPUs.
    micro_rows = max(1, config.batch_rows // int(os.environ.get("WORLD_SIZE", "1")))
    while True:
        try:
            lr, base_bpb, history = _fit(base, rows, held_out, out, config, micro_rows, report)
            break
        except torch.OutOfMemoryError as error:
            if micro_rows == 1:
                raise TrainingError("Not even one row at a time fits into the GPU's memory; use"
                                    " --method qlora or a smaller base.") from error
        micro_rows = max(1, micro_rows // 2)  # the batch stays what it was, in more pieces
        gc.collect()
        torch.cuda.empty_cache()
    result = TrainResult(method=config.method, lr=lr, base_bpb=base_bpb, history=history,
                         config=asdict(config))
    gc.collect()  # what was trained, before the merge takes as much again
    give_back()
    if is_writer():
        merged = merge(base, out / BEST, lora_config(config), held_out[0], out)
        result["held_out_bpb"] = bits_per_byte(merged, held_out)
        write(result, out)
        shutil.rmtree(out / "checkpoints", ignore_errors=True)  # only needed to go on
    return result


def _fit(base: Path, rows: list[Row], held_out: list[Row], out: Path, config: TrainConfig,
         micro_rows: int, report: OnProgress) -> tuple[float, float, list[EpochResult]]:
    """Train until the end, from the last checkpoint where there is one: lr, base_bpb, history."""
    set_seed(config.seed)  # an adapter begins with random numbers
    model, tokenizer = load_base(base, **_quantised(config.method))
    base_bpb = bits_per_byte(model, held_out)
    if config.method != "full":
        move_out(model, tokenizer)
    lr = config.lr or default_lr(config.method, model.config.hidden_size)
    args = _sft_config(out, lr, config, micro_rows)
    batch_rows = micro_rows * args.gradient_accumulation_steps * args.world_size
    order = whole_order([len(row.input_ids) for row in rows], batch_rows, config.seed,
                        config.epochs)
    data = HfDataset.from_list([{"input_ids": r.input_ids, "labels": r.labels} for r in rows])
    watching = Watching(epoch_ends(len(rows), batch_rows, config.epochs), config.patience_epochs,
                        config.keep == "last", config.checkpoint_minutes)
    curve = Curve(out, held_out, tokenizer)
    curve.begin(base_bpb)
    watch = TrainingWatch(
        out, held_out, watching, report, lambda model: trained_weights(trainer, model), curve)
    trainer = _Trainer(
        model=model, args=args, train_dataset=data.select(order), processing_class=tokenizer,
        data_collator=SharedPrefix(tokenizer.pad_token_id or 0), callbacks=[watch],
        peft_config=lora_config(config))
    trainer.remove_callback(PrinterCallback)
    with watch.interruptible():
        trainer.train(resume_from_checkpoint=any((out / "checkpoints").glob("checkpoint-*")))
    if watch.is_interrupted:
        raise Stopped(f"Stopped at step {trainer.state.global_step} of {trainer.state.max_steps};"
                      " the same command continues from there.")
    return lr, base_bpb, watch.history


def trained_weights(trainer: Trainer, model: Any) -> dict[str, Any] | None:
    """What is being trained, whole and in fp32, on the process that writes; None on the others."""
    wanted = {name for name, weight in model.named_parameters() if weight.requires_grad}
    # With FSDP every process has a part of each weight, and all must take part in gathering.
    state = trainer.accelerator.get_state_dict(trainer.model_wrapped)
    if not is_writer():
        return None
    found = {name.removeprefix("module."): weight for name, weight in state.items()}
    return {name: found[name].detach().to("cpu", torch.float32).contiguous().clone()
            for name in sorted(wanted)}


def is_writer() -> bool:
    """True in the one process of several that writes files and merges."""
    return int(os.environ.get("RANK", "0")) == 0


def _check_rows(rows: list[Row], held_out: list[Row]) -> None:
    if not rows or not held_out:
        raise TrainingError("No training rows, or no held-out rows to measure with.")
    for row in rows + held_out:
        if len(row.input_ids) != len(row.labels) or all(n == NO_LOSS for n in row.labels[1:]):
            raise TrainingError(f"The {row.kind} row {row.text[:40]!r} has no target: every token "
                                "is masked.")


def _check_same_run(out: Path, base: Path, rows: list[Row], config: TrainConfig) -> None:
    """A checkpoint of other rows or settings is never gone on from."""
    settings = {key: value for key, value in asdict(config).items()
                if key not in ("threads", "checkpoint_minutes")}
    size = sum(path.stat().st_size for path in base.glob("*.safetensors"))
    text = json.dumps([settings, size, [[r.input_ids, r.labels] for r in rows]])
    digest = hashlib.sha256(text.encode()).hexdigest()
    path = out / "run.sha256"
    if path.exists() and path.read_text() != digest:
        raise TrainingError(f"{out}: was started with other rows, settings or another base; choose "
                            "another directory, or remove this one.")
    partial = out / f"run.{os.environ.get('RANK', '0')}.part"  # several processes may come here
    partial.write_text(digest)
    os.replace(partial, path)


def check_method(method: str) -> None:
    """Raises TrainingError for a method that this machine cannot do."""
    if method != "qlora":
        return
    if not torch.cuda.is_available():
        raise TrainingError("QLoRA requires an NVIDIA GPU, and PyTorch finds none; use --method "
                            "lora, or spacepi-train job for a rented one.")
    if importlib.util.find_spec("bitsandbytes") is None:
        raise TrainingError("QLoRA requires bitsandbytes: pip install bitsandbytes.")


def _quantised(method: Method) -> dict[str, Any]:
    """How the base is loaded: as it is, or in four bits for QLoRA (Dettmers 2023, 2305.14314)."""
    check_method(method)
    if method != "qlora":
        return {}
    from transformers import BitsAndBytesConfig

    return {"quantization_config": BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16)}


def lora_config(config: TrainConfig) -> LoraConfig | None:
    """Every linear layer, but never the tied embedding: merging would untie it (peft#2018)."""
    if config.method == "full":
        return None
    return LoraConfig(r=config.lora_rank, lora_alpha=2 * config.lora_rank, lora_dropout=0.0,
                      target_modules="all-linear", task_type="CAUSAL_LM",
                      use_dora=config.method == "dora")


def _sft_config(out: Path, lr: float, config: TrainConfig, micro_rows: int) -> SFTConfig:
    world_size = int(os.environ.get("WORLD_SIZE", "1"))
    return SFTConfig(
        per_device_train_batch_size=micro_rows,
        gradient_accumulation_steps=max(1, config.batch_rows // (micro_rows * world_size)),
        warmup_steps=0.05, weight_decay=0.01, max_length=None, packing=False,
        gradient_checkpointing=False, **every_trainers(out, lr, config.seed))


def every_trainers(out: Path, lr: float, seed: int) -> dict[str, Any]:
    """The settings of each trainer of a run: our order, our measuring, and this machine's."""
    on_gpu = torch.cuda.is_available()
    bf16 = torch.cuda.is_bf16_supported() if on_gpu else has_bf16()
    return {
        "output_dir": os.fspath(out / "checkpoints"), "num_train_epochs": 1, "learning_rate": lr,
        "lr_scheduler_type": "cosine", "max_grad_norm": 1.0, "seed": seed,
        "train_sampling_strategy": "sequential", "save_strategy": "no", "save_total_limit": 1,
        "eval_strategy": "no", "logging_strategy": "no", "report_to": "none", "disable_tqdm": True,
        "bf16": bf16, "use_cpu": not on_gpu, "dataloader_pin_memory": on_gpu}
