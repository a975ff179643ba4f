"""From a training's output to one ordinary model: the best weights in a fresh base.

An adapter is merged in fp32 into the base it was trained on, never into a quantised one, and the
merge must not change what the model says.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from peft import get_peft_model
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from host_training.errors import TrainingError
from host_training.gguf import converter, export
from host_training.gguf.model_config import read_config
from host_training.rows.dataset import Row
from host_training.training.turn_embeddings import move_out

MERGE_TOLERANCE = 1e-3  # largest difference of a logit before and after merging, fp32


def check_base(base: Path) -> None:
    """Raises TrainingError when the folder is no model that can be trained and exported."""
    config = read_config(base)
    found = []
    if not (base / "tokenizer.json").is_file():
        found.append(f"{base}: no tokenizer.json; a base is a local Hugging Face folder such as "
                     "the model/ that spacepi-train base writes.")
    if not list(base.glob("*.safetensors")):
        found.append(f"{base}: no *.safetensors weights; other formats can contain code and are "
                     "rejected.")
    if "auto_map" in config:
        found.append(f"{base}: requires code of its own (auto_map), which is rejected.")
    if "quantization_config" in config:
        found.append(f"{base}: is already quantised; use the 16-bit model it was made from.")
    beyond_us = export.beyond_us(base)
    if beyond_us is not None and not converter.is_here():
        found.append(f"{base}: {beyond_us} needs llama.cpp's own converter: run"
                     " spacepi-train fetch-converter once, it downloads 76 MB.")
    if found:
        raise TrainingError(*found)


def load_base(base: Path, **options: Any) -> tuple[Any, Any]:
    """Model in fp32 and tokenizer of a local Hugging Face folder; nothing is downloaded.

    Args:    options: for ``from_pretrained``, such as quantization_config.
    Raises:  TrainingError as ``check_base``.
    """
    check_base(base)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32, local_files_only=True,
                                                 trust_remote_code=False, use_safetensors=True,
                                                 **options)
    return model, AutoTokenizer.from_pretrained(base, local_files_only=True)


def merge(base: Path, weights: Path, lora: Any | None, probe: Row, out: Path) -> Any:
    """The tuned model in fp32 on the CPU, saved to ``out/merged``; an adapter to ``out/adapter``.

    Args:    weights: safetensors of what was trained, by parameter name.
             lora: the peft settings it was trained with; None for full tuning.
             probe: a row on which the merge must change nothing.
    Raises:  TrainingError when the weights are not those of this base, or the run has diverged.
    """
    model, tokenizer = load_base(base)
    if lora is not None:
        move_out(model, tokenizer)
        model = get_peft_model(model, lora)
    try:
        trained = load_file(weights)
    except SafetensorError as error:
        raise TrainingError(f"{weights}: not readable as safetensors ({error}).") from error
    wanted = {name for name, weight in model.named_parameters() if weight.requires_grad}
    if trained.keys() != wanted:
        odd = min(trained.keys() ^ wanted)
        raise TrainingError(f"{weights}: does not fit {base}: {odd} is only in one of them.")
    for name, weight in model.named_parameters():
        if name in trained and weight.shape != trained[name].shape:
            raise TrainingError(f"{weights}: {name} has shape {tuple(trained[name].shape)}, the "
                                f"base requires {tuple(weight.shape)}.")
    model.load_state_dict(trained, strict=False)
    return finish(model, tokenizer, is_adapter=lora is not None, probe=probe, out=out)


def finish(model: Any, tokenizer: Any, is_adapter: bool, probe: Row, out: Path) -> Any:
    """Merge an adapter if it is one, compare, and save as ``merge`` says.

    Raises:  TrainingError when the run has diverged.
    """
    model.eval()
    ids = torch.tensor([probe.input_ids])
    with torch.no_grad():
        before = model(input_ids=ids).logits
        if is_adapter:
            model.save_pretrained(out / "adapter")
            model = _merged(model)
        after = model(input_ids=ids).logits
    difference = (before - after).abs().max().item()
    if not difference <= MERGE_TOLERANCE:  # NaN too
        raise TrainingError(f"Merging changed a logit by {difference:.3g}, more than"
                            f" {MERGE_TOLERANCE}; the run has diverged, lower --lr.")
    model.save_pretrained(out / "merged")
    tokenizer.save_pretrained(out / "merged")
    return model


def _merged(model: Any) -> Any:
    try:
        return model.merge_and_unload(safe_merge=True)
    except ValueError as error:  # peft found a weight that is not finite
        raise TrainingError(f"The run has diverged ({error}); lower --lr.") from error
