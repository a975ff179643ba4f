"""Quantise a GGUF with llama.cpp's own code, in a process of its own, down a measured ladder.

llama.cpp aborts the whole process on some errors and leaves half a file; so each step runs in a
child, writes to a ``.part`` file, is opened and compared, and only then gets its name. The smallest
step whose held-out bits per byte is within the tolerance of the F16 file is taken.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from host_training.errors import TrainingError
from host_training.gguf.metadata import read_gguf
from host_training.likelihood.bits import gguf_bits_per_byte
from host_training.quantisation import llama_quantise
from host_training.quantisation.imatrix import wanted_by
from host_training.quantisation.size_estimate import Size, dry_run, split_step
from host_training.rows.dataset import Row

TOLERANCE = 0.02
FAITHFUL = 0.02  # of bits per byte: rounding to 16 bits costs a tenth of that


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the ladder and what it costs."""

    quant: str
    size_bytes: int
    held_out_bpb: float


def quantise(source: Path, out: Path, quant: str, importance: dict[str, np.ndarray]) -> None:
    """Quantise ``source`` (F16) to ``out``.

    Raises:  TrainingError for an unknown type, an importance that misses a weight, or a child
             that failed.
    """
    kind = split_step(quant)
    _check_importance(source, importance)
    partial = out.with_suffix(".part")
    try:
        llama_quantise.quantise(source, partial, kind, importance)
        _verify(source, partial)
        os.replace(partial, out)
    finally:
        partial.unlink(missing_ok=True)


def _check_importance(source: Path, importance: dict[str, np.ndarray]) -> None:
    """llama.cpp only whispers about a missing name, so the check is ours."""
    for name, length in wanted_by(source).items():
        values = importance.get(name)
        if values is None:
            raise TrainingError(f"The importance matrix has no entry for {name}.")
        if values.shape != (length,) or not np.isfinite(values).all():
            raise TrainingError(f"The importance of {name} must be {length} finite numbers.")


def _verify(source: Path, made: Path) -> None:
    """The same tensors with the same shapes, and the file as long as they need.

    A dimension of one at the end may come or go: llama.cpp counts without them.
    """
    def shapes(path: Path) -> dict[str, list[int]]:
        return {t.name: [int(n) for n in t.shape if n > 1] for t in read_gguf(path).tensors}

    if shapes(source) != shapes(made):
        raise TrainingError(f"{made}: the tensors of the quantised file differ from {source}.")


def walk_ladder(source: Path, out_dir: Path, steps: Sequence[str],
                importance: dict[str, np.ndarray], held_out: Sequence[Row], threads: int,
                expected_bpb: float, report: Callable[[float, str], None]) -> list[Step]:
    """Make and measure every step; the F16 file is the first entry of the answer.

    Args:    expected_bpb: what the model that was converted costs in fp32.
    Raises:  TrainingError as ``quantise``, or when the F16 file is not that model.
    """
    walked = [Step("F16", source.stat().st_size, gguf_bits_per_byte(source, held_out, threads))]
    _check_faithful(source, walked[0].held_out_bpb, expected_bpb)
    steps = worth_trying(walked[0].size_bytes, dry_run(source, steps))
    for number, quant in enumerate(steps):
        report(number / len(steps), quant)
        out = out_dir / f"{quant}.gguf"
        quantise(source, out, quant, importance)
        walked.append(
            Step(quant, out.stat().st_size, gguf_bits_per_byte(out, held_out, threads)))
    return walked


def _check_faithful(path: Path, measured_bpb: float, expected_bpb: float) -> None:
    """A file converted wrongly loads and talks all the same; its bits per byte tell."""
    if abs(measured_bpb / expected_bpb - 1) > FAITHFUL:
        raise TrainingError(f"{path}: costs {measured_bpb:.3f} bits per byte in llama.cpp, the "
                            f"model {expected_bpb:.3f}; llama.cpp does not run this base "
                            "correctly, choose another one.")


def worth_trying(from_bytes: int, sizes: Sequence[Size]) -> list[str]:
    """The steps of a ladder, best first, that are smaller than every better one.

    Where a type falls back to others it may be no smaller than the step before it, which keeps
    more; such a step costs time and can only be worse.
    """
    smallest, steps = from_bytes, []
    for size in sizes:
        if size.bytes < smallest or len(sizes) == 1:  # the one that was asked for is made
            steps.append(size.quant)
            smallest = size.bytes
    return steps


def choose(walked: Sequence[Step], tolerance: float = TOLERANCE) -> Step:
    """The smallest step within ``tolerance`` of the F16 file; F16 itself always is."""
    limit = walked[0].held_out_bpb * (1 + tolerance)
    return min((s for s in walked if s.held_out_bpb <= limit), key=lambda s: s.size_bytes)


def as_table(walked: Sequence[Step]) -> list[dict[str, object]]:
    """The ladder for JSON and the model card."""
    return [asdict(step) for step in walked]
