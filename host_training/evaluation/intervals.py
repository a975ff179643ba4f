"""How far a figure may be trusted: bootstrap intervals drawn over whole sessions.

Lines of one conversation or chapter resemble each other, so drawing single lines would make every
interval too narrow; sessions are drawn with replacement and all their lines come along.

Source:  Efron and Tibshirani, An Introduction to the Bootstrap, 1993, §13 (percentile interval).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

RESAMPLES = 2_000
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with the bounds between which it lies with CONFIDENCE."""

    value: float
    low: float
    high: float


def ratio(numerators: np.ndarray, denominators: np.ndarray, sessions: Sequence[Hashable],
          seed: int) -> Interval:
    """Interval of sum / sum, such as bits per byte: (n_rows,) each, with each row's session.

    Nothing can be drawn over a single session: its bounds are infinite.
    """
    numbers = {session: number for number, session in enumerate(dict.fromkeys(sessions))}
    groups = np.array([numbers[session] for session in sessions])
    tops = np.bincount(groups, numerators, len(numbers))
    bottoms = np.bincount(groups, denominators, len(numbers))
    value = float(tops.sum() / bottoms.sum())
    if len(numbers) < 2:
        return Interval(value, -math.inf, math.inf)
    tops, bottoms = _draw(tops, bottoms, seed)
    ratios = tops[bottoms > 0] / bottoms[bottoms > 0]
    low, high = np.quantile(ratios, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Interval(value, float(low), float(high))


def _draw(tops: np.ndarray, bottoms: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Sums over RESAMPLES draws of as many sessions as there are, with replacement."""
    n = len(tops)
    weights = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), RESAMPLES)
    return weights @ tops, weights @ bottoms


def rate(hits: int, trials: int) -> Interval:
    """How often something happens: Wilson's interval, which never leaves 0..1 (JASA 1927).

    Args:    hits: 0..trials; trials: at least one.
    """
    share, z = hits / trials, NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    spread = z * math.sqrt(share * (1 - share) / trials + (z / trials) ** 2 / 4)
    middle = share + z * z / trials / 2
    whole = 1 + z * z / trials
    return Interval(share, max(0.0, (middle - spread) / whole), min(1.0, (middle + spread) / whole))


def auc(positives: Sequence[float], negatives: Sequence[float]) -> float:
    """How often a positive scores above a negative, ties half: 0.5 tells nothing, 1 everything."""
    high, low = np.asarray(positives, float), np.sort(np.asarray(negatives, float))
    below = np.searchsorted(low, high, "left") + np.searchsorted(low, high, "right")
    return float(below.mean() / 2 / len(low))


def auc_interval(positives: Sequence[float], negatives: Sequence[float], seed: int) -> Interval:
    """Interval of ``auc``, drawing both sides with replacement."""
    rng = np.random.default_rng(seed)
    high, low = np.asarray(positives, float), np.asarray(negatives, float)
    drawn = [auc(rng.choice(high, len(high)), rng.choice(low, len(low)))
             for _ in range(RESAMPLES // 4)]
    bounds = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Interval(auc(high, low), float(bounds[0]), float(bounds[1]))
