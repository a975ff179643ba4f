"""Meter: the base beside the thoughts, and what a token costs."""

from __future__ import annotations

import random

import pytest

from payload.mind.planner.meter import PRIOR_J_PER_TOKEN, Meter
from payload.ports import MindReply

BASE_W, THINK_W = 1.1, 1.8


def think(meter: Meter, now_ms: int, evaluated: int, drawn: int, seconds: int) -> int:
    """A thought of whole seconds and a minute of rest after it; the time then."""
    for second in range(seconds + 60):
        is_thinking = second < seconds
        meter.feel(BASE_W + THINK_W * is_thinking, is_thinking, now_ms)
        if second == seconds:
            meter.note_reply(MindReply(0, [], evaluated, evaluated, drawn, 1000 * seconds))
        now_ms += 1000
    return now_ms


def test_before_the_first_thought_it_is_the_prior() -> None:
    meter = Meter()
    assert (meter.base_w, meter.j_per_token) == (None, PRIOR_J_PER_TOKEN)
    assert meter.thought_j == pytest.approx(0.1 * 60 + 0.7 * 40)


def test_tokens_of_both_kinds_and_seconds_are_told_apart() -> None:
    """Method: ten evaluated and two drawn tokens a second, in thoughts of different shapes."""
    meter, now_ms, rng = Meter(), 0, random.Random(1)
    for _ in range(30):
        evaluated, drawn = 10 * rng.randint(2, 20), 2 * rng.randint(5, 20)
        now_ms = think(meter, now_ms, evaluated, drawn, evaluated // 10 + drawn // 2)
    assert meter.base_w == pytest.approx(BASE_W)
    assert meter.thought_w == pytest.approx(THINK_W, rel=0.05)
    assert meter.j_per_token == pytest.approx((THINK_W / 10, THINK_W / 2), rel=0.15)


def test_one_thought_is_enough_for_what_a_thought_costs() -> None:
    meter = Meter()
    think(meter, think(meter, 0, 150, 25, 40), 150, 25, 40)
    assert meter.thought_j == pytest.approx(40 * THINK_W, rel=0.1)


def test_without_a_current_nothing_is_learnt_and_nothing_breaks() -> None:
    meter = Meter()
    for second in range(30):
        meter.feel(None, second < 10, 1000 * second)
    meter.note_reply(MindReply(0, [], 0, 0, 0, 0))
    assert meter.base_w is None and meter.j_per_token == PRIOR_J_PER_TOKEN
