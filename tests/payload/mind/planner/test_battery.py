"""Battery: what is expected, and what cold and use take from it."""

from __future__ import annotations

import pytest

from payload.mind.planner.battery import EXPECTED_PART, remaining_energy
from wire.mission import PowerSection

ONE = PowerSection(capacity_mah=3000, eco_mv=3600, low_mv=3400, critical_mv=3200)
TWO = PowerSection(capacity_mah=3000, eco_mv=7200, low_mv=6800, critical_mv=6400)


def test_a_full_warm_cell_of_three_ampere_hours() -> None:
    full = remaining_energy(ONE, 0, None)
    assert full.expected_j / 3600 == pytest.approx(EXPECTED_PART * 3.0 * 3.68, rel=0.01)
    assert 0 < full.margin_j < 0.1 * full.expected_j


def test_use_and_cold_take_from_it_and_never_more_than_there_is() -> None:
    assert remaining_energy(ONE, 1000, 20).expected_j < remaining_energy(ONE, 0, 20).expected_j
    assert remaining_energy(ONE, 0, -15).expected_j < 0.9 * remaining_energy(ONE, 0, 27).expected_j
    assert remaining_energy(ONE, 9_000, -40).expected_j == 0.0


def test_two_in_series_have_twice_as_much() -> None:
    one, two = remaining_energy(ONE, 500, 10), remaining_energy(TWO, 500, 10)
    assert two.expected_j == pytest.approx(2 * one.expected_j)
