"""The planner's bench: its optimum is one, and its flights are the same each time."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest

from bench import planner_flights as flights
from bench.planner import Every, evenly
from bench.planner_interval import EVERY_S_MIN, EverySeconds, of_equal_energy
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


@pytest.mark.parametrize("is_watched", [True, False])
def test_the_one_interval_is_the_longest_that_spends_as_much(is_watched: bool) -> None:
    """Method: one second more spends less than was asked for."""
    drawn = [flights.draw(seed) for seed in (1_001, 1_002)]
    joules = 0.6 * sum(flights.fly(
        flight, EverySeconds(EVERY_S_MIN, is_watched), is_watched).joules for flight in drawn)
    found = of_equal_energy(drawn, joules, is_watched)
    longer = sum(flights.fly(
        flight, EverySeconds(found.every_s + 1, is_watched), is_watched).joules for flight in drawn)
    assert longer < joules <= found.joules < 1.05 * joules


def test_an_interval_between_two_slots_is_kept_on_the_mean() -> None:
    flight = flights.draw(1_001)
    thoughts = flights.fly(flight, EverySeconds(150, False), is_watched=False).thoughts
    passed_s = (thoughts[-1] - thoughts[0]) * flights.SLOT_S
    assert passed_s / (len(thoughts) - 1) == pytest.approx(150, abs=1)


def test_a_thought_costs_its_watts_and_seconds() -> None:
    flight = flights.draw(1_001)
    evaluated, drawn = (1.4 * mean for mean in flight.tokens)
    longest_s = evaluated / flight.tokens_per_s[0] + drawn / flight.tokens_per_s[1]
    one = flights.fly(flight, EverySeconds(flight.slots * flights.SLOT_S - 200, False),
                      is_watched=False)
    assert len(one.thoughts) == 1 and 0 < one.joules <= flight.think_w * longest_s
