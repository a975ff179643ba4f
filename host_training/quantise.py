"""Quantise a GGUF with llama.cpp's own code, in a process of its own, down a measured ladder.

llama.cpp aborts the whole process on some errors and leaves half a file; so each step runs in a
child, writes to a ``.part`` file, is opened and compared, and only then gets its name. The smallest
step whose held-out bits per byte is within the tolerance of the F16 file is taken.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import gguf
import numpy as np

from host_training.dataset import Row
from host_training.errors import TrainingError
from host_training.evaluation.bits import gguf_bits_per_byte

TOLERANCE = 0.02
CHILD_S_MAX = 1800

# llama_ftype numbers of llama.h
FILE_TYPES = {"F16": 1, "Q4_0": 2, "Q8_0": 7, "Q5_0": 8, "Q5_1": 9, "Q3_K_M": 12, "Q4_K_S": 14,
              "Q4_K_M": 15, "Q5_K_M": 17, "Q6_K": 18, "IQ4_NL": 25, "IQ4_XS": 30}
# K-quants need rows of a multiple of 256; otherwise most of the file would fall back to other
# types anyway (research/training.md §5c), so the 32-block types are named honestly.
LADDER_256 = ("Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M", "IQ4_XS", "Q3_K_M")
LADDER_32 = ("Q8_0", "Q5_1", "Q5_0", "IQ4_NL", "Q4_0")


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the ladder and what it costs."""

    quant: str
    size_bytes: int
    held_out_bpb: float


def ladder_for(hidden_size: int) -> tuple[str, ...]:
    """The steps that mean what they say for this width, best first."""
    return LADDER_256 if hidden_size % 256 == 0 else LADDER_32


def quantise(source: Path, out: Path, quant: str, importance: dict[str, np.ndarray]) -> None:
    """Quantise ``source`` (F16) to ``out``.

    Raises:  TrainingError for an unknown type, an importance that misses a weight, or a child
             that failed.
    """
    if quant not in FILE_TYPES:
        raise TrainingError(f"--quant {quant} is not one of {', '.join(FILE_TYPES)}.")
    _check_importance(source, importance)
    partial, table = out.with_suffix(".part"), out.with_suffix(".imatrix.npz")
    np.savez(table, **importance)
    command = [sys.executable, "-m", "host_training.quantise", str(source), str(partial),
               str(FILE_TYPES[quant]), str(table)]
    here = str(Path(__file__).parents[1])
    try:
        child = subprocess.run(command, capture_output=True, text=True, timeout=CHILD_S_MAX,
                               env={**os.environ, "PYTHONPATH": here}, check=False)
        if child.returncode != 0:
            last = (child.stderr.strip().splitlines() or ["no message"])[-1]
            raise TrainingError(f"llama.cpp could not quantise to {quant} (exit"
                                f" {child.returncode}): {last}")
        _verify(source, partial)
        os.replace(partial, out)
    finally:
        table.unlink(missing_ok=True)
        partial.unlink(missing_ok=True)


def _check_importance(source: Path, importance: dict[str, np.ndarray]) -> None:
    """llama.cpp only whispers about a missing name, so the check is ours."""
    for tensor in _read(source).tensors:
        if not tensor.name.startswith("blk.") or len(tensor.shape) < 2:
            continue
        values = importance.get(tensor.name)
        if values is None:
            raise TrainingError(f"The importance matrix has no entry for {tensor.name}.")
        if values.shape != (int(tensor.shape[0]),) or not np.isfinite(values).all():
            raise TrainingError(f"The importance of {tensor.name} must be {int(tensor.shape[0])}"
                                " finite numbers.")


def _read(path: Path) -> gguf.GGUFReader:
    try:
        return gguf.GGUFReader(path)
    except (OSError, ValueError, IndexError, KeyError) as error:
        raise TrainingError(f"{path}: not a whole GGUF file ({error}).") from error


def _verify(source: Path, made: Path) -> None:
    """The same tensors with the same shapes, and the file as long as they need."""
    def shapes(path: Path) -> dict[str, list[int]]:
        return {t.name: [int(n) for n in t.shape] for t in _read(path).tensors}

    if shapes(source) != shapes(made):
        raise TrainingError(f"{made}: the quantised file has other tensors than {source}.")


def walk_ladder(source: Path, out_dir: Path, steps: Sequence[str],
                importance: dict[str, np.ndarray], held_out: Sequence[Row], threads: int,
                report: Callable[[float, str], None]) -> list[Step]:
    """Make and measure every step; the F16 file is the first entry of the answer."""
    walked = [Step("F16", source.stat().st_size, gguf_bits_per_byte(source, held_out, threads))]
    for index, quant in enumerate(steps):
        report(index / len(steps), quant)
        out = out_dir / f"{quant}.gguf"
        quantise(source, out, quant, importance)
        walked.append(
            Step(quant, out.stat().st_size, gguf_bits_per_byte(out, held_out, threads)))
    return walked


def choose(walked: Sequence[Step], tolerance: float = TOLERANCE) -> Step:
    """The smallest step within ``tolerance`` of the F16 file; F16 itself always is."""
    limit = walked[0].held_out_bpb * (1 + tolerance)
    return min((s for s in walked if s.held_out_bpb <= limit), key=lambda s: s.size_bytes)


def as_table(walked: Sequence[Step]) -> list[dict[str, object]]:
    """The ladder for JSON and the model card."""
    return [asdict(step) for step in walked]


def _child(source: str, out: str, file_type: int, table: str) -> int:
    """Runs in the child: one call of llama_model_quantize through ctypes."""
    import llama_cpp
    from llama_cpp.llama_cpp import llama_model_imatrix_data

    importance = {name: np.ascontiguousarray(a, np.float32) for name, a in np.load(table).items()}
    entries = (llama_model_imatrix_data * (len(importance) + 1))()  # ended by a null name
    for entry, (name, values) in zip(entries, importance.items(), strict=False):
        entry.name = name.encode()
        entry.data = values.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        entry.size = values.size
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype = file_type
    params.nthread = 1
    params.imatrix = entries
    return llama_cpp.llama_model_quantize(source.encode(), out.encode(), ctypes.byref(params))


if __name__ == "__main__":
    sys.exit(_child(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]))
