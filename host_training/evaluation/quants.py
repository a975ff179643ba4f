"""The cost of a quantisation relative to F16: bits per byte, divergence, agreement.

Sources: Kullback and Leibler 1951; llama.cpp's perplexity tool, whose "same top p" is top-1 here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from host_training.evaluation import intervals
from host_training.evaluation.intervals import Interval
from host_training.likelihood import bits
from host_training.rows.dataset import Row


@dataclass(frozen=True, slots=True)
class QuantCost:
    """A quantised file beside its F16 file, on the same rows.

    ``added``: bits per byte it needs more, with its interval over sessions; ``divergence``: mean
    Kullback-Leibler divergence in bits per token; ``same_choice``: share of tokens at which both
    would choose the same.
    """

    quant: str
    file_bytes: int
    bits_per_byte: float
    added: Interval
    divergence: float
    same_choice: float

    @property
    def added_share(self) -> float:
        """What it adds, as a share of what F16 needs."""
        return self.added.value / (self.bits_per_byte - self.added.value)


def compare(reference: Path, files: dict[str, Path], rows: Sequence[Row],
            sessions: Sequence[str], seed: int, threads: int) -> list[QuantCost]:
    """The cost of every file, in the order given.

    Only one pair of files is open at a time, and one row of theirs in memory.
    """
    sizes = np.array([len(row.text.encode()) for row in rows], float)
    found = []
    for quant, path in files.items():
        exact_bits, quant_bits = np.zeros(len(rows)), np.zeros(len(rows))
        divergence = same = n_tokens = 0.0
        pairs = zip(bits.gguf_log_probs(reference, rows, threads),
                    bits.gguf_log_probs(path, rows, threads), strict=True)
        for at, ((exact, labels), (rounded, _)) in enumerate(pairs):
            places = np.arange(len(labels))
            exact_bits[at] = -exact[places, labels].sum() / math.log(2)
            quant_bits[at] = -rounded[places, labels].sum() / math.log(2)
            divergence += float((np.exp(exact) * (exact - rounded)).sum()) / math.log(2)
            same += int((exact.argmax(1) == rounded.argmax(1)).sum())
            n_tokens += len(labels)
        found.append(QuantCost(
            quant, path.stat().st_size, float(quant_bits.sum() / sizes.sum()),
            intervals.ratio(quant_bits - exact_bits, sizes, sessions, seed),
            divergence / n_tokens, same / n_tokens))
    return found
