"""Price: what a thought must be worth, so that as many are worth it as can be paid for.

The optimum of a knapsack whose future is known on the average: of all thoughts to come, the best
are taken until the energy is used up, and the last of them sets the price (a threshold policy, as
for the online knapsack problem). A higher price means longer silences between ordinary thoughts,
and less news told.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from payload.mind.planner.worth import ripe

STEPS = 16  # of a bisection: to the 65,000th part of the highest price
SILENCE_MAX = 12.0  # intervals; ``ripe`` is 1 there to four digits


class Stretch(NamedTuple):
    """A part of the way: its seconds, and what an ordinary thought in it is worth."""

    seconds: float
    ordinary: float


class NewsToCome(NamedTuple):
    """What is still to come: its worth, and how many of it."""

    worth: float
    times: float


def _ripe_silence(part: float) -> float:
    """Where ``ripe`` reaches this part, in intervals."""
    low, high = 0.0, SILENCE_MAX
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if ripe(middle) < part else (low, middle)
    return high


_GRID = 200
_SILENCES = (*(_ripe_silence(at / _GRID) for at in range(_GRID)), SILENCE_MAX)


def silence(part: float) -> float:
    """The silence, in intervals, after which an ordinary thought adds this part of its worth."""
    at = min(max(part, 0.0), 1.0) * _GRID
    index = min(int(at), _GRID - 1)
    return _SILENCES[index] + (at - index) * (_SILENCES[index + 1] - _SILENCES[index])


def thoughts_at(
    price: float, stretches: Sequence[Stretch], to_come: Sequence[NewsToCome], interval_s: float,
    spacing_s: float,
) -> float:
    """How many thoughts of the way are worth the price.

    News comes at any time and ends a silence too: of events at the rate r and a silence of at most
    x there are r / (1 - exp(-r x)) thoughts a second.
    """
    seconds = sum(stretch.seconds for stretch in stretches)
    if seconds <= 0:
        return 0.0
    rate = sum(news.times for news in to_come if news.worth > price) / seconds
    count = 0.0
    for stretch in stretches:
        if price >= stretch.ordinary:
            count += rate * stretch.seconds
            continue
        longest_s = max(spacing_s, interval_s * silence(price / stretch.ordinary))
        told = -math.expm1(-rate * longest_s)
        count += stretch.seconds * (rate / told if told > 0 else 1 / longest_s)
    return min(count, seconds / spacing_s)


def price_of(
    thoughts: float, stretches: Sequence[Stretch], to_come: Sequence[NewsToCome], interval_s: float,
    spacing_s: float,
) -> float:
    """The lowest price at which ``thoughts`` suffice for the way; 0 where all can be paid."""
    worths = [each.ordinary for each in stretches] + [each.worth for each in to_come]
    low, high = 0.0, 1.0 + max(worths)
    if thoughts_at(low, stretches, to_come, interval_s, spacing_s) <= thoughts:
        return 0.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        too_many = thoughts_at(middle, stretches, to_come, interval_s, spacing_s) > thoughts
        low, high = (middle, high) if too_many else (low, middle)
    return high
