"""Write a Llama, Qwen2 or Qwen3 as GGUF in F16, byte for byte as llama.cpp's own converter does.

The file is read back and compared before it gets its name. Other architectures, positions and
tokenizers go through llama.cpp's converter (``converter``). What differs on purpose is that nothing
is guessed from paths or model cards, which could tell on somebody, and that the ends and the chat
template are those the model was trained with.

Sources: llama.cpp's conversion/{base,llama,qwen}.py, and the gguf package.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from safetensors.torch import load_file

from host_training.errors import TrainingError
from host_training.gguf import converter
from host_training.gguf.metadata import read_gguf
from host_training.gguf.model_config import Shape, architecture_of, read_config, read_shape
from host_training.gguf.tokenizer import add_tokenizer, read_tokenizer, scheme_of

MODEL_ARCHITECTURES = {"llama": gguf.MODEL_ARCH.LLAMA, "qwen2": gguf.MODEL_ARCH.QWEN2,
                       "qwen3": gguf.MODEL_ARCH.QWEN3}
BIASES = ("attention_bias", "mlp_bias")  # Qwen2's own biases are no matter of its config


def export_gguf(model_dir: Path, out: Path, name: str) -> None:
    """Convert a Hugging Face folder (safetensors in fp32, fp16 or bf16) to ``out``.

    Args:    name: general.name; given, never guessed from a path.
    Raises:  TrainingError for a model neither we nor llama.cpp's converter can write, or when
             reading back differs.
    """
    config = read_config(model_dir)
    partial = out.with_suffix(".part")
    if beyond_us(model_dir) is not None:
        converter.convert(model_dir, partial, name)
        read_gguf(partial)
    else:
        tensors = _write(model_dir, config, partial, name)
        compare(partial, tensors)
    os.replace(partial, out)


def beyond_us(model_dir: Path) -> str | None:
    """What of a Hugging Face folder only llama.cpp's converter can write; None: we can.

    Raises:  TrainingError where config.json or tokenizer.json is missing or broken.
    """
    config = read_config(model_dir)
    if architecture_of(config) is None:
        return f"architecture {config.get('architectures')}"
    if _is_rope_scaled(config):
        return "scaled RoPE"
    if any(config.get(key) for key in BIASES):
        return "a bias of attention or feed-forward"
    if scheme_of(read_tokenizer(model_dir)) is None:
        return "a tokenizer that cuts neither as SmolLM2's nor as Qwen2's"
    return None


def _write(model_dir: Path, config: dict[str, Any], out: Path, name: str) -> dict[str, np.ndarray]:
    """Everything in the order of llama.cpp's converter; returns the tensors written."""
    shape = read_shape(model_dir)
    rope_theta = _rope_theta(config)
    writer = gguf.GGUFWriter(out, shape.architecture)
    tensors = dict(_tensors(model_dir, shape))
    for tensor_name, array in tensors.items():
        writer.add_tensor(tensor_name, array)
    writer.add_type("model")
    writer.add_name(name)
    writer.add_size_label(gguf.size_label(*writer.get_total_parameter_count()))
    _add_shape(writer, shape, config, rope_theta)
    add_tokenizer(writer, model_dir, shape.vocab_size)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return tensors


def _is_rope_scaled(config: dict[str, Any]) -> bool:
    """transformers 5 says so in a table of all of RoPE, transformers 4 in one for scaling alone."""
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    return rope.get("rope_type", rope.get("type", "default")) != "default" or bool(
        rope.get("factor"))


def _rope_theta(config: dict[str, Any]) -> float:
    """Base frequency; transformers 5 keeps it in a table, transformers 4 beside it."""
    rope = config.get("rope_parameters") or {}
    return float(rope.get("rope_theta") or config.get("rope_theta", 10_000.0))


def _add_shape(writer: gguf.GGUFWriter, shape: Shape, config: dict[str, Any],
               rope_theta: float) -> None:
    writer.add_block_count(shape.n_layers)
    writer.add_context_length(shape.context_tokens)
    writer.add_embedding_length(shape.hidden_size)
    writer.add_feed_forward_length(shape.ffn_size)
    writer.add_head_count(shape.n_heads)
    writer.add_head_count_kv(shape.n_kv_heads)
    writer.add_rope_freq_base(rope_theta)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    if config.get("head_dim") is not None:
        writer.add_key_length(shape.head_size)
        writer.add_value_length(shape.head_size)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    if shape.architecture == "llama":
        writer.add_vocab_size(shape.vocab_size)
        writer.add_rope_dimension_count(shape.head_size)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)


def _tensors(model_dir: Path, shape: Shape) -> Iterator[tuple[str, np.ndarray]]:
    """GGUF name and array of every weight; norms and biases F32, the rest F16."""
    wanted = shape.tensors()
    names = gguf.get_tensor_name_map(MODEL_ARCHITECTURES[shape.architecture], shape.n_layers)
    for path in sorted(model_dir.glob("model*.safetensors")):
        for hf_name, tensor in load_file(path).items():
            if hf_name.endswith(".rotary_emb.inv_freq") or (
                    hf_name == "lm_head.weight" and shape.is_tied):
                continue
            name = names.get_name(hf_name, try_suffixes=(".weight", ".bias"))
            if name is None:
                raise TrainingError(f"{path}: weight {hf_name} has no place in a GGUF"
                                    f" {shape.architecture}.")
            if wanted.pop(name, None) != tuple(tensor.shape):
                raise TrainingError(f"{path}: weight {hf_name} of shape {tuple(tensor.shape)} is"
                                    " not what config.json says.")
            yield name, _converted(tensor, hf_name, shape, path)
    if wanted:
        raise TrainingError(f"{model_dir}: weight {min(wanted)} is missing.")


def _converted(tensor: torch.Tensor, hf_name: str, shape: Shape, path: Path) -> np.ndarray:
    full = tensor.to(torch.float32).numpy()
    if shape.architecture == "llama":
        full = permuted(full, hf_name, shape)
    if full.ndim == 1:
        return full
    with np.errstate(over="ignore"):
        half = full.astype(np.float16)
    if not np.isfinite(half).all():
        raise TrainingError(f"{path}: weight {hf_name} does not fit into 16 bits.")
    return half


def permuted(weight: np.ndarray, hf_name: str, shape: Shape) -> np.ndarray:
    """A weight or bias of a Llama with the rows of q and k as llama.cpp rotates them."""
    if ".q_proj." in hf_name:
        return permute(weight, shape.n_heads)
    return permute(weight, shape.n_kv_heads) if ".k_proj." in hf_name else weight


def permute(weight: np.ndarray, n_heads: int) -> np.ndarray:
    """Rows of a q or k projection, from halves (Hugging Face) to pairs (llama.cpp) per head.

    Args:    weight: (n_heads * head_size, ...).
    """
    rows = weight.shape[0]
    halves = weight.reshape(n_heads, 2, rows // n_heads // 2, *weight.shape[1:])
    return np.ascontiguousarray(halves.swapaxes(1, 2).reshape(weight.shape))


def compare(path: Path, tensors: dict[str, np.ndarray]) -> None:
    """Read the file back and compare every tensor, byte for byte."""
    read = {tensor.name: tensor for tensor in read_gguf(path).tensors}
    if read.keys() != tensors.keys():
        raise TrainingError(f"{path}: the tensors differ when read back; is the disk full?")
    for name, array in tensors.items():
        if not np.array_equal(read[name].data.view(np.uint8).ravel(), array.view(np.uint8).ravel()):
            raise TrainingError(f"{path}: {name} differs when read back; is the disk failing?")
