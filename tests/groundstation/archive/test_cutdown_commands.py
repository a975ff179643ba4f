"""When CUTDOWN_FIRE may go up, and what an ABORT does to what waits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from groundstation.archive import outbox
from tests.groundstation.uplink.outbox_station import Station
from wire.commands import Opcode

ARM, FIRE, ABORT = Opcode.CUTDOWN_ARM, Opcode.CUTDOWN_FIRE, Opcode.CUTDOWN_ABORT


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    made = Station(tmp_path)
    yield made
    made.archive.close()


def test_fire_goes_only_after_its_arm_was_taken_and_while_the_beacon_says_armed(
    station: Station,
) -> None:
    arm, fire = station.queue(ARM), station.queue(FIRE)
    assert station.window() is ARM
    assert station.window() is ARM, "no sign of it yet"
    assert station.window(is_armed=True, is_heard=True) is ARM, "another station may have armed it"
    station.now_ms += 10_000
    station.beacon(is_armed=True)
    assert station.state(arm) == "confirmed" and station.state(fire) == "queued"
    assert station.window(is_armed=False, after_s=5) is None, "taken, and not armed"
    assert station.window(is_armed=True) is FIRE
    assert station.window(is_armed=True, is_heard=True) is FIRE, "again, with another counter"
    station.result()
    assert station.state(fire) == "answered" and station.entry(fire).attempts == 2


def test_fire_does_not_go_behind_an_arm_that_nobody_has_noted_as_expired(
    station: Station,
) -> None:
    """Whoever armed the payload, it was not this station."""
    station.queue(ARM, lifetime_s=30)
    fire = station.queue(FIRE)
    assert station.window() is ARM
    station.now_ms += 30_000
    station.beacon(is_armed=True, is_listening=True)
    assert station.ground.next_uplink(station.now_ms + 200) is None
    assert station.state(fire) == "queued"


def test_fire_is_given_up_once_the_arming_is_over(station: Station) -> None:
    station.queue(ARM)
    fire = station.queue(FIRE)
    assert station.window(is_heard=True) is ARM
    station.beacon()
    assert station.window(is_armed=True, after_s=61) is None
    assert station.entry(fire).why == "the arming ended before it could be sent"
    with pytest.raises(ValueError, match="requires a cutdown_arm before it: queue that first"):
        station.queue(FIRE)
    station.queue(ARM)
    station.queue(FIRE)


@pytest.mark.parametrize("how", ["refused", "expired", "withdrawn"])
def test_fire_goes_with_its_arm(station: Station, how: str) -> None:
    arm = station.queue(ARM)
    fire = station.queue(FIRE, lifetime_s=600)
    assert station.window(is_heard=how == "refused") is ARM
    if how == "refused":
        station.result("not in phase ground")
    elif how == "withdrawn":
        outbox.withdraw(station.archive.db, arm)
    else:
        station.now_ms += 180_000
    assert station.window(is_armed=True) is not FIRE
    state = "failed" if how == "refused" else how
    assert (station.state(fire), station.entry(fire).why) == (
        "failed", f"its cutdown_arm is {state}")


def test_fire_without_an_arm_is_not_queued(station: Station) -> None:
    with pytest.raises(ValueError, match="queue that first"):
        station.queue(FIRE)
    assert outbox.waiting(station.archive.db) == []


def test_an_abort_withdraws_what_waits_to_arm_or_to_fire(station: Station) -> None:
    """Else it would go first, and they after it."""
    arm, fire, ping = station.queue(ARM), station.queue(FIRE), station.queue(Opcode.PING)
    assert station.window() is ARM
    station.queue(ABORT)
    assert [station.state(n) for n in (arm, fire, ping)] == ["withdrawn", "withdrawn", "queued"]
    said = [station.window(is_armed=True, is_heard=True) for _ in range(5)]
    assert said == [ABORT, Opcode.PING, None, None, None]
