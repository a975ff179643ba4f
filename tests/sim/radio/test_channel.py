"""The channel loses what it should, in bursts of seconds, and is deaf while it speaks."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest

from sim.clock import part_rng
from sim.radio.channel import GilbertElliott, Leg, frame_name
from sim.radio.impairments import FrameDamage
from sim.radio.modem import INBOX_FRAMES_MAX
from tests.sim.desks import AirDesk

LOOKS = 200_000
FRAME_MS = 400 + 847  # head and tail; 242 bytes of 8 bits at 2400 bit/s, and 5 %


def _bursts(states: list[bool]) -> list[int]:
    """Lengths of the bad stretches."""
    return [len(list(group)) for is_bad, group in itertools.groupby(states) if is_bad]


@pytest.mark.parametrize(("loss", "burst_s"), [(0.3, 6.0), (0.1, 2.0), (0.6, 30.0)])
def test_loss_and_bursts_are_as_asked(loss: float, burst_s: float) -> None:
    """Both means, looked at ten times a second for hours."""
    fading = GilbertElliott(part_rng(1, "down"), loss, burst_s)
    states = [fading.is_bad(look * 100) for look in range(LOOKS)]
    bursts = _bursts(states)
    assert sum(states) / LOOKS == pytest.approx(loss, rel=0.12)
    assert sum(bursts) / len(bursts) / 10 == pytest.approx(burst_s, rel=0.12)


def test_a_burst_does_not_wait_for_frames() -> None:
    """Asked every 40 s or every 0.1 s, the air is the same: nobody is deaf for ten minutes."""
    often, seldom = (GilbertElliott(part_rng(4, "up")) for _ in range(2))
    states = {second: often.is_bad(second * 100) for second in range(108_000)}
    asked = [seldom.is_bad(at * 100) for at in range(0, 108_000, 400)]
    assert asked == [states[at] for at in range(0, 108_000, 400)]
    assert max(_bursts(asked)) * 40 < 400


def test_no_loss_and_a_change_of_weather() -> None:
    fading = GilbertElliott(part_rng(1, "down"), 0.0)
    assert not any(fading.is_bad(second * 1000) for second in range(5_000))
    fading.set(0.9, 20.0)
    states = [fading.is_bad(second * 1000) for second in range(5_000, 25_000)]
    assert sum(states) / 20_000 == pytest.approx(0.9, abs=0.05)
    fading.set(0.0, 1.0)
    assert not any(fading.is_bad(second * 1000) for second in range(25_000, 30_000))


def _leg(counts: Counter[str]) -> Leg:
    wear = FrameDamage(part_rng(1, "wear"))
    wear.none()
    return Leg("up", counts, GilbertElliott(part_rng(1, "up"), 0.0), wear)


def test_a_cut_leg_carries_nothing_and_counts_it() -> None:
    counts: Counter[str] = Counter()
    leg = _leg(counts)
    leg.cuts.append((1_000, 2_000))
    assert [len(leg.carry(b"frame", at, at + 100)) for at in (800, 950, 1_500, 1_999, 2_000)] == [
        1, 0, 0, 0, 1]
    leg.is_cut = True
    assert leg.carry(b"frame", 9_000, 9_100) == []
    assert counts == {"up_cut": 4}


def test_a_frame_is_lost_when_the_channel_is_bad_in_its_middle() -> None:
    counts: Counter[str] = Counter()
    leg, air = _leg(counts), GilbertElliott(part_rng(2, "up"), 0.4, 3.0)
    leg.fading = GilbertElliott(part_rng(2, "up"), 0.4, 3.0)
    lost = [not leg.carry(b"frame", at, at + 700) for at in range(0, 3_600_000, 900)]
    assert lost == [air.is_bad(at + 350) for at in range(0, 3_600_000, 900)]
    assert counts == {"up_faded": sum(lost)}


def test_a_frame_takes_its_airtime() -> None:
    """222 bytes in their packet, with head and tail, at 2400 bit/s; nothing else goes meanwhile."""
    desk = AirDesk()
    assert desk.radio.offer(bytes(222), 0)
    assert desk.sent == [(bytes(222), FRAME_MS)]
    assert not desk.radio.is_idle(0)
    assert not desk.radio.offer(b"x", 0)
    desk.clock.now_ms = FRAME_MS
    assert desk.radio.is_idle(FRAME_MS)
    assert not desk.radio.offer(bytes(223), FRAME_MS)  # longer than the modem takes
    assert not desk.radio.offer(b"", FRAME_MS)


def test_half_duplex() -> None:
    """What arrives while one's own transmitter is on is lost, whichever end it is."""
    desk = AirDesk()
    desk.radio.offer(bytes(222), 0)
    assert desk.channel.arrive_up(b"\xffhello", 100, 400) == []
    assert desk.channel.arrive_up(b"\xffhello", FRAME_MS, 1_300)[0].data == b"\xffhello"
    desk.clock.now_ms = 1_500
    end_ms = desk.channel.send_up(bytes(50))
    assert desk.channel.arrive_down(b"\xffhello", 1_400, 1_550) == []
    assert desk.channel.arrive_down(b"\xffhello", end_ms, end_ms + 90)[0].data == b"\xffhello"
    assert desk.channel.arrive_down(b"\xffhello", end_ms, end_ms + 90, is_listening=False) == []
    assert desk.channel.counts == {"up_not_listening": 1, "down_not_listening": 2}
    assert desk.channel.heard["noise"] == 2


def test_what_is_heard_late_counts_once_and_what_is_damaged_does_not() -> None:
    desk = AirDesk()
    wear = desk.channel.down.wear
    for name, heard in (("duplicated", 1), ("late", 2), ("flipped", 2), ("joined", 2)):
        wear.none()
        setattr(wear, name, 1.0)
        desk.channel.arrive_down(b"a frame", 0, 1)
        assert desk.channel.heard["noise"] == heard
        assert desk.channel.counts[f"down_{name}"] == 1


def test_signal_falls_with_distance() -> None:
    near, far = (AirDesk(distance_m).channel.signal(b"x") for distance_m in (1_000.0, 100_000.0))
    assert near.rssi_dbm is not None
    assert far.rssi_dbm is not None
    assert 30 < near.rssi_dbm - far.rssi_dbm < 50


def test_the_inbox_is_bounded_and_empties() -> None:
    desk = AirDesk()
    for _ in range(100):
        desk.radio.deliver(desk.channel.signal(b"question"))
    assert len(desk.radio.poll(0)) == INBOX_FRAMES_MAX
    assert desk.radio.poll(0) == []


def test_frame_names() -> None:
    assert frame_name(b"") == frame_name(b"\x43\x00") == "noise"
    assert frame_name(bytes((1 << 6 | 1 << 2, 7))) == "beacon"
