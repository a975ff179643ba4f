"""The planner's bench: its optimum is one, and its flights are the same each time."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest

from bench import planner_flights as flights
from bench.planner import Every, evenly
from wire.beacon import Phase


def short(happenings: list[flights.Happening]) -> flights.DrawnFlight:
    flight = flights.draw(1)
    flight.places = flight.places[:4] + [(Phase.ASCENT, 4, 100.0, 5.0)] * 14
    flight.happenings = happenings
    return flight


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_nothing_is_worth_more_than_the_optimum(count: int) -> None:
    """Method: every choice of so many slots, at least the spacing apart."""
    flight = short([flights.Happening("call-failed", 3), flights.Happening("launch", 4),
                    flights.Happening("half-air", 9), flights.Happening("burst", 10)])
    spacing = flights.SPACING_SLOTS
    by_hand = max(
        flights.worth_of(flight, list(slots)) for slots in combinations(range(3, 18), count)
        if all(b - a >= spacing for a, b in pairwise(slots)))
    best, slots = flights.optimum(flight, count)
    assert best == pytest.approx(by_hand) == pytest.approx(flights.worth_of(flight, slots))


def test_a_seed_is_a_flight() -> None:
    one, two = flights.draw(1_007), flights.draw(1_007)
    assert (one.places, one.happenings, one.power) == (two.places, two.happenings, two.power)
    assert flights.fly(one, Every(30)) == flights.fly(two, Every(30))


def test_an_even_pace_has_so_many_thoughts() -> None:
    flight = flights.draw(1_001)
    slots = evenly(flight, 40)
    assert len(slots) == 40 and slots[-1] < flight.slots
