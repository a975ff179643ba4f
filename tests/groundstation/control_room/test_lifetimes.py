"""The lifetime of an entry, at stations whose clocks differ."""

from __future__ import annotations

from collections.abc import Callable

from tests.groundstation.control_room.rooms import RoomStation, settle
from tests.groundstation.peers.stations import Clock
from wire.commands import Opcode

Join = Callable[..., RoomStation]


def test_what_expired_where_it_was_queued_has_expired_at_a_clock_that_is_behind(
    join: Join, clock: Clock
) -> None:
    """It was told as queued, and the other station rebooted the payload an hour later."""
    hill, car = join("hill", 0), join("car", 1)
    car.clock = Clock()
    car.clock.utc_ms = clock.utc_ms
    car.restart()
    reboot = hill.queue(Opcode.REBOOT)
    settle(clock, hill)
    clock.utc_ms += 3_600_000
    hill.ground.tend(clock.now())
    settle(clock, hill, car)
    assert [each.state(reboot) for each in (hill, car)] == ["expired"] * 2
