"""Power saving: away in the air, idle between thoughts, and the wish is repeated."""

from __future__ import annotations

import pytest

from payload.power.power_saving import REPEAT_MS, PowerSaving
from wire.beacon import Phase


class Saver:
    summary = "in flight off: Wi-Fi"

    def __init__(self) -> None:
        self.asked: list[tuple[bool, bool]] = []

    def ask(self, is_away: bool, is_idle: bool) -> None:
        self.asked.append((is_away, is_idle))


@pytest.mark.parametrize(("phase", "is_away"), [
    (Phase.BOOT, False), (Phase.GROUND, False), (Phase.ASCENT, True), (Phase.FLOAT, True),
    (Phase.DESCENT, True), (Phase.INFLIGHT_UNKNOWN, True), (Phase.LANDED, False),
])
def test_only_in_the_air(phase: Phase, is_away: bool) -> None:
    saver = Saver()
    PowerSaving(saver).update(phase, False, 0)
    assert saver.asked == [(is_away, is_away)]


def test_a_flight_of_wishes() -> None:
    """Goal: a wish when it changes. Method: pad, ascent, a thought, landing."""
    saver = Saver()
    saving = PowerSaving(saver)
    for second, phase, is_thinking in (
        (0, Phase.GROUND, False), (1, Phase.GROUND, True), (2, Phase.ASCENT, True),
        (3, Phase.ASCENT, False), (4, Phase.ASCENT, False), (5, Phase.ASCENT, True),
        (6, Phase.LANDED, True),
    ):
        saving.update(phase, is_thinking, second * 1000)
    assert saver.asked == [
        (False, False), (True, False), (True, True), (True, False), (False, False)]


def test_the_wish_is_repeated_every_minute() -> None:
    saver = Saver()
    saving = PowerSaving(saver)
    for now_ms in (0, REPEAT_MS - 1, REPEAT_MS, 2 * REPEAT_MS - 1):
        saving.update(Phase.FLOAT, False, now_ms)
    assert saver.asked == [(True, True)] * 2


def test_without_a_saver_nothing_is_asked() -> None:
    saving = PowerSaving(None)
    saving.update(Phase.FLOAT, False, 0)
    assert saving.summary is None and PowerSaving(Saver()).summary == "in flight off: Wi-Fi"
