"""The config.json of a Hugging Face folder: widths, and the expected tensors.

Three architectures are known: Llama (SmolLM2, TinyLlama, Llama 3), Qwen2 (and 2.5) and Qwen3.
Names and shapes are those of a GGUF (rows first, as numpy has them).
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from host_training.errors import TrainingError

ARCHITECTURES = {"LlamaForCausalLM": "llama", "Qwen2ForCausalLM": "qwen2",
                 "Qwen3ForCausalLM": "qwen3"}


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of a model; ``architecture`` is llama, qwen2 or qwen3."""

    architecture: str
    vocab_size: int
    hidden_size: int
    n_layers: int
    n_heads: int
    n_kv_heads: int
    head_size: int
    ffn_size: int
    context_tokens: int
    is_tied: bool  # the embedding is the output head too
    has_attention_bias: bool

    @property
    def n_parameters(self) -> int:
        """Weights, a tied embedding counted once."""
        return sum(math.prod(shape) for shape in self.tensors().values())

    @property
    def kv_bytes_per_token(self) -> int:
        """Keys and values of one position in all layers, in 16 bits."""
        return 2 * 2 * self.n_layers * self.n_kv_heads * self.head_size

    def tensors(self) -> dict[str, tuple[int, ...]]:
        """GGUF name -> shape of every weight."""
        wide, narrow = self.n_heads * self.head_size, self.n_kv_heads * self.head_size
        found: dict[str, tuple[int, ...]] = {
            "token_embd.weight": (self.vocab_size, self.hidden_size),
            "output_norm.weight": (self.hidden_size,),
        }
        if not self.is_tied:
            found["output.weight"] = (self.vocab_size, self.hidden_size)
        for layer in range(self.n_layers):
            block = {
                "attn_norm.weight": (self.hidden_size,),
                "attn_q.weight": (wide, self.hidden_size),
                "attn_k.weight": (narrow, self.hidden_size),
                "attn_v.weight": (narrow, self.hidden_size),
                "attn_output.weight": (self.hidden_size, wide),
                "ffn_norm.weight": (self.hidden_size,),
                "ffn_gate.weight": (self.ffn_size, self.hidden_size),
                "ffn_up.weight": (self.ffn_size, self.hidden_size),
                "ffn_down.weight": (self.hidden_size, self.ffn_size),
            }
            if self.has_attention_bias:
                block |= {"attn_q.bias": (wide,), "attn_k.bias": (narrow,),
                          "attn_v.bias": (narrow,)}
            if self.architecture == "qwen3":
                block |= {"attn_q_norm.weight": (self.head_size,),
                          "attn_k_norm.weight": (self.head_size,)}
            found |= {f"blk.{layer}.{name}": shape for name, shape in block.items()}
        return found


def read_config(model_dir: Path) -> dict[str, Any]:
    """The table of ``config.json``.

    Raises:  TrainingError when there is none, or it is no JSON object.
    """
    path = model_dir / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        if model_dir.suffix == ".gguf":
            raise TrainingError(f"{model_dir}: is a GGUF file; a Hugging Face folder with "
                                "config.json is required.") from error
        raise TrainingError(f"{model_dir}: no config.json; a base is a local Hugging Face folder "
                            "such as the model/ that spacepi-train base writes."
                            ) from error
    except (ValueError, RecursionError) as error:
        raise TrainingError(f"{path}: not JSON ({error}).") from error
    if not isinstance(config, dict):
        raise TrainingError(f"{path}: not a table of settings.")
    return config


def architecture_of(config: dict[str, Any]) -> str | None:
    """llama, qwen2 or qwen3; None for any other."""
    named = config.get("architectures")
    return ARCHITECTURES.get(named[0]) if isinstance(named, list) and len(named) == 1 else None


def read_shape(model_dir: Path) -> Shape:
    """The shape of a local Hugging Face folder; its weights need not be there yet.

    Raises:  TrainingError for another architecture, or a size that is missing or no number.
    """
    config = read_config(model_dir)
    architecture = architecture_of(config)
    if architecture is None:
        raise TrainingError(f"{model_dir}: architecture {config.get('architectures')} is not "
                            f"supported; supported: {', '.join(ARCHITECTURES)}.")

    def size(key: str, default: int | None = None) -> int:
        value = config.get(key)
        value = default if value is None else value
        if type(value) is not int or value < 1:
            raise TrainingError(f"{model_dir / 'config.json'}: {key} must be a whole number from"
                                f" 1, it is {value!r}.")
        return value

    n_heads = size("num_attention_heads")
    return Shape(
        architecture, size("vocab_size"), size("hidden_size"), size("num_hidden_layers"), n_heads,
        size("num_key_value_heads", n_heads), size("head_dim", config["hidden_size"] // n_heads),
        size("intermediate_size"), size("max_position_embeddings", 2048),
        bool(config.get("tie_word_embeddings")),
        architecture == "qwen2" or bool(config.get("attention_bias")))
