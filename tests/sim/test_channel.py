"""The channel loses what it should, in bursts, and is deaf while it speaks."""

from __future__ import annotations

import pytest

from payload.ports import DeviceAbsent
from sim.channel import Channel, GilbertElliott, SimRadio, frame_name
from sim.clock import SimClock, part_rng

FRAMES = 60_000


@pytest.mark.parametrize(("loss", "burst"), [(0.3, 8.0), (0.1, 2.0), (0.6, 20.0), (0.0, 1.0)])
def test_loss_and_bursts(loss: float, burst: float) -> None:
    """Both means over 60 000 frames."""
    chain = GilbertElliott(part_rng(1, "down"), loss, burst)
    lost = [chain.is_lost() for _ in range(FRAMES)]
    assert sum(lost) / FRAMES == pytest.approx(loss, abs=0.02)
    bursts = sum(now and not before for before, now in zip([False, *lost], lost, strict=False))
    if bursts:
        assert sum(lost) / bursts == pytest.approx(burst, rel=0.08)


class _Air:
    def __init__(self, distance_m: float = 30_000.0) -> None:
        self.clock = SimClock(0)
        clear = [GilbertElliott(part_rng(1, name), 0.0, 1.0) for name in ("down", "up")]
        self.channel = Channel(
            self.clock, 2_400, part_rng(1, "channel"), lambda: distance_m, *clear
        )
        self.sent: list[tuple[bytes, int]] = []
        self.radio = SimRadio(
            self.clock, self.channel, 222, lambda frame, end: self.sent.append((frame, end))
        )


def test_a_frame_takes_its_airtime() -> None:
    """222 bytes and the modem's ten at 2400 bit/s are 773 ms; nothing else goes meanwhile."""
    air = _Air()
    assert air.radio.offer(bytes(222), 0)
    assert air.sent == [(bytes(222), 773)]
    assert not air.radio.is_idle(0)
    assert not air.radio.offer(b"x", 0)
    air.clock.now_ms = 773
    assert air.radio.is_idle(773)
    assert not air.radio.offer(bytes(223), 773)  # longer than the modem takes
    assert not air.radio.offer(b"", 773)


def test_half_duplex() -> None:
    """What arrives while one's own transmitter is on is lost, whichever end it is."""
    air = _Air()
    air.radio.offer(bytes(222), 0)
    assert air.channel.arrive_up(b"hello", 100, 400) is None
    assert air.channel.arrive_up(b"hello", 773, 900) is not None
    air.clock.now_ms = 1_000
    end_ms = air.channel.send_up(bytes(50))
    assert air.channel.arrive_down(b"hello", 900, 1_050) is None
    assert air.channel.arrive_down(b"hello", end_ms, end_ms + 90) is not None


def test_signal_falls_with_distance() -> None:
    near, far = (
        _Air(distance_m).channel.arrive_down(b"x", 0, 1) for distance_m in (1_000.0, 100_000.0)
    )
    assert near is not None and near.rssi_dbm is not None
    assert far is not None and far.rssi_dbm is not None
    assert 30 < near.rssi_dbm - far.rssi_dbm < 50


def test_the_inbox_is_bounded_and_empties() -> None:
    air = _Air()
    heard = air.channel.arrive_up(b"question", 0, 1)
    assert heard is not None
    for _ in range(100):
        air.radio.deliver(heard)
    assert len(air.radio.poll(0)) == 64
    assert air.radio.poll(0) == []


def test_an_unplugged_modem_raises() -> None:
    air = _Air()
    air.radio.is_unplugged = True
    for call in (lambda: air.radio.poll(0), lambda: air.radio.is_idle(0),
                 lambda: air.radio.offer(b"x", 0)):
        with pytest.raises(DeviceAbsent):
            call()


def test_frame_names() -> None:
    assert frame_name(b"") == frame_name(b"\x7f\x00") == "noise"
    assert frame_name(bytes((1 << 6 | 1 << 2, 7))) == "beacon"
