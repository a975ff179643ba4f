"""The order of training rows: a pure function of their lengths, the seed and the epoch.

A run that was interrupted therefore goes on with the very rows it would have seen. Rows of about
the same length stand in one batch, so that little is padded; the batches are shuffled.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

POOL_BATCHES = 50  # rows are sorted by length within pools of so many batches


def epoch_order(lengths: Sequence[int], batch_rows: int, seed: int, epoch: int) -> list[int]:
    """Indices of all rows once, for ``epoch`` (from 0)."""
    rng = np.random.default_rng((seed, epoch))
    shuffled = rng.permutation(len(lengths)).tolist()
    pool = POOL_BATCHES * batch_rows
    batches = []
    for start in range(0, len(shuffled), pool):
        rows = sorted(shuffled[start : start + pool], key=lambda row: lengths[row])
        batches += [rows[at : at + batch_rows] for at in range(0, len(rows), batch_rows)]
    # The one short batch stays last, so that all before it keep their rows together.
    full = [batch for batch in batches if len(batch) == batch_rows]
    short = [batch for batch in batches if len(batch) < batch_rows]
    mixed = [full[index] for index in rng.permutation(len(full))] + short
    return [row for batch in mixed for row in batch]


def whole_order(lengths: Sequence[int], batch_rows: int, seed: int, epochs: int) -> list[int]:
    """Indices of all rows, ``epochs`` times, each time in an order of its own."""
    return [row for epoch in range(epochs)
            for row in epoch_order(lengths, batch_rows, seed, epoch)]


def epoch_ends(n_rows: int, batch_rows: int, epochs: int) -> dict[int, int]:
    """Step after which each epoch is done -> its number from 1."""
    return {math.ceil(epoch * n_rows / batch_rows): epoch for epoch in range(1, epochs + 1)}
