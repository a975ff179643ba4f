"""Metadata of a GGUF file: its tensors, its facts for a manifest, its shape.

The library believes every count in a file, so the counts are looked at before it is asked.
"""

from __future__ import annotations

import hashlib
import os
import struct
from pathlib import Path
from typing import Any, BinaryIO

import gguf
import numpy as np

from host_training.errors import TrainingError
from host_training.gguf.model_config import Shape

FIELDS_MAX = 10_000
ITEMS_MAX = 1_000_000  # of one list; the largest vocabularies have a quarter of it
TENSORS_MAX = 100_000
_SIZES = {kind: np.dtype(scalar).itemsize
          for kind, scalar in gguf.GGUFReader.gguf_scalar_to_np.items()}


def read_gguf(path: Path) -> gguf.GGUFReader:
    """The file, opened; raises TrainingError when it is not a whole GGUF."""
    try:
        with path.open("rb") as file:
            _check_counts(file)
        return gguf.GGUFReader(path)
    except (OSError, ValueError, IndexError, KeyError, struct.error) as error:
        raise TrainingError(f"{path}: not a complete GGUF file ({error}).") from error


def _check_counts(file: BinaryIO) -> None:
    """Raises ValueError where a count is beyond its bound or the file, struct.error at its end."""
    size = os.fstat(file.fileno()).st_size
    _, _, n_tensors, n_fields = struct.unpack("<4sIQQ", file.read(24))
    if n_tensors > TENSORS_MAX or n_fields > FIELDS_MAX:
        raise ValueError(f"{n_tensors} tensors and {n_fields} fields")

    def skip(n_bytes: int) -> None:
        if n_bytes > size - file.tell():
            raise ValueError("a field goes beyond its end")
        file.seek(n_bytes, os.SEEK_CUR)

    def number(form: str) -> int:
        return int(struct.unpack(form, file.read(struct.calcsize(form)))[0])

    for _ in range(n_fields):
        skip(number("<Q"))
        kind, n_items = number("<I"), 1
        if kind == gguf.GGUFValueType.ARRAY:
            kind, n_items = number("<I"), number("<Q")
        if n_items > ITEMS_MAX:
            raise ValueError(f"a list of {n_items} items")
        if kind == gguf.GGUFValueType.STRING:
            for _ in range(n_items):
                skip(number("<Q"))
        elif kind in _SIZES:
            skip(n_items * _SIZES[gguf.GGUFValueType(kind)])
        else:  # no model has lists of lists
            raise ValueError(f"a field of type {kind}")


def gguf_facts(path: Path) -> dict[str, Any]:
    """What the manifest says of a GGUF, so that another file cannot stand in for it unnoticed.

    Raises:  TrainingError when the file is not a whole GGUF, or lacks one of them.
    """
    reader = read_gguf(path)
    try:
        return _facts(reader)
    except (KeyError, ValueError) as error:
        raise TrainingError(f"{path}: the GGUF lacks {error}.") from error


def _facts(reader: gguf.GGUFReader) -> dict[str, Any]:
    fields = {name: field.contents() for name, field in reader.fields.items()
              if not name.startswith("tokenizer.ggml.") or name.endswith("_id")}
    template = str(fields.get("tokenizer.chat_template", ""))
    kinds: dict[str, int] = {}
    for tensor in reader.tensors:
        kinds[tensor.tensor_type.name] = kinds.get(tensor.tensor_type.name, 0) + 1
    return {
        "architecture": fields["general.architecture"],
        "file_type": ("adapter" if fields.get("general.type") == gguf.GGUFType.ADAPTER
                      else gguf.LlamaFileType(fields["general.file_type"]).name),
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
