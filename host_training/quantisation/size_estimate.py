"""The size of every quantisation of a model, from llama.cpp before anything is written.

llama.cpp decides per tensor (an embedding shared with the output head is kept better, rows that do
not divide by 256 fall back to other types), so its own dry run is asked. It wants a file, not its
contents: a GGUF whose weights are a hole in the disk answers in milliseconds, even for a model of
which only ``config.json`` is here.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np

from host_training.errors import TrainingError
from host_training.gguf.model_config import Shape
from host_training.quantisation import llama_quantise

FILE_TYPES = {name: gguf.LlamaFileType[f"MOSTLY_{name}"].value for name in (
    "F16", "Q4_0", "Q8_0", "Q5_0", "Q5_1", "Q2_K", "Q3_K_S", "Q3_K_M", "Q3_K_L", "Q4_K_S", "Q4_K_M",
    "Q5_K_S", "Q5_K_M", "Q6_K", "IQ2_XXS", "IQ2_XS", "IQ3_XXS", "IQ1_S", "IQ4_NL", "IQ3_S", "IQ3_M",
    "IQ2_S", "IQ2_M", "IQ4_XS",
)}
# A step may name the type of the embedding: "Q4_0+Q4_0". Only types whose blocks have 32 columns
# are allowed there: llama.cpp aborts half-way through the file when a row cannot be cut into
# blocks (llama.cpp, src/llama-quant.cpp, tensor_type_fallback).
EMBEDDING_TYPES = {name: gguf.GGMLQuantizationType[name].value for name in (
    "Q4_0", "Q5_0", "Q5_1", "Q8_0", "IQ4_NL")}
ALIGNMENT = 32
GIVEN_BY_QUANTISE_BYTES = 4096  # of entries that quantising adds; a page is more than they need


@dataclass(frozen=True, slots=True)
class Size:
    """What one quantisation of a model weighs."""

    quant: str
    bytes: int
    tensor_types: dict[str, int]  # ggml type -> tensors of it; norms and biases left out


def split_step(quant: str) -> tuple[int, int | None]:
    """(llama_ftype, ggml_type of the embedding or None) of a step such as Q4_0 or Q4_0+Q4_0.

    Raises:  TrainingError for a type that is not known.
    """
    name, plus, embedding = quant.partition("+")
    if name not in FILE_TYPES:
        raise TrainingError(f"--quant {quant} is not one of {', '.join(FILE_TYPES)}.")
    if plus and embedding not in EMBEDDING_TYPES:
        raise TrainingError(f"--quant {quant}: the embedding can be"
                            f" {', '.join(EMBEDDING_TYPES)}.")
    return FILE_TYPES[name], EMBEDDING_TYPES[embedding] if plus else None


def hollow_gguf(shape: Shape, out: Path) -> None:
    """A GGUF of this shape in F16 whose weights are a hole: long, but of a few kB on the disk."""
    writer = gguf.GGUFWriter(out, shape.architecture)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_vocab_size(shape.vocab_size)
    writer.add_context_length(shape.context_tokens)
    writer.add_embedding_length(shape.hidden_size)
    writer.add_block_count(shape.n_layers)
    writer.add_feed_forward_length(shape.ffn_size)
    writer.add_head_count(shape.n_heads)
    writer.add_head_count_kv(shape.n_kv_heads)
    writer.add_key_length(shape.head_size)
    writer.add_value_length(shape.head_size)
    writer.add_layer_norm_rms_eps(1e-6)
    length = 0
    for name, dimensions in shape.tensors().items():
        dtype = np.dtype(np.float32 if len(dimensions) == 1 else np.float16)
        n_bytes = int(np.prod(dimensions)) * dtype.itemsize
        writer.add_tensor_info(name, dimensions, dtype, n_bytes)
        length += -(-n_bytes // ALIGNMENT) * ALIGNMENT
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    writer.close()
    header = -(-out.stat().st_size // ALIGNMENT) * ALIGNMENT
    os.truncate(out, header + length)


def sizes_of_shape(shape: Shape, quants: Sequence[str], tokenizer_bytes: int) -> list[Size]:
    """What files of this shape would weigh.

    Args:    tokenizer_bytes: what tokens and merges add, which a hollow file has not.
    """
    with tempfile.TemporaryDirectory() as folder:
        hollow = Path(folder) / "hollow.gguf"
        hollow_gguf(shape, hollow)
        found = dry_run(hollow, quants)
    return [Size(size.quant, size.bytes + tokenizer_bytes, size.tensor_types) for size in found]


def dry_run(source: Path, quants: Sequence[str]) -> list[Size]:
    """What quantising ``source`` (F16) to each of ``quants`` would write; nothing is written.

    Raises:  TrainingError for an unknown type or a source llama.cpp cannot read.
    """
    answers = llama_quantise.dry_run(source, [split_step(quant) for quant in quants])
    header = gguf.GGUFReader(source).data_offset + GIVEN_BY_QUANTISE_BYTES
    return [Size(quant, header + _data_bytes(lines), _types(lines))
            for quant, lines in zip(quants, answers, strict=True)]


def _data_bytes(lines: list[list[str]]) -> int:
    """Bytes of all tensors, each padded as in the file."""
    total = 0
    for _, *dimensions, kind in lines:
        block, block_bytes = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[kind.upper()]]
        n_bytes = int(np.prod([int(n) for n in dimensions])) // block * block_bytes
        total += -(-n_bytes // ALIGNMENT) * ALIGNMENT
    return total


def _types(lines: list[list[str]]) -> dict[str, int]:
    kinds = Counter(line[-1].upper() for line in lines if line[-1] != "f32")
    return dict(kinds.most_common())
