"""A LoRA adapter as GGUF: an update of a few megabytes for a base that has flown before.

llama.cpp adds it to the base while it runs. The adapter is that of Hugging Face's peft; the file is
byte for byte what llama.cpp's convert_lora_to_gguf.py writes.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from safetensors.torch import load_file

from host_training.common.chat_template import END_OF_TURN, START_OF_TURN
from host_training.errors import TrainingError
from host_training.gguf.export import MODEL_ARCHITECTURES, compare, permuted
from host_training.gguf.model_config import read_shape
from host_training.training.merge import load_base
from host_training.training.turn_embeddings import knows_turns

PREFIX = "base_model.model."
HALVES = {".lora_A.weight": ".lora_a", ".lora_B.weight": ".lora_b"}


def export_adapter(adapter_dir: Path, base: Path, out: Path, name: str) -> None:
    """Write the peft adapter in ``adapter_dir`` (LoRA on linear layers) as F16.

    Raises:  TrainingError for DoRA, rank-stabilised LoRA, trained embeddings, or a base whose turn
             marks were moved for the training, none of which llama.cpp can add.
    """
    config = _read_config(adapter_dir)
    if not knows_turns(*load_base(base)):
        raise TrainingError(f"{base}: was never trained with {START_OF_TURN} and {END_OF_TURN}, and"
                            " an adapter cannot contain them; use the merged model.")
    shape = read_shape(base)
    names = gguf.get_tensor_name_map(MODEL_ARCHITECTURES[shape.architecture], shape.n_layers)
    tensors: dict[str, np.ndarray] = {}
    for hf_name, tensor in sorted(load_file(adapter_dir / "adapter_model.safetensors").items()):
        half = next((h for h in HALVES if hf_name.endswith(h)), None)
        plain = hf_name.removeprefix(PREFIX).removesuffix(half or "")
        gguf_name = names.get_name(f"{plain}.weight", try_suffixes=(".weight",))
        if half is None or gguf_name is None or gguf_name in ("token_embd.weight", "output.weight"):
            raise TrainingError(f"{adapter_dir}: {hf_name} cannot be part of a GGUF adapter; "
                                "supported: LoRA on linear layers.")
        full = tensor.to(torch.float32).numpy()
        if half == ".lora_B.weight" and shape.architecture == "llama":
            full = permuted(full, hf_name, shape)
        tensors[gguf_name + HALVES[half]] = full.astype(np.float16)
    partial = out.with_suffix(".part")
    writer = gguf.GGUFWriter(partial, shape.architecture)
    for tensor_name, array in tensors.items():
        writer.add_tensor(tensor_name, array)
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_name(name)
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, float(config["lora_alpha"]))
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    compare(partial, tensors)
    os.replace(partial, out)


def _read_config(adapter_dir: Path) -> dict[str, Any]:
    path = adapter_dir / "adapter_config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path}: not an adapter's settings ({error}).") from error
    for key, what in (("use_dora", "DoRA"), ("use_rslora", "rank-stabilised LoRA"),
                      ("alpha_pattern", "a scale per layer"), ("modules_to_save", "whole layers")):
        if config.get(key):
            raise TrainingError(f"{path}: {what} cannot be a GGUF adapter; merge it into its base.")
    return config
