"""Packs rows with a common prefix into one sequence, so that the prefix is evaluated once.

Every prompt of a persona begins with the same words (``payload.prompt.prefix``), three quarters of
a row. Here a few rows stand behind one such beginning; the mask lets each see the beginning and
itself, and its positions go on from the beginning. Loss and gradient are those of the rows apart,
but for the rounding of sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from host_training.rows.dataset import NO_LOSS

SHARED_TOKENS_MIN = 32  # less is not worth a mask
# Attention grows with the square of a sequence: with more rows than this behind one beginning it
# costs a small base more than the beginning saves.
ROWS_TOGETHER = 8

Feature = dict[str, list[int]]


class SharedPrefix:
    """A collator: rows of ``input_ids`` and ``labels`` to the tensors of one batch."""

    def __init__(self, pad_id: int) -> None:
        """``pad_id`` fills what is left of a shorter sequence; it is never seen nor learnt."""
        self._pad_id = pad_id

    def __call__(self, rows: Sequence[Feature]) -> dict[str, Any]:
        """input_ids, labels and position_ids (sequences, tokens), and who may see whom.

        attention_mask is (sequences, 1, tokens, tokens), true where a token may look, or
        (sequences, tokens) where no row shares anything and each is a sequence of its own.
        """
        shared = shared_tokens(rows)
        if shared < SHARED_TOKENS_MIN:
            return self._apart(rows)
        groups = [rows[at : at + ROWS_TOGETHER] for at in range(0, len(rows), ROWS_TOGETHER)]
        longest = shared + max(
            sum(len(row["input_ids"]) - shared for row in group) for group in groups)
        shape = (len(groups), longest)
        ids = torch.full(shape, self._pad_id)
        labels = torch.full(shape, NO_LOSS)
        positions = torch.zeros(shape, dtype=torch.long)
        # Padding sees itself: a token that may see nothing has no softmax.
        mask = torch.eye(longest, dtype=torch.bool).repeat(len(groups), 1, 1)
        causal = torch.ones(longest, longest, dtype=torch.bool).tril()
        for number, group in enumerate(groups):
            ids[number, :shared] = torch.tensor(group[0]["input_ids"][:shared])
            positions[number, :shared] = torch.arange(shared)
            mask[number, :shared, :shared] = causal[:shared, :shared]
            start = shared
            for row in group:
                own = torch.tensor(row["input_ids"][shared:])
                end = start + len(own)
                ids[number, start:end] = own
                labels[number, start:end] = torch.tensor(row["labels"][shared:])
                positions[number, start:end] = torch.arange(shared, shared + len(own))
                mask[number, start:end, :shared] = True
                mask[number, start:end, start:end] = causal[: len(own), : len(own)]
                start = end
        return {"input_ids": ids, "labels": labels, "position_ids": positions,
                "attention_mask": mask[:, None]}

    def _apart(self, rows: Sequence[Feature]) -> dict[str, Any]:
        longest = max(len(row["input_ids"]) for row in rows)

        def padded(key: str, filler: int) -> torch.Tensor:
            return torch.tensor([row[key] + [filler] * (longest - len(row[key])) for row in rows])

        lengths = torch.tensor([len(row["input_ids"]) for row in rows])
        return {"input_ids": padded("input_ids", self._pad_id), "labels": padded("labels", NO_LOSS),
                "attention_mask": (torch.arange(longest) < lengths[:, None]).long()}


def shared_tokens(rows: Sequence[Feature]) -> int:
    """How many tokens all rows begin with that carry no loss, nor does the one after them.

    The token after them is predicted from the last shared one, which stands before one row only.
    """
    if len(rows) < 2:
        return 0
    first = rows[0]["input_ids"]
    shared = min(_first_learnt(row["labels"]) - 1 for row in rows)
    for row in rows[1:]:
        ids = row["input_ids"]
        same = 0
        while same < min(shared, len(first), len(ids)) and ids[same] == first[same]:
            same += 1
        shared = min(shared, same)
    return max(0, shared)


def _first_learnt(labels: Sequence[int]) -> int:
    return next((at for at, label in enumerate(labels) if label != NO_LOSS), len(labels))
