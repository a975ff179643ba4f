"""Uncertainty of a figure: bootstrap intervals resampled over whole sessions.

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

# Numerators and denominators of the rows, (n_rows,) each, and the session of each row.
Sums = tuple[np.ndarray, np.ndarray, Sequence[Hashable]]


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
    return _interval(*_draws(numerators, denominators, sessions, seed))


def difference(first: Sums, second: Sums, seed: int) -> Interval:
    """How much larger one ratio is than another of other sessions: each is drawn for itself."""
    a, drawn_a = _draws(*first, seed)
    b, drawn_b = _draws(*second, seed + 1)
    return _interval(a - b, drawn_a - drawn_b)


def _draws(numerators: np.ndarray, denominators: np.ndarray, sessions: Sequence[Hashable],
           seed: int) -> tuple[float, np.ndarray]:
    """sum / sum, and that of RESAMPLES draws of as many sessions as there are, with replacement.

    NaN where a draw has nothing to divide by, and in every draw over a single session.
    """
    numbers = {session: number for number, session in enumerate(dict.fromkeys(sessions))}
    groups = np.array([numbers[session] for session in sessions])
    tops = np.bincount(groups, numerators, len(numbers))
    bottoms = np.bincount(groups, denominators, len(numbers))
    value, n = float(tops.sum() / bottoms.sum()), len(numbers)
    if n < 2:
        return value, np.full(RESAMPLES, np.nan)
    weights = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), RESAMPLES)
    below = weights @ bottoms
    return value, (weights @ tops) / np.where(below > 0, below, np.nan)


def _interval(value: float, drawn: np.ndarray) -> Interval:
    known = drawn[np.isfinite(drawn)]
    if not len(known):
        return Interval(value, -math.inf, math.inf)
    low, high = np.quantile(known, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Interval(value, float(low), float(high))


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


def auc_interval(positives: Sequence[float], negatives: Sequence[float], seed: int,
                 sessions: Sequence[Hashable] | None = None) -> Interval:
    """Interval of ``auc``, drawing both sides with replacement.

    Args:    sessions: of the positives, which are then drawn by whole sessions.
    """
    rng = np.random.default_rng(seed)
    high, low = np.asarray(positives, float), np.asarray(negatives, float)
    groups: dict[Hashable, list[float]] = {}
    for at, value in enumerate(high):
        groups.setdefault(sessions[at] if sessions is not None else at, []).append(value)
    of_session = list(groups.values())
    drawn = [auc([value for at in rng.integers(len(of_session), size=len(of_session))
                  for value in of_session[at]], rng.choice(low, len(low)))
             for _ in range(RESAMPLES // 4)]
    return _interval(auc(high, low), np.array(drawn))
