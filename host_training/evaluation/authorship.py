"""Authorship attribution: a classifier of character n-grams, and its score for a persona.

A bag is about a thousand characters: single lines are too short to tell anybody by. The judge is
logistic regression on TF-IDF of character 2..5-grams; it learns the author's bags against other
people's, then scores bags nobody showed it. A score means nothing by itself, so it is always given
on a scale whose 0 is other people's writing (floor) and whose 1 is the author's own (ceiling).

Source:  Koppel and Winter, Determining if two documents are written by the same author, JASIST
         2014; floor and ceiling after arXiv 2604.26460.
"""

from __future__ import annotations

import math
import zlib
from collections import Counter
from collections.abc import Sequence
from statistics import fmean

import numpy as np

from host_training.evaluation import intervals
from host_training.evaluation.intervals import Interval

BAG_CHARS = 1_000
NGRAM_CHARS = range(2, 6)
BUCKETS = 1 << 15  # n-grams share these by their CRC-32, so that no vocabulary has to be kept
RIDGE = 1e-2  # of the mean loss of a bag; unit vectors, so hardly any other value does otherwise
NEWTON_STEPS_MAX = 30


def bags(texts: Sequence[str], chars: int = BAG_CHARS) -> list[str]:
    """Texts joined, in order, into pieces of at least ``chars``; a short rest is left out."""
    found: list[str] = []
    bag = ""
    for text in texts:
        bag += ("\n" if bag else "") + text
        if len(bag) >= chars:
            found.append(bag)
            bag = ""
    return found


def _counts(text: str) -> Counter[int]:
    data = text.encode()
    return Counter(zlib.crc32(data[at : at + n]) % BUCKETS
                   for n in NGRAM_CHARS for at in range(len(data) - n + 1))


class Judge:
    """Tells one author's bags from others'. Deterministic: no randomness is drawn."""

    def __init__(self, author: Sequence[str], others: Sequence[str]) -> None:
        """Learn from bags of both.

        Raises:  ValueError when either side has fewer than two.
        """
        if min(len(author), len(others)) < 2:
            raise ValueError("a judge needs at least two bags of each side")
        counts = [_counts(bag) for bag in (*author, *others)]
        seen = np.zeros(BUCKETS)
        for count in counts:
            seen[list(count)] += 1
        self._idf = np.log((1 + len(counts)) / (1 + seen)) + 1
        features = self._features(counts)
        sides = np.r_[np.ones(len(author)), -np.ones(len(others))]
        # Both sides weigh the same, however many bags they have.
        weights = np.r_[np.full(len(author), 0.5 / len(author)),
                        np.full(len(others), 0.5 / len(others))]
        dual, self._bias = _logistic(features @ features.T, sides, weights)
        self._direction = features.T @ dual

    def _features(self, counts: Sequence[Counter[int]]) -> np.ndarray:
        """(n_bags, BUCKETS), rows of length 1."""
        table = np.zeros((len(counts), BUCKETS), np.float32)
        for row, count in zip(table, counts, strict=True):
            at = list(count)
            row[at] = (1 + np.log(np.fromiter(count.values(), float))) * self._idf[at]
        unit: np.ndarray = table / np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-12)
        return unit

    def score(self, bags_: Sequence[str]) -> np.ndarray:
        """Log odds that the author wrote each bag, (n_bags,)."""
        if not bags_:
            return np.zeros(0)
        features = self._features([_counts(bag) for bag in bags_])
        odds: np.ndarray = features @ self._direction + self._bias
        return odds


def _logistic(kernel: np.ndarray, sides: np.ndarray, weights: np.ndarray
              ) -> tuple[np.ndarray, float]:
    """Dual weights (n,) and bias of ridge logistic regression, by Newton's method.

    Args:    kernel: (n, n) inner products; sides: +1 or -1; weights: of each loss, sum 1.
    """
    n = len(sides)
    kernel = kernel.astype(float)
    dual, bias = np.zeros(n), 0.0
    for _ in range(NEWTON_STEPS_MAX):
        odds = kernel @ dual + bias
        p = 1 / (1 + np.exp(-np.clip(odds, -35, 35)))
        slope = weights * (p - (sides > 0))
        curve = np.maximum(weights * p * (1 - p), 1e-12)
        # Weighted least squares of the working response, in the dual: (K + R/curve) a + b = z.
        response = odds - slope / curve
        system = np.block([[kernel + np.diag(RIDGE / curve), np.ones((n, 1))],
                           [np.ones((1, n)), np.zeros((1, 1))]])
        solved = np.linalg.solve(system, np.r_[response, 0.0])
        step = np.abs(solved[:n] - dual).max()
        dual, bias = solved[:n], float(solved[n])
        if step < 1e-8:
            break
    return dual, bias


def telling_apart(generated: Sequence[str], written: Sequence[str], seed: int) -> Interval | None:
    """How often a judge trained for just that tells a generated bag from a written one (AUC).

    Every second bag of each is learnt and the others judged, then the other way round. 0.5 is the
    best a persona can do. The interval is drawn over the bags that are judged. None with fewer than
    two bags for each of these.
    """
    sides = bags(written), bags(generated)
    if min(map(len, sides)) < 4:
        return None
    folds = []
    for fold in (0, 1):
        judge = Judge(*(side[fold::2] for side in sides))
        of_written, of_generated = (judge.score(side[1 - fold :: 2]) for side in sides)
        folds.append(intervals.auc_interval(of_written, of_generated, seed))
    return Interval(*(fmean(getattr(fold, end) for fold in folds)
                      for end in ("value", "low", "high")))


def normalised(generated: np.ndarray, floor: np.ndarray, ceiling: np.ndarray, seed: int
               ) -> Interval:
    """Where the generated bags stand between others' (0) and the author's own (1).

    Scores of bags each, at least one; the interval is drawn over the bags of all three. NaN where
    the judge cannot tell the author from the others.
    """
    g, f, c = _means((generated, floor, ceiling), seed)
    return _interval(g - f, c - f)


def lead(first: np.ndarray, second: np.ndarray, floor: np.ndarray, ceiling: np.ndarray, seed: int
         ) -> Interval:
    """How much nearer to the author ``first`` stands than ``second``, on the same scale.

    Args:    first, second: (n,) scores of what both said to the same prompts, in the same order;
             what the prompts themselves add to both is left out.
    """
    ahead, f, c = _means((first - second, floor, ceiling), seed)
    return _interval(ahead, c - f)


def _means(sides: Sequence[np.ndarray], seed: int) -> list[np.ndarray]:
    """Mean score of each side, and behind it those of RESAMPLES draws with replacement."""
    rng = np.random.default_rng(seed)
    return [np.r_[side.mean(), rng.multinomial(len(side), np.full(len(side), 1 / len(side)),
                                               intervals.RESAMPLES) @ side / len(side)]
            for side in sides]


def _interval(parts: np.ndarray, spans: np.ndarray) -> Interval:
    """Of part / span, whose first entries are the figures themselves."""
    if spans[0] <= 0:
        return Interval(math.nan, math.nan, math.nan)
    shares = (parts / spans)[spans > 0]
    margin = (1 - intervals.CONFIDENCE) / 2
    low, high = np.quantile(shares, [margin, 1 - margin])
    return Interval(float(shares[0]), float(low), float(high))
