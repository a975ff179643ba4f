"""What a GGUF file says of itself: its tensors, its facts for a manifest, its shape."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import gguf

from host_training.errors import TrainingError
from host_training.shape import Shape


def read_gguf(path: Path) -> gguf.GGUFReader:
    """The file, opened; raises TrainingError when it is not a whole GGUF."""
    try:
        return gguf.GGUFReader(path)
    except (OSError, ValueError, IndexError, KeyError) as error:
        raise TrainingError(f"{path}: not a whole GGUF file ({error}).") from error


def gguf_facts(path: Path) -> dict[str, Any]:
    """What the manifest says of a GGUF, so that another file cannot stand in for it unnoticed.

    Raises:  TrainingError when the file is not a whole GGUF.
    """
    reader = read_gguf(path)
    fields = {name: field.contents() for name, field in reader.fields.items()
              if not name.startswith("tokenizer.ggml.") or name.endswith("_id")}
    template = str(fields.get("tokenizer.chat_template", ""))
    kinds: dict[str, int] = {}
    for tensor in reader.tensors:
        kinds[tensor.tensor_type.name] = kinds.get(tensor.tensor_type.name, 0) + 1
    return {
        "architecture": fields["general.architecture"],
        "file_type": gguf.LlamaFileType(fields["general.file_type"]).name,
        "parameters": sum(int(tensor.n_elements) for tensor in reader.tensors),
        "tensor_types": kinds,
        "bos": fields.get("tokenizer.ggml.bos_token_id"),
        "eos": fields.get("tokenizer.ggml.eos_token_id"),
        "template_sha256": hashlib.sha256(template.encode()).hexdigest(),
    }


def shape_of_gguf(path: Path) -> Shape:
    """The shape of a GGUF, for reckoning its memory.

    Raises:  TrainingError when the file is not a whole GGUF; KeyError where it lacks a size.
    """
    reader = read_gguf(path)
    architecture = reader.fields["general.architecture"].contents()

    def size(key: str) -> int:
        return int(reader.fields[f"{architecture}.{key}"].contents())

    names = {tensor.name: tensor for tensor in reader.tensors}
    heads = size("attention.head_count")
    embedding = names["token_embd.weight"].shape
    wide = int(names["blk.0.attn_q.weight"].shape[1])
    return Shape(architecture, int(embedding[1]), int(embedding[0]), size("block_count"), heads,
                 size("attention.head_count_kv"), wide // heads, size("feed_forward_length"),
                 size("context_length"), "output.weight" not in names,
                 "blk.0.attn_q.bias" in names)
