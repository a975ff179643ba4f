"""Worth: news fades, silence ripens, and the table is whole."""

from __future__ import annotations

import pytest

from payload.mind.planner import worth
from payload.mind.planner.remaining_flight import RemainingFlight
from wire.beacon import Phase

PAD = RemainingFlight(900, 5_600, 2_000, 600, 0, 28_000, has_sunset=True)
LYING = RemainingFlight(0, 0, 0, 300, 0, 0)


def test_news_is_worth_most_at_once_and_nothing_when_it_is_old() -> None:
    assert worth.news("burst", 0) == 10.0
    assert worth.news("burst", 90) == pytest.approx(5.0)
    assert worth.news("burst", 180) == worth.news("burst", 9_999) == 0.0


def test_a_silence_ripens_slower_than_it_grows_in_worth_and_both_end_at_the_whole() -> None:
    for silence in (0.1, 0.5, 1.0, 3.0):
        slope = (worth.ordinary(silence + 1e-6) - worth.ordinary(silence)) / 1e-6
        assert worth.ripe(silence) == pytest.approx(
            worth.ordinary(silence) - silence * slope, abs=1e-5)
    assert worth.ripe(0) == worth.ordinary(0) == 0.0
    assert worth.ripe(20) == pytest.approx(1.0) == worth.ordinary(20)


def test_every_phase_has_an_ordinary_worth_and_every_kind_of_news_a_future() -> None:
    assert set(worth.ORDINARY) == set(Phase)
    for name, kind in worth.NEWS.items():
        assert kind.worth > 0 and kind.lasts_s > 0, name
        assert 0 <= kind.to_come(LYING) <= kind.to_come(PAD), name
    for name in ("launch", "burst", "landing", "landed", "half-air", "tropopause", "sunset"):
        assert worth.NEWS[name].to_come(PAD) > 0 == worth.NEWS[name].to_come(LYING), name
