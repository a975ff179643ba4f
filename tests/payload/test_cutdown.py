"""The cutdown pin is low unless two different commands, or a patient fence, say otherwise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payload.cutdown import ARMED_MS, OUTSIDE_MS, RETRY_MS, TRIES_MAX, Cutdown, CutdownStage
from payload.notes import Note
from payload.ports import DeviceAbsent
from wire.beacon import Phase

BURN_S = 5


class FakePin:
    def __init__(self) -> None:
        self.levels: list[bool] = []
        self.is_broken = False

    def drive(self, is_high: bool) -> None:
        if self.is_broken:
            raise DeviceAbsent("GPIO 17: gone")
        self.levels.append(is_high)

    @property
    def is_high(self) -> bool:
        return bool(self.levels) and self.levels[-1]


def names(notes: list[Note]) -> list[str]:
    return [note.body["event"] for note in notes]


def test_the_pin_is_driven_low_at_the_start() -> None:
    pin = FakePin()
    Cutdown(pin, BURN_S, is_automatic=False)
    assert pin.levels == [False]


def test_arm_then_fire_burns_for_its_time_and_no_longer() -> None:
    pin = FakePin()
    cutdown = Cutdown(pin, BURN_S, is_automatic=False)
    assert cutdown.arm(10, Phase.ASCENT, 1_000) is None
    assert not pin.is_high
    assert cutdown.fire(11, Phase.ASCENT, 2_000) is None
    assert pin.is_high
    assert names(cutdown.update(None, Phase.ASCENT, 2_000 + BURN_S * 1000 - 1)) == [
        "cutdown_armed", "cutdown_firing"]
    assert pin.is_high
    assert names(cutdown.update(None, Phase.ASCENT, 2_000 + BURN_S * 1000)) == ["cutdown_fired"]
    assert not pin.is_high


@pytest.mark.parametrize(("armed_ms", "fired_ms", "counter", "reason"), [
    (None, 5_000, 11, "not armed"),
    (1_000, 1_000 + ARMED_MS + 1, 11, "armed too long ago"),
    (1_000, 2_000, 10, "the counter is that of the arming"),
])
def test_fire_alone_late_or_by_the_same_frame_is_refused(
    armed_ms: int | None, fired_ms: int, counter: int, reason: str
) -> None:
    pin = FakePin()
    cutdown = Cutdown(pin, BURN_S, is_automatic=False)
    if armed_ms is not None:
        assert cutdown.arm(10, Phase.FLOAT, armed_ms) is None
    assert cutdown.fire(counter, Phase.FLOAT, fired_ms) == reason
    assert not any(pin.levels)


@pytest.mark.parametrize("phase", [Phase.BOOT, Phase.GROUND, Phase.DESCENT, Phase.LANDED,
                                   Phase.INFLIGHT_UNKNOWN])
def test_it_cannot_be_armed_on_the_ground_or_falling_or_in_doubt(phase: Phase) -> None:
    cutdown = Cutdown(FakePin(), BURN_S, is_automatic=True)
    assert cutdown.arm(10, phase, 0) == f"not in phase {phase.name.lower()}"


def test_just_in_time_is_in_time_and_arming_ends_by_itself() -> None:
    pin = FakePin()
    cutdown = Cutdown(pin, BURN_S, is_automatic=False)
    cutdown.arm(10, Phase.ASCENT, 0)
    cutdown.update(None, Phase.ASCENT, ARMED_MS)
    assert cutdown.stage is CutdownStage.ARMED
    assert names(cutdown.update(None, Phase.ASCENT, ARMED_MS + 1)) == ["cutdown_disarmed"]
    assert cutdown.fire(11, Phase.ASCENT, ARMED_MS + 2) == "not armed"


def test_a_fall_stops_the_burning_and_the_arming() -> None:
    pin = FakePin()
    cutdown = Cutdown(pin, BURN_S, is_automatic=False)
    cutdown.arm(1, Phase.ASCENT, 0)
    cutdown.fire(2, Phase.ASCENT, 100)
    cutdown.update(None, Phase.DESCENT, 200)
    assert not pin.is_high


def test_abort_is_never_refused() -> None:
    pin = FakePin()
    cutdown = Cutdown(pin, BURN_S, is_automatic=False)
    cutdown.arm(1, Phase.ASCENT, 0)
    cutdown.fire(2, Phase.ASCENT, 100)
    cutdown.abort()
    assert not pin.is_high
    assert cutdown.stage is CutdownStage.SAFE


def test_the_fence_fires_after_a_minute_outside_and_three_times_at_most() -> None:
    pin = FakePin()
    cutdown = Cutdown(pin, BURN_S, is_automatic=True)
    fired = []
    for now_ms in range(0, 4 * RETRY_MS, 1000):
        fired += [now_ms for name in names(cutdown.update(True, Phase.ASCENT, now_ms))
                  if name == "cutdown_firing"]
    assert fired == [OUTSIDE_MS + n * RETRY_MS for n in range(TRIES_MAX)]


@pytest.mark.parametrize("vote", [None, False])
def test_without_a_clear_vote_the_fence_never_fires(vote: bool | None) -> None:
    pin = FakePin()
    cutdown = Cutdown(pin, BURN_S, is_automatic=True)
    for now_ms in range(0, 10 * OUTSIDE_MS, 1000):
        cutdown.update(vote, Phase.ASCENT, now_ms)
    assert not any(pin.levels)


def test_a_fence_that_may_not_fire_only_says_so() -> None:
    pin = FakePin()
    cutdown = Cutdown(pin, BURN_S, is_automatic=False)
    heard = []
    for now_ms in range(0, 10 * OUTSIDE_MS, 1000):
        heard += names(cutdown.update(True, Phase.ASCENT, now_ms))
    assert heard == ["fence_left"]
    assert not any(pin.levels)


def test_a_broken_pin_is_told_and_not_fitted_is_refused() -> None:
    pin = FakePin()
    cutdown = Cutdown(pin, BURN_S, is_automatic=False)
    cutdown.arm(1, Phase.ASCENT, 0)
    pin.is_broken = True
    assert cutdown.fire(2, Phase.ASCENT, 100) == "the pin does not take its level"
    assert "cutdown_pin_failed" in names(cutdown.update(None, Phase.ASCENT, 200))
    assert Cutdown(None, BURN_S, is_automatic=True).arm(1, Phase.ASCENT, 0) == (
        "no cutdown is fitted")


def test_a_pin_that_fails_once_while_it_is_hot_is_driven_low_by_the_next_step() -> None:
    """A bug: it was tried once, and the wire stayed hot for the rest of the flight."""
    pin = FakePin()
    cutdown = Cutdown(pin, BURN_S, is_automatic=False)
    cutdown.arm(1, Phase.ASCENT, 0)
    cutdown.fire(2, Phase.ASCENT, 100)
    pin.is_broken = True
    heard = []
    for now_ms in range(1000, 1000 * (BURN_S + 20), 1000):
        heard += names(cutdown.update(None, Phase.ASCENT, now_ms))
    assert pin.is_high and heard == ["cutdown_armed", "cutdown_firing", "cutdown_pin_failed",
                                     "cutdown_fired"], "told once"
    pin.is_broken = False
    assert names(cutdown.update(None, Phase.ASCENT, now_ms)) == ["cutdown_pin_works"]
    assert not pin.is_high and cutdown.update(None, Phase.ASCENT, now_ms) == []


@given(st.lists(st.tuples(
    st.sampled_from(["arm", "fire", "abort", "wait"]), st.integers(1, 4),
    st.sampled_from(list(Phase)), st.integers(0, 90_000)), max_size=30))
def test_whatever_is_sent_the_pin_is_high_only_after_arm_and_fire(
    steps: list[tuple[str, int, Phase, int]]
) -> None:
    """The pin is low, or a firing began less than its burn time ago by an armed FIRE."""
    pin, now_ms = FakePin(), 0
    cutdown = Cutdown(pin, BURN_S, is_automatic=False)
    fired_ms: int | None = None
    for what, counter, phase, wait_ms in steps:
        now_ms += wait_ms
        cutdown.update(None, phase, now_ms)
        if what == "arm":
            cutdown.arm(counter, phase, now_ms)
        elif what == "fire":
            was_armed = cutdown.stage is CutdownStage.ARMED
            if cutdown.fire(counter, phase, now_ms) is None:
                assert was_armed
                fired_ms = now_ms
        elif what == "abort":
            cutdown.abort()
        if pin.is_high:
            assert fired_ms is not None
            assert now_ms - fired_ms < BURN_S * 1000
