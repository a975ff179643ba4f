"""Goal: rows behind one shared beginning teach exactly what they teach apart, for less work.

Method: loss and gradients of a random one-layer model, for both ways of laying a batch out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from host_training.rows.dataset import NO_LOSS
from host_training.training import merge
from host_training.training.prefix_collator import (
    ROWS_TOGETHER,
    SHARED_TOKENS_MIN,
    SharedPrefix,
    shared_tokens,
)
from tests.thorough import sampled

PREFIX = [7 + at % 50 for at in range(SHARED_TOKENS_MIN + 3)]


def row(*own: int, said: int = 2, prefix: list[int] = PREFIX) -> dict[str, list[int]]:
    """A prompt of ``prefix`` and ``own``, of which the last ``said`` tokens are learnt."""
    ids = [*prefix, *own]
    return {"input_ids": ids, "labels": [NO_LOSS] * (len(ids) - said) + ids[-said:]}


def learnt(model: Any, batches: list[dict[str, Any]]) -> tuple[float, dict[str, Any]]:
    """Sum of the loss over all labels, and its gradient by parameter name."""
    model.zero_grad()
    total = 0.0
    for batch in batches:
        labels = batch.pop("labels")
        logits = model(**batch, use_cache=False).logits
        loss = torch.nn.functional.cross_entropy(
            logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), ignore_index=NO_LOSS,
            reduction="sum")
        loss.backward()
        total += float(loss.detach())
    return total, {name: weight.grad.clone() for name, weight in model.named_parameters()}


@pytest.fixture(scope="module")
def model(tiny_base: Path) -> Any:
    return merge.load_base(tiny_base)[0]


@pytest.mark.parametrize("n_rows", sampled([ROWS_TOGETHER + 3, 2, 5, ROWS_TOGETHER]))
def test_the_loss_and_its_gradient_are_those_of_the_rows_apart(model: Any, n_rows: int) -> None:
    rows = [row(*range(60 + n, 66 + 2 * n)) for n in range(n_rows)]
    lay = SharedPrefix(0)
    together, gradient = learnt(model, [lay(rows)])
    apart, expected = learnt(model, [lay([one]) for one in rows])
    assert together == pytest.approx(apart, rel=1e-5)
    for name, of_weight in expected.items():
        torch.testing.assert_close(gradient[name], of_weight, rtol=1e-3, atol=1e-5, msg=name)


def test_the_beginning_is_there_once_for_some_rows() -> None:
    rows = [row(60 + n, 80, 81, 82) for n in range(ROWS_TOGETHER + 1)]
    batch = SharedPrefix(0)(rows)
    assert batch["input_ids"].shape == (2, len(PREFIX) + 4 * ROWS_TOGETHER)
    assert int((batch["labels"] != NO_LOSS).sum()) == 2 * len(rows)
    assert batch["position_ids"].max() == len(PREFIX) + 3, "positions go on from the beginning"


def test_rows_that_share_nothing_are_padded(model: Any) -> None:
    rows = [row(60, 61, 62), row(70, 71, 72, 73, prefix=[90, *PREFIX])]
    batch = SharedPrefix(0)(rows)
    assert batch["attention_mask"].shape == batch["input_ids"].shape == (2, len(PREFIX) + 5)
    assert batch["attention_mask"].sum(1).tolist() == [len(PREFIX) + 3, len(PREFIX) + 5]


def test_what_is_learnt_is_never_shared() -> None:
    """Nor the token before it: its logits would stand before the first of the rows alone."""
    same = row(60, 61, 62, said=2)
    assert shared_tokens([same, same]) == len(PREFIX)
    assert shared_tokens([row(60, 61, 62), row(60, 63, 64)]) == len(PREFIX)
    assert shared_tokens([row(60, 61, 62, 63), row(60, 63, 64, 65)]) == len(PREFIX) + 1
    assert shared_tokens([same]) == 0
    everything = {"input_ids": PREFIX, "labels": [NO_LOSS, *PREFIX[1:]]}
    assert shared_tokens([everything, everything]) == 0, "a plain row is learnt from its beginning"
