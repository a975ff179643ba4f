"""Fits the reranker of a bundle to graded drafts, and says on unseen moments whether it helps.

A logistic regression with an L2 penalty: which drafts does a reader keep, by their words
(``payload.mind.reranker``) and by the place in which the model ranked them?
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TypedDict

import torch

from host_training.training.graded_drafts import SOUND, GradedMoment
from payload.mind.reranker import Reranker, words_of
from payload.prompt import topic_of

MOMENTS_MIN = 100  # fewer say more of single lines than of words
DRAFTS_MIN = 4  # with a word; of a rarer one little is known
PENALTY = 10.0  # on the square of a weight, against nats of all drafts; 5 and 20 did as well
FOLDS = 10
STEPS_MAX = 100
DECIMALS = 3


class RerankerResult(TypedDict):
    """Shares of held-out moments whose first draft a reader keeps."""

    moments: int
    kept: float  # in the model's own order
    kept_reranked: float


def graded_only(moments: Sequence[GradedMoment]) -> list[GradedMoment]:
    """Those that a reader has seen, and that leave a choice."""
    return [moment for moment in moments if len(moment.grades) > 1]


def fit(moments: Sequence[GradedMoment]) -> Reranker:
    """The reranker of these moments; equal moments give equal weights."""
    drafts = [(words_of(draft, topic_of(moment.moment)), place, moment.grades[place] >= SOUND)
              for moment in moments for place, draft in enumerate(moment.drafts)]
    counts = Counter(word for words, _, _ in drafts for word in words)
    names = sorted(word for word, count in counts.items() if count >= DRAFTS_MIN)
    at = {word: number for number, word in enumerate(names)}
    has = torch.zeros(len(drafts), len(names))
    for row, (words, _, _) in enumerate(drafts):
        has[row, [at[word] for word in words if word in at]] = 1.0
    places = torch.tensor([float(place) for _, place, _ in drafts])
    kept = torch.tensor([float(is_kept) for _, _, is_kept in drafts])
    weights = torch.zeros(len(names), requires_grad=True)
    others = torch.zeros(2, requires_grad=True)  # of no word: the constant, and a place
    search = torch.optim.LBFGS([weights, others], max_iter=STEPS_MAX, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        search.zero_grad()
        logits = has @ weights + others[0] + others[1] * places
        found = torch.nn.functional.binary_cross_entropy_with_logits(logits, kept, reduction="sum")
        found = found + PENALTY / 2 * weights.square().sum()
        found.backward()
        return found

    search.step(loss)
    found = {name: round(weight, DECIMALS)
             for name, weight in zip(names, weights.tolist(), strict=True)}
    return Reranker(round(others[1].item(), DECIMALS),
                    {name: weight for name, weight in found.items() if weight})


def held_out(moments: Sequence[GradedMoment]) -> RerankerResult:
    """What rerankers do for moments that they have not seen: each tenth in turn, as it
    stands in the file, so that a flight is mostly held out whole."""
    kept = reranked = 0
    for fold in range(FOLDS):
        start, end = (len(moments) * edge // FOLDS for edge in (fold, fold + 1))
        order = fit([*moments[:start], *moments[end:]])
        for moment in moments[start:end]:
            first = order.ordered(moment.drafts, topic_of(moment.moment))[0]
            kept += moment.grades[0] >= SOUND
            reranked += moment.grades[moment.drafts.index(first)] >= SOUND
    return {"moments": len(moments), "kept": kept / len(moments),
            "kept_reranked": reranked / len(moments)}
