"""What the height announces is waited for, once."""

from __future__ import annotations

import pytest

from payload.mind.planner.expected_news import ExpectedNews
from payload.mind.planner.worth import NEWS
from wire.beacon import Phase


def looked(phase: Phase, height_m: float | None, climb_mps: float | None) -> ExpectedNews:
    news = ExpectedNews()
    news.look(phase, height_m, climb_mps, 0, 60)
    return news


@pytest.mark.parametrize(("name", "phase", "height_m", "climb_mps"), [
    ("half-air", Phase.ASCENT, 5_400, 5.0), ("landing", Phase.DESCENT, 1_100, -5.0),
    ("landed", Phase.DESCENT, 100, -5.0)])
def test_a_thought_just_before_costs_what_it_delays(
    name: str, phase: Phase, height_m: float, climb_mps: float
) -> None:
    """It would be told 40 s late."""
    kind = NEWS[name]
    assert looked(phase, height_m, climb_mps).delayed_worth(0, 60) == pytest.approx(
        kind.worth * 40 / kind.lasts_s)


@pytest.mark.parametrize(("phase", "height_m", "climb_mps"), [
    (Phase.ASCENT, 5_100, 5.0), (Phase.ASCENT, 5_600, 5.0), (Phase.ASCENT, 5_400, -5.0),
    (Phase.DESCENT, 5_600, -5.0), (Phase.GROUND, 0, 0.1), (Phase.FLOAT, 5_400, 5.0),
    (Phase.ASCENT, None, 5.0), (Phase.ASCENT, 5_400, None), (Phase.ASCENT, 5_400, 0.0)])
def test_nothing_is_announced_far_away_behind_or_unmeasured(
    phase: Phase, height_m: float | None, climb_mps: float | None
) -> None:
    assert looked(phase, height_m, climb_mps).delayed_worth(0, 60) == 0


def test_a_moment_that_does_not_come_puts_off_no_thought_for_long() -> None:
    """Goal: in a tree ten metres above the pad it hangs and sways for an hour, and thinks."""
    news, held = ExpectedNews(), 0
    for now_s in range(3_600):
        news.look(Phase.DESCENT, 10.0, -0.3, now_s * 1000, 60)
        held += news.delayed_worth(now_s * 1000, 60) > 0
    assert 0 < held < 60
