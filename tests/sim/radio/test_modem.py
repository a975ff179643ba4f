"""A modem that is absent, hangs after a transmission, or takes frames and sends none."""

from __future__ import annotations

import pytest

from payload.ports import DeviceAbsent
from tests.sim.desks import AirDesk


def test_an_unplugged_modem_raises_and_returns() -> None:
    desk = AirDesk()
    desk.radio.is_unplugged = True
    for call in (lambda: desk.radio.poll(0), lambda: desk.radio.is_idle(0),
                 lambda: desk.radio.offer(b"x", 0)):
        with pytest.raises(DeviceAbsent):
            call()
    desk.radio.deliver(desk.channel.signal(b"nobody reads this"))
    desk.radio.is_unplugged = False
    assert desk.radio.poll(0) == []
    assert desk.radio.offer(b"x", 0)


def test_a_transmission_that_never_ends() -> None:
    """It went out; after it the modem is never idle again, until its supply fails."""
    desk = AirDesk()
    desk.radio.is_stuck_sending = True
    desk.clock.now_ms = 3_600_000
    assert not desk.radio.is_idle(0)
    assert not desk.radio.offer(b"x", 0)
    assert desk.sent == []
    desk.radio.power_cycle()
    assert desk.radio.offer(b"x", 0)


def test_a_modem_that_drops_what_it_takes() -> None:
    desk = AirDesk()
    desk.radio.drops_silently = True
    assert desk.radio.offer(b"x", 0)
    assert desk.radio.is_idle(0)
    assert (desk.sent, desk.radio.dropped_frames, sum(desk.channel.sent.values())) == ([], 1, 0)


def test_a_deaf_modem() -> None:
    desk = AirDesk()
    desk.radio.is_deaf = True
    desk.radio.deliver(desk.channel.signal(b"question"))
    assert desk.radio.poll(0) == []
