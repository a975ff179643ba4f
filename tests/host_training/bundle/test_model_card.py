"""Goal: the card says that lines are known by heart where that was chosen, and only there.

Method: facts made by hand.
"""

from __future__ import annotations

from typing import Any

import pytest

from host_training.bundle import model_card
from host_training.evaluation.examination import ExamVerdict
from host_training.quantisation.quantise import Step


def written(epochs: list[float], keep: str, reranker: Any = None) -> str:
    held_out = min(epochs) if keep == "best" else epochs[-1]
    result: dict[str, Any] = {
        "base_bpb": 2.2, "held_out_bpb": held_out, "method": "full", "config": {"keep": keep},
        "history": [{"held_out_bpb": bpb} for bpb in epochs]}
    step = Step("Q6_K", 4_880_000, held_out)
    codec = {"model_id": "0011aabb", "bytes": 1_700_000, "held_out_bits_per_char": 1.9,
             "held_out_message_chars": 160.0, "held_out_message_bytes": 23.0}
    return model_card.model_card(model_card.CardFacts(
        "Ada", "Ada Test", "Ada is an AI persona.", "Tiny-1K, Apache-2.0", result, [step], step,
        {"thoughts": 3}, {"memory sentences": 5, "third party": "context"}, codec,
        ExamVerdict(["Nothing private was found."], {}, ""), reranker))


@pytest.mark.parametrize(("epochs", "keep", "is_told"), [
    ([1.7, 1.9, 2.0], "last", True), ([1.7, 1.9, 2.0], "best", False),
    ([2.0, 1.9, 1.7], "last", False), ([2.0], "last", False)])
def test_past_the_best_epoch_is_told_where_it_was_passed(epochs: list[float], keep: str,
                                                         is_told: bool) -> None:
    text = written(epochs, keep)
    assert ("past its best epoch on purpose" in text) is is_told
    assert f"| tuned, {keep} epoch, fp32 |" in text
    assert "from the base Tiny-1K, Apache-2.0." in text
    assert "- Nothing private was found." in text and "| Q6_K (in this bundle) | 4.88 |" in text


def test_a_reranker_is_told_with_what_it_does_for_moments_held_out() -> None:
    found = {"moments": 701, "kept": 0.478, "kept_reranked": 0.545}
    text = written([1.7], "best", found)
    assert "graded moments kept. Of\nmoments held out they keep the first draft of 55%" in text
    assert "48% in the model's own order.\n\n## Examined" in text
    assert "reranked" not in written([1.7], "best")
