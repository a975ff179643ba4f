"""Write a Llama as GGUF in F16, as llama.cpp wants it, and read it back before it counts.

Only ``LlamaForCausalLM`` with byte-level BPE and single-digit tokens (``pre = smollm``): what
``spacepi-train base`` makes, and SmolLM2. Anything else is refused rather than mis-tokenised.

Sources: llama.cpp's converter as described in research/training.md §4b, and the gguf package.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from safetensors.numpy import load_file

from host_training.chat_template import CHAT_TEMPLATE, END_OF_TEXT, END_OF_TURN
from host_training.errors import TrainingError

_SMOLLM_PRE_TOKENIZER = [
    {"type": "Digits", "individual_digits": True},
    {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True},
]


def export_gguf(model_dir: Path, out: Path, name: str) -> None:
    """Convert a Hugging Face folder (fp32 or fp16 safetensors) to ``out``.

    Args:    name: general.name; given, never guessed from a path, which could tell on somebody.
    Raises:  TrainingError for another architecture or tokenizer, or when reading back differs.
    """
    config = json.loads((model_dir / "config.json").read_text())
    if config.get("architectures") != ["LlamaForCausalLM"]:
        raise TrainingError(f"{model_dir}: architecture {config.get('architectures')} cannot be"
                            " exported; allowed is LlamaForCausalLM.")
    tensors = dict(_tensors(model_dir, config))
    partial = out.with_suffix(".part")
    writer = gguf.GGUFWriter(partial, "llama")
    _add_shape(writer, config, name)
    _add_tokenizer(writer, model_dir, config["vocab_size"])
    for tensor_name, array in tensors.items():
        writer.add_tensor(tensor_name, array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    _compare(partial, tensors)
    os.replace(partial, out)


def _tensors(model_dir: Path, config: dict[str, Any]) -> Iterator[tuple[str, np.ndarray]]:
    """GGUF name and array of every weight; norms F32, the rest F16."""
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config["num_hidden_layers"])
    n_heads = config["num_attention_heads"]
    n_kv_heads = config.get("num_key_value_heads", n_heads)
    for path in sorted(model_dir.glob("*.safetensors")):
        for hf_name, array in load_file(path).items():
            if hf_name == "lm_head.weight" and config.get("tie_word_embeddings"):
                continue
            name = names.get_name(hf_name, try_suffixes=(".weight", ".bias"))
            if name is None:
                raise TrainingError(f"{path}: weight {hf_name} has no place in a GGUF Llama.")
            full = array.astype(np.float32)
            if full.ndim == 1:
                yield name, full
                continue
            if hf_name.endswith("q_proj.weight"):
                full = permute(full, n_heads)
            elif hf_name.endswith("k_proj.weight"):
                full = permute(full, n_kv_heads)
            half = full.astype(np.float16)
            if not np.isfinite(half).all():
                raise TrainingError(f"{path}: weight {hf_name} does not fit into 16 bits.")
            yield name, half


def permute(weight: np.ndarray, n_heads: int) -> np.ndarray:
    """Rows of a q or k projection, from halves (Hugging Face) to pairs (llama.cpp) per head.

    Args:    weight: (n_heads * head_size, hidden).
    """
    rows, hidden = weight.shape
    halves = weight.reshape(n_heads, 2, rows // n_heads // 2, hidden)
    return np.ascontiguousarray(halves.swapaxes(1, 2).reshape(rows, hidden))


def _add_shape(writer: gguf.GGUFWriter, config: dict[str, Any], name: str) -> None:
    rope = config.get("rope_parameters") or {}
    if rope.get("rope_type", "default") != "default" or config.get("rope_scaling"):
        raise TrainingError("A base with scaled RoPE cannot be exported; allowed is the default.")
    head_size = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
    writer.add_name(name)
    writer.add_type("model")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_vocab_size(config["vocab_size"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config.get("num_key_value_heads", config["num_attention_heads"]))
    writer.add_key_length(head_size)
    writer.add_value_length(head_size)
    writer.add_rope_dimension_count(head_size)
    writer.add_rope_freq_base(float(rope.get("rope_theta") or config.get("rope_theta", 10_000.0)))
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])


def _add_tokenizer(writer: gguf.GGUFWriter, model_dir: Path, vocab_size: int) -> None:
    """Tokens, types, merges; the ids of the ends set by us, since a wrong default never stops."""
    tokenizer = json.loads((model_dir / "tokenizer.json").read_text(encoding="utf-8"))
    _refuse_other_scheme(tokenizer, model_dir)
    tokens = {index: token for token, index in tokenizer["model"]["vocab"].items()}
    control = set()
    for added in tokenizer["added_tokens"]:
        tokens[added["id"]] = added["content"]
        if added["special"]:
            control.add(added["id"])
    if tokens and max(tokens) >= vocab_size:
        raise TrainingError(f"{model_dir}: the tokenizer has id {max(tokens)}, the model only"
                            f" {vocab_size} tokens.")
    by_content = {token: index for index, token in tokens.items()}
    names, types = [], []
    for index in range(vocab_size):
        names.append(tokens.get(index, f"[PAD{index}]"))
        if index not in tokens:
            types.append(gguf.TokenType.UNUSED)
        else:
            types.append(gguf.TokenType.CONTROL if index in control else gguf.TokenType.NORMAL)
    for token in (END_OF_TEXT, END_OF_TURN):
        if by_content.get(token) not in control:
            raise TrainingError(f"{model_dir}: {token} is not a special token of the tokenizer.")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(names)
    writer.add_token_types(types)
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m)
                             for m in tokenizer["model"]["merges"]])
    writer.add_bos_token_id(by_content[END_OF_TEXT])
    writer.add_eos_token_id(by_content[END_OF_TURN])
    writer.add_pad_token_id(by_content[END_OF_TEXT])
    writer.add_add_bos_token(False)
    writer.add_add_eos_token(False)
    writer.add_chat_template(CHAT_TEMPLATE)


def _refuse_other_scheme(tokenizer: dict[str, Any], model_dir: Path) -> None:
    """llama.cpp has the splitting rule compiled in; only the rule it calls smollm is known here."""
    pre = tokenizer.get("pre_tokenizer") or {}
    found = pre.get("pretokenizers", [])
    parts = [{key: part.get(key) for key in want}
             for part, want in zip(found, _SMOLLM_PRE_TOKENIZER, strict=False)]
    if (tokenizer["model"].get("type") != "BPE" or tokenizer.get("normalizer") is not None
            or len(found) != len(parts) or parts != _SMOLLM_PRE_TOKENIZER):
        raise TrainingError(f"{model_dir}: this tokenizer cannot be exported; allowed is byte-level"
                            " BPE with single digits, as spacepi-train base and SmolLM2 have it.")


def _compare(path: Path, tensors: dict[str, np.ndarray]) -> None:
    """Read the file back and compare every tensor, byte for byte."""
    read = {tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors}
    if read.keys() != tensors.keys():
        raise TrainingError(f"{path}: reading back gives other tensors; is the disk full?")
    for name, array in tensors.items():
        if not np.array_equal(read[name].data.view(np.uint8).ravel(), array.view(np.uint8).ravel()):
            raise TrainingError(f"{path}: {name} differs when read back; is the disk failing?")
