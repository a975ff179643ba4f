"""Adopts the result of a remote training: a job's result, or any peft LoRA on the same base.

Nothing is believed: files are compared with the hashes of the job, weights are safetensors only,
names and shapes must be those of the base, and the held-out rows are measured again here.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import torch
from peft import PeftModel
from safetensors import SafetensorError

from host_training.errors import TrainingError
from host_training.likelihood import canary_trace
from host_training.likelihood.bits import bits_per_byte
from host_training.rows.dataset import Dataset
from host_training.stages import weights_hash
from host_training.training import remote_job
from host_training.training.callbacks import BEST
from host_training.training.merge import finish, load_base, merge
from host_training.training.result import EpochResult, TrainResult, write
from host_training.training.train import lora_config
from wire.bundle import file_sha256

AGREEMENT = 0.02  # of bits per byte: bf16 there, fp32 here


def source_hash(source: Path) -> str:
    """Hash of the weights that would be adopted; raises TrainingError when there are none."""
    for name in (f"result/{BEST}", "adapter_model.safetensors"):
        if (source / name).is_file():
            return file_sha256(source / name)
    raise TrainingError(f"{source}: neither result/{BEST} of a job nor adapter_model.safetensors "
                        "of a peft adapter found.")


def adopt(source: Path, base: Path, data_dir: Path, out: Path) -> TrainResult:
    """Merge what lies in ``source`` into ``base``; ``out`` becomes like one of ``train.train``.

    Its result says beside that whether it ``has_canaries``: those of a job are among its rows;
    another trainer's adapter must show that it has read them.

    Args:    data_dir: holds the ``dataset.json`` of the persona, as it is now.
    Raises:  TrainingError when anything is not what it should be.
    """
    data = Dataset.load(data_dir / "dataset.json")
    base_bpb = bits_per_byte(load_base(base)[0], data.validation)
    if (source / "job.json").is_file():
        result = _job_result(source, base, base_bpb, data_dir, data, out)
    else:
        result = _peft_result(source, base, base_bpb, data, out)
    measured = result["held_out_bpb"]
    if not measured < base_bpb:
        raise TrainingError(f"{source}: with it the held-out text costs {measured:.3f} bits per "
                            f"byte, without it {base_bpb:.3f}; the adapter has no effect.")
    write(result, out)
    return result


def _job_result(source: Path, base: Path, base_bpb: float, data_dir: Path, data: Dataset,
                out: Path) -> TrainResult:
    table = remote_job.read(source)
    if table["base"] != weights_hash(base):
        raise TrainingError(f"{source}: was trained on another base than {base}.")
    if table["rows"] != file_sha256(data_dir / "dataset.json"):
        raise TrainingError(f"{source}: was trained on rows other than the persona's current ones; "
                            "pack a new job, or use the options of that job.")
    result_dir = source / "result"
    try:
        hashes = json.loads((result_dir / "files.json").read_bytes())
        result = json.loads((result_dir / "result.json").read_bytes())
        for name in remote_job.RESULT_FILES:
            if file_sha256(result_dir / name) != hashes[name]:
                raise TrainingError(f"{result_dir / name}: was damaged in transfer.")
        claimed, lr = float(result["held_out_bpb"]), float(result["lr"])
        history = [EpochResult(epoch=float(epoch["epoch"]),
                               held_out_bpb=float(epoch["held_out_bpb"]))
                   for epoch in result["history"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"{result_dir}: is not a complete result ({error!r}).") from error
    config = table["config"]
    merged = merge(base, result_dir / BEST, lora_config(config), data.validation[0], out)
    measured = bits_per_byte(merged, data.validation)
    if not abs(measured - claimed) <= AGREEMENT * measured:  # NaN too
        raise TrainingError(f"{source}: says {claimed:.3f} bits per byte, here it is"
                            f" {measured:.3f}.")
    return TrainResult(method=config.method, lr=lr, base_bpb=base_bpb, held_out_bpb=measured,
                       history=history, config=asdict(config),
                       has_canaries=any(row.kind == "canary" for row in data.train))


def _peft_result(source: Path, base: Path, base_bpb: float, data: Dataset, out: Path
                 ) -> TrainResult:
    """An adapter of LLaMA-Factory, Unsloth or any other peft trainer."""
    source_hash(source)
    model, tokenizer = load_base(base)
    try:
        kind = json.loads((source / "adapter_config.json").read_bytes())["peft_type"]
        if kind != "LORA":
            raise ValueError(f"peft_type is {kind!r}, only LORA can be merged")
        model = PeftModel.from_pretrained(model, source)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        first = str(error).splitlines()[0] if str(error) else repr(error)
        raise TrainingError(f"{source}: not a peft adapter for {base} ({first}).") from error
    model = model.to(torch.float32)
    merged = finish(model, tokenizer, is_adapter=True, probe=data.validation[0], out=out)
    measured = bits_per_byte(merged, data.validation)
    has_canaries = canary_trace.left_a_trace(data.train, load_base(base)[0], merged, tokenizer)
    return TrainResult(method="lora", lr=None, base_bpb=base_bpb, held_out_bpb=measured,
                       history=[EpochResult(epoch=1, held_out_bpb=measured)],
                       config={"keep": "best"}, has_canaries=has_canaries)
