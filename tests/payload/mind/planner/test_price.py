"""Price: so many thoughts, and no more, are worth it."""

from __future__ import annotations

import pytest

from payload.mind.planner.price import NewsToCome, Stretch, price_of, silence, thoughts_at
from payload.mind.planner.worth import ripe

STRETCHES = (Stretch(900, 0.3), Stretch(5_600, 1.0), Stretch(2_000, 1.2))
TO_COME = (NewsToCome(10.0, 1.0), NewsToCome(3.0, 2.0), NewsToCome(0.5, 30.0))


def test_silence_is_the_inverse_of_ripe() -> None:
    for part in (0.01, 0.25, 0.5, 0.9, 0.99):
        assert ripe(silence(part)) == pytest.approx(part, abs=0.005)


@pytest.mark.parametrize("thoughts", [1, 3, 10, 40, 100])
def test_the_price_buys_what_can_be_paid(thoughts: int) -> None:
    price = price_of(thoughts, STRETCHES, TO_COME, 150, 60)
    assert thoughts_at(price, STRETCHES, TO_COME, 150, 60) <= thoughts
    assert thoughts_at(0.98 * price, STRETCHES, TO_COME, 150, 60) >= 0.9 * thoughts


def test_the_less_there_is_the_dearer_and_plenty_is_free() -> None:
    prices = [price_of(thoughts, STRETCHES, TO_COME, 150, 60)
              for thoughts in (0, 1, 5, 50, 141, 1_000)]
    assert prices == sorted(prices, reverse=True)
    assert prices[0] >= 10.0 and prices[-1] == 0.0


def test_alone_on_a_leg_thoughts_come_at_one_pace() -> None:
    """Goal: against the arithmetic of an interval: 5600 s, a silence of 280 s, 20 thoughts."""
    price = price_of(20, (Stretch(5_600, 1.0),), (), 150, 60)
    assert 150 * silence(price) == pytest.approx(280, rel=0.02)


def test_an_end_has_nothing_to_sell() -> None:
    assert thoughts_at(0.0, (Stretch(0, 1.0),), TO_COME, 150, 60) == 0.0
    assert price_of(0, (Stretch(0, 1.0),), (), 150, 60) == 0.0
