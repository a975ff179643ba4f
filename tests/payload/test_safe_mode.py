"""SAFE after three starts that did not last, and out of it by itself."""

from __future__ import annotations

import pytest

from payload.safe_mode import PROVEN_MS, UNPROVEN_STARTS_MAX, StartHistory, is_switched_off
from wire.beacon import Phase


def crash_after(starts: StartHistory, uptime_ms: int) -> StartHistory:
    starts.update(0)
    starts.update(uptime_ms)
    return StartHistory(starts.saved())


def test_the_third_start_that_did_not_last_is_safe_and_leaves_by_itself() -> None:
    starts = StartHistory(None)
    for _ in range(UNPROVEN_STARTS_MAX - 1):
        assert not starts.is_safe
        starts = crash_after(starts, PROVEN_MS - 1)
    assert starts.is_safe
    assert [note.body["event"] for note in starts.update(0)] == ["safe_entered"]
    assert starts.update(PROVEN_MS - 1) == []
    assert starts.is_safe
    assert [note.body["event"] for note in starts.update(PROVEN_MS)] == ["safe_left"]
    assert not starts.is_safe
    assert not StartHistory(starts.saved()).is_safe


def test_a_start_that_lasted_wipes_the_slate() -> None:
    starts = crash_after(crash_after(StartHistory(None), 1_000), PROVEN_MS)
    assert not starts.is_safe
    assert starts.unproven == 1


def test_orderly_ends_are_no_crashes() -> None:
    starts = StartHistory(None)
    for _ in range(10):
        starts.end_orderly()
        starts = StartHistory(starts.saved())
        assert not starts.is_safe


def test_a_plug_that_was_pulled_before_the_launch_is_no_crash() -> None:
    """Goal: three evenings at the desk do not begin the flight in SAFE."""
    starts = StartHistory(None)
    for _ in range(5):
        starts.update(PROVEN_MS - 1)
        starts = StartHistory(starts.saved(), was_switched_off=True)
        assert (starts.unproven, starts.is_safe) == (1, False)


def test_it_forgives_one_start_and_none_before_it() -> None:
    crashed = crash_after(crash_after(StartHistory(None), 1_000), 1_000)
    assert crashed.is_safe
    starts = StartHistory(crashed.saved(), was_switched_off=True)
    assert (starts.unproven, starts.is_safe) == (3, True)


@pytest.mark.parametrize(("before", "now", "phase", "is_off"), [
    ("a", "b", Phase.GROUND, True), ("a", "b", Phase.BOOT, True),
    ("a", "a", Phase.GROUND, False),  # the process alone ended, on the ground too
    (None, "b", Phase.GROUND, False), ("a", None, Phase.GROUND, False),  # it may have crashed
    ("a", "b", Phase.ASCENT, False), ("a", "b", Phase.FLOAT, False),
    ("a", "b", Phase.DESCENT, False), ("a", "b", Phase.INFLIGHT_UNKNOWN, False),
    ("a", "b", Phase.LANDED, False),
])
def test_switched_off_is_another_boot_of_the_machine_before_the_launch(
    before: str | None, now: str | None, phase: Phase, is_off: bool
) -> None:
    assert is_switched_off(before, now, phase) is is_off


def test_the_flyer_may_clear_it() -> None:
    starts = StartHistory(7)
    starts.clear()
    assert not starts.is_safe
    starts.end_orderly()
    assert not StartHistory(starts.saved()).is_safe


def test_crashing_on_in_safe_stays_safe() -> None:
    starts = StartHistory(50)
    assert starts.is_safe
    assert crash_after(starts, 5_000).is_safe


@pytest.mark.parametrize("saved", [None, "x", -1, 1 << 40, [], 1.5, b"\0"])
def test_a_damaged_count_is_none(saved: object) -> None:
    assert StartHistory(saved).unproven == 1


def test_a_command_enters_and_leaves() -> None:
    starts = StartHistory(None)
    starts.command_safe(True, 500)
    assert starts.is_safe
    assert starts.update(1_000) == []
    starts.command_safe(False, 1_500)
    assert not starts.is_safe


@pytest.mark.parametrize("ordered_ms", [1_000, PROVEN_MS - 1, 5 * PROVEN_MS])
def test_safe_by_command_lasts_ten_minutes_whenever_it_was_ordered(ordered_ms: int) -> None:
    starts = StartHistory(None)
    starts.update(ordered_ms)
    starts.command_safe(True, ordered_ms)
    assert starts.update(ordered_ms + PROVEN_MS - 1) == []
    assert starts.is_safe
    left = starts.update(ordered_ms + PROVEN_MS)
    assert [note.body["event"] for note in left] == ["safe_left"]
    assert not starts.is_safe
