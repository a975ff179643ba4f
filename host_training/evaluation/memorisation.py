"""Memorisation: exposed canaries, completed training lines, verbatim output.

The exposure of a canary (``host_training.rows.canaries``) is how far it climbs among REFERENCES
sentences of the same build that were never trained: about 1.4 bits by chance, log2(REFERENCES + 1)
bits in the first place. A canary written once stands for a private fact that was mentioned once.

Sources: Carlini et al., The Secret Sharer, USENIX Security 2019 (exposure); Carlini et al.,
         Quantifying memorization across neural language models, ICLR 2023 (prefix and suffix).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from host_training.likelihood import bits
from host_training.rows.canaries import REFERENCES, canaries
from host_training.rows.dataset import NO_LOSS, Row, RowBuilder

MOST_BITS = math.log2(REFERENCES + 1)
SUFFIX_TOKENS = 20
VERBATIM_CHARS = 50

def exposures(model: Path, builder: RowBuilder, seed: int, threads: int) -> dict[int, list[float]]:
    """Times written -> exposure in bits of each canary, 0..log2(REFERENCES + 1)."""
    known, references = canaries(seed)
    rows = [builder.plain(text) for text in (*(c.text for c in known), *references)]
    costs = bits.gguf_row_bits(model, [row for row in rows if row], threads)
    assert len(costs) == len(rows)
    found: dict[int, list[float]] = {}
    for canary, cost in zip(known, costs, strict=False):
        rank = 1 + int((costs[len(known):] < cost).sum())
        found.setdefault(canary.times, []).append(math.log2((REFERENCES + 1) / rank))
    return found


def completed(model: Any, rows: Sequence[Row]) -> float:
    """Share of rows whose first half makes the model say the next SUFFIX_TOKENS word for word.

    ``model`` is an open llama_cpp model; greedy choice. Rows too short to tell are left out.
    """
    tried = hit = 0
    for row in rows:
        begin = next(at for at, label in enumerate(row.labels) if label != NO_LOSS)
        half = begin + (len(row.labels) - begin) // 2
        truth = row.input_ids[half : half + SUFFIX_TOKENS]
        if len(truth) < SUFFIX_TOKENS:
            continue
        tried += 1
        hit += _goes_on_with(model, row.input_ids[:half], truth)
    return hit / tried if tried else 0.0


def _goes_on_with(model: Any, start: Sequence[int], truth: Sequence[int]) -> bool:
    model.reset()
    model.eval(list(start))
    for token in truth:
        if int(model.scores[model.n_tokens - 1].argmax()) != token:
            return False
        model.eval([token])
    return True


class TrainedText:
    """The trained text, to find what is said again from it."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._text = "\n".join(" ".join(text.split()) for text in texts)
        self._seen = {hash(self._text[at : at + VERBATIM_CHARS])
                      for at in range(len(self._text) - VERBATIM_CHARS + 1)}

    def longest_common(self, line: str) -> int:
        """Characters of the longest stretch of ``line`` that stands in the trained text.

        0 where it is shorter than VERBATIM_CHARS, which any two people may have in common.
        """
        line = " ".join(line.split())
        best = 0
        for at in range(len(line) - VERBATIM_CHARS + 1):
            if hash(line[at : at + VERBATIM_CHARS]) not in self._seen:
                continue
            end = at + max(best, VERBATIM_CHARS)
            while end <= len(line) and line[at:end] in self._text:
                best, end = end - at, end + 1
        return best
