"""Fine-tune a base on the rows of a persona with TRL, as LoRA or in full, keeping the best epoch.

The trainer only ever sees our ``input_ids`` and ``labels``. After every epoch the held-out bits per
byte are measured; the best weights are kept, and a run that has stopped improving ends early. An
interrupted run goes on from its last epoch when it is started again in the same directory.
"""

from __future__ import annotations

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
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer, PrinterCallback, TrainerCallback
from trl import SFTConfig, SFTTrainer

from host_training import converter
from host_training.dataset import Row
from host_training.errors import TrainingError
from host_training.evaluation.bits import bits_per_byte
from host_training.shape import ARCHITECTURES, architecture_of, read_config

Method = Literal["lora", "full"]
Keep = Literal["best", "last"]
OnProgress = Callable[[float, str], None]  # (fraction done 0..1, one line)

REFERENCE_HIDDEN = 256
MERGE_TOLERANCE = 1e-3  # largest difference of a logit before and after merging, fp32


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


def default_lr(method: Method, hidden_size: int) -> float:
    """Peak learning rate for a base of this width: measured at 256, falling with width^-1.5.

    At 576 (SmolLM2-135M) that gives about 1.5e-4 in full, within what its makers used.
    """
    at_reference = {"full": 5e-4, "lora": 2e-3}[method]
    return at_reference * (REFERENCE_HIDDEN / hidden_size) ** 1.5


def check_base(base: Path) -> None:
    """Raises TrainingError when the folder is no model that can be trained and exported."""
    config = read_config(base)
    if not (base / "tokenizer.json").is_file():
        raise TrainingError(f"{base}: there is no tokenizer.json; a base is a local Hugging Face"
                            " folder such as the model/ that spacepi-train base writes.")
    if not list(base.glob("*.safetensors")):
        raise TrainingError(f"{base}: there are no *.safetensors weights; other formats can carry"
                            " code and are refused.")
    if "auto_map" in config:
        raise TrainingError(f"{base}: wants to run code of its own (auto_map), which is refused.")
    if "quantization_config" in config:
        raise TrainingError(f"{base}: is quantised already; name the 16-bit model it was made of.")
    if architecture_of(config) is None and not converter.is_here():
        raise TrainingError(f"{base}: architecture {config.get('architectures')} needs llama.cpp's"
                            f" own converter (spacepi-train fetch-converter); without it:"
                            f" {', '.join(ARCHITECTURES)}.")


def load_base(base: Path) -> tuple[Any, Any]:
    """Model in fp32 and tokenizer of a local Hugging Face folder; nothing is downloaded.

    Raises:  TrainingError as ``check_base``.
    """
    check_base(base)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32, local_files_only=True,
                                                 trust_remote_code=False, use_safetensors=True)
    return model, AutoTokenizer.from_pretrained(base, local_files_only=True)


class _KeepBest(TrainerCallback):
    """Measures after every epoch, keeps the best trainable weights, ends a run that stands still.

    Its own files make it resumable: ``history.json`` and ``best.safetensors`` in ``out``.
    """

    def __init__(self, out: Path, held_out: list[Row], config: TrainConfig, report: OnProgress
                 ) -> None:
        self._out, self._held_out = out, held_out
        self._patience, self._keep = config.patience_epochs, config.keep
        self._report = report
        path = out / "history.json"
        self.history: list[dict[str, float]] = json.loads(path.read_text()) if path.exists() else []

    def best(self) -> float:
        return min(entry["held_out_bpb"] for entry in self.history)

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Forget epochs measured after the checkpoint from which the run now goes on."""
        self.history = [e for e in self.history if e["epoch"] <= (state.epoch or 0) + 1e-3]

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        best = f", best {self.best():.3f} bits/byte" if self.history else ""
        self._report(state.global_step / max(1, state.max_steps),
                     f"epoch {state.epoch or 0:.1f} of {args.num_train_epochs:.0f}{best}")

    def on_epoch_end(self, args: Any, state: Any, control: Any, *, model: Any,
                     **kwargs: Any) -> None:
        measured = bits_per_byte(model, self._held_out)
        if self._keep == "last" or not self.history or measured < self.best():
            weights = {name: p.detach().to("cpu", torch.float32).contiguous()
                       for name, p in model.named_parameters() if p.requires_grad}
            save_file(weights, self._out / "best.part")
            os.replace(self._out / "best.part", self._out / "best.safetensors")
        self.history.append({"epoch": round(state.epoch or 0, 3), "held_out_bpb": measured})
        (self._out / "history.part").write_text(json.dumps(self.history, indent=1))
        os.replace(self._out / "history.part", self._out / "history.json")
        since_best = [entry["held_out_bpb"] for entry in self.history].index(self.best())
        is_standing_still = len(self.history) - 1 - since_best >= self._patience
        if self._keep == "best" and is_standing_still:
            control.should_training_stop = True


def train(base: Path, rows: list[Row], held_out: list[Row], out: Path, config: TrainConfig,
          report: OnProgress) -> dict[str, Any]:
    """Train into ``out``; the merged fp32 model lands in ``out/merged``.

    Returns: ``{method, lr, held_out_bpb, base_bpb, history}``, also in ``out/result.json``.
    Raises:  TrainingError for an unusable base or a run that diverged.
    """
    out.mkdir(parents=True, exist_ok=True)
    if config.threads:
        torch.set_num_threads(config.threads)
    model, tokenizer = load_base(base)
    base_bpb = bits_per_byte(model, held_out)
    lr = config.lr or default_lr(config.method, model.config.hidden_size)
    keep_best = _KeepBest(out, held_out, config, report)
    data = HfDataset.from_list([{"input_ids": r.input_ids, "labels": r.labels} for r in rows])
    trainer = SFTTrainer(
        model=model, args=_sft_config(out, lr, config), train_dataset=data,
        processing_class=tokenizer, callbacks=[keep_best],
        peft_config=_lora(config) if config.method == "lora" else None,
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train(resume_from_checkpoint=any((out / "checkpoints").glob("checkpoint-*")))
    # The trainer wraps forward in autocast; unwrapped, merging and the last measure are fp32.
    tuned = trainer.accelerator.unwrap_model(trainer.model, keep_fp32_wrapper=False)
    merged = _merge_best(tuned, out, config.method, held_out)
    tokenizer.save_pretrained(out / "merged")
    result = {"method": config.method, "lr": lr, "held_out_bpb": bits_per_byte(merged, held_out),
              "base_bpb": base_bpb, "history": keep_best.history, "config": asdict(config)}
    (out / "result.part").write_text(json.dumps(result, indent=1))
    os.replace(out / "result.part", out / "result.json")
    shutil.rmtree(out / "checkpoints", ignore_errors=True)  # only needed to go on
    return result


def _lora(config: TrainConfig) -> LoraConfig:
    """Every linear layer, but never the tied embedding: merging would untie it (peft#2018)."""
    return LoraConfig(r=config.lora_rank, lora_alpha=2 * config.lora_rank, lora_dropout=0.05,
                      target_modules="all-linear", task_type="CAUSAL_LM")


def _sft_config(out: Path, lr: float, config: TrainConfig) -> SFTConfig:
    on_gpu = torch.cuda.is_available()
    # Measured here: 1.5 times as fast as fp32 with AVX-512; older CPUs emulate bf16 and lose.
    bf16 = on_gpu or torch.backends.cpu.get_cpu_capability() == "AVX512"
    return SFTConfig(
        output_dir=str(out / "checkpoints"), num_train_epochs=config.epochs, learning_rate=lr,
        per_device_train_batch_size=config.batch_rows, lr_scheduler_type="cosine",
        warmup_steps=0.05, weight_decay=0.01, max_grad_norm=1.0, seed=config.seed,
        train_sampling_strategy="group_by_length", max_length=None, packing=False,
        gradient_checkpointing=False, bf16=bf16, use_cpu=not on_gpu,
        dataloader_pin_memory=on_gpu, save_strategy="epoch", save_total_limit=1,
        eval_strategy="no", logging_strategy="no", report_to="none", disable_tqdm=True,
    )


def _merge_best(model: Any, out: Path, method: Method, held_out: list[Row]) -> Any:
    """Put the best epoch's weights back, merge an adapter in fp32, check, save."""
    model = model.to("cpu", torch.float32)
    missing = model.load_state_dict(load_file(out / "best.safetensors"), strict=False)
    assert not missing.unexpected_keys, missing.unexpected_keys
    model.eval()
    probe = torch.tensor([held_out[0].input_ids])
    with torch.no_grad():
        before = model(input_ids=probe).logits
        if method == "lora":
            model = model.merge_and_unload(safe_merge=True)
        after = model(input_ids=probe).logits
    difference = (before - after).abs().max().item()
    if not difference <= MERGE_TOLERANCE:  # NaN too
        raise TrainingError(f"Merging changed a logit by {difference:.3g}, more than"
                            f" {MERGE_TOLERANCE}; the run has diverged, lower --lr.")
    model.save_pretrained(out / "merged")
    return model
